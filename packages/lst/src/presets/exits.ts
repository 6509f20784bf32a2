import { fail } from '../errors.js'
import { min, mulDown, toAssets } from '../math/math.js'
import { type Assets, type RateE27, rateOne, type Shares, total } from '../math/units.js'
import { applyRatePool } from '../rate/pool.js'
import { applyRebasing } from '../rebasing/pool.js'
import { queueAccount } from '../rebasing/state.js'
import { type ExitPlan, planExit } from '../seats/allocation.js'
import { applySeats, seatTotals } from '../seats/book.js'
import type { LstEvent } from '../state/events.js'
import { type LstStep, step } from '../state/reducer.js'
import { applyVesting } from '../vault/vesting.js'
import { applyQueue, planBatches, prefinalize, unfinalized } from '../withdrawal/queue.js'
import { applyTickets } from '../withdrawal/tickets.js'
import { coreMove, corePrice, coreSettle } from './core.js'
import { heldBack, inBunker } from './feed.js'
import { leaveVault } from './receipts.js'
import { cashOf, exitRate, freeCash, type Liquid, pay, queueOf, returningCash, seedReserve, withCash } from './state.js'

/** What an exit asks for and where it waits: an amount above the largest request is split into several. */
export type ExitTicket = {
  /** Every request made, ascending; `id` is the first. */
  readonly ids: readonly bigint[]
  readonly id: bigint
  readonly assets: Assets
  readonly vested: Assets
}

/** An exit is split into at most this many requests. */
const maxSplit = 1_000

/** Asks for what `shares` are worth now. */
export function requestExit(lst: Liquid, args: { account: string; shares: Shares }): LstStep<Liquid, ExitTicket> {
  return lst.config.exits === 'queue' ? requestQueued(lst, args) : requestFixed(lst, args)
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
    const one = enqueue(next, args.account, shares)
    next = one.state
    ids.push(one.result.id)
    assets += one.result.assets
    events.push(...one.events)
  }
  return { state: next, result: { ids, id: ids[0]!, assets: assets as Assets, vested: 0n as Assets }, events }
}

function enqueue(lst: Liquid, account: string, shares: Shares): LstStep<Liquid, { id: bigint; assets: Assets }> {
  const { core } = lst
  const assets = toAssets(shares, corePrice(core), 'down')
  if (core.model === 'rebasing') {
    const { state, result, events } = applyRebasing(core.state, {
      type: 'requestShares',
      account,
      shares,
      now: lst.now,
    })
    return { state: { ...lst, core: { ...core, state } }, result: { id: result, assets }, events }
  }
  const moved = coreMove(core, account, queueAccount, shares)
  const args = { type: 'enqueue' as const, owner: account, assets, shares, now: lst.now }
  const { state, result, events } = applyQueue(lst.queue, args)
  return { state: { ...lst, core: moved, queue: state }, result: { id: result, assets }, events }
}

function requestFixed(lst: Liquid, args: { account: string; shares: Shares }): LstStep<Liquid, ExitTicket> {
  const { core } = lst
  if (core.model === 'rate') {
    const { state, result, events } = applyRatePool(core.state, {
      type: 'request',
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
  const left = leaveVault(lst, args)
  const { state, result, events } = applyTickets(left.state.tickets, {
    type: 'enter',
    account: args.account,
    assets: left.result.paid,
  })
  return {
    state: { ...left.state, tickets: state },
    result: { ids: [result.id], id: result.id, assets: result.assets, vested: left.result.vested },
    events: [...left.events, ...events],
  }
}

/** Pays an exit that is ready. */
export function claimExit(lst: Liquid, args: { id: bigint; account: string }): LstStep<Liquid, Assets> {
  const { core } = lst
  if (lst.config.exits === 'queue') {
    if (core.model === 'rebasing') {
      const { state, result, events } = applyRebasing(core.state, { type: 'claim', id: args.id, account: args.account })
      return { state: { ...lst, core: { ...core, state }, totals: pay(lst, result) }, result, events }
    }
    const { state, result, events } = applyQueue(lst.queue, { type: 'claim', id: args.id, account: args.account })
    return { state: { ...lst, queue: state, totals: pay(lst, result) }, result, events }
  }
  if (core.model === 'rate') {
    const { state, result, events } = applyRatePool(core.state, { type: 'complete', account: args.account })
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
  const funded = funding === 0n ? lst.tickets : applyTickets(lst.tickets, { type: 'fund', assets: funding }).state
  const { state, result, events } = applyTickets(funded, { type: 'redeem', id: args.id })
  return {
    state: { ...lst, tickets: state, buffer: (lst.buffer - funding) as Assets, totals: pay(lst, result) },
    result,
    events,
  }
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
  const left = freeCash(lst) - waitingAssets(lst)
  return (left > 0n ? left : 0n) as Assets
}

/** Raises what exits wait for beyond the cash, from what is on its way already, from above the seats' minimum, then by leaving seats. */
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
    book = applySeats(book, { type: 'withdraw', seat: id, assets: assets as Assets, now: lst.now }).state
  for (const { id } of plan.full) book = applySeats(book, { type: 'unlock', seat: id, now: lst.now }).state
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
    maxTimestamp: lst.now - (lst.config.limits.requestMarginSeconds ?? 0n),
    budget,
    maxBatches: Number.POSITIVE_INFINITY,
  })
  return { batches, maxRate }
}

/** Vault models: sets cash aside for the exits that come next in turn. */
export function finalise(lst: Liquid): { lst: Liquid; locked: Assets } {
  if (lst.config.exits === 'fixed') return { lst: unlockNonces(lst), locked: 0n as Assets }
  const { batches, maxRate } = planFinalization(lst, {
    rate: less => exitRate(lst, less),
    cash: rate => cashOf(lst) - seedReserve(lst, rate),
  })
  const lastId = batches[batches.length - 1]
  if (lastId === undefined) return { lst, locked: 0n as Assets }
  const { assets, shares } = prefinalize(lst.queue, batches, maxRate)
  const queue = applyQueue(lst.queue, { type: 'finalize', lastId, assets, maxRate }).state
  // All that the shares were worth leaves the rate; what is not paid for them comes back to it later, at the pace of the limiter.
  const worth = mulDown(shares, exitRate(lst), rateOne)
  const burnt = (worth > assets ? worth : assets) as Assets
  const givenUp = total<Assets>('givenUp', lst.givenUp + burnt - assets)
  const core = coreSettle(lst.core, shares, burnt)
  return { lst: withCash({ ...lst, core, queue, givenUp }, -assets), locked: assets }
}

/** Artemis: the admin unlocks as many nonces as the cash pays. */
function unlockNonces(lst: Liquid): Liquid {
  if (lst.core.model !== 'rate') return lst
  const pool = lst.core.state
  let budget = freeCash(lst)
  let upto = pool.nextUnlock
  for (const [nonce, request] of pool.requests.entries(pool.nextUnlock)) {
    if (request.assets > budget) break
    budget -= request.assets
    upto = nonce + 1n
  }
  if (upto === pool.nextUnlock) return lst
  return { ...lst, core: { ...lst.core, state: applyRatePool(pool, { type: 'unlock', upto }).state } }
}
