import type { BlobCodec } from '../codec/codec.js'
import { opCodec } from '../codec/op.js'
import { gasPerBlob, maxBlobsPerTransaction } from '../constants.js'
import { BlobError } from '../errors.js'
import { larger } from '../internal/bigint.js'

/** Prices of a block, in wei per gas and per blob gas. */
export type PostingPrices = {
  /** Base fee and tip. */
  readonly gasPriceWei: bigint
  readonly blobBaseFeeWei: bigint
}

/** How calldata is priced. */
export type CalldataPricing = {
  readonly transactionGas: bigint
  readonly zeroByteGas: bigint
  readonly nonzeroByteGas: bigint
  /** What a transaction pays at least for its calldata, a zero byte. */
  readonly floorZeroByteGas: bigint
  readonly floorNonzeroByteGas: bigint
}

/** From Prague: EIP-2028 and the floor of EIP-7623. */
export const pragueCalldata: CalldataPricing = {
  transactionGas: 21_000n,
  zeroByteGas: 4n,
  nonzeroByteGas: 16n,
  floorZeroByteGas: 10n,
  floorNonzeroByteGas: 40n,
}

/** Scheduled for Glamsterdam: the flat floor of EIP-7976. */
export const glamsterdamCalldata: CalldataPricing = {
  ...pragueCalldata,
  floorZeroByteGas: 64n,
  floorNonzeroByteGas: 64n,
}

/** Bytes by kind. */
export type ByteCounts = { readonly zero: number; readonly nonzero: number }

/** Counts the zero bytes of data. */
export function countBytes(data: Uint8Array): ByteCounts {
  let zero = 0
  for (const byte of data) if (byte === 0) zero++
  return { zero, nonzero: data.length - zero }
}

/** The gas of a transaction that carries nothing but calldata: the intrinsic gas or the floor, whichever is more (EIP-7623). */
export function calldataGas({ zero, nonzero }: ByteCounts, pricing: CalldataPricing = pragueCalldata): bigint {
  const zeros = checked('zero', zero)
  const others = checked('nonzero', nonzero)
  const standard = zeros * pricing.zeroByteGas + others * pricing.nonzeroByteGas
  const floor = zeros * pricing.floorZeroByteGas + others * pricing.floorNonzeroByteGas
  return pricing.transactionGas + larger(standard, floor)
}

function checked(field: string, value: number): bigint {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new BlobError(`"${field}" expected a count of bytes, got ${value}`, {
      code: 'FEE_INPUT',
      details: { [field]: value },
    })
  }
  return BigInt(value)
}

/** What posting costs, in wei. */
export type PostingCost = {
  readonly transactions: number
  readonly gas: bigint
  readonly blobGas: bigint
  readonly wei: bigint
}

/** @see calldataCost */
export type CalldataCostOptions = {
  pricing?: CalldataPricing | undefined
  /** Bytes that one transaction carries. Default 130 672, the most that pools take and batchers of the OP Stack use. */
  maxBytesPerTransaction?: number | undefined
}

/**
 * Posting bytes as calldata, over as many transactions as it takes.
 *
 * @throws BlobError `FEE_INPUT`
 */
export function calldataCost(
  bytes: ByteCounts,
  prices: Pick<PostingPrices, 'gasPriceWei'>,
  options: CalldataCostOptions = {},
): PostingCost {
  const { pricing = pragueCalldata, maxBytesPerTransaction = 130_672 } = options
  const length = bytes.zero + bytes.nonzero
  const transactions = Math.max(1, Math.ceil(length / maxBytesPerTransaction))
  // The price is linear in the bytes, floor or not, so it does not matter which transaction a byte is in.
  const gas = calldataGas(bytes, pricing) + BigInt(transactions - 1) * pricing.transactionGas
  return { transactions, gas, blobGas: 0n, wei: gas * prices.gasPriceWei }
}

/** @see blobCost */
export type BlobCostOptions = {
  codec?: BlobCodec | undefined
  /** Default 6. */
  blobsPerTransaction?: number | undefined
  /** Gas of each transaction besides its blobs. Default 21 000. */
  transactionGas?: bigint | undefined
}

/**
 * Posting that many bytes as blobs. Whole blobs are paid, however little is in the last.
 *
 * @throws BlobError `FEE_INPUT`
 * @example
 * ```ts
 * import { blobCost } from '@l2/blob'
 *
 * console.log(blobCost(130_045, { gasPriceWei: 10n, blobBaseFeeWei: 3n }).wei) // 996432n
 * ```
 */
export function blobCost(bytes: number, prices: PostingPrices, options: BlobCostOptions = {}): PostingCost {
  const { codec = opCodec, blobsPerTransaction = maxBlobsPerTransaction, transactionGas = 21_000n } = options
  checked('bytes', bytes)
  const blobs = blobsFor(bytes, codec)
  const transactions = Math.ceil(blobs / blobsPerTransaction)
  const gas = BigInt(transactions) * transactionGas
  const blobGas = BigInt(blobs) * gasPerBlob
  return { transactions, gas, blobGas, wei: gas * prices.gasPriceWei + blobGas * prices.blobBaseFeeWei }
}

/** The least number of blobs with room for that many bytes. */
function blobsFor(bytes: number, codec: BlobCodec): number {
  let blobs = Math.max(1, Math.floor(bytes / codec.maxBytes(1)))
  while (codec.maxBytes(blobs) < bytes) blobs++
  return blobs
}

/** @see blobBreakEven */
export type BreakEvenOptions = {
  calldata?: CalldataCostOptions | undefined
  blobs?: BlobCostOptions | undefined
  /** Share of zero bytes in the data, in basis points. Default 40: random bytes, as compressed data are. */
  zeroBytesBps?: number | undefined
}

/**
 * From how many bytes on one blob is cheaper than calldata at these prices; `undefined` when it is not even when full. Beyond one blob
 * compare {@link blobCost} with {@link calldataCost}: each further blob starts empty.
 *
 * @throws BlobError `FEE_INPUT`
 */
export function blobBreakEven(prices: PostingPrices, options: BreakEvenOptions = {}): number | undefined {
  const { zeroBytesBps = 40 } = options
  if (!(zeroBytesBps >= 0 && zeroBytesBps <= 10_000)) {
    throw new BlobError(`"zeroBytesBps" expected 0 to 10000, got ${zeroBytesBps}`, {
      code: 'FEE_INPUT',
      details: { zeroBytesBps },
    })
  }
  const capacity = (options.blobs?.codec ?? opCodec).maxBytes(1)
  const cheaper = (bytes: number): boolean => {
    const zero = Math.floor((bytes * zeroBytesBps) / 10_000)
    const asCalldata = calldataCost({ zero, nonzero: bytes - zero }, prices, options.calldata)
    return blobCost(bytes, prices, options.blobs).wei < asCalldata.wei
  }
  if (!cheaper(capacity)) return undefined
  // Calldata get dearer with every byte and one blob does not, so there is one crossing.
  let low = 0
  let high = capacity
  while (low < high) {
    const middle = (low + high) >> 1
    if (cheaper(middle)) high = middle
    else low = middle + 1
  }
  return low
}
