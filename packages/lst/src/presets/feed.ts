import { fail } from '../errors.js'
import {
  type CaseClosed,
  type FoldedEvent,
  isFolded,
  leavingPartOf,
  mostOf,
  type OffenceAdmitted,
  partOf,
  type SeatPart,
  type StakingFeedEvent,
} from '../feeds/staking.js'
import { max, min } from '../math/math.js'
import { type Assets, forward, total } from '../math/units.js'
import { checkReward } from '../report/guard.js'
import { applySeats, seatAssets } from '../seats/book.js'
import { type LstStep, step } from '../state/reducer.js'
import { fromSeats } from './cash.js'
import { coreAssets } from './core.js'
import { custodyOf } from './custodies.js'
import type { Liquid, OpenCase } from './state.js'

/**
 * The most that known faults can still take from the pool, wei: what they can take from each seat, no more than is in
 * it, less the bond that pays first; `undefined` when nobody said how much a fault can cost.
 */
export function heldBack(lst: Liquid): Assets | undefined {
  const bySeat = new Map<number, bigint>()
  for (const [, open] of lst.openCases) {
    if (open.untilSeconds <= lst.nowSeconds) continue
    for (const { seat, most } of open.seats) {
      if (most === undefined) return undefined
      bySeat.set(seat, (bySeat.get(seat) ?? 0n) + most)
    }
  }
  let held = 0n
  for (const [id, most] of bySeat) {
    const seat = lst.seats.seats.get(id)
    if (seat !== undefined) held += max(min(most, seatAssets(seat)) - seat.bond, 0n)
  }
  return held as Assets
}

/**
 * Bunker mode: faults are known that can cost more than `bunkerBps` of the pool, or nobody knows how much. Nothing is
 * finalised, nothing goes to seats and nothing is sold until they are priced, or time runs out. Smaller ones hold back
 * their own cost and nothing else.
 */
export function inBunker(lst: Liquid): boolean {
  const held = heldBack(lst)
  return held === undefined || held * 10_000n > lst.config.bunkerBps * coreAssets(lst.core)
}

/** Why nobody can deposit now, as a sentence: the rate is known to be too high. `undefined` when deposits are open. */
export function depositsPaused(lst: Liquid): string | undefined {
  if (!lst.config.lossPath) return undefined
  if (lst.lossPending > 0n)
    return `a loss of ${lst.lossPending} wei is known and not in the rate yet: deposits open with the next report`
  return inBunker(lst)
    ? 'a fault is known and not priced yet (bunker mode): deposits open when its case is closed'
    : undefined
}

/** Refuses an event that is not the next one: one that was missed is a loss that nobody books. */
function next(lst: Liquid, sequence: bigint): Liquid {
  if (sequence !== lst.feedCursor + 1n)
    fail('FEED_ORDER', `the next event is ${lst.feedCursor + 1n}, got ${sequence}`, {
      sequence,
      last: lst.feedCursor,
    })
  return { ...lst, feedCursor: sequence }
}

/** Folds one event of the sequencer pool. */
export function feed(lst: Liquid, args: { sequence: bigint; event: StakingFeedEvent }): LstStep<Liquid, boolean> {
  const moved = next(lst, args.sequence)
  return isFolded(args.event) ? fold(moved, args.event) : step(moved, false)
}

/** Passes over an event that `feed` refuses, on the record; `instead` is folded in its place. */
export function skipEvent(
  lst: Liquid,
  args: { sequence: bigint; reason: string; instead?: StakingFeedEvent },
): LstStep<Liquid, boolean> {
  const { reason, instead } = args
  if (typeof reason !== 'string' || reason.length === 0 || reason.length > 500)
    fail('OPTION_INVALID', 'skipping an event needs a reason of 1 … 500 characters')
  const moved = next(lst, args.sequence)
  const noted = { ...moved, skipped: moved.skipped.set(args.sequence, reason) }
  const done = instead !== undefined && isFolded(instead) ? fold(noted, instead) : step(noted, false)
  return { ...done, events: [{ type: 'eventSkipped', sequence: args.sequence, reason }, ...done.events] }
}

function fold(lst: Liquid, event: FoldedEvent): LstStep<Liquid, boolean> {
  if (event.type === 'CaseClosed') return close(lst, event)
  if (event.type === 'CasePaused') {
    const open = lst.openCases.get(event.evidenceId)
    if (open === undefined) return step(lst, false)
    forward(0n, event.untilSeconds)
    const untilSeconds = max(open.untilSeconds, event.untilSeconds)
    return step({ ...lst, openCases: lst.openCases.set(event.evidenceId, { ...open, untilSeconds }) }, true)
  }
  if (event.type === 'OffenceAdmitted') return admit(lst, event)
  const seat = checkedId(event.id)
  const part = lst.parts.get(seat)
  return part === undefined ? step(lst, false) : foldSeat(lst, event, seat, part)
}

/** An id of another form would be nobody's seat, and its loss nobody's. */
function checkedId(id: number): number {
  if (!Number.isSafeInteger(id))
    fail('OPTION_INVALID', `an event expected the id of a sequencer, got ${typeof id} ${String(id).slice(0, 40)}`)
  return id
}

function admit(lst: Liquid, event: OffenceAdmitted): LstStep<Liquid, boolean> {
  const seats: OpenCase['seats'][number][] = []
  for (const cost of [event, ...(event.correlated ?? [])]) {
    const seat = checkedId(cost.id)
    const part = lst.parts.get(seat)
    if (part !== undefined) seats.push({ seat, most: mostOf(cost, part) })
  }
  // Kept even when no seat of ours is in it: one that is convicted before this case is may pay more because of it.
  const open = { kind: event.kind ?? 'unknown', untilSeconds: lst.nowSeconds + lst.config.bunkerSeconds, seats }
  return step({ ...lst, openCases: lst.openCases.set(event.evidenceId, open) }, seats.length > 0)
}

