import { OrderedMap } from '@l2/common'
import * as z from 'zod/mini'
import { fail } from '../errors.js'
import {
  type Assets,
  account as checkAccount,
  forward,
  maxAmount,
  positive,
  type RateE27,
  rateOne,
  type Shares,
  total,
} from '../math/units.js'
import { type Codec, codec, integer, mapOf } from '../state/codec.js'
import { type Apply, type LstStep, reducer, step } from '../state/reducer.js'

/** A request in the queue. Its own amounts are the differences of the cumulative ones to the request before it. */
export type WithdrawalRequest = {
  readonly cumulativeAssets: Assets
  readonly cumulativeShares: Shares
  readonly owner: string
  /** Seconds. */
  readonly atSeconds: bigint
  readonly claimed: boolean
}

/**
 * First in, first out; each request is worth the smaller of what it asked for and what its shares are worth when it is
 * finalised, so that a slash during the wait falls on those who wait as well. Source: Lido WithdrawalQueueBase.
 */
export type WithdrawalQueue = {
  /** From 1 upwards. */
  readonly requests: OrderedMap<bigint, WithdrawalRequest>
  /** The highest rate that requests from this id on are paid at. */
  readonly checkpoints: OrderedMap<bigint, RateE27>
  readonly lastRequestId: bigint
  readonly lastFinalizedId: bigint
  /** Wei set aside for finalised requests that nobody has claimed yet. */
  readonly locked: Assets
  /** Smallest and largest request, wei. */
  readonly minRequest: Assets
  readonly maxRequest: Assets
}

/** Options of {@link createQueue}. */
export type QueueOptions = {
  /** Wei; default 100. */
  minRequest?: bigint
  /** Wei; default 1000·10^18. Larger ones are split by the caller. */
  maxRequest?: bigint
}

/** An empty queue. */
export function createQueue(options: QueueOptions = {}): WithdrawalQueue {
  const { minRequest = 100n, maxRequest = 1000n * 10n ** 18n } = options
  if (minRequest < 1n || maxRequest < minRequest || maxRequest > maxAmount)
    fail('OPTION_INVALID', `requests expected 1 ≤ min ≤ max < 2^128, got ${minRequest} … ${maxRequest}`)
  return {
    requests: OrderedMap.from(),
    checkpoints: OrderedMap.from(),
    lastRequestId: 0n,
    lastFinalizedId: 0n,
    locked: 0n as Assets,
    minRequest: minRequest as Assets,
    maxRequest: maxRequest as Assets,
  }
}

type Cumulative = { readonly cumulativeAssets: bigint; readonly cumulativeShares: bigint }
const nothing: Cumulative = { cumulativeAssets: 0n, cumulativeShares: 0n }

/** The request, or the zero that the first one is measured against. */
function cumulative(queue: WithdrawalQueue, id: bigint): Cumulative {
  if (id === 0n) return nothing
  return queue.requests.get(id) ?? fail('REQUEST_UNKNOWN', `there is no request ${id}`, { id })
}

/** What the requests after `from` up to `to` ask for, together. */
function span(queue: WithdrawalQueue, from: bigint, to: bigint): { assets: Assets; shares: Shares } {
  const start = cumulative(queue, from)
  const end = cumulative(queue, to)
  return {
    assets: (end.cumulativeAssets - start.cumulativeAssets) as Assets,
    shares: (end.cumulativeShares - start.cumulativeShares) as Shares,
  }
}

/** What one request asked for: assets, the shares it gave up, and their rate then. */
export function requested(queue: WithdrawalQueue, id: bigint): { assets: Assets; shares: Shares; rate: RateE27 } {
  if (id < 1n || id > queue.lastRequestId) fail('REQUEST_UNKNOWN', `there is no request ${id}`, { id })
  const { assets, shares } = span(queue, id - 1n, id)
  return { assets, shares, rate: ((assets * rateOne) / shares) as RateE27 }
}

/** Wei asked for and not finalised: what the buffer keeps back from the seats. */
export function unfinalized(queue: WithdrawalQueue): { assets: Assets; shares: Shares } {
  return span(queue, queue.lastFinalizedId, queue.lastRequestId)
}

