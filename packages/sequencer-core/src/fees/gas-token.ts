import { SequencerError } from '../errors.js'

/** A price at a time: how many units of the gas token's smallest denomination one whole ETH costs. Exact as a fraction. */
export type GasTokenPrice = {
  /** Smallest units of the token for {@link perWei} wei of ETH. */
  readonly tokenUnits: bigint
  readonly perWei: bigint
  /** Seconds since the Unix epoch. */
  readonly observedAt: bigint
}

/** Where prices come from: an exchange, a Chainlink feed, a median of several. */
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

/**
 * Accepts a new price or says why not: stale, from the future, not positive, or too far from the last accepted one. The caller keeps the
 * old price and alarms.
 *
 * @throws SequencerError `PRICE_REFUSED` with `details.reason`
 */
export function acceptPrice(
  next: GasTokenPrice,
  last: GasTokenPrice | undefined,
  now: bigint,
  limits: PriceLimits = defaultPriceLimits,
): GasTokenPrice {
  const refuse = (reason: string, message: string): never => {
    throw new SequencerError(`gas token price refused: ${message}`, {
      code: 'PRICE_REFUSED',
      recovery: 'retry',
      details: { reason, tokenUnits: next.tokenUnits, perWei: next.perWei, observedAt: next.observedAt },
    })
  }
  if (next.tokenUnits <= 0n || next.perWei <= 0n)
    refuse('not-positive', `${next.tokenUnits} units per ${next.perWei} wei`)
  if (next.observedAt > now) refuse('future', `observed ${next.observedAt - now} s in the future`)
  if (now - next.observedAt > limits.maxAgeSeconds)
    refuse('stale', `${now - next.observedAt} s old, at most ${limits.maxAgeSeconds}`)
  if (last !== undefined) {
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
 * Fee scalars that make the L1 data fee come out in the gas token: the scalars that would recover the cost in ETH, times the price. L2
 * amounts are in units of 10^-18, so a token with fewer decimals counts its units scaled up to 18 (as Metis and other rollups hold it).
 *
 * @throws SequencerError `PRICE_REFUSED` when a scalar does not fit 32 bits: the token is worth too little for millionths
 *
 * @example
 * ```ts
 * import { gasTokenScalars } from '@l2/sequencer-core'
 *
 * const metis = { tokenUnits: 80n * 10n ** 18n, perWei: 10n ** 18n, observedAt: 0n } // 80 METIS for one ETH
 * console.log(gasTokenScalars({ baseFeeScalar: 1_368n, blobBaseFeeScalar: 810_949n }, metis, 18))
 * ```
 */
export function gasTokenScalars(inEth: FeeScalars, price: GasTokenPrice, tokenDecimals: number): FeeScalars {
  const unit = 10n ** BigInt(18 - tokenDecimals)
  const scale = (scalar: bigint): bigint => {
    const scaled = (scalar * price.tokenUnits * unit + price.perWei - 1n) / price.perWei
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

/** Whether users have paid for the data that was posted for them. All in the gas token's units. */
export type Recovery = { readonly charged: bigint; readonly cost: bigint }

/**
 * Over- or under-recovery in basis points of the cost: 0 means that users paid exactly what posting cost; `undefined` while nothing was posted.
 */
export function recoveryBps({ charged, cost }: Recovery): bigint | undefined {
  return cost === 0n ? undefined : ((charged - cost) * 10_000n) / cost
}
