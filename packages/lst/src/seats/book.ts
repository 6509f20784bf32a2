import * as z from 'zod'
import { fail } from '../errors.js'
import { min } from '../math/math.js'
import { type Assets, amount, account as checkAccount, forward, positive, total } from '../math/units.js'
import { type Codec, codec, integer, mapOf } from '../state/codec.js'
import { OrderedMap } from '../state/ordered-map.js'
import { type Apply, reducer, type Step, step } from '../state/reducer.js'
import { MAX_SEAT, MIN_SEAT } from './allocation.js'

/** One sequencer seat of the protocol, in wei. */
export type Seat = {
  /** In the seat. */
  readonly locked: Assets
  /** On its way in, by the time it arrives. */
  readonly entering: readonly { readonly assets: Assets; readonly readyAt: bigint }[]
  /** On its way out after the seat was given up. */
  readonly exiting: Assets
  readonly claimAt: bigint
  /** Put up by the operator: lost before anything of the pool, and not part of it. */
  readonly bond: Assets
  /** Reward batch of the last partial withdrawal. */
  readonly updatedBatch: bigint
  /** Ever earned and ever lost by the pool in this seat. */
  readonly earned: Assets
  readonly lost: Assets
}

/** Every seat, and the rules they obey. Source: metis-sequencer-contract LockingPool. */
export type SeatBook = {
  readonly seats: OrderedMap<string, Seat>
  readonly currentBatch: bigint
  readonly minSeat: Assets
  readonly maxSeat: Assets
  /** Seconds from the buffer into a seat (L2 to L1), and from giving a seat up to being paid. */
  readonly entrySeconds: bigint
  readonly exitSeconds: bigint
}

/** Options of {@link createSeatBook}. */
export type SeatBookOptions = {
  /** Wei; default 20,000·10^18. */
  minSeat?: bigint
  /** Wei; default 100,000·10^18. */
  maxSeat?: bigint
  /** Seconds; default 604,800 (the 7-day leg from L2 to L1). */
  entrySeconds?: bigint
  /** Seconds; default 1,814,400 (21 days). */
  exitSeconds?: bigint
}

/** No seats yet. */
export function createSeatBook(options: SeatBookOptions = {}): SeatBook {
  const { minSeat = MIN_SEAT, maxSeat = MAX_SEAT, entrySeconds = 604_800n, exitSeconds = 1_814_400n } = options
  amount('minSeat', minSeat)
  amount('maxSeat', maxSeat)
  if (minSeat < 1n || maxSeat < minSeat)
    fail('OPTION_INVALID', `seats expected 1 ≤ min ≤ max, got ${minSeat} … ${maxSeat}`)
  if (entrySeconds < 0n || exitSeconds < 0n) fail('OPTION_INVALID', 'a leg takes 0 s or more')
  return {
    seats: OrderedMap.from(),
    currentBatch: 1n,
    minSeat: minSeat as Assets,
    maxSeat: maxSeat as Assets,
    entrySeconds,
    exitSeconds,
  }
}

const entering = (seat: Seat): bigint => seat.entering.reduce((all, leg) => all + leg.assets, 0n)

/** What the pool has in one seat, on the way in and out included. */
export function seatAssets(seat: Seat): Assets {
  return (seat.locked + entering(seat) + seat.exiting) as Assets
}

/** What the pool has in seats, and where. */
export function seatTotals(book: SeatBook): { locked: Assets; entering: Assets; exiting: Assets; assets: Assets } {
  let locked = 0n
  let coming = 0n
  let going = 0n
  for (const [, seat] of book.seats) {
    locked += seat.locked
    coming += entering(seat)
    going += seat.exiting
  }
  return {
    locked: locked as Assets,
    entering: coming as Assets,
    exiting: going as Assets,
    assets: (locked + coming + going) as Assets,
  }
}

function find(book: SeatBook, id: string): Seat {
  return book.seats.get(id) ?? fail('SEAT_UNKNOWN', `there is no seat "${id}"`, { seat: id })
}

function put(book: SeatBook, id: string, seat: Seat): SeatBook {
  return { ...book, seats: book.seats.set(id, seat) }
}

