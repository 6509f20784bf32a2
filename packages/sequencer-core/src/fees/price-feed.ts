import { isL2Error } from '@l2/common'
import { SequencerError } from '../errors.js'
import {
  acceptPrice,
  defaultPriceLimits,
  type GasTokenPrice,
  type PriceLimits,
  type PriceRefusal,
  recentPrices,
} from './gas-token.js'

/** Options of {@link createPriceFeed}. */
export type PriceFeedOptions = {
  /** What an observed price must keep to. Default {@link defaultPriceLimits}. */
  readonly limits?: PriceLimits | undefined
  /** How long after it was observed a price may still be charged by, seconds. Default 86,400. */
  readonly keepSeconds?: bigint | undefined
  /** The last price known, from a file or a config. Still subject to `keepSeconds`. */
  readonly price?: GasTokenPrice | undefined
}

/** What is known of the price: plain immutable data. */
export type PriceFeed = {
  readonly limits: PriceLimits
  readonly keepSeconds: bigint
  /** The last accepted price, however old: {@link currentPrice} looks at its age. */
  readonly price: GasTokenPrice | undefined
  /** Accepted within the time over which the limit holds, the last one included: the extremes of each stretch of it. */
  readonly recent: readonly GasTokenPrice[]
  /** Answers since the last accepted one that were refused or did not come. */
  readonly failures: number
  /** Whether `price-expired` was raised for the present price. */
  readonly isExpired: boolean
}

/** What happens to a feed. `nowSeconds` is in seconds since the Unix epoch. */
export type PriceCommand =
  | { readonly type: 'observed'; readonly price: GasTokenPrice; readonly nowSeconds: bigint }
  | { readonly type: 'failed'; readonly reason: string; readonly nowSeconds: bigint }
  /** An operator's word, for when the market has moved further than the limit: not compared with the last price. */
  | { readonly type: 'override'; readonly price: GasTokenPrice; readonly nowSeconds: bigint }

/** What a feed tells, for metrics and alarms. */
export type PriceEvent =
  | { readonly type: 'price-accepted'; readonly price: GasTokenPrice; readonly previous: GasTokenPrice | undefined }
  /** The old price stays. */
  | {
      readonly type: 'price-refused'
      readonly reason: PriceRefusal
      readonly price: GasTokenPrice
      readonly failures: number
    }
  /** The oracle did not answer; the old price stays. */
  | { readonly type: 'oracle-failed'; readonly reason: string; readonly failures: number }
  /** Once for each price: it is too old to be charged by. */
  | { readonly type: 'price-expired'; readonly ageSeconds: bigint }

/**
 * A feed that has seen nothing yet, or goes on from a price.
 *
 * @throws SequencerError `FEE_OPTIONS`
 *
 * @example
 * ```ts
 * import { createPriceFeed } from '@l2/sequencer-core/fees'
 *
 * const feed = createPriceFeed({ keepSeconds: 7200n })
 * console.log(feed.price, feed.limits.maxDeviationBps) // undefined 5000n
 * ```
 */
export function createPriceFeed(options: PriceFeedOptions = {}): PriceFeed {
  const { limits = defaultPriceLimits, keepSeconds = 86_400n, price } = options
  const { maxAgeSeconds, maxDeviationBps, deviationSeconds } = limits
  const numbers = { keepSeconds, maxAgeSeconds, maxDeviationBps, deviationSeconds }
  for (const [field, value] of Object.entries(numbers)) {
    if (value < 0n)
      throw new SequencerError(`"${field}" expected at least 0, got ${value}`, {
        code: 'FEE_OPTIONS',
        details: { field, value },
      })
  }
  if (price !== undefined && (price.tokenUnits <= 0n || price.perWei <= 0n)) {
    throw new SequencerError(`"price" expected more than 0, got ${price.tokenUnits} units per ${price.perWei} wei`, {
      code: 'FEE_OPTIONS',
      details: { tokenUnits: price.tokenUnits, perWei: price.perWei },
    })
  }
  return { limits, keepSeconds, price, recent: price === undefined ? [] : [price], failures: 0, isExpired: false }
}

/**
 * Books what an oracle said or failed to say. A price that the limits refuse is an event and not an error: the old one stays, until it is too
 * old to charge by.
 *
 * @throws SequencerError `PRICE_REFUSED` for an override that is stale, from the future or not positive; the feed stays as it was
 *
 * @example
 * ```ts
 * import { applyPrice, createPriceFeed, currentPrice } from '@l2/sequencer-core/fees'
 *
 * const metis = { tokenUnits: 80n * 10n ** 18n, perWei: 10n ** 18n, observedAtSeconds: 1000n } // 80 METIS for one ETH
 * let { feed } = applyPrice(createPriceFeed(), { type: 'observed', price: metis, nowSeconds: 1005n })
 * const wild = { ...metis, tokenUnits: 8n * 10n ** 18n, observedAtSeconds: 1060n }
 * const refused = applyPrice(feed, { type: 'observed', price: wild, nowSeconds: 1065n })
 * feed = refused.feed
 * console.log(refused.events.map(event => event.type)) // [ 'price-refused' ]
 * console.log(currentPrice(feed, 1065n) === metis) // true
 * ```
 */
