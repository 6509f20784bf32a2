import { SequencerError } from '../errors.js'

/** A price at a time: how many of the gas token's smallest units an amount of ETH costs. Exact as a fraction. */
export type GasTokenPrice = {
  /** Smallest units of the token for {@link perWei} wei of ETH. */
  readonly tokenUnits: bigint
  readonly perWei: bigint
  /** Seconds since the Unix epoch. */
  readonly observedAt: bigint
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
  /** How far a price may be from the last accepted one, basis points; default 5000. */
  readonly maxDeviationBps: bigint
}

/** An hour old at most, and within a factor of one and a half of the last price. */
export const defaultPriceLimits: PriceLimits = { maxAgeSeconds: 3600n, maxDeviationBps: 5000n }

/** Why a price is refused. */
export type PriceRefusal = 'malformed' | 'not-positive' | 'future' | 'stale' | 'older' | 'deviation'

/**
 * Accepts a new price or says why not: stale, from the future, older than the last accepted one or too far from it, not positive, or no
 * price at all. The
 * caller keeps the old price and alarms, or has {@link applyPrice} do it.
 *
 * @throws SequencerError `PRICE_REFUSED` with `details.reason`
 *
 * @example
 * ```ts
 * import { acceptPrice } from '@l2/sequencer-core'
 *
 * const last = { tokenUnits: 80n * 10n ** 18n, perWei: 10n ** 18n, observedAt: 1000n }
 * const next = { ...last, tokenUnits: 90n * 10n ** 18n, observedAt: 1060n }
 * console.log(acceptPrice(next, last, 1065n) === next) // true
 * ```
 */
export function acceptPrice(
  next: GasTokenPrice,
  last: GasTokenPrice | undefined,
  now: bigint,
  limits: PriceLimits = defaultPriceLimits,
): GasTokenPrice {
  const refuse = (reason: PriceRefusal, message: string): never => {
    throw new SequencerError(`gas token price refused: ${message}`, {
      code: 'PRICE_REFUSED',
      recovery: 'retry',
      details: { reason, tokenUnits: next.tokenUnits, perWei: next.perWei, observedAt: next.observedAt },
    })
  }
  if ([next.tokenUnits, next.perWei, next.observedAt].some(value => typeof value !== 'bigint'))
    refuse('malformed', 'expected bigints')
  if (next.tokenUnits <= 0n || next.perWei <= 0n)
    refuse('not-positive', `${next.tokenUnits} units per ${next.perWei} wei`)
  if (next.observedAt > now) refuse('future', `observed ${next.observedAt - now} s in the future`)
  if (now - next.observedAt > limits.maxAgeSeconds)
    refuse('stale', `${now - next.observedAt} s old, at most ${limits.maxAgeSeconds}`)
  if (last !== undefined) {
    if (next.observedAt < last.observedAt)
      refuse('older', `observed ${last.observedAt - next.observedAt} s before the last one`)
    // |next − last| / last in basis points, without dividing.
    const a = next.tokenUnits * last.perWei
    const b = last.tokenUnits * next.perWei
    const difference = a > b ? a - b : b - a
    if (difference * 10_000n > b * limits.maxDeviationBps) {
      refuse(
        'deviation',
        `${(difference * 10_000n) / b} basis points from the last price, at most ${limits.maxDeviationBps}`,
      )
    }
  }
  return next
}

/**
 * What an amount of ETH is worth in the gas token, rounded up: the rollup pays in ETH and must not lose the fraction.
 *
 * @example
 * ```ts
 * import { toGasToken } from '@l2/sequencer-core'
 *
 * // USDC has 6 decimals: one ETH at 3,000 dollars is 3,000,000,000 units for 10^18 wei.
 * const usdc = { tokenUnits: 3_000_000_000n, perWei: 10n ** 18n, observedAt: 0n }
 * console.log(toGasToken(21_000n * 10n ** 9n, usdc)) // 63000n
 * ```
 */
export function toGasToken(wei: bigint, price: GasTokenPrice): bigint {
  return (wei * price.tokenUnits + price.perWei - 1n) / price.perWei
}

/** Scalars of the L1 data fee, millionths; both fit u32. */
export type FeeScalars = { readonly baseFeeScalar: bigint; readonly blobBaseFeeScalar: bigint }

/**
 * Fee scalars that make the L1 data fee come out in the gas token: the scalars that would recover the cost in ETH, times the price and
 * `factorBps` (10,000 charges the cost), rounded up once. L2 amounts are in units of 10^-18, so a token with fewer decimals counts its units
 * scaled up to 18 (as Metis and other rollups hold it).
 *
 * @param tokenDecimals 0 to 18
 * @throws SequencerError `PRICE_REFUSED` when a scalar does not fit 32 bits: the token is worth too little for millionths; `FEE_OPTIONS`
 *
 * @example
 * ```ts
 * import { gasTokenScalars } from '@l2/sequencer-core'
 *
 * const metis = { tokenUnits: 80n * 10n ** 18n, perWei: 10n ** 18n, observedAt: 0n } // 80 METIS for one ETH
 * const scalars = gasTokenScalars({ baseFeeScalar: 1_368n, blobBaseFeeScalar: 810_949n }, metis, 18)
 * console.log(scalars) // { baseFeeScalar: 109440n, blobBaseFeeScalar: 64875920n }
 * ```
 */
export function gasTokenScalars(
  inEth: FeeScalars,
  price: GasTokenPrice,
  tokenDecimals: number,
  factorBps = 10_000n,
): FeeScalars {
  checkTokenDecimals(tokenDecimals)
  if (factorBps < 0n) {
    throw new SequencerError(`"factorBps" expected at least 0, got ${factorBps}`, {
      code: 'FEE_OPTIONS',
      details: { factorBps },
    })
  }
  const numerator = price.tokenUnits * 10n ** BigInt(18 - tokenDecimals) * factorBps
  const denominator = price.perWei * 10_000n
  const scale = (scalar: bigint): bigint => {
    const scaled = (scalar * numerator + denominator - 1n) / denominator
    if (scaled >= 2n ** 32n) {
      throw new SequencerError(`fee scalar ${scaled} does not fit 32 bits`, {
        code: 'PRICE_REFUSED',
        details: { reason: 'scalar-overflow', scalar: scaled },
      })
    }
    return scaled
  }
  return { baseFeeScalar: scale(inEth.baseFeeScalar), blobBaseFeeScalar: scale(inEth.blobBaseFeeScalar) }
}

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
