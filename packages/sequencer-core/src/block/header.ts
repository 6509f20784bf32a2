import { fitsType, type SequencerHeader, sequencerHeaderFields } from '@l2/common/typed-data'
import { type Address, type Hash, hashTypedData } from 'viem'
import { SequencerError } from '../errors.js'
import type { SigningDomain } from '../ordering/receipt.js'

export type { SequencerHeader } from '@l2/common/typed-data'

/** The rollup that headers are signed for. */
export type HeaderDomain = {
  /** Of the L2. */
  readonly chainId: bigint
  /** The rollup's contract on L1. */
  readonly rollup: Address
}

/** EIP-712 types of the header. */
export const sequencerHeaderTypes = {
  SequencerHeader: sequencerHeaderFields,
} as const

/** EIP-712 domain of a rollup's headers: name `L2 Sequencer`, version `1`. */
export function headerDomain(domain: HeaderDomain): SigningDomain {
  return { name: 'L2 Sequencer', version: '1', chainId: domain.chainId, verifyingContract: domain.rollup }
}

function check(field: string, value: unknown, type: string): void {
  if (fitsType(value, type)) return
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
