import { fail } from '../errors.js'
import { bpsOf, max, min, mulDown, rateOf, type Totals } from '../math/math.js'
import { type Assets, amount, type RateE27, rateOne, type Shares, total } from '../math/units.js'
import { checkReport, growthLimit } from '../report/guard.js'
import { burnLimit, createLimiter, limiterAdd, limiterRemove, limiterSeats } from '../report/limiter.js'
import { prefinalize } from '../withdrawal/queue.js'
import { type FeeRecipient, pooled, type RebasingPool } from './state.js'

/** What a report says. */
export type RebasingReport = {
  /** Balance of all seats, METIS on its way back included, wei. */
  readonly seatsNow: Assets
  /** Part of the transit that is in seats now, wei. */
  readonly appeared: Assets
  /** Seconds since the last report. */
  readonly elapsedSeconds: bigint
  /** Time of the report, seconds. */
  readonly nowSeconds: bigint
  /** Ends of the batches to finalise, with the highest rate they are paid at. */
  readonly batches?: readonly bigint[] | undefined
  readonly maxRate?: RateE27 | undefined
  /** Seats that became active, for the guard. */
  readonly appearedSeats?: bigint | undefined
  /** Turns bunker mode on or off. */
  readonly bunker?: boolean | undefined
}

/** What a report does. All in wei or shares. */
export type ReportOutcome = {
  readonly principal: Assets
  /** Locked for withdrawals, and the shares the queue gives up for it. */
  readonly locked: Assets
  readonly queueShares: Shares
  readonly fromReturnsVault: Assets
  readonly fromRewardsVault: Assets
  readonly burnt: Shares
  /** The part of `burnt` that the limiter granted on top of cover requests. */
  readonly queueBurnt: Shares
  readonly preAssets: Assets
  readonly preShares: Shares
  readonly postAssets: Assets
  readonly postShares: Shares
  readonly feeAssets: Assets
  readonly feeShares: Shares
  readonly distribution: readonly { readonly account: string; readonly shares: Shares }[]
  readonly preRate: RateE27
  readonly postRate: RateE27
}

/** The high-water mark after a report; a pool that everybody has left starts anew. */
export function highWater(before: RateE27, totals: Totals): RateE27 {
  return totals.shares === 0n ? rateOne : (max(before, rateOf(totals)) as RateE27)
}

/** The part of a gain that is profit: what is left once `totals` are back at `highRate`. */
export function aboveHighWater(gain: bigint, totals: Totals, highRate: bigint): bigint {
  const missing = mulDown(highRate, totals.shares, rateOne) - totals.assets
  return missing > 0n ? max(gain - missing, 0n) : gain
}

/**
 * Fee shares that are worth `feeAssets` once minted, and how the recipients divide them: floors, the last one gets the
 * rest.
 */
export function feeSharesFor(
  recipients: readonly FeeRecipient[],
  gain: bigint,
  postAssets: bigint,
  shares: bigint,
): { feeAssets: Assets; feeShares: Shares; distribution: { account: string; shares: Shares }[] } {
  const bps = recipients.reduce((all, recipient) => all + recipient.bps, 0n)
  let feeAssets = gain > 0n ? bpsOf(gain, bps) : 0n
  let feeShares = 0n
  // The whole pool as fee would leave no rate for the holders: nothing can be minted at it.
  if (feeAssets > 0n && postAssets > feeAssets) feeShares = mulDown(feeAssets, shares, postAssets - feeAssets)
  else feeAssets = 0n
  let left = feeShares
  const distribution = recipients.map((recipient, i) => {
    const part = i === recipients.length - 1 ? left : bps === 0n ? 0n : (feeShares * recipient.bps) / bps
    left -= part
    return { account: recipient.account, shares: part as Shares }
  })
  return { feeAssets: feeAssets as Assets, feeShares: feeShares as Shares, distribution }
}

/**
 * What a report would do, without doing it: the oracle's dry run, whose `postRate` without batches is the rate to
 * finalise at.
 * @throws LstError `REPORT_INCONSISTENT`, and whatever `prefinalize` and the guard refuse.
 */
