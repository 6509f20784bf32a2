import { fail } from '../errors.js'
import { mulDown, toAssets } from '../math/math.js'
import { type Assets, type RateE27, rateOne, type Shares, total } from '../math/units.js'
import { type ExitPlan, planExit } from '../seats/allocation.js'
import { applySeats, seatTotals } from '../seats/book.js'
import type { LstEvent } from '../state/events.js'
import { type LstStep, step } from '../state/reducer.js'
import { applyVesting } from '../vault/vesting.js'
import { applyQueue, planBatches, prefinalize, unfinalized } from '../withdrawal/queue.js'
import { cashOf, exitRate, freeCash, queueOf, returningCash, seedReserve, withCash } from './cash.js'
import { corePrice, coreSettle } from './core.js'
import { custodyOf } from './custodies.js'
import type { ExitTicket, FixedExits } from './custody.js'
import { heldBack, inBunker } from './feed.js'
import { type Liquid, pay } from './state.js'

/** An exit is split into at most this many requests. */
const maxSplit = 1_000

function fixedOf(lst: Liquid): FixedExits {
  return custodyOf(lst).fixed ?? fail('OPTION_INVALID', `exits of preset ${lst.config.preset} only queue`)
}

/** Asks for what `shares` are worth now. */
export function requestExit(lst: Liquid, args: { account: string; shares: Shares }): LstStep<Liquid, ExitTicket> {
  return lst.config.exits === 'queue' ? requestQueued(lst, args) : fixedOf(lst).request(lst, args)
}

function requestQueued(lst: Liquid, args: { account: string; shares: Shares }): LstStep<Liquid, ExitTicket> {
  const worth = toAssets(args.shares, corePrice(lst.core), 'down')
  if (worth === 0n) fail('ZERO_ASSETS', `${args.shares} shares are worth less than one wei`, { shares: args.shares })
  const parts = (worth + lst.config.maxRequest - 1n) / lst.config.maxRequest
  if (parts > maxSplit)
    fail('REQUEST_TOO_LARGE', `${worth} wei would be ${parts} requests, at most ${maxSplit} are made at once`, {
      limit: BigInt(maxSplit) * lst.config.maxRequest,
    })
  const ids: bigint[] = []
  const events: LstEvent[] = []
  let next = lst
  let assets = 0n
  for (let i = 0n; i < parts; i++) {
    const shares = ((args.shares * (i + 1n)) / parts - (args.shares * i) / parts) as Shares
    const worthNow = toAssets(shares, corePrice(next.core), 'down')
    const one = custodyOf(next).enqueue(next, { account: args.account, shares, assets: worthNow })
    next = one.state
    ids.push(one.result)
    assets += worthNow
    events.push(...one.events)
  }
  return { state: next, result: { ids, id: ids[0]!, assets: assets as Assets, vested: 0n as Assets }, events }
}

/** Pays an exit that is ready. */
export function claimExit(lst: Liquid, args: { id: bigint; account: string }): LstStep<Liquid, Assets> {
  const queued = lst.config.exits === 'queue'
  const { state, result, events } = queued ? custodyOf(lst).claimQueued(lst, args) : fixedOf(lst).claim(lst, args)
  return { state: { ...state, totals: pay(lst, result) }, result, events }
}

/** Pays what has vested of an account's exits. */
export function claimVested(lst: Liquid, account: string): LstStep<Liquid, Assets> {
  const { state, result, events } = applyVesting(lst.vesting, { type: 'claim', account })
  if (result > cashOf(lst))
    fail('INSUFFICIENT_CASH', `${cashOf(lst)} wei are at hand, ${result} are needed`, { limit: cashOf(lst) })
  const paid = withCash({ ...lst, vesting: state }, -result)
  return { state: { ...paid, totals: pay(paid, result) }, result, events }
}

/** What exits wait for and no cash is set aside for yet, wei. */
export function waitingAssets(lst: Liquid): bigint {
  return lst.config.exits === 'queue' ? unfinalized(queueOf(lst)).assets : fixedOf(lst).waiting(lst)
}

/** Wei that may go to seats: the cash less what exits wait for; nothing in bunker mode. */
export function allocatable(lst: Liquid): Assets {
  if (inBunker(lst)) return 0n as Assets
  const left = freeCash(lst) - waitingAssets(lst)
  return (left > 0n ? left : 0n) as Assets
}

/**
 * Raises what exits wait for beyond the cash, from what is on its way already, from above the seats' minimum, then by
 * leaving seats.
 */
export function raiseCash(lst: Liquid): LstStep<Liquid, ExitPlan> {
  const seats = [...lst.seats.seats]
    .filter(([, seat]) => seat.locked > 0n && !seat.left && seat.entering.length === 0)
    .map(([id, seat]) => ({ id, locked: seat.locked, updatedBatch: seat.updatedBatch }))
  const plan = planExit({
    need: waitingAssets(lst),
    idle: freeCash(lst) + returningCash(lst) + seatTotals(lst.seats).leaving,
    seats,
    currentBatch: lst.seats.currentBatch,
    minSeat: lst.seats.minSeat,
  })
  let book = lst.seats
  for (const { id, assets } of plan.partial)
    book = applySeats(book, { type: 'withdraw', seat: id, assets: assets as Assets, nowSeconds: lst.nowSeconds }).state
  for (const { id } of plan.full)
    book = applySeats(book, { type: 'unlock', seat: id, nowSeconds: lst.nowSeconds }).state
  return step({ ...lst, seats: book }, plan)
}

/** The ends of the batches that the cash finalises, and the rate: the possible cost of known faults is out of it. */
export function planFinalization(
  lst: Liquid,
  options: { rate: (less: bigint) => RateE27; cash: (rate: RateE27) => bigint },
): { batches: readonly bigint[]; maxRate: RateE27 } {
  const none = { batches: [], maxRate: 0n as RateE27 }
  if (inBunker(lst)) return none
  const maxRate = options.rate(heldBack(lst) ?? 0n)
  const budget = options.cash(maxRate)
  if (maxRate === 0n || budget <= 0n) return none
  const { batches } = planBatches(queueOf(lst), {
    maxRate,
    maxTimestamp: lst.nowSeconds - (lst.config.limits.requestMarginSeconds ?? 0n),
    budget,
    maxBatches: Number.POSITIVE_INFINITY,
  })
  return { batches, maxRate }
}

/** Vault models: sets cash aside for the exits that come next in turn. */
export function finalise(lst: Liquid): { lst: Liquid; locked: Assets } {
  if (lst.config.exits === 'fixed') return { lst: fixedOf(lst).release(lst, freeCash(lst)), locked: 0n as Assets }
  const { batches, maxRate } = planFinalization(lst, {
    rate: less => exitRate(lst, less),
    cash: rate => cashOf(lst) - seedReserve(lst, rate),
  })
  const lastId = batches[batches.length - 1]
  if (lastId === undefined) return { lst, locked: 0n as Assets }
  const { assets, shares } = prefinalize(lst.queue, batches, maxRate)
  const queue = applyQueue(lst.queue, { type: 'finalize', lastId, assets, maxRate }).state
  // All that the shares were worth leaves the rate; what is not paid for them comes back to it later, at the pace of
  // the limiter.
  const worth = mulDown(shares, exitRate(lst), rateOne)
  const burnt = (worth > assets ? worth : assets) as Assets
  const givenUp = total<Assets>('givenUp', lst.givenUp + burnt - assets)
  const core = coreSettle(lst.core, shares, burnt)
  return { lst: withCash({ ...lst, core, queue, givenUp }, -assets), locked: assets }
}
