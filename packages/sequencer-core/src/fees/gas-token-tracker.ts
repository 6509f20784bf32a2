import { type Clock, redactUrls, systemClock } from '@l2/common'
import * as z from 'zod/mini'
import { checkOptions } from '../internal/options.js'
import { answerOf, secondsOf } from './answer.js'
import {
  checkTokenDecimals,
  type FeeScalars,
  type GasTokenOracle,
  type GasTokenPrice,
  type GasTokenScalars,
  gasTokenOperatorFee,
  gasTokenScalars,
  type OperatorFeeMarket,
  toGasToken,
} from './gas-token.js'
import type { OperatorFeeParameters } from './operator-fee.js'
import {
  applyPrice,
  createPriceFeed,
  currentPrice,
  type PriceCommand,
  type PriceEvent,
  type PriceFeedOptions,
} from './price-feed.js'
import {
  applyRecovery,
  createRecovery,
  type RecoveryEvent,
  type RecoveryOptions,
  recoveryBps,
  windowRecovery,
} from './recovery.js'

/** Options of {@link createGasTokenTracker}: those of the price feed and of the recovery, and how to ask. */
export type GasTokenTrackerOptions = PriceFeedOptions &
  RecoveryOptions & {
    /** 18 for METIS, 6 for USDC; at most 18. */
    readonly tokenDecimals: number
    /** Default 60,000. */
    readonly pollMs?: number | undefined
    /** How long to wait for an answer of the oracle. Default 10,000. */
    readonly timeoutMs?: number | undefined
  }

/** What a tracker works with besides its options. */
export type GasTokenTrackerDeps = {
  readonly oracle: GasTokenOracle
  readonly clock?: Clock | undefined
  /** Told of every event in order; must not throw. */
  readonly onEvent?: ((event: PriceEvent | RecoveryEvent | ScalarEvent) => void) | undefined
}

/** Scalars no longer hold what is to be charged, or hold it again: said once each time. */
export type ScalarEvent =
  | { readonly type: 'scalars-clamped'; readonly scalars: FeeScalars; readonly missing: FeeScalars }
  | { readonly type: 'scalars-fit'; readonly scalars: FeeScalars }

/** What a screen shows of a tracker. */
export type GasTokenView = {
  /** The last accepted price, however old. */
  readonly price: GasTokenPrice | undefined
  readonly ageSeconds: bigint | undefined
  /** Answers since then that were refused or did not come. */
  readonly failures: number
  readonly factorBps: bigint
  /** Over- or under-recovery of everything booked, and over the window. */
  readonly totalRecoveryBps: bigint | undefined
  readonly windowRecoveryBps: bigint | undefined
}

/** Keeps the price of a rollup's gas token, and its fees at what posting costs. */
export interface GasTokenTracker {
  /** Asks the oracle once. A failure or a refused price is an event; rejects only with the signal's reason. */
  poll(options?: { signal?: AbortSignal | undefined }): Promise<void>
  /** {@link poll} every `pollMs`, and after each an adjustment of the factor if its window is over; resolves when the signal is aborted. */
  run(options: { signal: AbortSignal }): Promise<void>
  /** An operator's word against the deviation limit. @throws SequencerError `PRICE_REFUSED` */
  override(price: GasTokenPrice): void
  /** The price to charge by. @throws SequencerError `PRICE_UNAVAILABLE` */
  price(): GasTokenPrice
  /** Scalars that charge cost and margin in the gas token, as far as 32 bits go. @throws SequencerError `PRICE_UNAVAILABLE`, `FEE_OPTIONS` */
  scalars(inEth: FeeScalars): FeeScalars
  /** The operator fee for what {@link GasTokenTracker.scalars} cannot charge; from Isthmus on. @throws SequencerError `PRICE_UNAVAILABLE`, `FEE_OPTIONS` */
  operatorFee(inEth: FeeScalars, market: OperatorFeeMarket): OperatorFeeParameters
  /** Books what users were charged for posting, in the gas token's units. @throws SequencerError `FEE_OPTIONS` */
  charged(units: bigint): void
  /** Books what posting cost, and gives it in the gas token's units, rounded up. @throws SequencerError `PRICE_UNAVAILABLE`, `FEE_OPTIONS` */
  spent(wei: bigint): bigint
  readonly view: GasTokenView
}

const settings = /* @__PURE__ */ (() =>
  z.object({
    pollMs: z._default(z.int().check(z.positive(), z.maximum(86_400_000)), 60_000),
    timeoutMs: z._default(z.int().check(z.positive(), z.maximum(600_000)), 10_000),
  }))()

