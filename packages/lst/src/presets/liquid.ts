import * as z from 'zod'
import type { RebaseEvent } from '../apr/apr.js'
import { fail } from '../errors.js'
import { isFolded, partOf, type SeatPart, type StakingFeedEvent } from '../feeds/staking.js'
import { bpsOf, max, min, rateOf, toAssets } from '../math/math.js'
import {
  type Assets,
  account as checkAccount,
  forward,
  positive,
  RATE_ONE,
  type RateE27,
  type Shares,
  total,
} from '../math/units.js'
import { applyRatePool } from '../rate/pool.js'
import {
  applyRebasing,
  checkRebasing,
  DEAD_ACCOUNT,
  depositable,
  QUEUE_ACCOUNT,
  simulatedRate,
} from '../rebasing/pool.js'
import { checkDrawdown, checkReport, checkReward } from '../report/guard.js'
import { createLimiter, limiterAdd, limiterRemove } from '../report/limiter.js'
import { allocateOpenFirst, type ExitPlan, planExit } from '../seats/allocation.js'
import { applySeats, createSeatBook, type SeatBook, seatAssets, seatsSchema, seatTotals } from '../seats/book.js'
import { type Codec, codec, integer, mapOf } from '../state/codec.js'
import { OrderedMap } from '../state/ordered-map.js'
import { type Apply, type LstEvent, reducer, type Step, step } from '../state/reducer.js'
import { applyCycleVault, surplus } from '../vault/cycle.js'
import { applyInstantVault } from '../vault/instant.js'
import { applyVesting, createExitVesting, type ExitVesting, vestingSchema } from '../vault/vesting.js'
import {
  applyQueue,
  checkQueue,
  createQueue,
  planBatches,
  prefinalize,
  queueSchema,
  unfinalized,
  type WithdrawalQueue,
} from '../withdrawal/queue.js'
import {
  applyTickets,
  checkTickets,
  createTicketQueue,
  type TicketQueue,
  ticketsSchema,
} from '../withdrawal/tickets.js'
import { checkConfig, configSchema, type LiquidConfig, type PresetName, type Profile, presets } from './config.js'
import {
  type Core,
  coreAdvance,
  coreAssets,
  coreBalance,
  coreMint,
  coreMove,
  coreSchema,
  coreSettle,
  coreTotals,
  createCore,
} from './core.js'

/** Every wei that ever came in, and where it went: `deposited + rewarded = held + paid + lost`, always. */
export type LiquidTotals = {
  readonly deposited: Assets
  readonly rewarded: Assets
  readonly lost: Assets
  readonly paid: Assets
}

/** A whole liquid-staking protocol: token, queue, seats, rewards and reports. Plain immutable data. */
export type Liquid = {
  readonly config: LiquidConfig
  /** Seconds; the time of the last operation. */
  readonly now: bigint
  readonly core: Core
  /** Exits that share losses (vault models; the rebasing pool has its own). */
  readonly queue: WithdrawalQueue
  /** Exits of fixed amount, and the part of them that vests (profile `protocol`). */
  readonly tickets: TicketQueue
  readonly vesting: ExitVesting
  readonly seats: SeatBook
  /** Which part of each seat's stake is ours. */
  readonly parts: OrderedMap<string, SeatPart>
  /** Cash at hand (the rebasing and the rate pool keep their own). */
  readonly buffer: Assets
  /** Rewards that no report has booked yet (same). */
  readonly rewardsVault: Assets
  /** Losses that no report has booked yet. */
  readonly lossPending: Assets
  /** Losses that a protocol without a loss path has not booked, and never will. */
  readonly unbacked: Assets
  /** Fees taken in wei, not collected yet. */
  readonly fees: Assets
  /** Faults of our seats that are known and not priced: bunker mode. */
  readonly openCases: OrderedMap<string, bigint>
  /** Sequence number of the last event folded. */
  readonly feedCursor: bigint
  readonly reportedAt: bigint
  readonly totals: LiquidTotals
  readonly history: readonly RebaseEvent[]
}

/** Options of {@link createLiquid}: a preset, a profile, and whatever should differ from it. */
export type LiquidOptions = {
  preset: PresetName
  /** Default `sdk`. */
  profile?: Profile
  /** Seconds; default 0. */
  now?: bigint
} & Partial<Omit<LiquidConfig, 'preset' | 'profile' | 'model'>>

/**
 * A protocol with its seed in it and no seats.
 * @throws LstError `OPTION_INVALID`
 * @example
 * ```ts
 * import { applyLiquid, assets, createLiquid, liquidRate } from '@l2/lst'
 * const METIS = 10n ** 18n
 * let lst = createLiquid({ preset: 'enki', entrySeconds: 0n })
 * lst = applyLiquid(lst, { op: 'registerSeat', seat: '1' }).state
 * lst = applyLiquid(lst, { op: 'deposit', account: 'alice', assets: assets(20_000n * METIS), now: 0n }).state
 * lst = applyLiquid(lst, { op: 'allocate', now: 0n }).state
 * const reward = { type: 'RewardAccrued', id: 1, operatorWei: 10n * METIS, delegatorsWei: 0n }
 * lst = applyLiquid(lst, { op: 'feed', sequence: 1n, event: reward }).state
 * lst = applyLiquid(lst, { op: 'report', now: 86_400n }).state
 * console.log(liquidRate(lst).rate) // 1000449977501124943752812359n
 * ```
 */
