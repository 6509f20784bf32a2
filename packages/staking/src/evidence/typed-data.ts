import { bytesToHex, hexToBytes } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import { recoverPublicKey } from '@l2/common/secp256k1'
import { fitsType, receiptFields, sequencerHeaderFields } from '@l2/common/typed-data'
import { type Address, type Hash, type Hex, hashTypedData } from 'viem'
import { refuse } from '../errors.js'
import { toAddress } from '../internal/address.js'

/**
 * EIP-712 domain of a rollup: `chainId` is the L2's, so that a signature means nothing on another chain. `headerDomain`
 * of `@l2/sequencer-core` answers one.
 */
export type SequencerDomain = {
  readonly name: string
  readonly version: string
  readonly chainId: bigint
  readonly verifyingContract: Address
}

/** What a leader signs for every block: bound to its place, so that two of them for one place are a proof. */
export type HeaderMessage = {
  epochId: bigint
  /** How often the leader was re-selected inside the epoch before this one. */
  term: number
  height: bigint
  parentHash: Hash
  txRoot: Hash
  stateRoot: Hash
  /** Seconds. */
  timestamp: bigint
  l1OriginNumber: bigint
  l1OriginHash: Hash
  /** Forced-inclusion queue items below this index are included by this block or an earlier one. */
  forcedUpTo: bigint
}

/** What a poster signs for every batch. */
export type BatchMessage = {
  chainId: bigint
  batchIndex: bigint
  prevHash: Hash
  firstHeight: bigint
  lastHeight: bigint
  headersRoot: Hash
  daCommitment: Hash
}

/** A leader's promise of a place in its order. */
export type ReceiptMessage = {
  txHash: Hash
  epochId: bigint
  term: number
  sequenceNo: bigint
  notAfterHeight: bigint
}

/** EIP-712 types of the signed objects, as viem's `hashTypedData` and `signTypedData` take them. */
export const signedTypes = {
  SequencerHeader: sequencerHeaderFields,
  BatchHeader: [
    { name: 'chainId', type: 'uint256' },
    { name: 'batchIndex', type: 'uint64' },
    { name: 'prevHash', type: 'bytes32' },
    { name: 'firstHeight', type: 'uint64' },
    { name: 'lastHeight', type: 'uint64' },
    { name: 'headersRoot', type: 'bytes32' },
    { name: 'daCommitment', type: 'bytes32' },
  ],
  Receipt: receiptFields,
} as const

/** Name of a signed object and the object that goes with it. */
export type SignedObjects = { SequencerHeader: HeaderMessage; BatchHeader: BatchMessage; Receipt: ReceiptMessage }

/**
 * EIP-712 hash of a signed object: what is signed, and by which two objects are told apart.
 *
 * @throws StakingError `INPUT_INVALID` for a field out of its range
 *
 * @example
 * ```ts
 * import { signedTypes, signingHash } from '@l2/staking/evidence'
 * import { hashTypedData } from 'viem'
 *
 * const word = `0x${'01'.repeat(32)}` as const
 * const domain = { name: 'L2 Sequencer', version: '1', chainId: 901n, verifyingContract: `0x${'ad'.repeat(20)}` } as const
 * const receipt = { txHash: word, epochId: 3n, term: 0, sequenceNo: 7n, notAfterHeight: 500n }
 * const same = hashTypedData({ domain, types: signedTypes, primaryType: 'Receipt', message: receipt })
 * console.log(signingHash(domain, 'Receipt', receipt) === same) // true
 * ```
 */
export function signingHash<Name extends keyof SignedObjects>(
  domain: SequencerDomain,
  name: Name,
  value: SignedObjects[Name],
): Hash {
  const message = value as unknown as Record<string, unknown>
  for (const { name: field, type } of signedTypes[name]) {
    const item = message[field]
    if (!fitsType(item, type))
      refuse('INPUT_INVALID', `${field} expected ${type}, got ${String(item).slice(0, 80)}`, { field })
  }
  const { chainId, verifyingContract } = domain
  // Without a name the domain would be of another type, and without a version as well.
  if (domain.name === '' || domain.version === '') refuse('INPUT_INVALID', 'a domain has a name and a version', {})
  if (!fitsType(chainId, 'uint256'))
    refuse('INPUT_INVALID', `chainId expected uint256, got ${String(chainId)}`, { field: 'chainId' })
  const contract = toAddress(verifyingContract, 'verifyingContract')
  return hashTypedData<typeof signedTypes, keyof SignedObjects>({
    domain: { name: domain.name, version: domain.version, chainId, verifyingContract: contract },
    types: signedTypes,
    primaryType: name,
    message: value,
  } as Parameters<typeof hashTypedData<typeof signedTypes, keyof SignedObjects>>[0])
}

/** Half the order of secp256k1. Source: SEC 2. */
const halfOrder = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n

/**
 * The address that made a signature of 65 bytes (r, s, v), or `undefined` when it is none: another length, a high s, r
 * or s out of range, v other than 0, 1, 27, 28, or no point.
 */
export function recoverSigner(hash: Hash, signature: Hex): Address | undefined {
  const bytes = hexToBytes(signature)
  const message = hexToBytes(hash)
  if (bytes?.length !== 65 || message?.length !== 32) return undefined
  const v = bytes[64]! >= 27 ? bytes[64]! - 27 : bytes[64]!
  if (v > 1) return undefined
  // Of two signatures that name one signer the one with the high s is the malleable twin.
  if (BigInt(bytesToHex(bytes.subarray(32, 64))) > halfOrder) return undefined
  const publicKey = recoverPublicKey(message, bytes.subarray(0, 64), v)
  return publicKey === undefined ? undefined : bytesToHex(keccak256(publicKey.subarray(1)).subarray(12))
}