/**
 * A case is over. What it cost comes as `Slashed`; when it was a conviction, faults that are still open may be found to
 * be correlated with it and cost the same seats more, so that the most it could cost is held against those until they
 * are closed.
 */
function close(lst: Liquid, event: CaseClosed): LstStep<Liquid, boolean> {
  const closed = lst.openCases.get(event.evidenceId)
  if (closed === undefined) return step(lst, false)
  let openCases = lst.openCases.delete(event.evidenceId)
  if (event.outcome !== 'vetoed' && closed.seats.length > 0)
    for (const [evidenceId, open] of openCases)
      openCases = openCases.set(evidenceId, { ...open, seats: worst([...open.seats, ...closed.seats]) })
  return step({ ...lst, openCases }, closed.seats.length > 0)
}

/** One entry a seat. */
function worst(seats: OpenCase['seats']): OpenCase['seats'] {
  const most = new Map<number, bigint | undefined>()
  for (const one of seats) {
    const before = most.get(one.seat)
    most.set(
      one.seat,
      one.most === undefined || (most.has(one.seat) && before === undefined) ? undefined : one.most + (before ?? 0n),
    )
  }
  return [...most].map(([seat, wei]) => ({ seat, most: wei }))
}

function foldSeat(
  lst: Liquid,
  event: Exclude<FoldedEvent, { type: 'CaseClosed' | 'CasePaused' | 'OffenceAdmitted' }>,
  seat: number,
  part: SeatPart,
): LstStep<Liquid, boolean> {
  switch (event.type) {
    case 'RewardAccrued': {
      const wei = partOf(event, part) as Assets
      if (wei === 0n) return step(lst, false)
      const { rewardPerBlock } = lst.config
      if (rewardPerBlock !== undefined && event.blocks !== undefined) checkReward(wei, event.blocks, rewardPerBlock)
      return step(reward(lst, seat, wei), true, { type: 'seatRewarded', seat, assets: wei })
    }
    case 'Slashed': {
      const wei = partOf(event, part) as Assets
      return wei === 0n ? step(lst, false) : slash(lst, seat, wei, leavingPartOf(event, part))
    }
    case 'UnlockStarted':
      if (part === 'delegators') return step(lst, false)
      return announce(lst, {
        seat,
        started: event.amountWei,
        readyAtSeconds: event.claimableAtSeconds,
        whole: event.whole,
      })
    case 'Undelegated':
      if (part === 'operator') return step(lst, false)
      return announce(lst, { seat, started: event.shares, readyAtSeconds: event.claimableAtSeconds, whole: false })
    case 'StakePaid':
      if (part === 'delegators') return step(lst, false)
      return receive(lst, {
        seat,
        assets: event.amountWei,
        started: event.unlockedWei ?? event.amountWei,
        whole: event.whole ?? false,
      })
    case 'DelegationPaid':
      if (part === 'operator') return step(lst, false)
      return receive(lst, { seat, assets: event.amountWei, started: event.shares, whole: false })
  }
}

function announce(
  lst: Liquid,
  args: { seat: number; started: bigint; readyAtSeconds: bigint; whole: boolean },
): LstStep<Liquid, boolean> {
  const { seat, whole } = args
  const started = args.started as Assets
  // What was delegated is worth less after a penalty: what it is worth is known when it is paid.
  const assets = min(started, lst.seats.seats.get(seat)!.locked) as Assets
  const known = lst.seats.seats.get(seat)!.leaving.some(leg => !leg.announced && leg.started === started)
  const { state, events } = applySeats(lst.seats, {
    type: 'announce',
    seat,
    assets: known || lst.parts.get(seat) === 'operator' ? started : assets,
    started,
    readyAtSeconds: args.readyAtSeconds,
    whole,
  })
  return { state: { ...lst, seats: state }, result: true, events }
}

function receive(
  lst: Liquid,
  args: { seat: number; assets: bigint; started: bigint; whole: boolean },
): LstStep<Liquid, boolean> {
  const { state, result, events } = applySeats(lst.seats, {
    type: 'receive',
    seat: args.seat,
    assets: args.assets as Assets,
    started: args.started as Assets,
    // Delegators may still be in it.
    whole: args.whole && lst.parts.get(args.seat) === 'operator',
  })
  return { state: fromSeats({ ...lst, seats: state }, result), result: true, events }
}

function reward(lst: Liquid, seat: number, wei: Assets): Liquid {
  const seats = applySeats(lst.seats, { type: 'earn', seat, assets: wei }).state
  const totals = { ...lst.totals, rewarded: total<Assets>('rewarded', lst.totals.rewarded + wei) }
  return custodyOf(lst).reward({ ...lst, seats, totals }, wei)
}

function slash(lst: Liquid, seat: number, wei: Assets, leaving: bigint): LstStep<Liquid, boolean> {
  const { state: seats, result, events } = applySeats(lst.seats, { type: 'slash', seat, assets: wei, leaving })
  const next: Liquid = {
    ...lst,
    seats,
    lossPending: (lst.lossPending + result.lost) as Assets,
    totals: { ...lst.totals, lost: total<Assets>('lost', lst.totals.lost + result.lost) },
  }
  // What the bond covers comes back as wei: the seat lost it, the pool did not.
  return { state: fromSeats(next, result.bond), result: true, events }
}