export function createLiquid(options: LiquidOptions): Liquid {
  const { preset, profile = 'sdk', now = 0n, ...changes } = options
  const base = Object.hasOwn(presets, preset) ? presets[preset][profile] : undefined
  if (base === undefined)
    return fail('OPTION_INVALID', `there is no preset "${String(preset)}" with profile "${String(profile)}"`)
  const config: LiquidConfig = { ...base, ...changes }
  checkConfig(config)
  forward(0n, now)
  const core = createCore(config, now)
  const queue = createQueue(config)
  const empty = 0n as Assets
  return {
    config,
    now,
    core,
    queue,
    tickets: createTicketQueue({ now, length: config.exitDelaySeconds, minLength: 0n }),
    vesting: createExitVesting({ now }),
    seats: createSeatBook({ ...config, exitSeconds: config.seatExitSeconds }),
    parts: OrderedMap.from(),
    buffer: (core.model === 'instant' || core.model === 'cycle' ? config.seed : 0n) as Assets,
    rewardsVault: empty,
    lossPending: empty,
    unbacked: empty,
    fees: empty,
    openCases: OrderedMap.from(),
    feedCursor: 0n,
    reportedAt: now,
    totals: { deposited: config.seed as Assets, rewarded: empty, lost: empty, paid: empty },
    history: [],
  }
}

const reserved = new Set([QUEUE_ACCOUNT, DEAD_ACCOUNT, 'burner'])
function own(account: string): void {
  checkAccount(account)
  if (reserved.has(account)) fail('ACCOUNT_INVALID', `"${account}" is an account of the protocol`, { account })
}

/** The queue that exits of this preset wait in. */
export function queueOf(lst: Liquid): WithdrawalQueue {
  return lst.core.model === 'rebasing' ? lst.core.state.queue : lst.queue
}

/** Cash at hand: what can go to seats or to those who leave. */
export function cashOf(lst: Liquid): Assets {
  if (lst.core.model === 'rebasing') return lst.core.state.buffer
  return lst.core.model === 'rate' ? lst.core.state.poolCash : lst.buffer
}

/** Rewards that no report has booked yet. */
export function pendingRewards(lst: Liquid): Assets {
  return lst.core.model === 'rebasing' ? lst.core.state.rewardsVault : lst.rewardsVault
}

function withCash(lst: Liquid, delta: bigint): Liquid {
  const cash = total<Assets>('cash', cashOf(lst) + delta)
  if (lst.core.model === 'rate') return { ...lst, core: { ...lst.core, state: { ...lst.core.state, poolCash: cash } } }
  return { ...lst, buffer: cash }
}

/** Every wei the protocol holds, wherever it is. */
export function heldAssets(lst: Liquid): bigint {
  const seats = seatTotals(lst.seats).assets
  const rest = cashOf(lst) + pendingRewards(lst) + lst.fees + lst.tickets.cash
  const core = lst.core
  const inCore =
    core.model === 'rebasing'
      ? core.state.returnsVault + core.state.queue.locked
      : core.model === 'rate'
        ? core.state.withdrawCash + lst.queue.locked
        : lst.queue.locked
  return seats + rest + inCore
}

/** Everything the protocol owes: to holders, to those who are leaving, and as fees, less what it still has to book. */
export function owedAssets(lst: Liquid): bigint {
  const core = lst.core
  const leaving =
    core.model === 'rebasing'
      ? core.state.queue.locked
      : lst.queue.locked + (core.model === 'rate' ? openRequests(lst) : 0n)
  let vesting = 0n
  for (const [, user] of lst.vesting.users) vesting += user.balance + user.released - user.claimed
  return (
    coreAssets(core) +
    leaving +
    lst.tickets.owed +
    vesting +
    lst.fees +
    pendingRewards(lst) -
    lst.lossPending -
    lst.unbacked
  )
}

function openRequests(lst: Liquid): bigint {
  if (lst.core.model !== 'rate') return 0n
  let open = 0n
  for (const [, request] of lst.core.state.requests) if (!request.done) open += request.assets
  return open
}

function at(lst: Liquid, now: bigint): Liquid {
  forward(lst.now, now)
  if (now === lst.now) return lst
  const moved = { ...lst, now, core: coreAdvance(lst.core, now) }
  if (lst.config.exits === 'queue') return moved
  return {
    ...moved,
    tickets: applyTickets(lst.tickets, { op: 'advance', now }).state,
    vesting: applyVesting(lst.vesting, { op: 'advance', now }).state,
  }
}

/** Whether a fault is known that is not priced yet: nothing is finalised and nothing goes to seats until it is, or time runs out. */
export function inBunker(lst: Liquid): boolean {
  for (const [, since] of lst.openCases) if (lst.now < since + lst.config.bunkerSeconds) return true
  return false
}