/**
 * What one exit costs: what it asked for, or what its shares are worth at `maxRate` when its own rate (both at 10^27,
 * floored) is above that. The only place where this is calculated: the plan of a report, the wei it sets aside and the
 * claims all sum this, so that nothing is set aside for nobody and no plan costs more than it said, whichever requests
 * stand beside each other.
 */
export function exitCost(assets: bigint, shares: bigint, maxRate: RateE27): Assets {
  return (assets * rateOne >= (maxRate + 1n) * shares ? (shares * maxRate) / rateOne : assets) as Assets
}

/** Every request after `from` with its own amounts, until `visit` says no. */
function walk(
  queue: WithdrawalQueue,
  from: bigint,
  visit: (id: bigint, request: WithdrawalRequest, assets: bigint, shares: bigint) => boolean,
): void {
  if (from >= queue.lastRequestId) return
  let before: Cumulative = cumulative(queue, from)
  for (const [id, request] of queue.requests.entries(from + 1n)) {
    const assets = request.cumulativeAssets - before.cumulativeAssets
    if (!visit(id, request, assets, request.cumulativeShares - before.cumulativeShares)) return
    before = request
  }
}

/** Sets of requests that are paid in one report: what they cost and how many shares they give up. */
export type Finalization = { readonly assets: Assets; readonly shares: Shares }

/** The last sum over a queue: a plan, its lock and its check are one question asked three times. */
const sums = new WeakMap<WithdrawalQueue, { lastId: bigint; maxRate: bigint; assets: bigint }>()

/** What finalising up to `lastId` costs. */
function finalization(queue: WithdrawalQueue, lastId: bigint, maxRate: RateE27): Finalization {
  const { shares } = span(queue, queue.lastFinalizedId, lastId)
  const known = sums.get(queue)
  if (known !== undefined && known.lastId === lastId && known.maxRate === maxRate)
    return { assets: known.assets as Assets, shares }
  let assets = 0n
  walk(queue, queue.lastFinalizedId, (id, _, asked, given) => {
    assets += exitCost(asked, given, maxRate)
    return id < lastId
  })
  sums.set(queue, { lastId, maxRate, assets })
  return { assets: assets as Assets, shares }
}

/**
 * What finalising up to the ends of `batches` locks and burns, when nobody is paid above `maxRate`: the sum of {@link
 * exitCost}.
 * @throws LstError `BATCHES_EMPTY`, `ZERO_SHARE_RATE`, `REQUEST_UNKNOWN`, `BATCHES_UNSORTED`
 */
export function prefinalize(queue: WithdrawalQueue, batches: readonly bigint[], maxRate: RateE27): Finalization {
  if (batches.length === 0) fail('BATCHES_EMPTY', 'batches expected at least one request id, got none')
  if (maxRate <= 0n) fail('ZERO_SHARE_RATE', `share rate expected more than 0, got ${maxRate}`)
  const first = batches[0]!
  const last = batches[batches.length - 1]!
  if (first <= queue.lastFinalizedId || last > queue.lastRequestId)
    fail(
      'REQUEST_UNKNOWN',
      `batches expected ids ${queue.lastFinalizedId + 1n} … ${queue.lastRequestId}, got ${first} … ${last}`,
      {
        first,
        last,
      },
    )
  let previous = queue.lastFinalizedId
  for (const end of batches) {
    if (end <= previous) fail('BATCHES_UNSORTED', `batch ends expected to rise, got ${end} after ${previous}`, { end })
    previous = end
  }
  return finalization(queue, last, maxRate)
}

/** At most this many batches in one report of a contract, which must be told them (Lido: MAX_BATCHES_LENGTH). */
export const maxBatchesPerReport = 36

/**
 * The requests made at or before `maxTimestamp` that `budget` wei can finalise at `maxRate`, in turn, as the ends of
 * batches: a batch ends where the requests pass from below `maxRate` to above it or back, so that a contract can
 * calculate one at a time. A caller that sums by request (`report` of `applyLiquid`) sets `maxBatches` to `Infinity`:
 * who asks for what must not slow the queue. Returns the batch ends and what is left of the budget.
 */
