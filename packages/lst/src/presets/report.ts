import type { RebaseEvent } from '../apr/apr.js'
import { fail } from '../errors.js'
import { bpsOf, max, min, rateOf, type Totals } from '../math/math.js'
import { type Assets, type RateE27, rateOne, type Shares, total } from '../math/units.js'
import { applyRebasing } from '../rebasing/pool.js'
import { aboveHighWater, highWater, simulateReport } from '../rebasing/report.js'
import { checkDrawdown, checkReport, growthLimit, type ReportLimits, rememberRate } from '../report/guard.js'
import { rememberRebase } from '../report/history.js'
import { createLimiter, limiterAdd, limiterRemove } from '../report/limiter.js'
import { seatTotals } from '../seats/book.js'
import { type LstStep, step } from '../state/reducer.js'
import { withCash } from './cash.js'
import { coreAssets, coreEarn, coreLose, coreSync, coreTotals, seedShares } from './core.js'
import { finalise, planFinalization } from './exits.js'
import type { Liquid } from './state.js'

/** What a report did. */
export type LiquidReport = {
  readonly gain: Assets
  readonly loss: Assets
  readonly fee: Assets
  readonly rate: RateE27
  /** Requests finalised up to this id, and what was set aside for them. */
  readonly finalizedTo: bigint
  readonly locked: Assets
  /** Rewards left for later reports by the limiter. */
  readonly heldBack: Assets
}

/** Books what seats earned and lost since the last report, and finalises what the cash covers. */
export function report(lst: Liquid, args: { nowSeconds: bigint; confirmed?: boolean }): LstStep<Liquid, LiquidReport> {
  return lst.core.model === 'rebasing' ? reportRebasing(lst, args) : reportVault(lst, args)
}

/**
 * The limits that can refuse a report. How much of the rewards it takes is up to the limiter and the rate of
 * finalisation is calculated here, so neither the growth nor the deviation of a rate given by somebody else is among
 * them: rewards and exits never stop a report.
 */
function refusals(lst: Liquid, confirmed: boolean | undefined): ReportLimits {
  const { maxLossBps, maxDrawdownBps, requestMarginSeconds } = lst.config.limits
  return confirmed === true ? { requestMarginSeconds } : { maxLossBps, maxDrawdownBps, requestMarginSeconds }
}

/** Guards, and what every model remembers of a report. */
function remember(
  before: Liquid,
  done: Liquid,
  args: { nowSeconds: bigint; limits: ReportLimits; pre: Totals; feeShares: bigint },
): { lst: Liquid; rebase: RebaseEvent } {
  const post = coreTotals(done.core)
  const rate = rateOf(post)
  const high = rateOf(args.pre)
  const rates = rememberRate(before.rates, high, args.nowSeconds)
  // Only a report that lowers the rate can have gone too far.
  if (rate < high) checkDrawdown(args.limits, rates, rate)
  // A cycle moves the rate between reports: a rebase is from one report's end to the next one's.
  const since = before.reported.shares === 0n ? args.pre : before.reported
  const rebase: RebaseEvent = {
    preAssets: since.assets,
    preShares: since.shares,
    postAssets: post.assets,
    postShares: post.shares,
    feeShares: args.feeShares,
    elapsedSeconds: args.nowSeconds - before.reportedAtSeconds,
    atSeconds: args.nowSeconds,
  }
  return {
    lst: {
      ...done,
      reportedAtSeconds: args.nowSeconds,
      reported: post,
      rates,
      history: rememberRebase(before.history, rebase, before.config),
    },
    rebase,
  }
}

