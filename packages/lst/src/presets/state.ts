import type { OrderedMap } from '@l2/common'
import type { RebaseEvent } from '../apr/apr.js'
import { fail } from '../errors.js'
import type { SeatPart } from '../feeds/staking.js'
import type { Totals } from '../math/math.js'
import { type Assets, account as checkAccount, type RateE27 } from '../math/units.js'
import { reserved } from '../rebasing/state.js'
import type { PastRate } from '../report/guard.js'
import type { SeatBook } from '../seats/book.js'
import type { Balances } from '../state/ledger.js'
import type { ExitVesting } from '../vault/vesting.js'
import type { WithdrawalQueue } from '../withdrawal/queue.js'
import type { TicketQueue } from '../withdrawal/tickets.js'
import type { LiquidConfig } from './config.js'
import type { Core } from './core.js'

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
  readonly untilSeconds: bigint
  /** The most it can take from each of our seats, wei; `undefined` when nobody said. */
  readonly seats: readonly { readonly seat: number; readonly most: bigint | undefined }[]
}

/** A whole liquid-staking protocol: token, queue, seats, rewards and reports. Plain immutable data. */
export type Liquid = {
  readonly config: LiquidConfig
  /** Seconds; the time of the last operation. */
  readonly nowSeconds: bigint
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
  /**
   * What exits were worth beyond what they were paid: credited to those who stay as the limiter allows, without fee
   * (vault models).
   */
  readonly givenUp: Assets
  /** Losses that no report has booked yet. */
  readonly lossPending: Assets
  /** Losses that a protocol without a loss path has not booked, and never will. */
  readonly unbacked: Assets
  /** Fees taken in wei, not collected yet. */
  readonly fees: Assets
  /** The highest rate that a report left (the rebasing pool keeps its own). */
  readonly highRate: RateE27
  /**
   * Faults that are known and not priced, by evidence: of our seats, and of others as far as they may still make ours
   * pay more.
   */
  readonly openCases: OrderedMap<string, OpenCase>
  /** Sequence number of the last event folded or skipped, and why those were skipped that were. */
  readonly feedCursor: bigint
  readonly skipped: OrderedMap<bigint, string>
  /** Time of the last report, and the two sides of the rate that it left. */
  readonly reportedAtSeconds: bigint
  readonly reported: Totals
  readonly totals: LiquidTotals
  /** What the drawdown of a report is measured from. */
  readonly rates: readonly PastRate[]
  /** Rebases, oldest first, at the grain of the configuration. */
  readonly history: readonly RebaseEvent[]
}

/** Refuses what is no account of a user. */
export function own(account: string): void {
  checkAccount(account)
  if (reserved.has(account)) fail('ACCOUNT_INVALID', `"${account}" is an account of the protocol`, { account })
}

/** What was paid, in the sums. */
export function pay(lst: Liquid, assets: bigint): LiquidTotals {
  return { ...lst.totals, paid: (lst.totals.paid + assets) as Assets }
}
