import { min } from '../math/math.js'
import { type Assets, forward, type RateE27, rateOne, total } from '../math/units.js'
import { applySeats, seatTotals } from '../seats/book.js'
import { applyVesting } from '../vault/vesting.js'
import type { WithdrawalQueue } from '../withdrawal/queue.js'
import { applyTickets } from '../withdrawal/tickets.js'
import { coreAdvance, coreAssets, corePrice, seedShares } from './core.js'
import { custodyOf } from './custodies.js'
import type { Liquid } from './state.js'

/** The queue that exits of this preset wait in. */
export const queueOf = (lst: Liquid): WithdrawalQueue => custodyOf(lst).queue(lst)

/** Cash at hand: what can go to seats or to those who leave. */
export const cashOf = (lst: Liquid): Assets => custodyOf(lst).cash(lst)

/** Cash that came back from seats and is at hand after the next report (rebasing pool). */
export const returningCash = (lst: Liquid): Assets => custodyOf(lst).returning(lst)

/** Rewards that no report has booked yet. */
export const pendingRewards = (lst: Liquid): Assets => custodyOf(lst).pendingRewards(lst)

/** What one share is paid at, over 10^27, floored; `less` wei of the pool left out. */
export function exitRate(lst: Liquid, less = 0n): RateE27 {
  const price = corePrice(lst.core)
  if (price.shares === 0n || price.assets <= less) return 0n as RateE27
  return (((price.assets - less) * rateOne) / price.shares) as RateE27
}

/**
 * The part of the cash that stays: the seed, or what it is worth when that is less. One figure for every operation that
 * spends cash, so that what one promises another does not keep back.
 */
export function seedReserve(lst: Liquid, rate: RateE27 = exitRate(lst)): bigint {
  return min(lst.config.seed, (seedShares(lst.core) * rate) / rateOne)
}

/** Cash that can go to those who leave or to seats. */
export function freeCash(lst: Liquid, rate?: RateE27): bigint {
  const free = cashOf(lst) - seedReserve(lst, rate)
  return free > 0n ? free : 0n
}

/** More or less cash at hand. @throws LstError `AMOUNT_OUT_OF_RANGE` */
export function withCash(lst: Liquid, delta: bigint): Liquid {
  const custody = custodyOf(lst)
  return custody.setCash(lst, total<Assets>('cash', custody.cash(lst) + delta))
}

/** Every wei the protocol holds, wherever it is. */
export function heldAssets(lst: Liquid): bigint {
  const locked = queueOf(lst).locked + custodyOf(lst).inCore(lst).setAside
  const cash = cashOf(lst) + returningCash(lst) + pendingRewards(lst) + lst.fees + lst.tickets.cash
  return seatTotals(lst.seats).assets + cash + locked
}

/** Everything the protocol owes: to holders, to those who are leaving, and as fees, less what it still has to book. */
export function owedAssets(lst: Liquid): bigint {
  let vesting = 0n
  for (const [, user] of lst.vesting.users) vesting += user.balance + user.released - user.claimed
  const leaving = queueOf(lst).locked + lst.tickets.owed + vesting + custodyOf(lst).inCore(lst).owed
  const unbooked = pendingRewards(lst) + lst.givenUp - lst.lossPending - lst.unbacked
  return coreAssets(lst.core) + lst.receiptSupply + leaving + lst.fees + unbooked
}

/** The protocol at a later time. */
export function at(lst: Liquid, nowSeconds: bigint): Liquid {
  forward(lst.nowSeconds, nowSeconds)
  if (nowSeconds === lst.nowSeconds) return lst
  const moved = { ...lst, nowSeconds, core: coreAdvance(lst.core, nowSeconds) }
  if (lst.config.exits === 'queue') return moved
  return {
    ...moved,
    tickets: applyTickets(lst.tickets, { type: 'advance', nowSeconds }).state,
    vesting: applyVesting(lst.vesting, { type: 'advance', nowSeconds }).state,
  }
}

/** Cash into a seat. */
export function toSeat(lst: Liquid, seat: number, assets: Assets): Liquid {
  const seats = applySeats(lst.seats, { type: 'lock', seat, assets, nowSeconds: lst.nowSeconds }).state
  return custodyOf(lst).toSeat({ ...lst, seats }, assets)
}

/** What came back from seats. */
export function fromSeats(lst: Liquid, assets: bigint): Liquid {
  return assets === 0n ? lst : custodyOf(lst).fromSeat(lst, assets as Assets)
}
