import * as z from 'zod/mini'
import { fail } from '../errors.js'
import { rateOne } from '../math/units.js'
import { integer } from '../state/codec.js'

/** What a report may not do. A missing limit is not checked. */
export type ReportLimits = {
  /** Growth of the pool, annualised, basis points: more is left for later reports (`growthLimit`). */
  readonly annualIncreaseBps?: bigint | undefined
  /** Loss of one report, basis points of the pool, exact. */
  readonly maxLossBps?: bigint | undefined
  /** Fall of the rate from its highest within 18 days, basis points, exact. */
  readonly maxDrawdownBps?: bigint | undefined
  /** Distance between the rate given for finalisation and the one the report implies, basis points, floored. */
  readonly shareRateDeviationBps?: bigint | undefined
  /** A request is finalised only when it is older than this, seconds. */
  readonly requestMarginSeconds?: bigint | undefined
  /** Newly active seats per day. */
  readonly appearedSeatsPerDay?: bigint | undefined
}

/**
 * Metis' figures: a seat earns about 20 % a year, which Lido's own cap of 10 % would refuse every day. Annual increase
 * 2,500 bps, loss 500 bps a report and 1,000 bps in 18 days, rate deviation 50 bps, request margin 7,680 s, two new
 * seats a day.
 */
export const metisReportLimits: ReportLimits = {
  annualIncreaseBps: 2_500n,
  maxLossBps: 500n,
  maxDrawdownBps: 1_000n,
  shareRateDeviationBps: 50n,
  requestMarginSeconds: 7_680n,
  appearedSeatsPerDay: 2n,
}

/** Lido's figures on Ethereum mainnet. Source: constructor of OracleReportSanityChecker 0xf1647c86…3129. */
export const lidoReportLimits: ReportLimits = {
  annualIncreaseBps: 1_000n,
  shareRateDeviationBps: 50n,
  requestMarginSeconds: 7_680n,
}

/** What a report did to the pool, before withdrawals are taken out of it. */
export type ReportFigures = {
  /** Wei before and after. */
  readonly pre: bigint
  readonly post: bigint
  /** Seconds since the last report; 0 counts as an hour. */
  readonly elapsedSeconds: bigint
  /**
   * Only when the report finalises: pool and shares after it, what it locked and burnt for the queue, and the rate it
   * was given.
   */
  readonly finalization?:
    | {
        readonly postAssets: bigint
        readonly postShares: bigint
        readonly locked: bigint
        readonly burnt: bigint
        readonly maxRate: bigint
      }
    | undefined
  readonly appearedSeats?: bigint | undefined
}

const daySeconds = 86_400n
const yearSeconds = 365n * daySeconds

/**
 * What a pool may grow by in `elapsedSeconds` (0 counts as an hour), wei; `undefined` without a limit. A report takes
 * rewards up to here and leaves the rest for later ones, so that rewards that come in batches refuse no report.
 */
export function growthLimit(limits: ReportLimits, pre: bigint, elapsedSeconds: bigint): bigint | undefined {
  const { annualIncreaseBps } = limits
  const elapsed = elapsedSeconds === 0n ? 3_600n : elapsedSeconds
  return annualIncreaseBps === undefined ? undefined : (annualIncreaseBps * pre * elapsed) / (10_000n * yearSeconds)
}

/**
 * Refuses a report that cannot be true. Source: Lido OracleReportSanityChecker; the loss cap and its exactness are
 * ours.
 * @throws LstError `ANNUAL_INCREASE_TOO_HIGH`, `LOSS_TOO_HIGH`, `SHARE_RATE_DEVIATION`, `SEATS_APPEARED_TOO_FAST`
 */
export function checkReport(limits: ReportLimits, figures: ReportFigures): void {
  const { post } = figures
  const pre = figures.pre === 0n ? 10n ** 9n : figures.pre
  const elapsed = figures.elapsedSeconds === 0n ? 3_600n : figures.elapsedSeconds
  if (limits.annualIncreaseBps !== undefined && post > figures.pre) {
    const annualised = (yearSeconds * 10_000n * (post - figures.pre)) / pre / elapsed
    if (annualised > limits.annualIncreaseBps)
      fail('ANNUAL_INCREASE_TOO_HIGH', `growth of ${annualised} bps a year is above ${limits.annualIncreaseBps} bps`, {
        annualisedBps: annualised,
        limit: limits.annualIncreaseBps,
      })
  }
  if (
    limits.maxLossBps !== undefined &&
    post < figures.pre &&
    (figures.pre - post) * 10_000n > limits.maxLossBps * figures.pre
  )
    fail('LOSS_TOO_HIGH', `a loss of ${figures.pre - post} wei is above ${limits.maxLossBps} bps of ${figures.pre}`, {
      loss: figures.pre - post,
      limit: limits.maxLossBps,
    })
  if (limits.appearedSeatsPerDay !== undefined && figures.appearedSeats !== undefined) {
    const most = (limits.appearedSeatsPerDay * elapsed) / daySeconds
    // One seat in less than half a day is slow, not fast: the cap never falls below a single day's.
    const floor = most < limits.appearedSeatsPerDay ? limits.appearedSeatsPerDay : most
    if (figures.appearedSeats > floor)
      fail('SEATS_APPEARED_TOO_FAST', `${figures.appearedSeats} seats became active, at most ${floor} can`, {
        limit: floor,
      })
  }
  const { finalization } = figures
  if (finalization !== undefined && limits.shareRateDeviationBps !== undefined) {
    const shares = finalization.postShares + finalization.burnt
    const actual = shares === 0n ? 0n : ((finalization.postAssets + finalization.locked) * rateOne) / shares
    const distance = actual > finalization.maxRate ? actual - finalization.maxRate : finalization.maxRate - actual
    if (actual === 0n || (distance * 10_000n) / actual > limits.shareRateDeviationBps)
      fail(
        'SHARE_RATE_DEVIATION',
        `rate ${finalization.maxRate} is more than ${limits.shareRateDeviationBps} bps from ${actual}`,
        {
          given: finalization.maxRate,
          implied: actual,
          limit: limits.shareRateDeviationBps,
        },
      )
  }
}

