import { bytesToHex, concatBytes, hexToBytes } from '@l2/common'
import { bls12_381 } from '@noble/curves/bls12-381.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Hash, Hex } from 'viem'
import type { Attestation, AttestationSigner, CommitteeMember } from '../attestation/attestation.js'
import { membersOfBitmap, smallestQuorum } from '../attestation/quorum.js'
import { uint } from '../bytes.js'
import { refuse } from '../errors.js'

type G1 = InstanceType<typeof bls12_381.G1.Point>
type G2 = InstanceType<typeof bls12_381.G2.Point>

/** Compressed: keys in G2, signatures in G1. Sources: the BLS signature draft of the IETF, its suites with proofs of possession. */
const keyLength = 96
const signatureLength = 48
const signatureSuite = 'BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_'
const possessionSuite = 'BLS_POP_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_'

const scheme = /* @__PURE__ */ (() => bls12_381.shortSignatures)()
const hashed = (message: Uint8Array, suite: string) => scheme.hash(message, suite)

/** A point that is on the curve, in the group and not zero; `undefined` for all other bytes. */
function point<P extends G1 | G2>(length: number, read: (bytes: Uint8Array) => P, hex: Hex): P | undefined {
  const bytes = hexToBytes(hex)
  if (bytes?.length !== length) return undefined
  try {
    const found = read(bytes)
    found.assertValidity()
    return found.is0() ? undefined : found
  } catch {
    return undefined
  }
}
const keyPoint = (key: Hex): G2 | undefined => point(keyLength, bytes => bls12_381.G2.Point.fromBytes(bytes), key)
const signaturePoint = (signature: Hex): G1 | undefined =>
  point(signatureLength, bytes => bls12_381.G1.Point.fromBytes(bytes), signature)

/** A coordinate as EIP-2537 has it: 64 bytes, the first 16 of them zero. */
const coordinate = (value: bigint): Uint8Array => uint('coordinate', value, 64)
function g1Bytes(of: G1): Uint8Array {
  const { x, y } = of.toAffine()
  return concatBytes(coordinate(x), coordinate(y))
}
function g2Bytes(of: G2): Uint8Array {
  const { x, y } = of.toAffine()
  return concatBytes(...[x.c0, x.c1, y.c0, y.c1].map(coordinate))
}
const number = (bytes: Uint8Array): bigint => BigInt(bytesToHex(bytes))
/** A point of G1 as EIP-2537 writes it; the precompiled pairing refuses what this refuses. */
function readG1(hex: Hex): G1 | undefined {
  const bytes = hexToBytes(hex)
  if (bytes?.length !== 128) return undefined
  try {
    const found = bls12_381.G1.Point.fromAffine({ x: number(bytes.subarray(0, 64)), y: number(bytes.subarray(64)) })
    found.assertValidity()
    return found
  } catch {
    return undefined
  }
}

const sum = <P extends { add(other: P): P }>(points: readonly P[]): P => points.reduce((all, each) => all.add(each))
/** The pairing costs, whatever is in it, tens of milliseconds. */
function isSigned(signature: G1, digest: Hash, key: G2): boolean {
  if (key.is0() || signature.is0()) return false
  return scheme.verify(signature, hashed(hexToBytes(digest)!, signatureSuite), key)
}

/**
 * BLS12-381 by EIP-2537: one signature of 128 bytes for however many members. For committees above about 40; an L1 from
 * Prague on, and keys whose owners have proven their possession ({@link Attestation.provesPossession}).
 *
 * @example
 * ```ts
 * import { blsAttestation, createBlsAttester } from '@l2/control-chain/bls'
 *
 * const signers = [1, 2, 3].map(n => createBlsAttester(`0x${String(n).padStart(64, '0')}`))
 * const members = signers.map(({ key }, index) => ({ id: index + 1, power: 10n, key }))
 * const digest = `0x${'ab'.repeat(32)}` as const
 * const signatures = new Map(await Promise.all(signers.map(async ({ sign }, i) => [i + 1, await sign(digest)] as const)))
 * const proof = blsAttestation.combine(members, signatures)!
 * console.log(proof.bitmap, blsAttestation.verify(members, digest, proof)) // 7n undefined
 * ```
 */
