import type { Assets, Shares } from '../math/units.js'
import type { LstStep } from '../state/reducer.js'
import type { WithdrawalQueue } from '../withdrawal/queue.js'
import type { Liquid } from './state.js'

/** What an exit asks for and where it waits: an amount above the largest request is split into several. */
export type ExitTicket = {
  /** Every request made, ascending; `id` is the first. */
  readonly ids: readonly bigint[]
  readonly id: bigint
  readonly assets: Assets
  readonly vested: Assets
}

/** An exit of fixed amount that nobody has claimed yet. */
export type FixedExit = {
  readonly id: bigint
  readonly owner: string
  readonly assets: Assets
  readonly shares: Shares
  /** Asked for at, seconds. */
  readonly atSeconds: bigint
  /** Cash that is not set aside for others pays it now, and its time has come. */
  readonly isReady: boolean
  /** Cash must still be set aside for it. */
  readonly isWaiting: boolean
}

/** Exits whose amount is fixed when they are asked for. */
export type FixedExits = {
  request(lst: Liquid, args: { account: string; shares: Shares }): LstStep<Liquid, ExitTicket>
  /** Pays one; what was paid is not in `totals` yet. */
  claim(lst: Liquid, args: { id: bigint; account: string }): LstStep<Liquid, Assets>
  /** Wei that exits wait for beyond what is set aside. */
  waiting(lst: Liquid): bigint
  /** Sets `budget` wei aside for those that come next in turn, where somebody does that. */
  release(lst: Liquid, budget: bigint): Liquid
  list(lst: Liquid): Iterable<FixedExit>
  /** How many there ever were, the first id that nothing was set aside for, and the wei set aside. */
  figures(lst: Liquid): { readonly count: number; readonly released: bigint; readonly locked: Assets }
}

/**
 * Where a model keeps the wei of the protocol, and how it lets people leave: the one thing in which the four cores
 * differ besides what a share is worth. Everything else of a protocol goes through this and does not ask for the model.
 */
export type Custody = {
  /** The queue of exits that share losses. */
  queue(lst: Liquid): WithdrawalQueue
  /** Cash at hand: what can go to seats or to those who leave. */
  cash(lst: Liquid): Assets
  setCash(lst: Liquid, cash: Assets): Liquid
  /** Cash that came back from seats and is at hand after the next report. */
  returning(lst: Liquid): Assets
  /** Rewards that no report has booked yet. */
  pendingRewards(lst: Liquid): Assets
  /** Wei of a deposit that the core has minted shares for. */
  deposit(lst: Liquid, assets: Assets): Liquid
  toSeat(lst: Liquid, assets: Assets): Liquid
  fromSeat(lst: Liquid, assets: Assets): Liquid
  /** A reward that arrived, for the next report to book. */
  reward(lst: Liquid, assets: Assets): Liquid
  /** Queues shares that are worth `assets` now; the result is the id of the request. */
  enqueue(lst: Liquid, args: { account: string; shares: Shares; assets: Assets }): LstStep<Liquid, bigint>
  /** Pays a request of the queue; what was paid is not in `totals` yet. */
  claimQueued(lst: Liquid, args: { id: bigint; account: string }): LstStep<Liquid, Assets>
  /** Wei that are set aside or owed for exits inside the core itself, beside the queue. */
  inCore(lst: Liquid): { readonly setAside: bigint; readonly owed: bigint }
  /** `undefined` where exits only queue. */
  readonly fixed: FixedExits | undefined
}