/**
 * Metis pays per block, so that a report can be held to an exact bound: no seat earns more than blocks × reward per
 * block.
 * @throws LstError `REWARD_TOO_HIGH`
 */
export function checkReward(reward: bigint, blocks: bigint, rewardPerBlock: bigint): void {
  if (reward > blocks * rewardPerBlock)
    fail('REWARD_TOO_HIGH', `${reward} wei is more than ${blocks} blocks of ${rewardPerBlock}`, {
      reward,
      limit: blocks * rewardPerBlock,
    })
}

/**
 * Seats of a report: each within its limits unless it is being left, together the reported total.
 * @throws LstError `SEAT_OUT_OF_RANGE`, `REPORT_INCONSISTENT`
 */
export function checkSeats(
  seats: readonly { readonly id: string; readonly assets: bigint; readonly exiting?: boolean }[],
  reportedTotal: bigint,
  limits: { readonly minSeat: bigint; readonly maxSeat: bigint },
): void {
  let sum = 0n
  const seen = new Set<string>()
  for (const seat of seats) {
    if (seen.has(seat.id)) fail('REPORT_INCONSISTENT', `seat "${seat.id}" is reported twice`, { seat: seat.id })
    seen.add(seat.id)
    if (seat.assets < 0n || (seat.exiting !== true && (seat.assets < limits.minSeat || seat.assets > limits.maxSeat)))
      fail(
        'SEAT_OUT_OF_RANGE',
        `seat "${seat.id}" holds ${seat.assets} wei, allowed are ${limits.minSeat} … ${limits.maxSeat}`,
        {
          seat: seat.id,
        },
      )
    sum += seat.assets
  }
  if (sum !== reportedTotal)
    fail('REPORT_INCONSISTENT', `seats add up to ${sum} wei, the report says ${reportedTotal}`, {
      sum,
      reported: reportedTotal,
    })
}

/** Seconds over which {@link ReportLimits.maxDrawdownBps} looks back. */
export const drawdownSeconds = 1_555_200n

/** A rate of the past, and until when it held, seconds. */
export type PastRate = { readonly rate: bigint; readonly atSeconds: bigint }

/** The window is kept in this many parts, so that it takes bounded room however often somebody reports. */
const guardParts = 72n

/**
 * The rates that the drawdown is measured from, once `rate` held until `nowSeconds`: highest first, each later than the one
 * before. What is forgotten is older than the window or was surpassed since; no number of reports shortens it.
 */
export function rememberRate(rates: readonly PastRate[], rate: bigint, nowSeconds: bigint): readonly PastRate[] {
  const kept = rates.filter(past => past.atSeconds + drawdownSeconds >= nowSeconds)
  while (kept.length > 0 && kept[kept.length - 1]!.rate <= rate) kept.pop()
  const last = kept[kept.length - 1]
  const part = drawdownSeconds / guardParts
  // Two falls within one part of the window count as one, from the higher rate: the window gets longer by a part at
  // most.
  if (last !== undefined && last.atSeconds / part === nowSeconds / part)
    kept[kept.length - 1] = { rate: last.rate, atSeconds: nowSeconds }
  else kept.push({ rate, atSeconds: nowSeconds })
  return kept
}

/**
 * Losses of several reports together, as a fall of the rate from its highest in the window.
 * @throws LstError `LOSS_TOO_HIGH`
 */
export function checkDrawdown(limits: ReportLimits, rates: readonly PastRate[], nowSeconds: bigint): void {
  const { maxDrawdownBps } = limits
  const highest = rates[0]?.rate ?? 0n
  if (
    maxDrawdownBps !== undefined &&
    nowSeconds < highest &&
    (highest - nowSeconds) * 10_000n > maxDrawdownBps * highest
  )
    fail('LOSS_TOO_HIGH', `the rate fell from ${highest} to ${nowSeconds}, more than ${maxDrawdownBps} bps`, {
      highest,
      nowSeconds,
      limit: maxDrawdownBps,
    })
}

/** Zod schema of {@link ReportLimits}. */
export const limitsSchema = /* @__PURE__ */ (() =>
  z.strictObject({
    annualIncreaseBps: z.optional(integer),
    maxLossBps: z.optional(integer),
    maxDrawdownBps: z.optional(integer),
    shareRateDeviationBps: z.optional(integer),
    requestMarginSeconds: z.optional(integer),
    appearedSeatsPerDay: z.optional(integer),
  }))()