/**
 * Follows the price of a custom gas token: polls an oracle, keeps the last price that the limits accept, derives the scalars of the L1 data
 * fee, and moves them, slowly and within bounds, until users pay what posting costs. The states inside are those of {@link applyPrice} and
 * {@link applyRecovery}, which can be had without this shell.
 *
 * @throws SequencerError `FEE_OPTIONS`
 *
 * @example
 * ```ts
 * import { createGasTokenTracker, fixedOracle } from '@l2/sequencer-core/fees'
 *
 * // USDC has 6 decimals: one ETH at 3,000 dollars.
 * const oracle = fixedOracle({ tokenUnits: 3_000_000_000n, perWei: 10n ** 18n })
 * const tracker = createGasTokenTracker({ tokenDecimals: 6, marginBps: 1000n }, { oracle })
 * await tracker.poll()
 * console.log(tracker.scalars({ baseFeeScalar: 1_000n, blobBaseFeeScalar: 100_000n }).baseFeeScalar) // 3300000n
 * const cost = tracker.spent(21_000n * 10n ** 9n)
 * tracker.charged(60_000n)
 * console.log(cost, tracker.view.totalRecoveryBps) // 63000n -476n
 * ```
 */
export function createGasTokenTracker(options: GasTokenTrackerOptions, deps: GasTokenTrackerDeps): GasTokenTracker {
  const { tokenDecimals } = options
  checkTokenDecimals(tokenDecimals)
  const { pollMs, timeoutMs } = checkOptions(settings, options, 'the gas token tracker', 'FEE_OPTIONS')
  const { oracle, clock = systemClock, onEvent = () => {} } = deps
  let feed = createPriceFeed(options)
  let recovery = createRecovery(options)

  const hear = (command: PriceCommand): void => {
    const next = applyPrice(feed, command)
    feed = next.feed
    for (const event of next.events) onEvent(event)
  }
  const adjust = (): void => {
    const next = applyRecovery(recovery, { type: 'adjust', atSeconds: secondsOf(clock) })
    recovery = next.state
    for (const event of next.events) onEvent(event)
  }
  const book = (charged: bigint, cost: bigint): void => {
    recovery = applyRecovery(recovery, { type: 'book', charged, cost, atSeconds: secondsOf(clock) }).state
  }
  const price = (): GasTokenPrice => currentPrice(feed, secondsOf(clock))
  let isClamped = false
  const scaled = (inEth: FeeScalars): GasTokenScalars =>
    gasTokenScalars(inEth, price(), tokenDecimals, recovery.factorBps)

  const poll = async (signal: AbortSignal | undefined): Promise<void> => {
    try {
      const answer = await answerOf(stop => oracle.price({ signal: stop }), { signal, timeoutMs, clock })
      hear({ type: 'observed', price: answer, nowSeconds: secondsOf(clock) })
    } catch (error) {
      signal?.throwIfAborted()
      const text = error instanceof Error ? error.message.split('\n', 1)[0]! : String(error)
      hear({ type: 'failed', reason: redactUrls(text).slice(0, 200), nowSeconds: secondsOf(clock) })
    }
  }

  return {
    poll: ({ signal } = {}) => poll(signal),
    async run({ signal }) {
      while (!signal.aborted) {
        try {
          await poll(signal)
          adjust()
          await clock.sleep(pollMs, signal)
        } catch (error) {
          if (!signal.aborted) throw error
        }
      }
    },
    override: next => hear({ type: 'override', price: next, nowSeconds: secondsOf(clock) }),
    price,
    scalars(inEth) {
      const { missing, ...scalars } = scaled(inEth)
      if (isClamped !== (missing !== undefined)) {
        isClamped = !isClamped
        onEvent(
          missing === undefined ? { type: 'scalars-fit', scalars } : { type: 'scalars-clamped', scalars, missing },
        )
      }
      return scalars
    },
    operatorFee: (inEth, market) => gasTokenOperatorFee(scaled(inEth).missing, market),
    charged: units => book(units, 0n),
    spent(wei) {
      const units = toGasToken(wei, price())
      book(0n, units)
      return units
    },
    get view() {
      const now = secondsOf(clock)
      return {
        price: feed.price,
        ageSeconds: feed.price === undefined ? undefined : now - feed.price.observedAtSeconds,
        failures: feed.failures,
        factorBps: recovery.factorBps,
        totalRecoveryBps: recoveryBps(recovery.total),
        windowRecoveryBps: recoveryBps(windowRecovery(recovery, now)),
      }
    },
  }
}