/** What exits wait for and no cash is set aside for yet, wei. */
function waiting(lst: Liquid): bigint {
  if (lst.config.exits === 'queue') return unfinalized(queueOf(lst)).assets
  if (lst.core.model === 'rate') {
    let due = 0n
    for (const [, request] of lst.core.state.requests.entries(lst.core.state.nextUnlock)) due += request.assets
    return due
  }
  return lst.tickets.owed > lst.tickets.cash ? lst.tickets.owed - lst.tickets.cash : 0n
}

/** Wei that may go to seats: the cash less what exits wait for; nothing in bunker mode. */
export function allocatable(lst: Liquid): Assets {
  if (inBunker(lst)) return 0n as Assets
  const left =
    lst.core.model === 'rebasing' ? depositable(lst.core.state) - seedOf(lst) : cashOf(lst) - waiting(lst) - seedOf(lst)
  return (left > 0n ? left : 0n) as Assets
}

/** The seed stays in the buffer: it is nobody's to wait for. */
const seedOf = (lst: Liquid): bigint => lst.config.seed

/** What an exit asks for and where it waits: an amount above the largest request is split into several. */
export type ExitTicket = {
  /** Every request made, ascending; `id` is the first. */
  readonly ids: readonly bigint[]
  readonly id: bigint
  readonly assets: Assets
  readonly vested: Assets
}

/** An exit is split into at most this many requests. */
const MAX_SPLIT = 1_000

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