export const blsAttestation: Attestation = {
  scheme: 'bls12-381',
  signatureLength,
  isKey: key => keyPoint(key) !== undefined,
  provesPossession(key, message, possession) {
    const [owner, signature] = [keyPoint(key), signaturePoint(possession)]
    if (owner === undefined || signature === undefined) return false
    return scheme.verify(signature, hashed(message, possessionSuite), owner)
  },
  valid(members, digest, signatures) {
    const read = members.flatMap(({ id, key }) => {
      const [owner, signature] = [keyPoint(key), signaturePoint(signatures.get(id) ?? '0x')]
      return owner === undefined || signature === undefined ? [] : [{ id, owner, signature }]
    })
    if (read.length === 0) return []
    // A plain sum would also verify where two members' errors cancel out, and not in another choice of signers. Factors
    // that nobody knows before the signatures make one pairing enough; they follow from the bytes, so all agree.
    const seed = keccak_256(concatBytes(...read.map(({ signature }) => signature.toBytes(true))))
    const factor = (index: number): bigint =>
      number(keccak_256(concatBytes(seed, uint('index', BigInt(index), 4))).subarray(0, 16)) + 1n
    const signature = sum(read.map((each, index) => each.signature.multiply(factor(index))))
    const owner = sum(read.map((each, index) => each.owner.multiply(factor(index))))
    const honest = isSigned(signature, digest, owner)
      ? read
      : read.filter(each => isSigned(each.signature, digest, each.owner))
    return honest.map(({ id }) => id)
  },
  combine(members, signatures) {
    const quorum = smallestQuorum(members, signatures)
    if (quorum === undefined) return undefined
    const parts = quorum.signatures.map(signaturePoint)
    if (parts.includes(undefined)) refuse('ENCODING_INVALID', 'a signature is no point of G1')
    return { bitmap: quorum.bitmap, signature: bytesToHex(g1Bytes(sum(parts as G1[]))) }
  },
  verify(members, digest, { bitmap, signature }) {
    const present = membersOfBitmap(members, bitmap)
    if (typeof present === 'string') return present
    const together = readG1(signature)
    if (together === undefined) return 'malformed'
    const keys = present.map(({ key }) => keyPoint(key))
    if (keys.includes(undefined)) return 'signature'
    return isSigned(together, digest, sum(keys as G2[])) ? undefined : 'signature'
  },
  encodeMembers(members: readonly CommitteeMember[]) {
    const keys = members.map(({ key }) => keyPoint(key) ?? refuse('ENCODING_INVALID', 'a key is no point of G2'))
    return bytesToHex(concatBytes(...members.map(({ power }) => uint('power', power, 12)), ...keys.map(g2Bytes)))
  },
  membersHash(members) {
    return bytesToHex(keccak_256(hexToBytes(this.encodeMembers(members))!))
  },
}

/**
 * Signs as a member with a BLS key.
 *
 * @throws ControlChainError `CONFIG_INVALID` for a secret that is none
 */
export function createBlsAttester(secretKey: Hex): AttestationSigner {
  const secret = hexToBytes(secretKey)
  const value = secret?.length === 32 ? number(secret) : 0n
  if (secret === undefined || value === 0n || value >= bls12_381.fields.Fr.ORDER) {
    refuse('CONFIG_INVALID', 'a BLS secret expected 32 bytes, below the order of the group and not zero')
  }
  const signed = (message: Uint8Array, suite: string): Hex => {
    const made = scheme.sign(hashed(message, suite), secret)
    return bytesToHex(made.toBytes(true))
  }
  const key = bytesToHex(scheme.getPublicKey(secret).toBytes(true))
  return {
    key,
    sign: async digest => signed(hexToBytes(digest)!, signatureSuite),
    provePossession: async message => signed(message, possessionSuite),
  }
}