export function simulateReport(pool: RebasingPool, report: RebasingReport): ReportOutcome {
  amount('seatsNow', report.seatsNow)
  amount('appeared', report.appeared)
  if (report.elapsedSeconds < 0n) fail('TIME_BACKWARDS', `elapsed expected 0 or more, got ${report.elapsedSeconds} s`)
  if (report.appeared > pool.transit)
    fail('REPORT_INCONSISTENT', `${report.appeared} wei appeared, but only ${pool.transit} are in transit`, {
      limit: pool.transit,
    })
  const preAssets = pooled(pool)
  const preShares = pool.totalShares
  const principal = (pool.seats + report.appeared) as Assets
  const finalizing = report.batches !== undefined && report.batches.length > 0
  const { assets: locked, shares: queueShares } = finalizing
    ? prefinalize(pool.queue, report.batches ?? [], report.maxRate ?? (0n as RateE27))
    : { assets: 0n as Assets, shares: 0n as Shares }
  const most = growthLimit(pool.limits, preAssets, report.elapsedSeconds)
  let limiter = limiterSeats(
    createLimiter({ limitE18: pool.maxPositiveRebaseE18, prePooled: preAssets, preShares, most }),
    principal,
    report.seatsNow,
  )
  const returns = limiterAdd(limiter, pool.returnsVault)
  const rewards = limiterAdd(returns.limiter, pool.rewardsVault)
  limiter = rewards.limiter
  const wanted = pool.burnRequested
  const room = burnLimit(limiter)
  const burnCover = room === undefined ? wanted : min(room, wanted)
  const afterLock = burnLimit(limiterRemove(limiter, locked))
  const burnAll = wanted + queueShares
  // Shares that leave for what they are worth raise nobody's rate: they are burnt at once. What the limit holds back is
  // what their owners
  // gave up, and shares burnt as cover.
  const neutral = finalizing ? min(queueShares, mulDown(locked, rateOne, report.maxRate ?? 1n)) : 0n
  const burnt = afterLock === undefined ? burnAll : max(min(afterLock, burnAll), burnCover + neutral)
  const postAssets = preAssets + report.seatsNow + returns.taken - principal + rewards.taken - locked
  const gain = report.seatsNow + returns.taken - principal + rewards.taken
  const seatGain = report.seatsNow + returns.taken - principal
  const sharesLeft = preShares - burnt
  const profit =
    pool.profitTest === 'highWater'
      ? aboveHighWater(gain, { assets: preAssets, shares: preShares }, pool.highRate)
      : pool.profitTest === 'net' || seatGain > 0n
        ? gain
        : 0n
  const fee = feeSharesFor(pool.feeRecipients, profit, postAssets, sharesLeft)
  const postShares = sharesLeft + fee.feeShares
  const bufferAfter = pool.buffer + returns.taken + rewards.taken - locked
  if (bufferAfter < 0n)
    fail('INSUFFICIENT_CASH', `finalising locks ${locked} wei, the buffer has ${bufferAfter + locked}`, {
      limit: bufferAfter + locked,
    })
  if (finalizing && pool.limits.requestMarginSeconds !== undefined) {
    const last = report.batches![report.batches!.length - 1]!
    const at = pool.queue.requests.get(last)!.atSeconds
    if (at + pool.limits.requestMarginSeconds > report.nowSeconds)
      fail('REQUEST_TOO_FRESH', `request ${last} of ${at} s is younger than ${pool.limits.requestMarginSeconds} s`, {
        limit: pool.limits.requestMarginSeconds,
      })
  }
  checkReport(pool.limits, {
    pre: preAssets,
    post: preAssets + gain,
    elapsedSeconds: report.elapsedSeconds,
    appearedSeats: report.appearedSeats,
    finalization: finalizing
      ? { postAssets, postShares, locked, burnt: burnt - burnCover, maxRate: report.maxRate ?? 0n }
      : undefined,
  })
  return {
    principal,
    locked,
    queueShares,
    fromReturnsVault: returns.taken,
    fromRewardsVault: rewards.taken,
    burnt: burnt as Shares,
    queueBurnt: (burnt - burnCover) as Shares,
    preAssets,
    preShares,
    postAssets: postAssets as Assets,
    postShares: total<Shares>('totalShares', postShares),
    ...fee,
    preRate: rateOf({ assets: preAssets, shares: preShares }),
    postRate: rateOf({ assets: postAssets, shares: postShares }),
  }
}

/** The rate that a report without withdrawals would leave: what the queue is finalised at. */
export function simulatedRate(pool: RebasingPool, report: RebasingReport): RateE27 {
  const { postAssets, postShares } = simulateReport(pool, { ...report, batches: undefined })
  return (postShares === 0n ? 0n : (postAssets * rateOne) / postShares) as RateE27
}
