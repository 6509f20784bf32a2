import { type Apr, estimateWait, movingApr, type WaitEstimate } from '../apr/apr.js'
import { rateOf, toAssets } from '../math/math.js'
import type { Assets, RateE27, Shares } from '../math/units.js'
import { seatAssets } from '../seats/book.js'
import { claimable, unfinalized, withdrawalStatus } from '../withdrawal/queue.js'
import { corePreviewDeposit, coreTotals } from './core.js'
import { cashOf, inBunker, type Liquid, liquidShares, pendingRewards, queueOf } from './liquid.js'

/** A price: what one share is worth, over which totals, as of when. */
export type LiquidRate = {
  readonly rate: RateE27
  readonly assets: Assets
  readonly shares: Shares
  readonly at: bigint
}

/** What a share is worth now: the redemption rate, not a market price. */
export function liquidRate(lst: Liquid): LiquidRate {
  const totals = coreTotals(lst.core)
  return { rate: rateOf(totals), assets: totals.assets as Assets, shares: totals.shares as Shares, at: lst.now }
}

/** An amount with the rate it was reckoned at. */
export type Quote<Amount> = { readonly amount: Amount; readonly rate: RateE27; readonly at: bigint }

/** What a deposit would mint now. */
export function quoteDeposit(lst: Liquid, assets: Assets): Quote<Shares> {
  return { amount: corePreviewDeposit(lst.core, assets), rate: liquidRate(lst).rate, at: lst.now }
}

/** What shares are worth now; what an exit pays may be less after a slash. */
export function quoteWithdrawal(lst: Liquid, shares: Shares): Quote<Assets> {
  return { amount: toAssets(shares, coreTotals(lst.core), 'down'), rate: liquidRate(lst).rate, at: lst.now }
}

/** An account's position. */
export function liquidPosition(lst: Liquid, account: string): { shares: Shares; assets: Assets; at: bigint } {
  const shares = liquidShares(lst, account)
  return { shares, assets: toAssets(shares, coreTotals(lst.core), 'down'), at: lst.now }
}

/**
 * What holders earned over the last `windowSeconds` of reports (default a week), annualised; `undefined` before the first report.
 */
export function liquidApr(lst: Liquid, windowSeconds = 604_800n): Apr | undefined {
  const from = lst.reportedAt - windowSeconds
  const events = lst.history.filter(event => event.at > from)
  return events.length === 0 || events[0]!.preAssets === 0n ? undefined : movingApr(events)
}

/** One exit in the queue. */
export type QueueEntry = {
  readonly id: bigint
  readonly owner: string
  readonly assets: Assets
  readonly shares: Shares
  readonly at: bigint
  readonly status: 'pending' | 'claimable' | 'claimed'
  /** What can be claimed now. */
  readonly claimable: Assets
}

/** The exits of a preset: those that wait and those that can be claimed, oldest first. */
export type QueueView = {
  readonly waitingAssets: Assets
  readonly lockedAssets: Assets
  readonly lastRequestId: bigint
  readonly lastFinalizedId: bigint
  readonly bunker: boolean
  readonly entries: readonly QueueEntry[]
}

/** The queue, at most `limit` entries (default 1,000) from request `from` on (default 1), claimed ones left out. */
export function queueView(lst: Liquid, options: { from?: bigint; limit?: number } = {}): QueueView {
  const { from = 0n, limit = 1_000 } = options
  const bunker = inBunker(lst)
  if (lst.config.exits === 'fixed') return fixedView(lst, from, limit, bunker)
  const queue = queueOf(lst)
  const entries: QueueEntry[] = []
  let before = from > 1n ? queue.requests.get(from - 1n) : undefined
  for (const [id, request] of queue.requests.entries(from)) {
    if (entries.length >= limit) break
    if (!request.claimed)
      entries.push({
        id,
        owner: request.owner,
        assets: (request.cumulativeAssets - (before?.cumulativeAssets ?? 0n)) as Assets,
        shares: (request.cumulativeShares - (before?.cumulativeShares ?? 0n)) as Shares,
        at: request.at,
        status: withdrawalStatus(queue, id),
        claimable: claimable(queue, id),
      })
    before = request
  }
  return {
    waitingAssets: unfinalized(queue).assets,
    lockedAssets: queue.locked,
    lastRequestId: queue.lastRequestId,
    lastFinalizedId: queue.lastFinalizedId,
    bunker,
    entries,
  }
}

