/** Gas prices of one attempt, in wei. `blobCap` only for blob transactions. */
export type Fees = {
  tip: bigint
  cap: bigint
  blobCap: bigint | undefined
}

/** What the chain asks now, in wei per gas and per blob gas. */
export type FeeMarket = {
  tip: bigint
  /** The tip of blob transactions, whose place in a block is scarcer; `tip` where it is not known. */
  blobTip?: bigint | undefined
  baseFee: bigint
  blobBaseFee: bigint
}

/** Floors below which no transaction is priced: a fee that was minimal a block ago is rejected by pools the next. */
export type FeeFloors = {
  minTipWei: bigint
  /** The same for blob transactions; `minTipWei` where it is left out. */
  minBlobTipWei?: bigint | undefined
  minBaseFeeWei: bigint
  minBlobCapWei: bigint
}

const max = (a: bigint, b: bigint) => (a > b ? a : b)
const tipOf = ({ tip, blobTip }: FeeMarket, blob: boolean) => (blob ? (blobTip ?? tip) : tip)
const ceilPercent = (value: bigint, percent: bigint) => (value * percent + 99n) / 100n

/**
 * Fees of a first attempt: the cap outlives a doubling of the base fee, and the blob cap one of the blob base fee.
 * Source: op-service/txmgr `craftTx`.
 *
 * @example
 * ```ts
 * import { firstFees } from '@l2/da/ethereum'
 *
 * const gwei = 10n ** 9n
 * const floors = { minTipWei: gwei, minBaseFeeWei: gwei, minBlobCapWei: gwei }
 * console.log(firstFees({ tip: gwei, baseFee: 10n * gwei, blobBaseFee: 1n }, true, floors).cap) // 21000000000n
 * ```
 */
export function firstFees(market: FeeMarket, blob: boolean, floors: FeeFloors): Fees {
  const least = blob ? (floors.minBlobTipWei ?? floors.minTipWei) : floors.minTipWei
  const tip = max(tipOf(market, blob), least)
  const baseFee = max(market.baseFee, floors.minBaseFeeWei)
  return {
    tip,
    cap: tip + 2n * baseFee,
    blobCap: blob ? max(2n * market.blobBaseFee, floors.minBlobCapWei) : undefined,
  }
}

/**
 * Fees of a replacement that pools take: at least +10 %, for blob transactions +100 % on all three caps, and no less than what the
 * market asks now. Source: op-service/txmgr `updateFees`; geth core/txpool.
 *
 * @example
 * ```ts
 * import { bumpFees } from '@l2/da/ethereum'
 *
 * const market = { tip: 1n, baseFee: 1n, blobBaseFee: 1n }
 * console.log(bumpFees({ tip: 100n, cap: 2000n, blobCap: undefined }, market)) // { tip: 110n, cap: 2200n, blobCap: undefined }
 * console.log(bumpFees({ tip: 100n, cap: 2000n, blobCap: 7n }, market)) // { tip: 200n, cap: 4000n, blobCap: 14n }
 * ```
 */
export function bumpFees(old: Fees, market: FeeMarket): Fees {
  const percent = old.blobCap === undefined ? 110n : 200n
  const tipFloor = ceilPercent(old.tip, percent)
  const capFloor = ceilPercent(old.cap, percent)
  const asked = tipOf(market, old.blobCap !== undefined)
  const tip = max(asked, tipFloor)
  const recent = asked + 2n * market.baseFee
  return {
    tip,
    cap: recent >= capFloor ? tip + 2n * market.baseFee : capFloor,
    blobCap: old.blobCap === undefined ? undefined : max(ceilPercent(old.blobCap, 200n), market.blobBaseFee),
  }
}

/** How far fees may be driven. */
export type FeeLimits = {
  /** No attempt above this cap; `undefined` for no limit. */
  maxCapWei: bigint | undefined
  maxBlobCapWei: bigint | undefined
  /** A bump may not exceed this multiple of what a first attempt would be priced at now … */
  multiple: bigint
  /** … once it is above this price. */
  multipleAboveWei: bigint
}

/**
 * Which limit fees break, or `undefined`. Whoever breaks one republishes the attempt it has instead of bumping.
 * Source: op-service/txmgr `checkLimits`.
 *
 * @example
 * ```ts
 * import { brokenFeeLimit } from '@l2/da/ethereum'
 *
 * const floors = { minTipWei: 1n, minBaseFeeWei: 1n, minBlobCapWei: 1n }
 * const limits = { maxCapWei: 100n, maxBlobCapWei: undefined, multiple: 5n, multipleAboveWei: 1000n }
 * const market = { tip: 1n, baseFee: 1n, blobBaseFee: 1n }
 * console.log(brokenFeeLimit({ tip: 1n, cap: 101n, blobCap: undefined }, market, floors, limits)) // maxFeePerGas
 * ```
 */
export function brokenFeeLimit(
  fees: Fees,
  market: FeeMarket,
  floors: FeeFloors,
  limits: FeeLimits,
): string | undefined {
  const suggested = firstFees(market, fees.blobCap !== undefined, floors)
  const above = (value: bigint | undefined, limit: bigint | undefined) =>
    value !== undefined && limit !== undefined && value > limit
  const runaway = (value: bigint, suggestion: bigint) =>
    value > limits.multipleAboveWei && value > limits.multiple * suggestion
  if (above(fees.cap, limits.maxCapWei)) return 'maxFeePerGas'
  if (above(fees.blobCap, limits.maxBlobCapWei)) return 'maxFeePerBlobGas'
  if (runaway(fees.tip, suggested.tip)) return 'tip multiple'
  if (runaway(fees.cap, suggested.cap)) return 'fee cap multiple'
  if (fees.blobCap !== undefined && runaway(fees.blobCap, suggested.blobCap!)) return 'blob fee cap multiple'
  return undefined
}

/** What {@link cheaperDa} compares. */
export type CrossoverInput = {
  /** Wei per gas that a transaction pays: base fee and tip. */
  gasPrice: bigint
  blobBaseFee: bigint
  /** Calldata bytes of one transaction when posting calldata. */
  calldataBytes: number
  /** Blobs of one transaction when posting blobs, all full. */
  blobs: number
  /** Gas per calldata byte: 40 since EIP-7623, 16 before. */
  gasPerByte?: bigint | undefined
}

/**
 * Blobs or calldata, by price per byte posted, compared without division. Source: op-batcher `DynamicEthChannelConfig`.
 *
 * @example
 * ```ts
 * import { cheaperDa } from '@l2/da/ethereum'
 *
 * const at = (blobBaseFee: bigint) => cheaperDa({ gasPrice: 10n ** 9n, blobBaseFee, calldataBytes: 120_000, blobs: 5 })
 * console.log(at(10n ** 9n), at(10n ** 11n)) // blobs calldata
 * ```
 */
export function cheaperDa(input: CrossoverInput): 'blobs' | 'calldata' {
  const { gasPrice, blobBaseFee, calldataBytes, blobs, gasPerByte = 40n } = input
  const calldataCost = (21_000n + gasPerByte * BigInt(calldataBytes)) * gasPrice
  const blobCost = 131_072n * BigInt(blobs) * blobBaseFee + 21_000n * gasPrice
  return blobCost * BigInt(calldataBytes) > calldataCost * 130_044n * BigInt(blobs) ? 'calldata' : 'blobs'
}
