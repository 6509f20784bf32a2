import { SequencerError } from '../errors.js'
import type { OperatorFeeParameters } from './operator-fee.js'

/** A price at a time: how many of the gas token's smallest units an amount of ETH costs. Exact as a fraction. */
export type GasTokenPrice = {
  /** Smallest units of the token for {@link perWei} wei of ETH. */
  readonly tokenUnits: bigint
  readonly perWei: bigint
  /** Seconds since the Unix epoch. */
  readonly observedAtSeconds: bigint
}

/**
 * Where prices come from: an exchange, a Chainlink feed, a median of several. A call that cannot answer rejects; one that is aborted rejects
 * with the signal's reason. Nothing it answers is trusted before {@link acceptPrice} has seen it.
 */
export interface GasTokenOracle {
  price(options?: { signal?: AbortSignal | undefined }): Promise<GasTokenPrice>
}

/** What makes a price unusable. */
export type PriceLimits = {
  /** Default 3600. */
  readonly maxAgeSeconds: bigint
  /** How far a price may be from every one that was accepted within `deviationSeconds`, and from the last one; basis points, default 5000. */
  readonly maxDeviationBps: bigint
  /** The time over which `maxDeviationBps` holds, however often an oracle is asked. Default 3600. */
  readonly deviationSeconds: bigint
}

/** An hour old at most, and within half of all prices of the last hour. */
export const defaultPriceLimits: PriceLimits = {
  maxAgeSeconds: 3600n,
  maxDeviationBps: 5000n,
  deviationSeconds: 3600n,
}

/** Why a price is refused. */
export type PriceRefusal = 'malformed' | 'not-positive' | 'future' | 'stale' | 'older' | 'deviation'

/**
 * Accepts a new price or says why not: stale, from the future, older than the last accepted one, too far from one that was accepted of late, not
 * positive, or no price at all. The caller keeps the old price and alarms, or has {@link applyPrice} do it.
 *
 * @param recent what was accepted before, in its order. Of those older than `deviationSeconds` only the last one counts.
 * @throws SequencerError `PRICE_REFUSED` with `details.reason`
 *
 * @example
 * ```ts
 * import { acceptPrice } from '@l2/sequencer-core/fees'
 *
 * const last = { tokenUnits: 80n * 10n ** 18n, perWei: 10n ** 18n, observedAtSeconds: 1000n }
 * const next = { ...last, tokenUnits: 90n * 10n ** 18n, observedAtSeconds: 1060n }
 * console.log(acceptPrice(next, [last], 1065n) === next) // true
 * ```
 */
export function acceptPrice(
  next: GasTokenPrice,
  recent: readonly GasTokenPrice[],
  nowSeconds: bigint,
  limits: PriceLimits = defaultPriceLimits,
): GasTokenPrice {
  const refuse = (reason: PriceRefusal, message: string): never => {
    throw new SequencerError(`gas token price refused: ${message}`, {
      code: 'PRICE_REFUSED',
      recovery: 'retry',
      details: { reason, tokenUnits: next.tokenUnits, perWei: next.perWei, observedAtSeconds: next.observedAtSeconds },
    })
  }
  if ([next.tokenUnits, next.perWei, next.observedAtSeconds].some(value => typeof value !== 'bigint'))
    refuse('malformed', 'expected bigints')
  if (next.tokenUnits <= 0n || next.perWei <= 0n)
    refuse('not-positive', `${next.tokenUnits} units per ${next.perWei} wei`)
  if (next.observedAtSeconds > nowSeconds)
    refuse('future', `observed ${next.observedAtSeconds - nowSeconds} s in the future`)
  if (nowSeconds - next.observedAtSeconds > limits.maxAgeSeconds)
    refuse('stale', `${nowSeconds - next.observedAtSeconds} s old, at most ${limits.maxAgeSeconds}`)
  const last = recent.at(-1)
  if (last !== undefined && next.observedAtSeconds < last.observedAtSeconds)
    refuse('older', `observed ${last.observedAtSeconds - next.observedAtSeconds} s before the last one`)
  for (const before of recentPrices(recent, next.observedAtSeconds, limits)) {
    // |next − before| / before in basis points, without dividing.
    const a = next.tokenUnits * before.perWei
    const b = before.tokenUnits * next.perWei
    const difference = a > b ? a - b : b - a
    if (difference * 10_000n > b * limits.maxDeviationBps) {
      const seconds = next.observedAtSeconds - before.observedAtSeconds
      refuse(
        'deviation',
        `${(difference * 10_000n) / b} basis points from the price ${seconds} s before, at most ${limits.maxDeviationBps}`,
      )
    }
  }
  return next
}