function fixedView(lst: Liquid, from: bigint, limit: number, bunker: boolean): QueueView {
  const entries: QueueEntry[] = []
  let waiting = 0n
  let count: number
  let finalized = 0n
  let locked: Assets
  if (lst.core.model === 'rate') {
    const pool = lst.core.state
    count = pool.requests.size
    finalized = pool.nextUnlock
    locked = pool.withdrawCash
    for (const [id, request] of pool.requests) {
      if (request.done) continue
      const ready = id < pool.nextUnlock && pool.now >= request.at + pool.withdrawDelay
      if (id >= pool.nextUnlock) waiting += request.assets
      if (id >= from && entries.length < limit)
        entries.push({
          id,
          owner: request.owner,
          assets: request.assets,
          shares: request.shares,
          at: request.at,
          status: ready ? 'claimable' : 'pending',
          claimable: (ready ? request.assets : 0n) as Assets,
        })
    }
  } else {
    const { tickets } = lst
    count = tickets.tickets.size
    locked = tickets.cash
    const cash = tickets.cash + lst.buffer
    for (const [id, ticket] of tickets.tickets) {
      if (ticket.state !== 'open') continue
      const ready = tickets.now >= ticket.matureAt && ticket.assets <= cash
      waiting += ticket.assets
      if (id >= from && entries.length < limit)
        entries.push({
          id,
          owner: ticket.owner,
          assets: ticket.assets,
          shares: 0n as Shares,
          at: ticket.matureAt - tickets.length,
          status: ready ? 'claimable' : 'pending',
          claimable: (ready ? ticket.assets : 0n) as Assets,
        })
    }
  }
  return {
    waitingAssets: waiting as Assets,
    lockedAssets: locked,
    lastRequestId: BigInt(count) - 1n,
    lastFinalizedId: finalized - 1n,
    bunker,
    entries,
  }
}

/** One seat. Amounts in wei. */
export type SeatView = {
  readonly seat: string
  readonly status: 'free' | 'entering' | 'active' | 'exiting'
  readonly assets: Assets
  readonly locked: Assets
  readonly entering: Assets
  readonly exiting: Assets
  readonly claimAt: bigint
  readonly bond: Assets
  readonly earned: Assets
  readonly lost: Assets
}

/** Every seat, by id. */
export function seatsView(lst: Liquid): SeatView[] {
  return [...lst.seats.seats].map(([id, seat]) => {
    const assets = seatAssets(seat)
    return {
      seat: id,
      status: seat.exiting > 0n ? 'exiting' : seat.locked > 0n ? 'active' : assets > 0n ? 'entering' : 'free',
      assets,
      locked: seat.locked,
      entering: (assets - seat.locked - seat.exiting) as Assets,
      exiting: seat.exiting,
      claimAt: seat.claimAt,
      bond: seat.bond,
      earned: seat.earned,
      lost: seat.lost,
    }
  })
}

/** How long a withdrawal of `assets` asked for now would wait, and why. `dailyInflow`: wei that come in a day, by deposits and rewards. */
export function liquidWait(lst: Liquid, assets: Assets, dailyInflow = 0n): WaitEstimate {
  let partialCapacity = 0n
  for (const [, seat] of lst.seats.seats)
    if (seat.updatedBatch < lst.seats.currentBatch && seat.locked > lst.seats.minSeat)
      partialCapacity += seat.locked - lst.seats.minSeat
  let bunkerSeconds = 0n
  for (const [, since] of lst.openCases) {
    const left = since + lst.config.bunkerSeconds - lst.now
    if (left > bunkerSeconds) bunkerSeconds = left
  }
  return estimateWait({
    ahead: queueView(lst, { limit: 0 }).waitingAssets + assets,
    idle:
      cashOf(lst) + pendingRewards(lst) - lst.config.seed > 0n
        ? cashOf(lst) + pendingRewards(lst) - lst.config.seed
        : 0n,
    dailyInflow,
    partialCapacity,
    partialSeconds: lst.seats.entrySeconds,
    fullSeconds: lst.seats.exitSeconds + lst.seats.entrySeconds,
    bunkerSeconds,
  })
}