export function planBatches(
  queue: WithdrawalQueue,
  options: { maxRate: RateE27; maxTimestamp: bigint; budget: bigint; maxBatches?: number },
): { batches: bigint[]; budgetLeft: Assets } {
  const { maxRate, maxTimestamp, maxBatches = maxBatchesPerReport } = options
  const batches: bigint[] = []
  let budget = options.budget
  let side: boolean | undefined
  walk(queue, queue.lastFinalizedId, (id, request, assets, shares) => {
    const cost = exitCost(assets, shares, maxRate)
    if (request.atSeconds > maxTimestamp || cost > budget) return false
    const nominal = cost === assets
    if (nominal === side) batches[batches.length - 1] = id
    else if (batches.length === maxBatches) return false
    else batches.push(id)
    side = nominal
    budget -= cost
    return true
  })
  const lastId = batches[batches.length - 1]
  if (lastId !== undefined) sums.set(queue, { lastId, maxRate, assets: options.budget - budget })
  return { batches, budgetLeft: budget as Assets }
}

/** The checkpoint that holds a finalised request: its first id, to be passed to `claim` as `hint`. */
export function checkpointHint(queue: WithdrawalQueue, id: bigint): bigint {
  if (id < 1n || id > queue.lastRequestId) fail('REQUEST_UNKNOWN', `there is no request ${id}`, { id })
  if (id > queue.lastFinalizedId) fail('NOT_FINALIZED', `request ${id} is not finalised`, { id })
  return queue.checkpoints.floor(id)![0]
}

/** What a finalised, unclaimed request pays; 0 otherwise. */
export function claimable(queue: WithdrawalQueue, id: bigint): Assets {
  const request = queue.requests.get(id)
  if (request === undefined || request.claimed || id > queue.lastFinalizedId) return 0n as Assets
  const [, maxRate] = queue.checkpoints.floor(id)!
  const { assets, shares } = span(queue, id - 1n, id)
  return exitCost(assets, shares, maxRate)
}

/** Where a request stands. */
export type WithdrawalStatus = 'pending' | 'claimable' | 'claimed'

/** Where a request stands. */
export function withdrawalStatus(queue: WithdrawalQueue, id: bigint): WithdrawalStatus {
  const request = queue.requests.get(id) ?? fail('REQUEST_UNKNOWN', `there is no request ${id}`, { id })
  return request.claimed ? 'claimed' : id <= queue.lastFinalizedId ? 'claimable' : 'pending'
}

/** The ids of everything an account has waiting or claimable. Walks the queue. */
export function withdrawalsOf(queue: WithdrawalQueue, owner: string): bigint[] {
  const ids: bigint[] = []
  for (const [id, request] of queue.requests) if (request.owner === owner && !request.claimed) ids.push(id)
  return ids
}

