import { OrderedMap } from '@l2/common'
import { fail } from '../errors.js'
import type { SeatPart, StakingFeedEvent } from '../feeds/staking.js'
import { type Assets, forward, positive, rateOne, type Shares, total } from '../math/units.js'
import { allocateOpenFirst, type ExitPlan } from '../seats/allocation.js'
import { applySeats, createSeatBook, seatStake } from '../seats/book.js'
import type { LstEvent } from '../state/events.js'
import { type Apply, type LstStep, reducer, step } from '../state/reducer.js'
import { applyVesting, createExitVesting } from '../vault/vesting.js'
import { createQueue } from '../withdrawal/queue.js'
import { createTicketQueue } from '../withdrawal/tickets.js'
import { at, fromSeats, toSeat } from './cash.js'
import { type LiquidConfig, type PresetName, type Profile, presets } from './config.js'
import { coreBalance, coreMint, coreMove, coreTotals, createCore } from './core.js'
import { custodyOf } from './custodies.js'
import type { ExitTicket } from './custody.js'
import { allocatable, claimExit, claimVested, raiseCash, requestExit } from './exits.js'
import { depositsPaused, feed, inBunker, skipEvent } from './feed.js'
import { checkConfig } from './options.js'
import { mintReceipt, redeemReceipt, stakeReceipt, transferReceipt, unstakeReceipt } from './receipts.js'
import { type LiquidReport, report } from './report.js'
import { type Liquid, own, pay } from './state.js'

/** Options of {@link createLiquid}: a preset, a profile, and whatever should differ from it. */
export type LiquidOptions = {
  preset: PresetName
  /** Default `sdk`. */
  profile?: Profile
  /** Seconds; default 0. */
  nowSeconds?: bigint
} & Partial<Omit<LiquidConfig, 'preset' | 'profile' | 'model'>>

/**
 * A protocol with its seed in it and no seats.
 * @throws LstError `OPTION_INVALID`: an option out of range, unknown, or one that makes no sense beside the others.
 * @example
 * ```ts
 * import { applyLiquid, assets, createLiquid, liquidRate } from '@l2/lst'
 * const metis = 10n ** 18n
 * let lst = createLiquid({ preset: 'enki', entrySeconds: 0n })
 * lst = applyLiquid(lst, { type: 'registerSeat', seat: 1 }).state
 * lst = applyLiquid(lst, { type: 'deposit', account: 'alice', assets: assets(20_000n * metis), nowSeconds: 0n }).state
 * lst = applyLiquid(lst, { type: 'allocate', nowSeconds: 0n }).state
 * const reward = { type: 'RewardAccrued', id: 1, operatorWei: 10n * metis, delegatorsWei: 0n }
 * lst = applyLiquid(lst, { type: 'feed', sequence: 1n, event: reward }).state
 * lst = applyLiquid(lst, { type: 'report', nowSeconds: 86_400n }).state
 * console.log(liquidRate(lst).rate) // 1000449977501124943752812359n
 * ```
 */
export function createLiquid(options: LiquidOptions): Liquid {
  const { preset, profile = 'sdk', nowSeconds = 0n, ...changes } = options
  const base =
    Object.hasOwn(presets, preset) && Object.hasOwn(presets[preset], profile) ? presets[preset][profile] : undefined
  if (base === undefined)
    return fail('OPTION_INVALID', `there is no preset "${String(preset)}" with profile "${String(profile)}"`)
  const config: LiquidConfig = { ...base, ...changes }
  checkConfig(config, base)
  forward(0n, nowSeconds)
  const core = createCore(config, nowSeconds)
  const empty = 0n as Assets
  return {
    config,
    nowSeconds,
    core,
    queue: createQueue(config),
    tickets: createTicketQueue({ nowSeconds, lengthSeconds: config.exitDelaySeconds, minLengthSeconds: 0n }),
    vesting: createExitVesting({ nowSeconds }),
    receipts: OrderedMap.from(),
    receiptSupply: empty,
    seats: createSeatBook({ ...config, exitSeconds: config.seatExitSeconds }),
    parts: OrderedMap.from(),
    buffer: (core.model === 'instant' || core.model === 'cycle' ? config.seed : 0n) as Assets,
    rewardsVault: empty,
    givenUp: empty,
    lossPending: empty,
    unbacked: empty,
    fees: empty,
    highRate: rateOne,
    openCases: OrderedMap.from(),
    feedCursor: 0n,
    skipped: OrderedMap.from(),
    reportedAtSeconds: nowSeconds,
    reported: coreTotals(core),
    totals: { deposited: config.seed as Assets, rewarded: empty, lost: empty, paid: empty },
    rates: [],
    history: [],
  }
}

