import { bytesToHex, concatBytes, hexToBytes } from '@l2/common'
import { recoverSigner } from '@l2/sequencer-core/block'
import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Hash, Hex } from 'viem'
import { fixed, uint } from '../bytes.js'
import type { Attestation, AttestationSigner, CommitteeMember } from './attestation.js'
import { membersOfBitmap, smallestQuorum } from './quorum.js'

const signatureLength = 65
const isKey = (key: Hex): boolean => hexToBytes(key)?.length === 20

/**
 * Plain signatures with a bitmap, checked on L1 by `ecrecover`: the keys that sign headers, nothing new to trust. The
 * cheapest up to about 40 members; the default.
 *
 * @example
 * ```ts
 * import { createEcdsaAttester, ecdsaAttestation } from '@l2/control-chain'
 * import { keccak256 } from 'viem'
 * import { privateKeyToAccount } from 'viem/accounts'
 *
 * const signers = [1, 2, 3, 4].map(n => createEcdsaAttester(privateKeyToAccount(keccak256(`0x0${n}`))))
 * const members = signers.map(({ key }, index) => ({ id: index + 1, power: 10n, key }))
 * const digest = keccak256('0x')
 * const signatures = new Map(await Promise.all([0, 1, 3].map(async i => [i + 1, await signers[i]!.sign(digest)] as const)))
 * const proof = ecdsaAttestation.combine(members, signatures)!
 * console.log(proof.bitmap, ecdsaAttestation.verify(members, digest, proof)) // 11n undefined
 * ```
 */
export const ecdsaAttestation: Attestation = {
  scheme: 'ecdsa',
  signatureLength,
  isKey,
  provesPossession: (key, message, possession) =>
    recoverSigner(bytesToHex(keccak_256(message)), possession) === key.toLowerCase(),
  valid: (members, digest, signatures) =>
    members.flatMap(({ id, key }) => {
      const signature = signatures.get(id)
      return signature !== undefined && recoverSigner(digest, signature) === key.toLowerCase() ? [id] : []
    }),
  combine(members, signatures) {
    const quorum = smallestQuorum(members, signatures)
    if (quorum === undefined) return undefined
    const parts = quorum.signatures.map(signature => fixed('signature', signature, signatureLength))
    return { bitmap: quorum.bitmap, signature: bytesToHex(concatBytes(...parts)) }
  },
  verify(members, digest, { bitmap, signature }) {
    const present = membersOfBitmap(members, bitmap)
    if (typeof present === 'string') return present
    const bytes = hexToBytes(signature)
    if (bytes?.length !== signatureLength * present.length) return 'malformed'
    const isSigned = present.every(({ key }, index) => {
      const part = bytes.subarray(index * signatureLength, (index + 1) * signatureLength)
      return recoverSigner(digest, bytesToHex(part)) === key.toLowerCase()
    })
    return isSigned ? undefined : 'signature'
  },
  encodeMembers: (members: readonly CommitteeMember[]) =>
    bytesToHex(concatBytes(...members.flatMap(({ key, power }) => [fixed('key', key, 20), uint('power', power, 12)]))),
  membersHash(members) {
    return bytesToHex(keccak_256(hexToBytes(this.encodeMembers(members))!))
  },
}

/** Signs as a member with a header key: a local account of viem, or whatever answers like one. */
export function createEcdsaAttester(account: {
  readonly address: Hex
  sign(parameters: { hash: Hash }): Promise<Hex>
}): AttestationSigner {
  const key = account.address.toLowerCase() as Hex
  return {
    key,
    sign: digest => account.sign({ hash: digest }),
    provePossession: message => account.sign({ hash: bytesToHex(keccak_256(message)) }),
  }
}
