import { hexToBytes } from '@l2/common'
import { type Address, type Hash, hashTypedData } from 'viem'
import { SequencerError } from '../errors.js'
import type { SigningDomain } from '../ordering/receipt.js'

/**
 * What an elected sequencer signs for each block: bound to its place (chain, epoch, term, height), so that two different ones at one place
 * convict their signer, and a block signed at another place convicts nobody.
 */
export type SequencerHeader = {
  /** Election epoch. */
  readonly epochId: bigint
  /** Counter of re-selections inside the epoch, u32. */
  readonly term: number
  readonly height: bigint
  readonly parentHash: Hash
  readonly txRoot: Hash
  readonly stateRoot: Hash
  /** Seconds. */
  readonly timestamp: bigint
  readonly l1OriginNumber: bigint
  readonly l1OriginHash: Hash
  /** Entries of the L1 queue that the chain has carried up to and with this block. */
  readonly forcedUpTo: bigint
}

/** The rollup that headers are signed for. */
export type HeaderDomain = {
  /** Of the L2. */
  readonly chainId: bigint
  /** The rollup's contract on L1. */
  readonly rollup: Address
}

/** EIP-712 types of the header. */
export const sequencerHeaderTypes = {
  SequencerHeader: [
    { name: 'epochId', type: 'uint64' },
    { name: 'term', type: 'uint32' },
    { name: 'height', type: 'uint64' },
    { name: 'parentHash', type: 'bytes32' },
    { name: 'txRoot', type: 'bytes32' },
    { name: 'stateRoot', type: 'bytes32' },
    { name: 'timestamp', type: 'uint64' },
    { name: 'l1OriginNumber', type: 'uint64' },
    { name: 'l1OriginHash', type: 'bytes32' },
    { name: 'forcedUpTo', type: 'uint64' },
  ],
} as const

/** EIP-712 domain of a rollup's headers: name `L2 Sequencer`, version `1`. */
export function headerDomain(domain: HeaderDomain): SigningDomain {
  return { name: 'L2 Sequencer', version: '1', chainId: domain.chainId, verifyingContract: domain.rollup }
}

/** Whether a value is one of an EIP-712 type: an unsigned integer within its bits, or bytes of its length. */
function fits(value: unknown, type: string): boolean {
  const bits = Number(/^uint(\d+)$/.exec(type)?.[1])
  if (Number.isNaN(bits)) {
    const length = type === 'address' ? 20 : 32
    return typeof value === 'string' && hexToBytes(value)?.length === length
  }
  const number = typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value
  return typeof number === 'bigint' && number >= 0n && number >> BigInt(bits) === 0n
}

function check(field: string, value: unknown, type: string): void {
  if (fits(value, type)) return
  throw new SequencerError(`header field "${field}" cannot be ${String(value)}`, {
    code: 'HEADER_INVALID',
    details: { field, value },
  })
}

/**
 * The EIP-712 digest of a header: what is signed, and the header's identity.
 *
 * @throws SequencerError `HEADER_INVALID`
 *
 * @example
 * ```ts
 * import { hashSequencerHeader, headerDomain, sequencerHeaderTypes } from '@l2/sequencer-core/block'
 * import { hashTypedData } from 'viem'
 *
 * const zero = `0x${'00'.repeat(32)}` as const
 * const header = {
 *   epochId: 1n, term: 0, height: 10n, parentHash: zero, txRoot: zero, stateRoot: zero,
 *   timestamp: 1_700_000_000n, l1OriginNumber: 5n, l1OriginHash: zero, forcedUpTo: 0n,
 * }
 * const domain = { chainId: 901n, rollup: `0x${'01'.repeat(20)}` } as const
 * const same = hashTypedData({
 *   domain: headerDomain(domain), types: sequencerHeaderTypes, primaryType: 'SequencerHeader', message: header,
 * })
 * console.log(hashSequencerHeader(header, domain) === same) // true
 * ```
 */
export function hashSequencerHeader(header: SequencerHeader, domain: HeaderDomain): Hash {
  check('chainId', domain.chainId, 'uint256')
  check('rollup', domain.rollup, 'address')
  for (const { name, type } of sequencerHeaderTypes.SequencerHeader) check(name, header[name], type)
  return hashTypedData({
    // An address counts however it is written; viem would hold its capitals to be a checksum.
    domain: { ...headerDomain(domain), verifyingContract: domain.rollup.toLowerCase() as Address },
    types: sequencerHeaderTypes,
    primaryType: 'SequencerHeader',
    message: header,
  })
}