export function applyPrice(feed: PriceFeed, command: PriceCommand): { feed: PriceFeed; events: PriceEvent[] } {
  const { nowSeconds } = command
  if (command.type === 'failed') {
    const failures = feed.failures + 1
    return expire({ ...feed, failures }, nowSeconds, [{ type: 'oracle-failed', reason: command.reason, failures }])
  }
  const { price } = command
  try {
    acceptPrice(price, command.type === 'override' ? [] : feed.recent, nowSeconds, feed.limits)
  } catch (error) {
    if (command.type === 'override' || !isL2Error(error, 'PRICE_REFUSED')) throw error
    const failures = feed.failures + 1
    const reason = error.details['reason'] as PriceRefusal
    return expire({ ...feed, failures }, nowSeconds, [{ type: 'price-refused', reason, price, failures }])
  }
  const recent = command.type === 'override' ? [price] : withPrice(feed, price)
  return {
    feed: { ...feed, price, recent, failures: 0, isExpired: false },
    events: [{ type: 'price-accepted', price, previous: feed.price }],
  }
}

/** Stretches into which the time of the limit is divided, and prices kept of each. */
const stretches = 32n

/** Adds a price. Of a stretch of time the lowest, the highest and the last one stay: nothing between them can refuse what these do not. */
function withPrice({ recent, limits }: PriceFeed, price: GasTokenPrice): readonly GasTokenPrice[] {
  const { deviationSeconds } = limits
  const kept = [...recentPrices(recent, price.observedAtSeconds, limits)]
  const stretch = ({ observedAtSeconds }: GasTokenPrice): bigint =>
    deviationSeconds === 0n ? observedAtSeconds : (observedAtSeconds * stretches) / deviationSeconds
  const [last, middle, first] = [kept.at(-1), kept.at(-2), kept.at(-3)]
  const isFull = [last, middle, first].every(item => item !== undefined && stretch(item) === stretch(price))
  if (!isFull) return [...kept, price]
  // Four of one stretch, in their order: neither the lowest nor the highest of the first three goes.
  const group = [first!, middle!, last!]
  const higher = (a: GasTokenPrice, b: GasTokenPrice): boolean => a.tokenUnits * b.perWei > b.tokenUnits * a.perWei
  const lowest = group.reduce((a, b) => (higher(a, b) ? b : a))
  const highest = group.reduce((a, b) => (higher(b, a) ? b : a))
  const extremes = group.filter(item => item === lowest || item === highest)
  return [...kept.slice(0, -3), ...extremes, price]
}

function expire(feed: PriceFeed, nowSeconds: bigint, events: PriceEvent[]): { feed: PriceFeed; events: PriceEvent[] } {
  const { price, keepSeconds, isExpired } = feed
  if (price === undefined || isExpired || nowSeconds - price.observedAtSeconds <= keepSeconds) return { feed, events }
  return {
    feed: { ...feed, isExpired: true },
    events: [...events, { type: 'price-expired', ageSeconds: nowSeconds - price.observedAtSeconds }],
  }
}

/**
 * The price to charge by.
 *
 * @param now seconds since the Unix epoch
 * @throws SequencerError `PRICE_UNAVAILABLE` when there is none, or none young enough
 *
 * @example
 * ```ts
 * import { createPriceFeed, currentPrice } from '@l2/sequencer-core/fees'
 *
 * const price = { tokenUnits: 80n * 10n ** 18n, perWei: 10n ** 18n, observedAtSeconds: 1000n }
 * console.log(currentPrice(createPriceFeed({ price }), 1060n) === price) // true
 * ```
 */
export function currentPrice(feed: PriceFeed, nowSeconds: bigint): GasTokenPrice {
  const { price, keepSeconds } = feed
  if (price === undefined) {
    throw new SequencerError('no gas token price yet', {
      code: 'PRICE_UNAVAILABLE',
      recovery: 'retry',
      details: { reason: 'none' },
    })
  }
  const ageSeconds = nowSeconds - price.observedAtSeconds
  if (ageSeconds > keepSeconds) {
    throw new SequencerError(`the gas token price is ${ageSeconds} s old, at most ${keepSeconds}`, {
      code: 'PRICE_UNAVAILABLE',
      recovery: 'retry',
      details: { reason: 'expired', ageSeconds, keepSeconds },
    })
  }
  return price
}