const operations = {
  /** Enters a request whose shares the pool has taken from its owner. */
  enqueue(
    queue: WithdrawalQueue,
    args: { owner: string; assets: Assets; shares: Shares; nowSeconds: bigint },
  ): LstStep<WithdrawalQueue, bigint> {
    checkAccount(args.owner)
    positive('assets', args.assets)
    positive('shares', args.shares)
    if (args.assets < queue.minRequest)
      fail('REQUEST_TOO_SMALL', `a request is at least ${queue.minRequest} wei, got ${args.assets}`, {
        limit: queue.minRequest,
      })
    if (args.assets > queue.maxRequest)
      fail('REQUEST_TOO_LARGE', `a request is at most ${queue.maxRequest} wei, got ${args.assets}: split it`, {
        limit: queue.maxRequest,
      })
    const last = cumulative(queue, queue.lastRequestId)
    const before = queue.requests.get(queue.lastRequestId)
    forward(before?.atSeconds ?? 0n, args.nowSeconds)
    const id = queue.lastRequestId + 1n
    const request: WithdrawalRequest = {
      cumulativeAssets: total<Assets>('cumulativeAssets', last.cumulativeAssets + args.assets),
      cumulativeShares: total<Shares>('cumulativeShares', last.cumulativeShares + args.shares),
      owner: args.owner,
      atSeconds: args.nowSeconds,
      claimed: false,
    }
    return step({ ...queue, requests: queue.requests.set(id, request), lastRequestId: id }, id, {
      type: 'requested',
      id,
      owner: args.owner,
      assets: args.assets,
      shares: args.shares,
      atSeconds: args.nowSeconds,
    })
  },

  /**
   * Sets `assets` wei aside for every request up to `lastId`, none of which is paid above `maxRate`: at least what they
   * cost.
   */
  finalize(
    queue: WithdrawalQueue,
    args: { lastId: bigint; assets: Assets; maxRate: RateE27 },
  ): LstStep<WithdrawalQueue, Assets> {
    if (args.lastId <= queue.lastFinalizedId || args.lastId > queue.lastRequestId)
      fail(
        'REQUEST_UNKNOWN',
        `last id expected ${queue.lastFinalizedId + 1n} … ${queue.lastRequestId}, got ${args.lastId}`,
      )
    if (args.maxRate <= 0n) fail('ZERO_SHARE_RATE', `share rate expected more than 0, got ${args.maxRate}`)
    const nominal = span(queue, queue.lastFinalizedId, args.lastId).assets
    if (args.assets < 0n || args.assets > nominal)
      fail('FINALIZE_TOO_MUCH', `at most ${nominal} wei finalise these requests, got ${args.assets}`, {
        limit: nominal,
      })
    const cost = finalization(queue, args.lastId, args.maxRate).assets
    if (args.assets < cost)
      fail('INSUFFICIENT_CASH', `${cost} wei finalise these requests, got ${args.assets}`, { limit: cost })
    return step(
      {
        ...queue,
        checkpoints: queue.checkpoints.set(queue.lastFinalizedId + 1n, args.maxRate),
        lastFinalizedId: args.lastId,
        locked: total<Assets>('locked', queue.locked + args.assets),
      },
      args.assets,
      {
        type: 'finalized',
        from: queue.lastFinalizedId + 1n,
        to: args.lastId,
        assets: args.assets,
        maxRate: args.maxRate,
      },
    )
  },

  /** Pays a finalised request to its owner. `hint` is the first id of its checkpoint, looked up when missing. */
  claim(
    queue: WithdrawalQueue,
    args: { id: bigint; account: string; hint?: bigint },
  ): LstStep<WithdrawalQueue, Assets> {
    const request =
      queue.requests.get(args.id) ?? fail('REQUEST_UNKNOWN', `there is no request ${args.id}`, { id: args.id })
    if (args.id > queue.lastFinalizedId) fail('NOT_FINALIZED', `request ${args.id} is not finalised`, { id: args.id })
    if (request.claimed) fail('ALREADY_CLAIMED', `request ${args.id} was claimed before`, { id: args.id })
    if (request.owner !== args.account)
      fail('NOT_OWNER', `request ${args.id} belongs to ${request.owner}, not to ${args.account}`, { id: args.id })
    if (args.hint !== undefined && checkpointHint(queue, args.id) !== args.hint)
      fail('HINT_INVALID', `checkpoint ${args.hint} does not hold request ${args.id}`, { id: args.id, hint: args.hint })
    const assets = claimable(queue, args.id)
    return step(
      {
        ...queue,
        requests: queue.requests.set(args.id, { ...request, claimed: true }),
        locked: (queue.locked - assets) as Assets,
      },
      assets,
      { type: 'claimed', id: args.id, owner: args.account, assets },
    )
  },

  /** Hands a request to somebody else: ids are tokens (ERC-721 on chain). */
  transferRequest(
    queue: WithdrawalQueue,
    args: { id: bigint; from: string; to: string },
  ): LstStep<WithdrawalQueue, null> {
    checkAccount(args.to)
    const request =
      queue.requests.get(args.id) ?? fail('REQUEST_UNKNOWN', `there is no request ${args.id}`, { id: args.id })
    if (request.claimed) fail('ALREADY_CLAIMED', `request ${args.id} was claimed before`, { id: args.id })
    if (request.owner !== args.from)
      fail('NOT_OWNER', `request ${args.id} belongs to ${request.owner}, not to ${args.from}`, { id: args.id })
    return step({ ...queue, requests: queue.requests.set(args.id, { ...request, owner: args.to }) }, null, {
      type: 'requestTransferred',
      id: args.id,
      from: args.from,
      to: args.to,
    })
  },
}