function vests(lst: Liquid): void {
  if (lst.config.exits === 'queue')
    fail('OPTION_INVALID', `nothing vests in preset ${lst.config.preset}, profile ${lst.config.profile}`)
}

const operations = {
  /**
   * A place for a seat: an operator, its bond in wei, and which part of its stake in the sequencer pool is ours
   * (default `operator`).
   */
  registerSeat(lst: Liquid, args: { seat: number; bond?: bigint; part?: SeatPart }): LstStep<Liquid, null> {
    const { state, events } = applySeats(lst.seats, {
      type: 'register',
      seat: args.seat,
      ...(args.bond === undefined ? {} : { bond: args.bond }),
    })
    return {
      state: { ...lst, seats: state, parts: lst.parts.set(args.seat, args.part ?? 'operator') },
      result: null,
      events,
    }
  },

  /**
   * METIS in, shares out, at the present rate; at least `minShares`. Stopped while the rate is known to be too high: a
   * loss that no report has booked, or a fault that is not priced.
   */
  deposit(
    before: Liquid,
    args: { account: string; assets: Assets; nowSeconds: bigint; minShares?: Shares | undefined },
  ): LstStep<Liquid, Shares> {
    own(args.account)
    positive('assets', args.assets)
    const lst = at(before, args.nowSeconds)
    const paused = depositsPaused(lst)
    if (paused !== undefined) fail('PAUSED', paused)
    const { core, shares } = coreMint(lst.core, args.account, args.assets, args.minShares)
    const next: Liquid = {
      ...lst,
      core,
      totals: { ...lst.totals, deposited: total<Assets>('deposited', lst.totals.deposited + args.assets) },
    }
    return step(custodyOf(next).deposit(next, args.assets), shares, {
      type: 'submitted',
      account: args.account,
      assets: args.assets,
      shares,
    })
  },

  /** Moves shares. */
  transfer(lst: Liquid, args: { from: string; to: string; shares: Shares }): LstStep<Liquid, null> {
    own(args.from)
    own(args.to)
    positive('shares', args.shares)
    return step({ ...lst, core: coreMove(lst.core, args.from, args.to, args.shares) }, null, {
      type: 'transferred',
      from: args.from,
      to: args.to,
      shares: args.shares,
    })
  },

  /** Asks for what `shares` are worth now. What it pays in the end depends on the preset. */
  requestWithdrawal(
    before: Liquid,
    args: { account: string; shares: Shares; nowSeconds: bigint },
  ): LstStep<Liquid, ExitTicket> {
    own(args.account)
    positive('shares', args.shares)
    return requestExit(at(before, args.nowSeconds), args)
  },

  /** Pays an exit that is ready. Never stopped, not even in bunker mode. */
  claim(before: Liquid, args: { id: bigint; account: string; nowSeconds: bigint }): LstStep<Liquid, Assets> {
    own(args.account)
    return claimExit(at(before, args.nowSeconds), args)
  },

  /** METIS in, 1:1 receipts out: they earn nothing until they are staked (`receipts`). */
  mintReceipt(before: Liquid, args: { account: string; assets: Assets; nowSeconds: bigint }): LstStep<Liquid, Assets> {
    own(args.account)
    return mintReceipt(at(before, args.nowSeconds), args)
  },

  /** Moves receipts. */
  transferReceipt(lst: Liquid, args: { from: string; to: string; assets: Assets }): LstStep<Liquid, null> {
    return transferReceipt(lst, args)
  },

  /** Receipts into the vault; the result is the shares, at least `minShares`. */
  stakeReceipt(
    before: Liquid,
    args: { account: string; assets: Assets; nowSeconds: bigint; minShares?: Shares | undefined },
  ): LstStep<Liquid, Shares> {
    own(args.account)
    return stakeReceipt(at(before, args.nowSeconds), args)
  },

  /** Shares of the vault back into receipts; the result is how many, without what vests. */
  unstakeReceipt(
    before: Liquid,
    args: { account: string; shares: Shares; nowSeconds: bigint },
  ): LstStep<Liquid, Assets> {
    own(args.account)
    return unstakeReceipt(at(before, args.nowSeconds), args)
  },

  /** A ticket for receipts: METIS once it is mature. The result is its id, to be claimed with `claim`. */
  redeemReceipt(
    before: Liquid,
    args: { account: string; assets: Assets; nowSeconds: bigint },
  ): LstStep<Liquid, bigint> {
    own(args.account)
    return redeemReceipt(at(before, args.nowSeconds), args)
  },

  /** Pays what has vested of an account's exits (profile `protocol` of ENKI). */
  claimVested(before: Liquid, args: { account: string; nowSeconds: bigint }): LstStep<Liquid, Assets> {
    own(args.account)
    vests(before)
    return claimVested(at(before, args.nowSeconds), args.account)
  },

  /** Stakes the incentive token behind an account's vesting exits. */
  stakeIncentive(before: Liquid, args: { account: string; tokens: bigint; nowSeconds: bigint }): LstStep<Liquid, null> {
    own(args.account)
    vests(before)
    const lst = at(before, args.nowSeconds)
    const { state, events } = applyVesting(lst.vesting, { type: 'stake', account: args.account, tokens: args.tokens })
    return { state: { ...lst, vesting: state }, result: null, events }
  },

  /** Sends idle cash to seats: opens them first, then levels them. The result is what each seat got. */
  allocate(before: Liquid, args: { nowSeconds: bigint }): LstStep<Liquid, readonly { seat: number; assets: Assets }[]> {
    const lst = at(before, args.nowSeconds)
    if (inBunker(lst)) fail('PAUSED', 'allocation is stopped: bunker mode')
    const open: { id: number; assets: bigint }[] = []
    const free: number[] = []
    for (const [id, seat] of lst.seats.seats) {
      if (seat.left) continue
      const assets = seatStake(seat)
      // A seat below the minimum was slashed: it is left or topped up by hand, never silently.
      if (assets === 0n) free.push(id)
      else if (assets >= lst.seats.minSeat) open.push({ id, assets })
    }
    const plan = allocateOpenFirst({
      funds: allocatable(lst),
      seats: open.map(seat => seat.assets),
      freeSeats: BigInt(free.length),
      minSeat: lst.seats.minSeat,
      maxSeat: lst.seats.maxSeat,
    })
    const ids = [...open.map(seat => seat.id), ...free]
    let next = lst
    const result: { seat: number; assets: Assets }[] = []
    plan.seats.forEach((assets, i) => {
      const added = (assets - (open[i]?.assets ?? 0n)) as Assets
      if (added === 0n) return
      const seat = ids[i]!
      result.push({ seat, assets: added })
      next = toSeat(next, seat, added)
    })
    return step(
      next,
      result,
      ...result.map(({ seat, assets }): LstEvent => ({ type: 'locked', seat, assets, atSeconds: lst.nowSeconds })),
    )
  },

  /** Sends an exact amount to one seat. */
  lockSeat(before: Liquid, args: { seat: number; assets: Assets; nowSeconds: bigint }): LstStep<Liquid, null> {
    const lst = at(before, args.nowSeconds)
    positive('assets', args.assets)
    const most = allocatable(lst)
    if (args.assets > most)
      fail('LIMIT_EXCEEDED', `at most ${most} wei can be allocated, got ${args.assets}`, { limit: most })
    return step(toSeat(lst, args.seat, args.assets), null, {
      type: 'locked',
      seat: args.seat,
      assets: args.assets,
      atSeconds: lst.nowSeconds,
    })
  },

  /**
   * Raises what exits wait for beyond the cash and what is on its way: from above the seats' minimum, then by leaving
   * seats. The result is the plan; its wei are cash when the sequencer pool releases them.
   */
  raiseCash(before: Liquid, args: { nowSeconds: bigint }): LstStep<Liquid, ExitPlan> {
    return raiseCash(at(before, args.nowSeconds))
  },

  /**
   * Brings in what arrived in seats, and what came back from them as far as the sequencer pool does not say so itself.
   */
  settle(before: Liquid, args: { nowSeconds: bigint }): LstStep<Liquid, { arrived: Assets; returned: Assets }> {
    const lst = at(before, args.nowSeconds)
    const arrived = applySeats(lst.seats, { type: 'arrive', nowSeconds: lst.nowSeconds })
    const { state: seats, result: returned } =
      lst.config.seatReleases === 'time'
        ? applySeats(arrived.state, { type: 'collect', nowSeconds: lst.nowSeconds })
        : { state: arrived.state, result: 0n as Assets }
    return step(fromSeats({ ...lst, seats }, returned), { arrived: arrived.result.assets, returned })
  },

  /**
   * Takes back what `raiseCash` planned for a seat and the sequencer pool refused; the result is how much stays in it.
   */
  recallSeat(lst: Liquid, args: { seat: number }): LstStep<Liquid, Assets> {
    const { state, result, events } = applySeats(lst.seats, { type: 'recall', seat: args.seat })
    return { state: { ...lst, seats: state }, result, events }
  },

  /** A new reward batch of the sequencer pool: seats may be withdrawn from once more. */
  nextBatch(lst: Liquid, _args: Record<never, never> = {}): LstStep<Liquid, null> {
    return step({ ...lst, seats: applySeats(lst.seats, { type: 'nextBatch' }).state }, null)
  },

  /**
   * Folds one event of the sequencer pool. `sequence` counts its events from 1 without a gap: an event that is refused
   * stays the next one until it is folded or passed over with `skipEvent`, so that no loss is lost in silence. The rate
   * moves with the next report, not before. The result is whether the event concerns this protocol.
   */
  feed(lst: Liquid, args: { sequence: bigint; event: StakingFeedEvent }): LstStep<Liquid, boolean> {
    return feed(lst, args)
  },

  /**
   * Passes over an event that `feed` refuses, on the record (`skipped`); what should have been said instead is folded
   * in its place.
   */
  skipEvent(
    lst: Liquid,
    args: { sequence: bigint; reason: string; instead?: StakingFeedEvent },
  ): LstStep<Liquid, boolean> {
    return skipEvent(lst, args)
  },

  /**
   * Books rewards and losses since the last report, and finalises what the cash covers. `confirmed`: a second reporter
   * agrees to a loss beyond the cap.
   */
  report(before: Liquid, args: { nowSeconds: bigint; confirmed?: boolean }): LstStep<Liquid, LiquidReport> {
    if (args.nowSeconds <= before.reportedAtSeconds)
      fail('REPORT_STALE', `report of ${args.nowSeconds} s is not newer than that of ${before.reportedAtSeconds} s`, {
        last: before.reportedAtSeconds,
        nowSeconds: args.nowSeconds,
      })
    return report(operations.settle(before, { nowSeconds: args.nowSeconds }).state, args)
  },

  /** Hands the fees taken in wei to whoever collects them. */
  collectFees(lst: Liquid, _args: Record<never, never> = {}): LstStep<Liquid, Assets> {
    positive('fees', lst.fees)
    return step({ ...lst, fees: 0n as Assets, totals: pay(lst, lst.fees) }, lst.fees, {
      type: 'feesCollected',
      assets: lst.fees,
    })
  },
}

/**
 * The whole protocol as a reducer: `registerSeat`, `deposit`, `transfer`, `requestWithdrawal`, `claim`, `allocate`,
 * `raiseCash`, `settle`, `feed`, `skipEvent`, `report` …
 */
export const applyLiquid: Apply<Liquid, typeof operations> = /*#__PURE__*/ reducer<Liquid, typeof operations>(
  operations,
)

/** Shares of an account. */
export function liquidShares(lst: Liquid, account: string): Shares {
  return coreBalance(lst.core, account)
}
