import { type Clock, systemClock } from '@l2/common'
import { SequencerError } from '../errors.js'
import { answerOf, secondsOf } from './answer.js'
import type { GasTokenOracle, GasTokenPrice } from './gas-token.js'

/**
 * An oracle that always says the same: for development, or where governance sets the price.
 *
 * @param price observed whenever it is asked for
 *
 * @example
 * ```ts
 * import { fixedOracle } from '@l2/sequencer-core/fees'
 *
 * const oracle = fixedOracle({ tokenUnits: 80n * 10n ** 18n, perWei: 10n ** 18n }) // 80 METIS for one ETH
 * console.log((await oracle.price()).tokenUnits) // 80000000000000000000n
 * ```
 */
export function fixedOracle(
  price: Omit<GasTokenPrice, 'observedAtSeconds'>,
  deps: { readonly clock?: Clock | undefined } = {},
): GasTokenOracle {
  const { clock = systemClock } = deps
  return {
    price: async ({ signal } = {}) => {
      signal?.throwIfAborted()
      return { tokenUnits: price.tokenUnits, perWei: price.perWei, observedAtSeconds: secondsOf(clock) }
    },
  }
}

/** Options of {@link medianOracle}. */
export type MedianOracleOptions = {
  /** Answers that are needed at least. Default: more than half. */
  readonly quorum?: number | undefined
  /** An older answer does not count. Default 3600. */
  readonly maxAgeSeconds?: bigint | undefined
  /** How long to wait for an oracle. Default 5,000. */
  readonly timeoutMs?: number | undefined
}

/** Whether a is the lower price of ETH. */
const byPrice = (a: GasTokenPrice, b: GasTokenPrice): number => {
  const left = a.tokenUnits * b.perWei
  const right = b.tokenUnits * a.perWei
  return left < right ? -1 : left > right ? 1 : 0
}

/**
 * The median of several oracles: wrong only when half of those that answer are. Of an even number the higher of the two middle prices, at
 * which the rollup does not charge too little. Answers that are late, stale, from the future or not positive do not count; the
 * price is as old as the oldest that does.
 *
 * @throws SequencerError `FEE_OPTIONS`; its `price` rejects with `PRICE_UNAVAILABLE` when too few answer
 *
 * @example
 * ```ts
 * import { fixedOracle, medianOracle } from '@l2/sequencer-core/fees'
 *
 * const at = (metis: bigint) => fixedOracle({ tokenUnits: metis * 10n ** 18n, perWei: 10n ** 18n })
 * const oracle = medianOracle([at(80n), at(8000n), at(81n)])
 * console.log((await oracle.price()).tokenUnits) // 81000000000000000000n
 * ```
 */
export function medianOracle(
  oracles: readonly GasTokenOracle[],
  options: MedianOracleOptions = {},
  deps: { readonly clock?: Clock | undefined } = {},
): GasTokenOracle {
  const { quorum = Math.floor(oracles.length / 2) + 1, maxAgeSeconds = 3600n, timeoutMs = 5_000 } = options
  const { clock = systemClock } = deps
  if (!Number.isInteger(quorum) || quorum < 1 || quorum > oracles.length) {
    throw new SequencerError(`"quorum" expected 1 to ${oracles.length}, the number of oracles, got ${quorum}`, {
      code: 'FEE_OPTIONS',
      details: { quorum, oracles: oracles.length },
    })
  }
  return {
    price: async ({ signal } = {}) => {
      const answers = await Promise.allSettled(
        oracles.map(oracle => answerOf(stop => oracle.price({ signal: stop }), { signal, timeoutMs, clock })),
      )
      signal?.throwIfAborted()
      const now = secondsOf(clock)
      const prices = answers
        .flatMap(answer => (answer.status === 'fulfilled' ? [answer.value] : []))
        .filter(({ tokenUnits, perWei }) => tokenUnits > 0n && perWei > 0n)
        .filter(({ observedAtSeconds }) => observedAtSeconds <= now && now - observedAtSeconds <= maxAgeSeconds)
        .sort(byPrice)
      const median = prices[Math.floor(prices.length / 2)]
      if (median === undefined || prices.length < quorum) {
        throw new SequencerError(`${prices.length} of ${oracles.length} oracles gave a price, ${quorum} are needed`, {
          code: 'PRICE_UNAVAILABLE',
          recovery: 'retry',
          details: { reason: 'quorum', usable: prices.length, quorum, oracles: oracles.length },
        })
      }
      const observedAtSeconds = prices.reduce(
        (oldest, price) => (price.observedAtSeconds < oldest ? price.observedAtSeconds : oldest),
        now,
      )
      return { ...median, observedAtSeconds }
    },
  }
}