const operations = {
  /** A place for a seat: an operator, its bond in wei, and which part of its stake in the sequencer pool is ours (default `operator`). */
  registerSeat(lst: Liquid, args: { seat: string; bond?: bigint; part?: SeatPart }): Step<Liquid, null> {
    const { state, events } = applySeats(lst.seats, {
      op: 'register',
      seat: args.seat,
      ...(args.bond === undefined ? {} : { bond: args.bond }),
    })
    return {
      state: { ...lst, seats: state, parts: lst.parts.set(args.seat, args.part ?? 'operator') },
      result: null,
      events,
    }
  },

  /** METIS in, shares out, at the present rate. */
  deposit(before: Liquid, args: { account: string; assets: Assets; now: bigint }): Step<Liquid, Shares> {
    own(args.account)
    positive('assets', args.assets)
    const lst = at(before, args.now)
    const { core, shares } = coreMint(lst.core, args.account, args.assets)
    const next: Liquid = {
      ...lst,
      core,
      buffer:
        core.model === 'instant' || core.model === 'cycle'
          ? total<Assets>('buffer', lst.buffer + args.assets)
          : lst.buffer,
      totals: { ...lst.totals, deposited: total<Assets>('deposited', lst.totals.deposited + args.assets) },
    }
    return step(next, shares, { type: 'submitted', account: args.account, assets: args.assets, shares })
  },

  /** Moves shares. */
  transfer(lst: Liquid, args: { from: string; to: string; shares: Shares }): Step<Liquid, null> {
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

  /** Asks for what `shares` are worth now. What it pays in the end is the preset's affair. */
  requestWithdrawal(before: Liquid, args: { account: string; shares: Shares; now: bigint }): Step<Liquid, ExitTicket> {
    own(args.account)
    positive('shares', args.shares)
    const lst = at(before, args.now)
    return lst.config.exits === 'queue' ? requestQueued(lst, args) : requestFixed(lst, args)
  },

  /** Pays an exit that is ready. Never stopped, not even in bunker mode. */
  claim(before: Liquid, args: { id: bigint; account: string; now: bigint }): Step<Liquid, Assets> {
    own(args.account)
    return claim(at(before, args.now), args)
  },

  /** Pays what has vested of an account's exits (profile `protocol` of ENKI). */
  claimVested(before: Liquid, args: { account: string; now: bigint }): Step<Liquid, Assets> {
    own(args.account)
    const lst = at(before, args.now)
    if (lst.config.exits === 'queue')
      fail('OPTION_INVALID', `nothing vests in preset ${lst.config.preset}, profile ${lst.config.profile}`)
    const { state, result, events } = applyVesting(lst.vesting, { op: 'claim', account: args.account })
    if (result > cashOf(lst))
      fail('INSUFFICIENT_CASH', `${cashOf(lst)} wei are at hand, ${result} are needed`, { limit: cashOf(lst) })
    const paid = withCash({ ...lst, vesting: state }, -result)
    return { state: { ...paid, totals: pay(paid, result) }, result, events }
  },

  /** Stakes the incentive token behind an account's vesting exits. */
  stakeIncentive(before: Liquid, args: { account: string; tokens: bigint; now: bigint }): Step<Liquid, null> {
    own(args.account)
    const lst = at(before, args.now)
    if (lst.config.exits === 'queue')
      fail('OPTION_INVALID', `nothing vests in preset ${lst.config.preset}, profile ${lst.config.profile}`)
    const { state, events } = applyVesting(lst.vesting, { op: 'stake', account: args.account, tokens: args.tokens })
    return { state: { ...lst, vesting: state }, result: null, events }
  },

  /** Sends idle cash to seats: opens them first, then levels them. The result is what each seat got. */
  allocate(before: Liquid, args: { now: bigint }): Step<Liquid, readonly { seat: string; assets: Assets }[]> {
    const lst = at(before, args.now)
    if (inBunker(lst)) fail('PAUSED', 'allocation is stopped: bunker mode')
    const open: { id: string; assets: bigint }[] = []
    const free: string[] = []
    for (const [id, seat] of lst.seats.seats) {
      if (seat.exiting > 0n) continue
      const assets = seatAssets(seat)
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
    const result: { seat: string; assets: Assets }[] = []
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
      ...result.map(({ seat, assets }): LstEvent => ({ type: 'locked', seat, assets, at: lst.now })),
    )
  },

  /** Sends an exact amount to one seat. */
  lockSeat(before: Liquid, args: { seat: string; assets: Assets; now: bigint }): Step<Liquid, null> {
    const lst = at(before, args.now)
    positive('assets', args.assets)
    const most = allocatable(lst)
    if (args.assets > most)
      fail('LIMIT_EXCEEDED', `at most ${most} wei can be allocated, got ${args.assets}`, { limit: most })
    return step(toSeat(lst, args.seat, args.assets), null, {
      type: 'locked',
      seat: args.seat,
      assets: args.assets,
      at: lst.now,
    })
  },

  /** Raises what exits wait for beyond the cash: from above the seats' minimum, then by leaving seats. The result is the plan. */
  raiseCash(before: Liquid, args: { now: bigint }): Step<Liquid, ExitPlan> {
    const lst = at(before, args.now)
    const coming = seatTotals(lst.seats).exiting
    const seats = [...lst.seats.seats]
      .filter(([, seat]) => seat.locked > 0n && seat.exiting === 0n && seat.entering.length === 0)
      .map(([id, seat]) => ({ id, locked: seat.locked, updatedBatch: seat.updatedBatch }))
    const plan = planExit({
      need: waiting(lst),
      idle: cashOf(lst) + coming,
      seats,
      currentBatch: lst.seats.currentBatch,
      minSeat: lst.seats.minSeat,
    })
    let next = lst
    for (const { id, assets } of plan.partial) {
      const { state } = applySeats(next.seats, { op: 'withdraw', seat: id, assets: assets as Assets })
      next = fromSeats({ ...next, seats: state }, assets)
    }
    for (const { id } of plan.full)
      next = { ...next, seats: applySeats(next.seats, { op: 'unlock', seat: id, now: lst.now }).state }
    return step(next, plan)
  },

  /** Brings in what arrived in seats and what came back from them. */
  settle(before: Liquid, args: { now: bigint }): Step<Liquid, { arrived: Assets; returned: Assets }> {
    const lst = at(before, args.now)
    const arrived = applySeats(lst.seats, { op: 'arrive', now: lst.now })
    const back = applySeats(arrived.state, { op: 'collect', now: lst.now })
    const next = fromSeats(
      {
        ...lst,
        seats: back.state,
      },
      back.result,
    )
    return step(next, { arrived: arrived.result.assets, returned: back.result })
  },

  /** A new reward batch of the sequencer pool: seats may be withdrawn from once more. */
  nextBatch(lst: Liquid, _args: Record<never, never> = {}): Step<Liquid, null> {
    return step({ ...lst, seats: applySeats(lst.seats, { op: 'nextBatch' }).state }, null)
  },

  /**
   * Folds one event of the sequencer pool. `sequence` counts them from 1 without gaps of meaning: it must rise, so that nothing is counted
   * twice. The rate moves with the next report, not before.
   */
  feed(lst: Liquid, args: { sequence: bigint; event: StakingFeedEvent }): Step<Liquid, boolean> {
    if (args.sequence <= lst.feedCursor)
      fail('FEED_ORDER', `event ${args.sequence} came after ${lst.feedCursor}`, {
        sequence: args.sequence,
        last: lst.feedCursor,
      })
    const moved = { ...lst, feedCursor: args.sequence }
    const { event } = args
    if (!isFolded(event)) return step(moved, false)
    const seat = String(event.id)
    const part = lst.parts.get(seat)
    if (part === undefined) return step(moved, false)
    switch (event.type) {
      case 'RewardAccrued': {
        const wei = partOf(event, part) as Assets
        if (wei === 0n) return step(moved, false)
        const { rewardPerBlock } = lst.config
        if (rewardPerBlock !== undefined && event.blocks !== undefined) checkReward(wei, event.blocks, rewardPerBlock)
        return step(reward(moved, seat, wei), true, { type: 'seatRewarded', seat, assets: wei })
      }
      case 'Slashed': {
        const wei = partOf(event, part) as Assets
        if (wei === 0n) return step(moved, false)
        return slash(moved, seat, wei)
      }
      case 'OffenceAdmitted':
        return step({ ...moved, openCases: lst.openCases.set(event.evidenceId, lst.now) }, true)
      case 'UnlockStarted': {
        const book = lst.seats.seats.get(seat)
        // Given up by ourselves, it is on its way already; a partial withdrawal was booked when it was made.
        if (!event.whole || book === undefined || book.locked === 0n || book.exiting > 0n || book.entering.length > 0)
          return step(moved, false)
        const claimAt = BigInt(event.claimableAt)
        const { state, events } = applySeats(lst.seats, { op: 'unlock', seat, now: lst.now, claimAt })
        return { state: { ...moved, seats: state }, result: true, events }
      }
      case 'StakePaid': {
        const { state, result, events } = applySeats(lst.seats, { op: 'collect', now: lst.now, seat })
        return { state: fromSeats({ ...moved, seats: state }, result), result: result > 0n, events }
      }
      case 'CaseClosed':
        return step({ ...moved, openCases: lst.openCases.delete(event.evidenceId) }, true)
    }
  },

  /**
   * Books rewards and losses since the last report, and finalises what the cash covers. `confirmed`: a second reporter agrees to a loss
   * beyond the cap.
   */
  report(before: Liquid, args: { now: bigint; confirmed?: boolean }): Step<Liquid, LiquidReport> {
    if (args.now <= before.reportedAt)
      fail('REPORT_STALE', `report of ${args.now} s is not newer than that of ${before.reportedAt} s`, {
        last: before.reportedAt,
        now: args.now,
      })
    const settled = operations.settle(before, { now: args.now }).state
    return settled.core.model === 'rebasing' ? reportRebasing(settled, args) : reportVault(settled, args)
  },

  /** Hands the fees taken in wei to whoever collects them. */
  collectFees(lst: Liquid, _args: Record<never, never> = {}): Step<Liquid, Assets> {
    positive('fees', lst.fees)
    return step({ ...lst, fees: 0n as Assets, totals: pay(lst, lst.fees) }, lst.fees, {
      type: 'feesCollected',
      assets: lst.fees,
    })
  },
}

function pay(lst: Liquid, assets: bigint): LiquidTotals {
  return { ...lst.totals, paid: (lst.totals.paid + assets) as Assets }
}

function requestQueued(lst: Liquid, args: { account: string; shares: Shares }): Step<Liquid, ExitTicket> {
  const worth = toAssets(args.shares, coreTotals(lst.core), 'down')
  if (worth === 0n) fail('ZERO_ASSETS', `${args.shares} shares are worth less than one wei`, { shares: args.shares })
  const parts = (worth + lst.config.maxRequest - 1n) / lst.config.maxRequest
  if (parts > MAX_SPLIT)
    fail('REQUEST_TOO_LARGE', `${worth} wei would be ${parts} requests, at most ${MAX_SPLIT} are made at once`, {
      limit: BigInt(MAX_SPLIT) * lst.config.maxRequest,
    })
  const ids: bigint[] = []
  const events: LstEvent[] = []
  let next = lst
  let assets = 0n
  for (let i = 0n; i < parts; i++) {
    const shares = ((args.shares * (i + 1n)) / parts - (args.shares * i) / parts) as Shares
    const one = enqueueOne(next, args.account, shares)
    next = one.state
    ids.push(one.result.id)
    assets += one.result.assets
    events.push(...one.events)
  }
  return { state: next, result: { ids, id: ids[0]!, assets: assets as Assets, vested: 0n as Assets }, events }
}

function enqueueOne(lst: Liquid, account: string, shares: Shares): Step<Liquid, { id: bigint; assets: Assets }> {
  const { core } = lst
  const assets = toAssets(shares, coreTotals(core), 'down')
  if (core.model === 'rebasing') {
    const { state, result, events } = applyRebasing(core.state, { op: 'requestShares', account, shares, now: lst.now })
    return { state: { ...lst, core: { ...core, state } }, result: { id: result, assets }, events }
  }
  const moved = coreMove(core, account, QUEUE_ACCOUNT, shares)
  const { state, result, events } = applyQueue(lst.queue, {
    op: 'enqueue',
    owner: account,
    assets,
    shares,
    now: lst.now,
    reportedAt: lst.reportedAt,
  })
  return { state: { ...lst, core: moved, queue: state }, result: { id: result, assets }, events }
}

function requestFixed(lst: Liquid, args: { account: string; shares: Shares }): Step<Liquid, ExitTicket> {
  const { core } = lst
  if (core.model === 'rate') {
    const { state, result, events } = applyRatePool(core.state, {
      op: 'request',
      account: args.account,
      shares: args.shares,
      harvestFirst: false,
    })
    return {
      state: { ...lst, core: { ...core, state } },
      result: { ids: [result.nonce], id: result.nonce, assets: result.assets, vested: 0n as Assets },
      events,
    }
  }
  let exited: Core = core
  let paid = 0n as Assets
  let vested = 0n as Assets
  if (core.model === 'instant') {
    const { state, result } = applyInstantVault(core.state, { op: 'redeem', owner: args.account, shares: args.shares })
    exited = { ...core, state }
    paid = result.paid
    vested = result.vested
  } else if (core.model === 'cycle') {
    const { state, result } = applyCycleVault(core.state, { op: 'redeem', owner: args.account, shares: args.shares })
    exited = { ...core, state }
    paid = result
  }
  const vesting =
    vested === 0n
      ? lst.vesting
      : applyVesting(lst.vesting, { op: 'deposit', account: args.account, assets: vested }).state
  const { state, result, events } = applyTickets(lst.tickets, { op: 'enter', account: args.account, assets: paid })
  return {
    state: { ...lst, core: exited, vesting, tickets: state },
    result: { ids: [result.id], id: result.id, assets: result.assets, vested },
    events,
  }
}

function claim(lst: Liquid, args: { id: bigint; account: string }): Step<Liquid, Assets> {
  const { core } = lst
  if (lst.config.exits === 'queue') {
    if (core.model === 'rebasing') {
      const { state, result, events } = applyRebasing(core.state, { op: 'claim', id: args.id, account: args.account })
      return { state: { ...lst, core: { ...core, state }, totals: pay(lst, result) }, result, events }
    }
    const { state, result, events } = applyQueue(lst.queue, { op: 'claim', id: args.id, account: args.account })
    return { state: { ...lst, queue: state, totals: pay(lst, result) }, result, events }
  }
  if (core.model === 'rate') {
    const { state, result, events } = applyRatePool(core.state, { op: 'complete', account: args.account })
    if (result.nonce !== args.id)
      fail('REQUEST_UNKNOWN', `the oldest open request of ${args.account} is ${result.nonce}, not ${args.id}`, {
        id: args.id,
      })
    return {
      state: { ...lst, core: { ...core, state }, totals: pay(lst, result.assets) },
      result: result.assets,
      events,
    }
  }
  const ticket = lst.tickets.tickets.get(args.id)
  if (ticket !== undefined && ticket.owner !== args.account)
    fail('NOT_OWNER', `ticket ${args.id} belongs to ${ticket.owner}, not to ${args.account}`, { id: args.id })
  const missing =
    ticket === undefined || ticket.state !== 'open' ? 0n : ticket.assets - min(ticket.assets, lst.tickets.cash)
  const funding = min(missing, lst.buffer) as Assets
  const funded = funding === 0n ? lst.tickets : applyTickets(lst.tickets, { op: 'fund', assets: funding }).state
  const { state, result, events } = applyTickets(funded, { op: 'redeem', id: args.id })
  return {
    state: { ...lst, tickets: state, buffer: (lst.buffer - funding) as Assets, totals: pay(lst, result) },
    result,
    events,
  }
}

function toSeat(lst: Liquid, seat: string, assets: Assets): Liquid {
  const seats = applySeats(lst.seats, { op: 'lock', seat, assets, now: lst.now }).state
  if (lst.core.model === 'rebasing')
    return {
      ...lst,
      seats,
      core: { ...lst.core, state: applyRebasing(lst.core.state, { op: 'allocate', assets }).state },
    }
  return withCash({ ...lst, seats }, -assets)
}

function fromSeats(lst: Liquid, assets: bigint): Liquid {
  if (assets === 0n) return lst
  if (lst.core.model === 'rebasing') {
    const { state } = applyRebasing(lst.core.state, { op: 'receiveReturns', assets: assets as Assets })
    return { ...lst, core: { ...lst.core, state } }
  }
  return withCash(lst, assets)
}

function reward(lst: Liquid, seat: string, wei: Assets): Liquid {
  const seats = applySeats(lst.seats, { op: 'earn', seat, assets: wei }).state
  const totals = { ...lst.totals, rewarded: total<Assets>('rewarded', lst.totals.rewarded + wei) }
  if (lst.core.model === 'rebasing')
    return {
      ...lst,
      seats,
      totals,
      core: { ...lst.core, state: applyRebasing(lst.core.state, { op: 'receiveRewards', assets: wei }).state },
    }
  return { ...lst, seats, totals, rewardsVault: total<Assets>('rewardsVault', lst.rewardsVault + wei) }
}

function slash(lst: Liquid, seat: string, wei: Assets): Step<Liquid, boolean> {
  const { state: seats, result, events } = applySeats(lst.seats, { op: 'slash', seat, assets: wei })
  const next: Liquid = {
    ...lst,
    seats,
    lossPending: (lst.lossPending + result.lost) as Assets,
    totals: { ...lst.totals, lost: total<Assets>('lost', lst.totals.lost + result.lost) },
  }
  // What the bond covers comes back as wei: the seat lost it, the pool did not.
  return { state: fromSeats(next, result.bond), result: true, events }
}

function remember(lst: Liquid, event: RebaseEvent): readonly RebaseEvent[] {
  const { historyLength } = lst.config
  return [...lst.history.slice(Math.max(0, lst.history.length - historyLength + 1)), event]
}

function lossLimits(lst: Liquid, confirmed: boolean | undefined): Liquid['config']['limits'] {
  return confirmed === true
    ? { ...lst.config.limits, maxLossBps: undefined, maxDrawdownBps: undefined }
    : lst.config.limits
}

/** The highest rate of the last 18 days: losses of several reports are weighed together. */
function highestRate(lst: Liquid): bigint {
  let highest = 0n
  for (let i = lst.history.length - 1; i >= 0; i--) {
    const event = lst.history[i]!
    if (event.at + 1_555_200n < lst.now) break
    highest = max(highest, rateOf({ assets: event.preAssets, shares: event.preShares }))
  }
  return highest
}

function reportRebasing(lst: Liquid, args: { now: bigint; confirmed?: boolean }): Step<Liquid, LiquidReport> {
  if (lst.core.model !== 'rebasing') return fail('OPTION_INVALID', 'not a rebasing pool')
  const limits = lossLimits(lst, args.confirmed)
  const pool = { ...lst.core.state, limits }
  const elapsedSeconds = args.now - lst.reportedAt
  const base = {
    seatsNow: seatTotals(lst.seats).assets,
    // Entry legs are part of the seat book: all that left the buffer counts as seen.
    appeared: pool.transit,
    elapsedSeconds,
    now: args.now,
  }
  const maxRate = simulatedRate(pool, base)
  const dry = applyRebasing(pool, { op: 'report', ...base })
  const budget = dry.state.buffer - seedOf(lst)
  const { batches } =
    inBunker(lst) || budget <= 0n || maxRate === 0n
      ? { batches: [] as bigint[] }
      : planBatches(pool.queue, { maxRate, maxTimestamp: args.now - (limits.requestMarginSeconds ?? 0n), budget })
  const { state, result, events } =
    batches.length === 0 ? dry : applyRebasing(pool, { op: 'report', ...base, batches, maxRate })
  checkDrawdown(limits, highestRate(lst), result.postRate)
  const next: Liquid = {
    ...lst,
    core: { model: 'rebasing', state: { ...state, limits: lst.config.limits, bunker: inBunker(lst) } },
    lossPending: 0n as Assets,
    reportedAt: args.now,
    history: remember(lst, {
      preAssets: result.preAssets,
      preShares: result.preShares,
      postAssets: result.postAssets,
      postShares: result.postShares,
      feeShares: result.feeShares,
      elapsedSeconds,
      at: args.now,
    }),
  }
  const change = result.fromRewardsVault - lst.lossPending
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
    events: change === 0n && events.length === 0 ? [] : events,
  }
}

