import type { OrderedMap } from '@l2/common'
import type { RebaseEvent } from '../apr/apr.js'
import { fail } from '../errors.js'
import type { SeatPart } from '../feeds/staking.js'
import { min, type Totals } from '../math/math.js'
import { type Assets, account as checkAccount, forward, type RateE27, rateOne, total } from '../math/units.js'
import { applyRebasing } from '../rebasing/pool.js'
import { burnerAccount, deadAccount, queueAccount } from '../rebasing/state.js'
import type { PastRate } from '../report/guard.js'
import { applySeats, type SeatBook, seatTotals } from '../seats/book.js'
import type { Balances } from '../state/ledger.js'
import { applyVesting, type ExitVesting } from '../vault/vesting.js'
import type { WithdrawalQueue } from '../withdrawal/queue.js'
import { applyTickets, type TicketQueue } from '../withdrawal/tickets.js'
import type { LiquidConfig } from './config.js'
import { type Core, coreAdvance, coreAssets, corePrice, seedShares } from './core.js'

/** Every wei that ever came in, and where it went: `deposited + rewarded = held + paid + lost`, always. */
export type LiquidTotals = {
  readonly deposited: Assets
  readonly rewarded: Assets
  readonly lost: Assets
  readonly paid: Assets
}

/** A fault that is known and not priced. */
export type OpenCase = {
  readonly kind: string
  /** Seconds until which it is held against exits. */
  readonly until: bigint
  /** The most it can take from each of our seats, wei; `undefined` when nobody said. */
  readonly seats: readonly { readonly seat: number; readonly most: bigint | undefined }[]
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
  /** 1:1 receipts that are held by themselves, and how many there are (`receipts`). */
  readonly receipts: Balances<Assets>
  readonly receiptSupply: Assets
  readonly seats: SeatBook
  /** Which part of each seat's stake is ours. */
  readonly parts: OrderedMap<number, SeatPart>
  /** Cash at hand (the rebasing and the rate pool keep their own). */
  readonly buffer: Assets
  /** Rewards that no report has booked yet (the rebasing pool keeps its own). */
  readonly rewardsVault: Assets
  /** What exits were worth beyond what they were paid: credited to those who stay as the limiter allows, without fee (vault models). */
  readonly givenUp: Assets
  /** Losses that no report has booked yet. */
  readonly lossPending: Assets
  /** Losses that a protocol without a loss path has not booked, and never will. */
  readonly unbacked: Assets
  /** Fees taken in wei, not collected yet. */
  readonly fees: Assets
  /** The highest rate that a report left (the rebasing pool keeps its own). */
  readonly highRate: RateE27
  /** Faults that are known and not priced, by evidence: of our seats, and of others as far as they may still make ours pay more. */
  readonly openCases: OrderedMap<string, OpenCase>
  /** Sequence number of the last event folded or skipped, and why those were skipped that were. */
  readonly feedCursor: bigint
  readonly skipped: OrderedMap<bigint, string>
  /** Time of the last report, and the two sides of the rate that it left. */
  readonly reportedAt: bigint
  readonly reported: Totals
  readonly totals: LiquidTotals
  /** What the drawdown of a report is measured from. */
  readonly rates: readonly PastRate[]
  /** Rebases, oldest first, at the grain of the configuration. */
  readonly history: readonly RebaseEvent[]
}

const reserved = new Set([queueAccount, deadAccount, burnerAccount])