/** The withdrawal queue as a reducer: `enqueue`, `finalize`, `claim`, `transferRequest`. */
export const applyQueue: Apply<WithdrawalQueue, typeof operations> = /*#__PURE__*/ reducer<
  WithdrawalQueue,
  typeof operations
>(operations)

/** Zod schema of a {@link WithdrawalQueue}, for states that hold one. */
export const queueSchema = /* @__PURE__ */ (() =>
  z.strictObject({
    requests: mapOf(
      integer,
      z.strictObject({
        cumulativeAssets: integer,
        cumulativeShares: integer,
        owner: z.string().check(z.minLength(1), z.maxLength(128)),
        atSeconds: integer,
        claimed: z.boolean(),
      }),
    ),
    checkpoints: mapOf(integer, integer),
    lastRequestId: integer,
    lastFinalizedId: integer,
    locked: integer,
    minRequest: integer,
    maxRequest: integer,
  }))()

/** What finalised requests can still claim together, wei. Walks the queue. */
export function claimableTotal(queue: WithdrawalQueue): Assets {
  const checkpoints = [...queue.checkpoints]
  let at = 0
  let all = 0n
  walk(queue, 0n, (id, request, assets, shares) => {
    if (id > queue.lastFinalizedId) return false
    while (at + 1 < checkpoints.length && checkpoints[at + 1]![0] <= id) at++
    if (!request.claimed) all += exitCost(assets, shares, checkpoints[at]![1])
    return true
  })
  return all as Assets
}

/**
 * A queue whose ids are 1 … last, whose sums and times rise, whose checkpoints cover what is finalised and nothing
 * else, and which holds what its claims cost.
 */
export function checkQueue(queue: WithdrawalQueue): string | undefined {
  let id = 0n
  let last = { cumulativeAssets: 0n, cumulativeShares: 0n, atSeconds: 0n }
  for (const [key, request] of queue.requests) {
    if (key !== ++id) return `request ids expected 1 … ${queue.lastRequestId}, got ${key}`
    const assets = request.cumulativeAssets - last.cumulativeAssets
    if (assets < queue.minRequest || assets > queue.maxRequest)
      return `request ${key} is over ${assets} wei, allowed are ${queue.minRequest} … ${queue.maxRequest}`
    if (request.cumulativeShares <= last.cumulativeShares) return `cumulative shares of request ${key} do not rise`
    if (request.atSeconds < last.atSeconds) return `request ${key} is older than the one before it`
    if (request.claimed && key > queue.lastFinalizedId) return `request ${key} is claimed and not finalised`
    last = request
  }
  if (id !== queue.lastRequestId) return `last request id expected ${id}, got ${queue.lastRequestId}`
  if (queue.lastFinalizedId > id) return `last finalised id ${queue.lastFinalizedId} is above the last request ${id}`
  if (queue.lastFinalizedId > 0n !== (queue.checkpoints.get(1n) !== undefined))
    return 'the first checkpoint does not fit what is finalised'
  for (const [from, rate] of queue.checkpoints)
    if (from < 1n || from > queue.lastFinalizedId || rate === 0n) return `there is no checkpoint at ${from}`
  const due = claimableTotal(queue)
  return queue.locked < due ? `claims cost ${due} wei, ${queue.locked} are locked` : undefined
}

/** JSON of a {@link WithdrawalQueue}. */
export const queueCodec: Codec<WithdrawalQueue> = /* @__PURE__ */ codec(queueSchema, checkQueue)