function reportRebasing(lst: Liquid, args: { nowSeconds: bigint; confirmed?: boolean }): LstStep<Liquid, LiquidReport> {
  if (lst.core.model !== 'rebasing') return fail('OPTION_INVALID', 'not a rebasing pool')
  const pre = coreTotals(lst.core)
  const limits = refusals(lst, args.confirmed)
  // Nothing has no growth to be measured by.
  const { annualIncreaseBps } = pre.assets === 0n ? {} : lst.config.limits
  const pool = { ...lst.core.state, limits: { ...limits, annualIncreaseBps } }
  const base = {
    seatsNow: seatTotals(lst.seats).assets,
    // Entry legs are part of the seat book: all that left the buffer counts as seen.
    appeared: pool.transit,
    elapsedSeconds: args.nowSeconds - lst.reportedAtSeconds,
    nowSeconds: args.nowSeconds,
  }
  const dry = simulateReport(pool, base)
  const cash = pool.buffer + dry.fromReturnsVault + dry.fromRewardsVault
  const { batches, maxRate } = planFinalization(lst, {
    rate: less =>
      (dry.postShares === 0n || dry.postAssets <= less
        ? 0n
        : ((dry.postAssets - less) * rateOne) / dry.postShares) as RateE27,
    cash: rate => cash - min(lst.config.seed, (seedShares(lst.core) * rate) / rateOne),
  })
  const finalization = batches.length === 0 ? {} : { batches, maxRate }
  const { state, result, events } = applyRebasing(pool, { type: 'report', ...base, ...finalization })
  const booked: Liquid = {
    ...lst,
    core: { model: 'rebasing', state: { ...state, limits: lst.config.limits } },
    lossPending: 0n as Assets,
  }
  const { lst: next } = remember(lst, booked, { nowSeconds: args.nowSeconds, limits, pre, feeShares: result.feeShares })
  return {
    state: next,
    result: {
      gain: result.fromRewardsVault,
      loss: lst.lossPending,
      fee: result.feeAssets,
      rate: result.postRate,
      finalizedTo: state.queue.lastFinalizedId,
      locked: result.locked,
      heldBack: state.rewardsVault,
    },
    events,
  }
}

function reportVault(lst: Liquid, args: { nowSeconds: bigint; confirmed?: boolean }): LstStep<Liquid, LiquidReport> {
  const { config } = lst
  const pre = coreTotals(lst.core)
  const limits = refusals(lst, args.confirmed)
  // What is owed to exits of fixed amount cannot be lost by those who stay.
  const loss = config.lossPath ? min(lst.lossPending, coreAssets(lst.core)) : 0n
  const most = growthLimit(config.limits, pre.assets, args.nowSeconds - lst.reportedAtSeconds)
  const limiter = limiterRemove(
    createLimiter({
      limitE18: config.maxPositiveRebaseE18,
      prePooled: pre.assets as Assets,
      preShares: pre.shares as Shares,
      most,
    }),
    min(loss, pre.assets),
  )
  const given = limiterAdd(limiter, lst.givenUp)
  const rewards = limiterAdd(given.limiter, lst.rewardsVault)
  const net = given.taken + rewards.taken - loss
  checkReport(limits, {
    pre: pre.assets,
    post: pre.assets + net,
    elapsedSeconds: args.nowSeconds - lst.reportedAtSeconds,
  })
  const bps = config.feeRecipients.reduce((all, recipient) => all + recipient.bps, 0n)
  const fee = bpsOf(profit(lst, rewards.taken - loss, net), bps) as Assets
  const moved: Liquid = {
    ...lst,
    rewardsVault: (lst.rewardsVault - rewards.taken) as Assets,
    givenUp: (lst.givenUp - given.taken) as Assets,
    lossPending: 0n as Assets,
    unbacked: (lst.unbacked + (lst.lossPending - loss)) as Assets,
    fees: total<Assets>('fees', lst.fees + fee),
    core: coreSync(net > fee ? coreEarn(lst.core, (net - fee) as Assets) : coreLose(lst.core, (fee - net) as Assets)),
  }
  const done = finalise(withCash(moved, rewards.taken - fee))
  const { lst: next, rebase } = remember(lst, done.lst, { nowSeconds: args.nowSeconds, limits, pre, feeShares: 0n })
  const post = coreTotals(next.core)
  return step(
    { ...next, highRate: highWater(lst.highRate, post) },
    {
      gain: rewards.taken,
      loss: lst.lossPending,
      fee,
      rate: rateOf(post),
      finalizedTo: next.queue.lastFinalizedId,
      locked: done.locked,
      heldBack: next.rewardsVault,
    },
    {
      type: 'rebased',
      atSeconds: args.nowSeconds,
      elapsedSeconds: rebase.elapsedSeconds,
      preAssets: rebase.preAssets,
      preShares: rebase.preShares,
      postAssets: rebase.postAssets,
      postShares: rebase.postShares,
      feeShares: 0n,
    },
  )
}

/** What the fee is taken from: what seats earned beyond what they lost, above the high-water mark when there is one. */
function profit(lst: Liquid, earned: bigint, net: bigint): bigint {
  if (earned <= 0n) return 0n
  if (lst.config.profitTest !== 'highWater') return earned
  const totals = { assets: coreAssets(lst.core), shares: coreTotals(lst.core).shares }
  return min(earned, max(aboveHighWater(net, totals, lst.highRate), 0n))
}
