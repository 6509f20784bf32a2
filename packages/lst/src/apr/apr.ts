import { fail } from '../errors.js'
import { mulDown, mulUp, rateOf } from '../math/math.js'

const yearSeconds = 31_536_000n
const e18 = 10n ** 18n

/** One rebase: the pool before and after, over how long. Wei, shares, seconds. */
export type RebaseEvent = {
  readonly preAssets: bigint
  readonly preShares: bigint
  readonly postAssets: bigint
  readonly postShares: bigint
  /** Minted as fee in this rebase; 0 when unknown. */
  readonly feeShares?: bigint | undefined
  readonly elapsedSeconds: bigint
  /** Time of the rebase, seconds. */
  readonly atSeconds: bigint
}

/** A yearly rate: `aprE18` 10^18 is 100 %, negative after a loss; `apr` the same as a fraction, for display. */
export type Apr = { readonly aprE18: bigint; readonly apr: number; readonly elapsedSeconds: bigint }

function between(pre: bigint, post: bigint, elapsedSeconds: bigint): Apr {
  if (elapsedSeconds <= 0n) fail('OPTION_INVALID', `elapsed expected more than 0 s, got ${elapsedSeconds}`)
  if (pre === 0n) fail('INSOLVENT', 'the rate before is zero')
  const aprE18 = (yearSeconds * (post - pre) * e18) / (pre * elapsedSeconds)
  return { aprE18, apr: Number(aprE18) / 1e18, elapsedSeconds }
}

const pre = (event: RebaseEvent): bigint => rateOf({ assets: event.preAssets, shares: event.preShares })

/**
 * What holders earned in one rebase, annualised: `year·(post−pre)/pre/elapsed` over rates at 10^27, truncated towards
 * zero.
 * @example
 * ```ts
 * import { aprOf } from '@l2/lst'
 * const apr = aprOf({ preAssets: 1_000_000n, preShares: 1_000_000n, postAssets: 1_000_500n, postShares: 1_000_000n, elapsedSeconds: 86_400n, atSeconds: 0n })
 * console.log(apr.aprE18) // 182500000000000000n
 * ```
 */
export function aprOf(event: RebaseEvent): Apr {
  return between(pre(event), rateOf({ assets: event.postAssets, shares: event.postShares }), event.elapsedSeconds)
}

/** What the pool earned before its fee: fee shares taken out. */
export function grossAprOf(event: RebaseEvent): Apr {
  const shares = event.postShares - (event.feeShares ?? 0n)
  if (shares < 0n) fail('REPORT_INCONSISTENT', `${event.feeShares} fee shares of ${event.postShares}`)
  return between(pre(event), rateOf({ assets: event.postAssets, shares }), event.elapsedSeconds)
}

/** From before the first event to after the last, over the time they cover together. */
export function movingApr(events: readonly RebaseEvent[]): Apr {
  const first = events[0]
  const last = events[events.length - 1]
  if (first === undefined || last === undefined)
    return fail('OPTION_INVALID', 'a moving average needs at least one event')
  return between(
    pre(first),
    rateOf({ assets: last.postAssets, shares: last.postShares }),
    first.elapsedSeconds + (last.atSeconds - first.atSeconds),
  )
}

/** Compounds a yearly rate (10^18 is 100 %) `n` times a year; every multiplication floored. */
export function apyE18(aprE18: bigint, n: bigint): bigint {
  if (aprE18 < 0n || n < 1n || n > 1_000_000n)
    fail('OPTION_INVALID', `APY expected a rate ≥ 0 over 1 … 1000000 periods, got ${aprE18}, ${n}`)
  const factor = e18 + aprE18 / n
  let one = e18
  for (let i = 0n; i < n; i++) one = mulDown(one, factor, e18)
  return one - e18
}

/**
 * What locked METIS earn in a year when reward is per block, 10^18 is 100 %: a derived figure, never a parameter of
 * Metis.
 */
export function seatAprE18(options: { rewardPerBlock: bigint; blockSeconds: bigint; locked: bigint }): bigint {
  if (options.blockSeconds < 1n || options.locked < 1n)
    fail('OPTION_INVALID', 'block time and locked amount expected more than 0')
  return mulDown((yearSeconds / options.blockSeconds) * options.rewardPerBlock, e18, options.locked)
}

/** Why a withdrawal waits. */
export type ExitWaitReason = 'buffer' | 'bunker' | 'partialExit' | 'inflow' | 'fullExit'

/** Seconds until a withdrawal can be paid, and why. */
export type WaitEstimate = { readonly seconds: bigint; readonly reason: ExitWaitReason }

/**
 * How long until `ahead` wei (the request and everything before it) are paid: at once out of idle wei, else the soonest
 * of taking from above the seats' minimum, of daily inflow, and of leaving a seat. Bunker mode adds what is left of it.
 */
export function estimateWait(options: {
  ahead: bigint
  idle: bigint
  dailyInflow: bigint
  /** Wei above the minimum in seats that may be withdrawn from, and how long that takes. */
  partialCapacity: bigint
  partialSeconds: bigint
  /** How long leaving a seat takes. */
  fullSeconds: bigint
  /** What is left of bunker mode; default 0. */
  bunkerSeconds?: bigint
}): WaitEstimate {
  const { ahead, idle, bunkerSeconds = 0n } = options
  const held = (estimate: WaitEstimate): WaitEstimate =>
    bunkerSeconds > estimate.seconds ? { seconds: bunkerSeconds, reason: 'bunker' } : estimate
  if (ahead <= idle) return held({ seconds: 0n, reason: 'buffer' })
  const missing = ahead - idle
  let best: WaitEstimate = { seconds: options.fullSeconds, reason: 'fullExit' }
  if (options.dailyInflow > 0n) {
    const seconds = mulUp(missing, 86_400n, options.dailyInflow)
    if (seconds < best.seconds) best = { seconds, reason: 'inflow' }
  }
  if (options.partialCapacity >= missing && options.partialSeconds <= best.seconds)
    best = { seconds: options.partialSeconds, reason: 'partialExit' }
  return held(best)
}