function reportVault(lst: Liquid, args: { now: bigint; confirmed?: boolean }): Step<Liquid, LiquidReport> {
  const { config } = lst
  const pre = coreTotals(lst.core)
  const loss = config.lossPath ? lst.lossPending : (0n as Assets)
  const elapsedSeconds = args.now - lst.reportedAt
  const limiter = limiterRemove(
    createLimiter(config.maxPositiveRebaseE9, pre.assets as Assets, pre.shares as Shares),
    min(loss, pre.assets),
  )
  const { taken } = limiterAdd(limiter, lst.rewardsVault)
  const net = taken - loss
  const limits = lossLimits(lst, args.confirmed)
  checkReport(limits, {
    pre: pre.assets,
    post: pre.assets + net,
    elapsedSeconds,
  })
  let next: Liquid = {
    ...lst,
    rewardsVault: (lst.rewardsVault - taken) as Assets,
    lossPending: 0n as Assets,
    unbacked: (lst.unbacked + (lst.lossPending - loss)) as Assets,
    reportedAt: args.now,
  }
  let fee = 0n as Assets
  if (net > 0n) ({ lst: next, fee } = bookGain(next, net as Assets, taken))
  else next = bookLoss(next, -net as Assets, taken)
  const done = finalise(next)
  const post = coreTotals(done.lst.core)
  const rate = rateOf(post)
  checkDrawdown(limits, highestRate(lst), rate)
  const event: RebaseEvent = {
    preAssets: pre.assets,
    preShares: pre.shares,
    postAssets: post.assets,
    postShares: post.shares,
    feeShares: 0n,
    elapsedSeconds,
    at: args.now,
  }
  return step(
    { ...done.lst, history: remember(lst, event) },
    {
      gain: taken,
      loss: lst.lossPending,
      fee,
      rate,
      finalizedTo: done.lst.queue.lastFinalizedId,
      locked: done.locked,
      heldBack: next.rewardsVault,
    },
    {
      type: 'rebased',
      at: args.now,
      elapsedSeconds,
      ...{ preAssets: pre.assets, preShares: pre.shares, postAssets: post.assets, postShares: post.shares },
    },
  )
}