const operations = {
  /** A place that the protocol may fill: a whitelisted operator, with the bond it put up. */
  register(book: SeatBook, args: { seat: string; bond?: bigint }): Step<SeatBook, null> {
    checkAccount(args.seat)
    const bond = args.bond ?? 0n
    amount('bond', bond)
    if (book.seats.get(args.seat) !== undefined)
      fail('SEAT_STATE', `seat "${args.seat}" is registered`, { seat: args.seat })
    const empty: Seat = {
      locked: 0n as Assets,
      entering: [],
      exiting: 0n as Assets,
      claimAt: 0n,
      bond: bond as Assets,
      updatedBatch: 0n,
      earned: 0n as Assets,
      lost: 0n as Assets,
    }
    return step(put(book, args.seat, empty), null, { type: 'seatRegistered', seat: args.seat, bond })
  },
  /** Adds to an operator's bond. */
  addBond(book: SeatBook, args: { seat: string; assets: Assets }): Step<SeatBook, Assets> {
    positive('assets', args.assets)
    const seat = find(book, args.seat)
    const bond = total<Assets>('bond', seat.bond + args.assets)
    return step(put(book, args.seat, { ...seat, bond }), bond, { type: 'bonded', seat: args.seat, assets: args.assets })
  },
  /** Sends wei to a seat: at least the minimum to open it, never beyond the maximum. */
  lock(book: SeatBook, args: { seat: string; assets: Assets; now: bigint }): Step<SeatBook, null> {
    forward(0n, args.now)
    positive('assets', args.assets)
    const seat = find(book, args.seat)
    if (seat.exiting > 0n) fail('SEAT_STATE', `seat "${args.seat}" is being left`, { seat: args.seat })
    const after = seatAssets(seat) + args.assets
    if (after < book.minSeat || after > book.maxSeat)
      fail(
        'SEAT_OUT_OF_RANGE',
        `seat "${args.seat}" would hold ${after} wei, allowed are ${book.minSeat} … ${book.maxSeat}`,
        {
          seat: args.seat,
          min: book.minSeat,
          max: book.maxSeat,
        },
      )
    const next =
      book.entrySeconds === 0n
        ? { ...seat, locked: (seat.locked + args.assets) as Assets }
        : { ...seat, entering: [...seat.entering, { assets: args.assets, readyAt: args.now + book.entrySeconds }] }
    return step(put(book, args.seat, next), null, {
      type: 'locked',
      seat: args.seat,
      assets: args.assets,
      at: args.now,
    })
  },
  /** Moves what has arrived by `now` into the seats; the result is how much, and how many seats became active. */
  arrive(book: SeatBook, args: { now: bigint }): Step<SeatBook, { assets: Assets; seats: bigint }> {
    let next = book
    let assets = 0n
    let opened = 0n
    for (const [id, seat] of book.seats) {
      const ready = seat.entering.filter(leg => leg.readyAt <= args.now).reduce((all, leg) => all + leg.assets, 0n)
      if (ready === 0n) continue
      assets += ready
      if (seat.locked === 0n) opened += 1n
      next = put(next, id, {
        ...seat,
        locked: (seat.locked + ready) as Assets,
        entering: seat.entering.filter(leg => leg.readyAt > args.now),
      })
    }
    return step(next, { assets: assets as Assets, seats: opened })
  },
  /** Takes wei from above the minimum, at once, one time per reward batch. */
  withdraw(book: SeatBook, args: { seat: string; assets: Assets }): Step<SeatBook, Assets> {
    positive('assets', args.assets)
    const seat = find(book, args.seat)
    if (seat.updatedBatch >= book.currentBatch)
      fail('SEAT_STATE', `seat "${args.seat}" was withdrawn from in batch ${book.currentBatch}`, { seat: args.seat })
    if (seat.locked < book.minSeat + args.assets)
      fail('SEAT_OUT_OF_RANGE', `seat "${args.seat}" must keep ${book.minSeat} wei of ${seat.locked}`, {
        seat: args.seat,
        limit: seat.locked > book.minSeat ? seat.locked - book.minSeat : 0n,
      })
    return step(
      put(book, args.seat, { ...seat, locked: (seat.locked - args.assets) as Assets, updatedBatch: book.currentBatch }),
      args.assets,
      { type: 'seatWithdrawn', seat: args.seat, assets: args.assets },
    )
  },
  /** Gives a seat up; it is paid after the exit delay, or at `claimAt` when the sequencer pool says so. */
  unlock(book: SeatBook, args: { seat: string; now: bigint; claimAt?: bigint }): Step<SeatBook, Assets> {
    forward(0n, args.now)
    if (args.claimAt !== undefined) forward(0n, args.claimAt)
    const seat = find(book, args.seat)
    if (seat.locked === 0n || seat.exiting > 0n || seat.entering.length > 0)
      fail('SEAT_STATE', `seat "${args.seat}" cannot be left: it is not at rest`, { seat: args.seat })
    return step(
      put(book, args.seat, {
        ...seat,
        locked: 0n as Assets,
        exiting: seat.locked,
        claimAt: args.claimAt ?? args.now + book.exitSeconds,
      }),
      seat.locked,
      { type: 'seatLeft', seat: args.seat, assets: seat.locked, at: args.now },
    )
  },
  /** Brings back everything whose exit delay is over, or one seat that was paid already. */
  collect(book: SeatBook, args: { now: bigint; seat?: string }): Step<SeatBook, Assets> {
    let next = book
    let assets = 0n
    for (const [id, seat] of book.seats) {
      const due = args.seat === undefined ? seat.claimAt <= args.now : id === args.seat
      if (seat.exiting === 0n || !due) continue
      assets += seat.exiting
      next = put(next, id, { ...seat, exiting: 0n as Assets, claimAt: 0n })
    }
    return step(next, assets as Assets, { type: 'collected', assets })
  },
  /** Books what a seat earned; the wei arrive elsewhere. */
  earn(book: SeatBook, args: { seat: string; assets: Assets }): Step<SeatBook, null> {
    positive('assets', args.assets)
    const seat = find(book, args.seat)
    return step(put(book, args.seat, { ...seat, earned: total<Assets>('earned', seat.earned + args.assets) }), null)
  },
  /** Takes a penalty: the operator's bond makes the pool whole as far as it goes; the rest is the pool's loss. */
  slash(book: SeatBook, args: { seat: string; assets: Assets }): Step<SeatBook, { bond: Assets; lost: Assets }> {
    positive('assets', args.assets)
    const seat = find(book, args.seat)
    const held = seatAssets(seat)
    if (args.assets > held)
      fail('REPORT_INCONSISTENT', `seat "${args.seat}" holds ${held} wei, a penalty takes ${args.assets}`, {
        seat: args.seat,
        limit: held,
      })
    let left: bigint = args.assets
    const take = (from: bigint): bigint => {
      const part = min(from, left)
      left -= part
      return from - part
    }
    const locked = take(seat.locked) as Assets
    const exiting = take(seat.exiting) as Assets
    const legs = seat.entering
      .map(leg => ({ ...leg, assets: take(leg.assets) as Assets }))
      .filter(leg => leg.assets > 0n)
    const bond = min(seat.bond, args.assets) as Assets
    const lost = (args.assets - bond) as Assets
    return step(
      put(book, args.seat, {
        ...seat,
        locked,
        exiting,
        entering: legs,
        bond: (seat.bond - bond) as Assets,
        lost: total<Assets>('lost', seat.lost + lost),
      }),
      { bond, lost },
      { type: 'slashed', seat: args.seat, assets: args.assets, bond, lost },
    )
  },
  /** A new reward batch: every seat may be withdrawn from once more. */
  nextBatch(book: SeatBook, _args: Record<never, never> = {}): Step<SeatBook, bigint> {
    return step({ ...book, currentBatch: book.currentBatch + 1n }, book.currentBatch + 1n)
  },
}

/** The seat book as a reducer. */
export const applySeats: Apply<SeatBook, typeof operations> = /*#__PURE__*/ reducer<SeatBook, typeof operations>(
  operations,
)

/** Zod schema of a {@link SeatBook}. */
export const seatsSchema = z.strictObject({
  seats: mapOf(
    z.string().min(1).max(128),
    z.strictObject({
      locked: integer,
      entering: z.array(z.strictObject({ assets: integer, readyAt: integer })),
      exiting: integer,
      claimAt: integer,
      bond: integer,
      updatedBatch: integer,
      earned: integer,
      lost: integer,
    }),
  ),
  currentBatch: integer,
  minSeat: integer,
  maxSeat: integer,
  entrySeconds: integer,
  exitSeconds: integer,
})

/** JSON of a {@link SeatBook}. */
export const seatsCodec: Codec<SeatBook> = /*#__PURE__*/ codec(seatsSchema)