/** What a price at `nowSeconds` is compared with: the prices in force since `deviationSeconds` before. */
export function recentPrices(
  accepted: readonly GasTokenPrice[],
  nowSeconds: bigint,
  { deviationSeconds }: PriceLimits,
): readonly GasTokenPrice[] {
  // The newest from before the window was still in force when it began.
  let first = accepted.length - 1
  while (first > 0 && accepted[first]!.observedAtSeconds > nowSeconds - deviationSeconds) first--
  return accepted.slice(Math.max(first, 0))
}

/**
 * What an amount of ETH is worth in the gas token, rounded up: the rollup pays in ETH and must not lose the fraction.
 *
 * @example
 * ```ts
 * import { toGasToken } from '@l2/sequencer-core/fees'
 *
 * // USDC has 6 decimals: one ETH at 3,000 dollars is 3,000,000,000 units for 10^18 wei.
 * const usdc = { tokenUnits: 3_000_000_000n, perWei: 10n ** 18n, observedAtSeconds: 0n }
 * console.log(toGasToken(21_000n * 10n ** 9n, usdc)) // 63000n
 * ```
 */
export function toGasToken(wei: bigint, price: GasTokenPrice): bigint {
  return (wei * price.tokenUnits + price.perWei - 1n) / price.perWei
}

/** Scalars of the L1 data fee, millionths; both fit u32. */
export type FeeScalars = { readonly baseFeeScalar: bigint; readonly blobBaseFeeScalar: bigint }

/** What {@link gasTokenScalars} gives: scalars that fit, and what of the wanted ones does not. */
export type GasTokenScalars = FeeScalars & {
  /** Only where a scalar was cut to 32 bits: by how much. {@link gasTokenOperatorFee} charges it another way. */
  readonly missing?: FeeScalars
}

const maxScalar = 2n ** 32n - 1n

/**
 * Fee scalars that make the L1 data fee come out in the gas token: the scalars that would recover the cost in ETH, times the price and
 * `factorBps` (10,000 charges the cost), rounded up once. L2 amounts are in units of 10^-18, so a token with fewer decimals counts its units
 * scaled up to 18 (as Metis and other rollups hold it).
 *
 * A scalar has 32 bits. One that does not fit, because the token is worth so little or ETH so much, is the greatest that does, and `missing`
 * says what is left uncharged: fees must not stop where they should rise.
 *
 * @param tokenDecimals 0 to 18
 * @throws SequencerError `FEE_OPTIONS`
 *
 * @example
 * ```ts
 * import { gasTokenScalars } from '@l2/sequencer-core/fees'
 *
 * const metis = { tokenUnits: 80n * 10n ** 18n, perWei: 10n ** 18n, observedAtSeconds: 0n } // 80 METIS for one ETH
 * const scalars = gasTokenScalars({ baseFeeScalar: 1_368n, blobBaseFeeScalar: 810_949n }, metis, 18)
 * console.log(scalars) // { baseFeeScalar: 109440n, blobBaseFeeScalar: 64875920n }
 * ```
 */
export function gasTokenScalars(
  inEth: FeeScalars,
  price: GasTokenPrice,
  tokenDecimals: number,
  factorBps = 10_000n,
): GasTokenScalars {
  checkTokenDecimals(tokenDecimals)
  for (const [field, value] of Object.entries({ factorBps, ...inEth })) {
    if (value >= 0n) continue
    throw new SequencerError(`"${field}" expected at least 0, got ${value}`, {
      code: 'FEE_OPTIONS',
      details: { field, value },
    })
  }
  const numerator = price.tokenUnits * 10n ** BigInt(18 - tokenDecimals) * factorBps
  const denominator = price.perWei * 10_000n
  const scale = (scalar: bigint): bigint => (scalar * numerator + denominator - 1n) / denominator
  const wanted = { baseFeeScalar: scale(inEth.baseFeeScalar), blobBaseFeeScalar: scale(inEth.blobBaseFeeScalar) }
  const baseFeeScalar = wanted.baseFeeScalar < maxScalar ? wanted.baseFeeScalar : maxScalar
  const blobBaseFeeScalar = wanted.blobBaseFeeScalar < maxScalar ? wanted.blobBaseFeeScalar : maxScalar
  const missing = {
    baseFeeScalar: wanted.baseFeeScalar - baseFeeScalar,
    blobBaseFeeScalar: wanted.blobBaseFeeScalar - blobBaseFeeScalar,
  }
  const fits = missing.baseFeeScalar === 0n && missing.blobBaseFeeScalar === 0n
  return fits ? { baseFeeScalar, blobBaseFeeScalar } : { baseFeeScalar, blobBaseFeeScalar, missing }
}