/** Refuses what is no account of a user. */
export function own(account: string): void {
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

/** Cash that came back from seats and is at hand after the next report (rebasing pool). */
export function returningCash(lst: Liquid): Assets {
  return lst.core.model === 'rebasing' ? lst.core.state.returnsVault : (0n as Assets)
}

/** Rewards that no report has booked yet. */
export function pendingRewards(lst: Liquid): Assets {
  return lst.core.model === 'rebasing' ? lst.core.state.rewardsVault : lst.rewardsVault
}

/** What one share is paid at, over 10^27, floored; `less` wei of the pool left out. */
export function exitRate(lst: Liquid, less = 0n): RateE27 {
  const price = corePrice(lst.core)
  if (price.shares === 0n || price.assets <= less) return 0n as RateE27
  return (((price.assets - less) * rateOne) / price.shares) as RateE27
}

/**
 * The part of the cash that stays: the seed, or what it is worth when that is less. One figure for every operation that spends cash, so
 * that what one promises another does not keep back.
 */
export function seedReserve(lst: Liquid, rate: RateE27 = exitRate(lst)): bigint {
  return min(lst.config.seed, (seedShares(lst.core) * rate) / rateOne)
}

/** Cash that can go to those who leave or to seats. */
export function freeCash(lst: Liquid, rate?: RateE27): bigint {
  const free = cashOf(lst) - seedReserve(lst, rate)
  return free > 0n ? free : 0n
}

export function withCash(lst: Liquid, delta: bigint): Liquid {
  const cash = total<Assets>('cash', cashOf(lst) + delta)
  if (lst.core.model === 'rate') return { ...lst, core: { ...lst.core, state: { ...lst.core.state, poolCash: cash } } }
  return { ...lst, buffer: cash }
}

/** Every wei the protocol holds, wherever it is. */
export function heldAssets(lst: Liquid): bigint {
  const { core } = lst
  const locked = queueOf(lst).locked + (core.model === 'rate' ? core.state.withdrawCash : 0n)
  const cash = cashOf(lst) + returningCash(lst) + pendingRewards(lst) + lst.fees + lst.tickets.cash
  return seatTotals(lst.seats).assets + cash + locked
}

/** Everything the protocol owes: to holders, to those who are leaving, and as fees, less what it still has to book. */
export function owedAssets(lst: Liquid): bigint {
  let vesting = 0n
  for (const [, user] of lst.vesting.users) vesting += user.balance + user.released - user.claimed
  const leaving = queueOf(lst).locked + lst.tickets.owed + vesting + openRequests(lst)
  const unbooked = pendingRewards(lst) + lst.givenUp - lst.lossPending - lst.unbacked
  return coreAssets(lst.core) + lst.receiptSupply + leaving + lst.fees + unbooked
}

function openRequests(lst: Liquid): bigint {
  if (lst.core.model !== 'rate') return 0n
  let open = 0n
  for (const [, request] of lst.core.state.requests) if (!request.done) open += request.assets
  return open
}

/** The protocol at a later time. */
export function at(lst: Liquid, now: bigint): Liquid {
  forward(lst.now, now)
  if (now === lst.now) return lst
  const moved = { ...lst, now, core: coreAdvance(lst.core, now) }
  if (lst.config.exits === 'queue') return moved
  return {
    ...moved,
    tickets: applyTickets(lst.tickets, { type: 'advance', now }).state,
    vesting: applyVesting(lst.vesting, { type: 'advance', now }).state,
  }
}

export function pay(lst: Liquid, assets: bigint): LiquidTotals {
  return { ...lst.totals, paid: (lst.totals.paid + assets) as Assets }
}

export function toSeat(lst: Liquid, seat: number, assets: Assets): Liquid {
  const seats = applySeats(lst.seats, { type: 'lock', seat, assets, now: lst.now }).state
  if (lst.core.model === 'rebasing')
    return {
      ...lst,
      seats,
      core: { ...lst.core, state: applyRebasing(lst.core.state, { type: 'allocate', assets }).state },
    }
  return withCash({ ...lst, seats }, -assets)
}

export function fromSeats(lst: Liquid, assets: bigint): Liquid {
  if (assets === 0n) return lst
  if (lst.core.model === 'rebasing') {
    const { state } = applyRebasing(lst.core.state, { type: 'receiveReturns', assets: assets as Assets })
    return { ...lst, core: { ...lst.core, state } }
  }
  return withCash(lst, assets)
}