/** Credits a net gain less the fee; `cash` is what the rewards brought in. */
function bookGain(lst: Liquid, gain: Assets, cash: bigint): { lst: Liquid; fee: Assets } {
  const bps = lst.config.feeRecipients.reduce((all, recipient) => all + recipient.bps, 0n)
  const fee = bpsOf(gain, bps) as Assets
  const net = (gain - fee) as Assets
  const { core } = lst
  if (core.model === 'rate') {
    // The pool takes its own fee in the harvest; the part of the reward that makes a loss good is cash without profit.
    const arrived = applyRatePool(core.state, { op: 'rewardArrives', assets: gain }).state
    const { state, result } = applyRatePool(arrived, { op: 'harvest' })
    const made = {
      ...lst,
      core: { ...core, state: { ...state, feeBalance: 0n as Assets } },
      fees: (lst.fees + result.fee) as Assets,
    }
    return { lst: withCash(made, cash - gain), fee: result.fee }
  }
  const credited: Liquid = { ...lst, fees: total<Assets>('fees', lst.fees + fee) }
  const kept = withCash(credited, cash - fee)
  if (core.model === 'instant' && net > 0n)
    return {
      lst: { ...kept, core: { ...core, state: applyInstantVault(core.state, { op: 'addAssets', assets: net }).state } },
      fee,
    }
  if (core.model === 'cycle')
    return {
      lst: {
        ...kept,
        core: startCycle(
          net > 0n ? { ...core, state: applyCycleVault(core.state, { op: 'donate', assets: net }).state } : core,
        ),
      },
      fee,
    }
  return { lst: kept, fee }
}

