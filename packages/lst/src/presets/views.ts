import { type Apr, estimateWait, movingApr, type WaitEstimate } from '../apr/apr.js'
import { fail } from '../errors.js'
import { min, rateOf, toAssets } from '../math/math.js'
import type { Assets, RateE27, Shares } from '../math/units.js'
import { seatAssets, seatStake, seatTotals } from '../seats/book.js'
import { claimable, unfinalized, withdrawalStatus } from '../withdrawal/queue.js'
import { freeCash, pendingRewards, queueOf, returningCash } from './cash.js'
import { corePreviewDeposit, corePrice, coreTotals } from './core.js'
import { custodyOf } from './custodies.js'
import { depositsPaused, heldBack, inBunker } from './feed.js'
import { liquidShares } from './liquid.js'
import type { Liquid } from './state.js'

/** A price: what one share is worth, over which totals, as of when. */
export type LiquidRate = {
  readonly rate: RateE27
  readonly assets: Assets
  readonly shares: Shares
  readonly atSeconds: bigint
}

/** What a share is worth now: the redemption rate, not a market price. */
export function liquidRate(lst: Liquid): LiquidRate {
  const totals = coreTotals(lst.core)
  return {
    rate: rateOf(totals),
    assets: totals.assets as Assets,
    shares: totals.shares as Shares,
    atSeconds: lst.nowSeconds,
  }
}

/** An amount with the rate it was calculated at. */
export type Quote<Amount> = { readonly amount: Amount; readonly rate: RateE27; readonly atSeconds: bigint }

/** What a deposit gives, and why none is taken now (`depositsPaused`). */
export type DepositQuote = Quote<Shares> & { readonly paused: string | undefined }

/** What a deposit would mint now; while the rate is known to be too high none is taken, and `paused` says why. */
export function quoteDeposit(lst: Liquid, assets: Assets): DepositQuote {
  return {
    amount: corePreviewDeposit(lst.core, assets),
    rate: liquidRate(lst).rate,
    atSeconds: lst.nowSeconds,
    paused: depositsPaused(lst),
  }
}

/** What shares are worth now; what an exit pays may be less after a slash. */
export function quoteWithdrawal(lst: Liquid, shares: Shares): Quote<Assets> {
  return {
    amount: toAssets(shares, corePrice(lst.core), 'down'),
    rate: liquidRate(lst).rate,
    atSeconds: lst.nowSeconds,
  }
}

/** An account's position. */
export function liquidPosition(lst: Liquid, account: string): { shares: Shares; assets: Assets; atSeconds: bigint } {
  const shares = liquidShares(lst, account)
  return { shares, assets: toAssets(shares, corePrice(lst.core), 'down'), atSeconds: lst.nowSeconds }
}

/**
 * What holders earned over the last `windowSeconds` of reports (default a week; entries of the history that reach into
 * it count whole), annualised; `undefined` before the first report. `elapsedSeconds` says what it covers: a young
 * protocol has less to look back on.
 * @throws LstError `OPTION_INVALID` when the window is longer than the history that the protocol keeps
 * (`historySeconds`).
 */
export function liquidApr(lst: Liquid, windowSeconds = 604_800n): Apr | undefined {
  const { historySeconds } = lst.config
  if (windowSeconds < 1n || windowSeconds > historySeconds)
    fail('OPTION_INVALID', `a window of ${windowSeconds} s is asked for, rebases are kept for ${historySeconds} s`, {
      limit: historySeconds,
    })
  const from = lst.reportedAtSeconds - windowSeconds
  const events = lst.history.filter(event => event.atSeconds > from)
  return events.length === 0 || events[0]!.preAssets === 0n ? undefined : movingApr(events)
}

/** One exit in the queue. */
export type QueuedExit = {
  readonly id: bigint
  readonly owner: string
  readonly assets: Assets
  readonly shares: Shares
  readonly atSeconds: bigint
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
  /** What open cases can most cost and exits are priced without; `undefined` when nobody knows how much. */
  readonly heldBack: Assets | undefined
  readonly entries: readonly QueuedExit[]
}