/** What a usual transaction looks like, and what L1 costs now, for {@link gasTokenOperatorFee}. */
export type OperatorFeeMarket = {
  readonly fork: 'isthmus' | 'jovian'
  readonly l1BaseFeeWei: bigint
  readonly l1BlobBaseFeeWei: bigint
  /** Of a usual transaction, as {@link estimatedDaBytes} counts them. */
  readonly daBytesPerTransaction: bigint
  /** Of a usual transaction. Default 21,000. */
  readonly gasPerTransaction?: bigint | undefined
}

/**
 * The operator fee that charges a usual transaction what the scalars cannot: as a constant per transaction, and by its gas where 64 bits of a
 * constant are too few. Rounded up. It exists from Isthmus on; before it what is missing stays uncharged, and shows as under-recovery.
 *
 * Source: OP specs, Isthmus and Jovian, "Operator fee"; Fjord, "Fees".
 *
 * @throws SequencerError `FEE_OPTIONS`
 *
 * @example
 * ```ts
 * import { gasTokenOperatorFee, gasTokenScalars } from '@l2/sequencer-core/fees'
 *
 * const usdc = { tokenUnits: 10_000_000_000n, perWei: 10n ** 18n, observedAtSeconds: 0n } // ETH at 10,000 dollars, 6 decimals
 * const { missing } = gasTokenScalars({ baseFeeScalar: 1_368n, blobBaseFeeScalar: 810_949n }, usdc, 6)
 * const market = { fork: 'isthmus', l1BaseFeeWei: 10n ** 9n, l1BlobBaseFeeWei: 10n ** 9n, daBytesPerTransaction: 100n } as const
 * console.log(missing?.blobBaseFeeScalar, gasTokenOperatorFee(missing, market)) // 3814522705n { scalar: 0n, constant: 381452270500000n }
 * ```
 */
export function gasTokenOperatorFee(missing: FeeScalars | undefined, market: OperatorFeeMarket): OperatorFeeParameters {
  const { fork, l1BaseFeeWei, l1BlobBaseFeeWei, daBytesPerTransaction, gasPerTransaction = 21_000n } = market
  const numbers = { l1BaseFeeWei, l1BlobBaseFeeWei, daBytesPerTransaction, gasPerTransaction }
  for (const [field, value] of Object.entries(numbers)) {
    if (value >= (field === 'gasPerTransaction' ? 1n : 0n)) continue
    throw new SequencerError(`"${field}": ${value} cannot be`, { code: 'FEE_OPTIONS', details: { field, value } })
  }
  if (missing === undefined) return { scalar: 0n, constant: 0n }
  const perByte = 16n * missing.baseFeeScalar * l1BaseFeeWei + missing.blobBaseFeeScalar * l1BlobBaseFeeWei
  const wanted = ceilDiv(daBytesPerTransaction * perByte, 1_000_000n)
  const constant = wanted < maxConstant ? wanted : maxConstant
  const rest = wanted - constant
  // What one unit of the scalar charges a usual transaction, times 10^6.
  const unit = fork === 'jovian' ? gasPerTransaction * 100_000_000n : gasPerTransaction
  const scalar = ceilDiv(rest * 1_000_000n, unit)
  return { scalar: scalar < maxScalar ? scalar : maxScalar, constant }
}

const maxConstant = 2n ** 64n - 1n
const ceilDiv = (a: bigint, b: bigint): bigint => (a + b - 1n) / b

/**
 * L2 amounts have 18 decimals; a token with more could not be held exactly.
 *
 * @throws SequencerError `FEE_OPTIONS`
 */
export function checkTokenDecimals(tokenDecimals: number): void {
  if (Number.isInteger(tokenDecimals) && tokenDecimals >= 0 && tokenDecimals <= 18) return
  throw new SequencerError(`"tokenDecimals" expected 0 to 18, got ${tokenDecimals}`, {
    code: 'FEE_OPTIONS',
    details: { tokenDecimals },
  })
}