/** A report is somebody calling `syncRewards`. */
function startCycle(core: Core): Core {
  if (core.model !== 'cycle' || core.state.now < core.state.cycleEnd || surplus(core.state) === 0n) return core
  return { ...core, state: applyCycleVault(core.state, { op: 'sync' }).state }
}

function bookLoss(lst: Liquid, loss: Assets, cash: bigint): Liquid {
  const { core } = lst
  const kept = withCash(lst, cash)
  if (loss === 0n) return core.model === 'cycle' ? { ...kept, core: startCycle(core) } : kept
  switch (core.model) {
    case 'instant':
      return {
        ...kept,
        core: { ...core, state: applyInstantVault(core.state, { op: 'loseAssets', assets: loss }).state },
      }
    case 'cycle':
      return {
        ...kept,
        core: startCycle({ ...core, state: applyCycleVault(core.state, { op: 'loseAssets', assets: loss }).state }),
      }
    case 'rate': {
      // The wei were lost in a seat: the cash stays.
      const { state } = applyRatePool(core.state, { op: 'lose', assets: loss })
      return withCash({ ...lst, core: { ...core, state: { ...state, poolCash: core.state.poolCash } } }, cash)
    }
    case 'rebasing':
      return kept
  }
}

/** Sets cash aside for the exits that come next in turn. */
function finalise(lst: Liquid): { lst: Liquid; locked: Assets } {
  const none = { lst, locked: 0n as Assets }
  if (lst.config.exits === 'fixed') return { lst: unlockNonces(lst), locked: 0n as Assets }
  const totals = coreTotals(lst.core)
  const maxRate = (totals.shares === 0n ? 0n : (totals.assets * RATE_ONE) / totals.shares) as RateE27
  const budget = cashOf(lst) - seedOf(lst)
  if (inBunker(lst) || maxRate === 0n || budget <= 0n) return none
  const { batches } = planBatches(lst.queue, {
    maxRate,
    maxTimestamp: lst.now - (lst.config.limits.requestMarginSeconds ?? 0n),
    budget,
  })
  const lastId = batches[batches.length - 1]
  if (lastId === undefined) return none
  const { assets, shares } = prefinalize(lst.queue, batches, maxRate)
  const queue = applyQueue(lst.queue, { op: 'finalize', lastId, assets, maxRate }).state
  const core = coreSettle(lst.core, shares, assets)
  const next = { ...lst, core, queue }
  // The rate pool pays out of its own cash when it settles.
  return { lst: core.model === 'rate' ? next : withCash(next, -assets), locked: assets }
}