/** The queue, at most `limit` entries (default 1,000) from request `from` on (default 1), claimed ones left out. */
export function queueView(lst: Liquid, options: { from?: bigint; limit?: number } = {}): QueueView {
  const { from = 0n, limit = 1_000 } = options
  const bunker = inBunker(lst)
  if (lst.config.exits === 'fixed') return fixedView(lst, from, limit, bunker)
  const queue = queueOf(lst)
  const entries: QueuedExit[] = []
  let before = from > 1n ? queue.requests.get(from - 1n) : undefined
  for (const [id, request] of queue.requests.entries(from)) {
    if (entries.length >= limit) break
    if (!request.claimed)
      entries.push({
        id,
        owner: request.owner,
        assets: (request.cumulativeAssets - (before?.cumulativeAssets ?? 0n)) as Assets,
        shares: (request.cumulativeShares - (before?.cumulativeShares ?? 0n)) as Shares,
        atSeconds: request.atSeconds,
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
    heldBack: heldBack(lst),
    entries,
  }
}

function fixedView(lst: Liquid, from: bigint, limit: number, bunker: boolean): QueueView {
  const { fixed } = custodyOf(lst)
  if (fixed === undefined) return fail('OPTION_INVALID', `exits of preset ${lst.config.preset} only queue`)
  const entries: QueuedExit[] = []
  let waiting = 0n
  for (const { isReady, isWaiting, ...exit } of fixed.list(lst)) {
    if (isWaiting) waiting += exit.assets
    if (exit.id < from || entries.length >= limit) continue
    const claimableNow = (isReady ? exit.assets : 0n) as Assets
    entries.push({ ...exit, status: isReady ? 'claimable' : 'pending', claimable: claimableNow })
  }
  const { count, released, locked } = fixed.figures(lst)
  return {
    waitingAssets: waiting as Assets,
    lockedAssets: locked,
    lastRequestId: BigInt(count) - 1n,
    lastFinalizedId: released - 1n,
    bunker,
    heldBack: heldBack(lst),
    entries,
  }
}

/** One seat. Amounts in wei. */
export type SeatView = {
  readonly seat: number
  readonly status: 'free' | 'entering' | 'active' | 'exiting'
  readonly assets: Assets
  readonly locked: Assets
  readonly entering: Assets
  /**
   * On its way out: all of it (`exiting`) or what was withdrawn from above the minimum; the next of it comes back at
   * `claimAtSeconds`.
   */
  readonly leaving: Assets
  readonly claimAtSeconds: bigint
  readonly bond: Assets
  readonly earned: Assets
  readonly lost: Assets
}

/** Every seat, by id. */
export function seatsView(lst: Liquid): SeatView[] {
  return [...lst.seats.seats].map(([id, seat]) => {
    const assets = seatAssets(seat)
    const stake = seatStake(seat)
    return {
      seat: id,
      status: seat.left ? 'exiting' : seat.locked > 0n ? 'active' : assets > 0n ? 'entering' : 'free',
      assets,
      locked: seat.locked,
      entering: (stake - seat.locked) as Assets,
      leaving: (assets - stake) as Assets,
      claimAtSeconds: seat.leaving.map(leg => leg.readyAtSeconds).reduce((a, b) => (a === 0n ? b : min(a, b)), 0n),
      bond: seat.bond,
      earned: seat.earned,
      lost: seat.lost,
    }
  })
}

/**
 * How long a withdrawal of `assets` asked for now would wait, and why. `dailyInflow`: wei that come in a day, by
 * deposits and rewards.
 */
export function liquidWait(lst: Liquid, assets: Assets, dailyInflow = 0n): WaitEstimate {
  let partialCapacity = 0n
  for (const [, seat] of lst.seats.seats)
    if (seat.updatedBatch < lst.seats.currentBatch && seat.locked > lst.seats.minSeat)
      partialCapacity += seat.locked - lst.seats.minSeat
  let bunkerSeconds = 0n
  if (inBunker(lst))
    for (const [, { untilSeconds }] of lst.openCases)
      if (untilSeconds - lst.nowSeconds > bunkerSeconds) bunkerSeconds = untilSeconds - lst.nowSeconds
  const ahead = queueView(lst, { limit: 0 }).waitingAssets + assets
  const idle = freeCash(lst) + returningCash(lst) + pendingRewards(lst)
  const estimate = estimateWait({
    ahead,
    idle,
    dailyInflow,
    partialCapacity,
    partialSeconds: lst.seats.partialExitSeconds,
    fullSeconds: lst.seats.exitSeconds,
    bunkerSeconds,
  })
  // What is on its way back already may be there first.
  const leaving = [...lst.seats.seats].flatMap(([, seat]) => seat.leaving)
  if (ahead <= idle || ahead > idle + seatTotals(lst.seats).leaving) return estimate
  const last = leaving.reduce(
    (atSeconds, leg) => (leg.readyAtSeconds > atSeconds ? leg.readyAtSeconds : atSeconds),
    lst.nowSeconds,
  )
  const seconds = last - lst.nowSeconds > bunkerSeconds ? last - lst.nowSeconds : bunkerSeconds
  return seconds < estimate.seconds
    ? { seconds, reason: seconds === bunkerSeconds ? 'bunker' : 'partialExit' }
    : estimate
}