/** Artemis: the admin unlocks as many nonces as the cash pays. */
function unlockNonces(lst: Liquid): Liquid {
  if (lst.core.model !== 'rate') return lst
  const pool = lst.core.state
  let budget: bigint = pool.poolCash - seedOf(lst)
  let upto = pool.nextUnlock
  for (const [nonce, request] of pool.requests.entries(pool.nextUnlock)) {
    if (request.assets > budget) break
    budget -= request.assets
    upto = nonce + 1n
  }
  if (upto === pool.nextUnlock) return lst
  return { ...lst, core: { ...lst.core, state: applyRatePool(pool, { op: 'unlock', upto }).state } }
}

/** The whole protocol as a reducer: `registerSeat`, `deposit`, `transfer`, `requestWithdrawal`, `claim`, `allocate`, `raiseCash`, `settle`, `feed`, `report` … */
export const applyLiquid: Apply<Liquid, typeof operations> = /*#__PURE__*/ reducer<Liquid, typeof operations>(
  operations,
)

const schema = z.strictObject({
  config: configSchema,
  now: integer,
  core: coreSchema,
  queue: queueSchema,
  tickets: ticketsSchema,
  vesting: vestingSchema,
  seats: seatsSchema,
  parts: mapOf(z.string(), z.enum(['operator', 'delegators', 'whole'])),
  buffer: integer,
  rewardsVault: integer,
  lossPending: integer,
  unbacked: integer,
  fees: integer,
  openCases: mapOf(z.string(), integer),
  feedCursor: integer,
  reportedAt: integer,
  totals: z.strictObject({ deposited: integer, rewarded: integer, lost: integer, paid: integer }),
  history: z.array(
    z.strictObject({
      preAssets: integer,
      preShares: integer,
      postAssets: integer,
      postShares: integer,
      feeShares: integer,
      elapsedSeconds: integer,
      at: integer,
    }),
  ),
})

function check(lst: Liquid): string | undefined {
  const { totals } = lst
  if (totals.deposited + totals.rewarded !== heldAssets(lst) + totals.paid + totals.lost)
    return 'deposits and rewards are not what is held, paid and lost'
  return (
    (lst.core.model === 'rebasing' ? checkRebasing(lst.core.state) : checkQueue(lst.queue)) ?? checkTickets(lst.tickets)
  )
}

/** JSON snapshot of a {@link Liquid}; a snapshot whose wei do not add up is refused. */
export const liquidCodec: Codec<Liquid> = /*#__PURE__*/ codec(schema, check)

/** Shares of an account. */
export function liquidShares(lst: Liquid, account: string): Shares {
  return coreBalance(lst.core, account)
}
