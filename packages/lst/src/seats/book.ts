import { OrderedMap } from '@l2/common'
import * as z from 'zod/mini'
import { fail } from '../errors.js'
import { min } from '../math/math.js'
import { type Assets, amount, forward, positive, total } from '../math/units.js'
import { type Codec, codec, integer, mapOf } from '../state/codec.js'
import { type Apply, type LstStep, reducer, step } from '../state/reducer.js'
import { maxSeatAssets, minSeatAssets } from './allocation.js'

/** Wei on their way into a seat. */
export type Entry = { readonly assets: Assets; readonly readyAtSeconds: bigint }

/** Wei on their way out of a seat: above its minimum while it stays, or all of it when it is given up. */
export type Leaving = {
  /** What is left of it after penalties. */
  readonly assets: Assets
  /** What it was when it started. */
  readonly started: Assets
  /** Seconds from which the sequencer pool releases it. */
  readonly readyAtSeconds: bigint
  /** The sequencer pool spoke of it: it is cash when the pool says that it was paid, not by time. */
  readonly announced: boolean
}

/** One sequencer seat of the protocol, in wei. */
export type Seat = {
  /** In the seat. */
  readonly locked: Assets
  /** On its way in, by the time it arrives. */
  readonly entering: readonly Entry[]
  /** On its way out, oldest first. */
  readonly leaving: readonly Leaving[]
  /**
   * Given up: nothing is locked in it until the last wei came back, and never again when the sequencer pool says that
   * the seat is gone.
   */
  readonly left: boolean
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
  readonly seats: OrderedMap<number, Seat>
  readonly currentBatch: bigint
  readonly minSeat: Assets
  readonly maxSeat: Assets
  /**
   * Seconds from the buffer into a seat (L2 to L1), from giving a seat up to being paid, and from a partial withdrawal
   * to being paid.
   */
  readonly entrySeconds: bigint
  readonly exitSeconds: bigint
  readonly partialExitSeconds: bigint
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
  /**
   * Seconds; default 0: Metis' contract pays what is above the minimum at once. `@l2/staking` holds it as long as a
   * whole exit.
   */
  partialExitSeconds?: bigint
}

/** No seats yet. */
export function createSeatBook(options: SeatBookOptions = {}): SeatBook {
  const {
    minSeat = minSeatAssets,
    maxSeat = maxSeatAssets,
    entrySeconds = 604_800n,
    exitSeconds = 1_814_400n,
  } = options
  const { partialExitSeconds = 0n } = options
  amount('minSeat', minSeat)
  amount('maxSeat', maxSeat)
  if (minSeat < 1n || maxSeat < minSeat)
    fail('OPTION_INVALID', `seats expected 1 ≤ min ≤ max, got ${minSeat} … ${maxSeat}`)
  for (const seconds of [entrySeconds, exitSeconds, partialExitSeconds])
    if (seconds < 0n) fail('OPTION_INVALID', `a leg takes 0 s or more, got ${seconds}`)
  return {
    seats: OrderedMap.from(),
    currentBatch: 1n,
    minSeat: minSeat as Assets,
    maxSeat: maxSeat as Assets,
    entrySeconds,
    exitSeconds,
    partialExitSeconds,
  }
}

const sum = (legs: readonly { readonly assets: bigint }[]): bigint => legs.reduce((all, leg) => all + leg.assets, 0n)

/** What works in a seat or is on its way in. */
export function seatStake(seat: Seat): Assets {
  return (seat.locked + sum(seat.entering)) as Assets
}

/** What the pool has in one seat, on the way in and out included. */
export function seatAssets(seat: Seat): Assets {
  return (seatStake(seat) + sum(seat.leaving)) as Assets
}

/** What the pool has in seats, and where. */
export function seatTotals(book: SeatBook): { locked: Assets; entering: Assets; leaving: Assets; assets: Assets } {
  let locked = 0n
  let coming = 0n
  let going = 0n
  for (const [, seat] of book.seats) {
    locked += seat.locked
    coming += sum(seat.entering)
    going += sum(seat.leaving)
  }
  return {
    locked: locked as Assets,
    entering: coming as Assets,
    leaving: going as Assets,
    assets: (locked + coming + going) as Assets,
  }
}

function find(book: SeatBook, id: number): Seat {
  return book.seats.get(id) ?? fail('SEAT_UNKNOWN', `there is no seat ${id}`, { seat: id })
}

function put(book: SeatBook, id: number, seat: Seat): SeatBook {
  return { ...book, seats: book.seats.set(id, seat) }
}

/**
 * Takes `assets` off a seat: `leaving` of them from what is on its way out, the rest from the seat, and either helps
 * the other out.
 */
function taken(seat: Seat, assets: bigint, leaving: bigint): { seat: Seat } {
  const off = <Leg extends { readonly assets: Assets }>(
    legs: readonly Leg[],
    most: bigint,
  ): { legs: Leg[]; taken: bigint } => {
    let left = most
    const rest = legs.map(leg => {
      const part = min(leg.assets, left)
      left -= part
      return { ...leg, assets: (leg.assets - part) as Assets }
    })
    return { legs: rest, taken: most - left }
  }
  const first = off(seat.leaving, min(leaving, assets))
  const locked = min(seat.locked, assets - first.taken)
  const second = off(first.legs, assets - first.taken - locked)
  const third = off(seat.entering, assets - first.taken - locked - second.taken)
  return {
    seat: {
      ...seat,
      locked: (seat.locked - locked) as Assets,
      // A leg of which nothing is left still ends with a payment of nothing when the pool announced it.
      leaving: second.legs.filter(leg => leg.assets > 0n || leg.announced),
      entering: third.legs.filter(leg => leg.assets > 0n),
    },
  }
}

const operations = {
  /** A place that the protocol may fill: a whitelisted operator, with the bond it put up. */
  register(book: SeatBook, args: { seat: number; bond?: bigint }): LstStep<SeatBook, null> {
    if (!Number.isSafeInteger(args.seat) || args.seat < 0)
      fail('OPTION_INVALID', `a seat expected the id of a sequencer, got ${String(args.seat)}`, {
        seat: String(args.seat),
      })
    const bond = args.bond ?? 0n
    amount('bond', bond)
    if (book.seats.get(args.seat) !== undefined)
      fail('SEAT_STATE', `seat ${args.seat} is registered`, { seat: args.seat })
    const empty: Seat = {
      locked: 0n as Assets,
      entering: [],
      leaving: [],
      left: false,
      bond: bond as Assets,
      updatedBatch: 0n,
      earned: 0n as Assets,
      lost: 0n as Assets,
    }
    return step(put(book, args.seat, empty), null, { type: 'seatRegistered', seat: args.seat, bond })
  },
  /** Adds to an operator's bond. */
  addBond(book: SeatBook, args: { seat: number; assets: Assets }): LstStep<SeatBook, Assets> {
    positive('assets', args.assets)
    const seat = find(book, args.seat)
    const bond = total<Assets>('bond', seat.bond + args.assets)
    return step(put(book, args.seat, { ...seat, bond }), bond, { type: 'bonded', seat: args.seat, assets: args.assets })
  },
  /** Sends wei to a seat: at least the minimum to open it, never beyond the maximum. */
  lock(book: SeatBook, args: { seat: number; assets: Assets; nowSeconds: bigint }): LstStep<SeatBook, null> {
    forward(0n, args.nowSeconds)
    positive('assets', args.assets)
    const seat = find(book, args.seat)
    if (seat.left) fail('SEAT_STATE', `seat ${args.seat} is being left`, { seat: args.seat })
    const after = seatStake(seat) + args.assets
    if (after < book.minSeat || after > book.maxSeat)
      fail(
        'SEAT_OUT_OF_RANGE',
        `seat ${args.seat} would hold ${after} wei, allowed are ${book.minSeat} … ${book.maxSeat}`,
        {
          seat: args.seat,
          min: book.minSeat,
          max: book.maxSeat,
        },
      )
    const next =
      book.entrySeconds === 0n
        ? { ...seat, locked: (seat.locked + args.assets) as Assets }
        : {
            ...seat,
            entering: [...seat.entering, { assets: args.assets, readyAtSeconds: args.nowSeconds + book.entrySeconds }],
          }
    return step(put(book, args.seat, next), null, {
      type: 'locked',
      seat: args.seat,
      assets: args.assets,
      atSeconds: args.nowSeconds,
    })
  },
  /** Moves what has arrived by `nowSeconds` into the seats; the result is how much, and how many seats became active. */
  arrive(book: SeatBook, args: { nowSeconds: bigint }): LstStep<SeatBook, { assets: Assets; seats: bigint }> {
    let next = book
    let assets = 0n
    let opened = 0n
    for (const [id, seat] of book.seats) {
      const ready = seat.entering
        .filter(leg => leg.readyAtSeconds <= args.nowSeconds)
        .reduce((all, leg) => all + leg.assets, 0n)
      if (ready === 0n) continue
      assets += ready
      if (seat.locked === 0n) opened += 1n
      next = put(next, id, {
        ...seat,
        locked: (seat.locked + ready) as Assets,
        entering: seat.entering.filter(leg => leg.readyAtSeconds > args.nowSeconds),
      })
    }
    return step(next, { assets: assets as Assets, seats: opened })
  },
  /**
   * Takes wei from above the minimum, one time per reward batch; they come back with `collect` or when the pool says
   * that it paid.
   */
  withdraw(book: SeatBook, args: { seat: number; assets: Assets; nowSeconds: bigint }): LstStep<SeatBook, Assets> {
    forward(0n, args.nowSeconds)
    positive('assets', args.assets)
    const seat = find(book, args.seat)
    if (seat.updatedBatch >= book.currentBatch)
      fail('SEAT_STATE', `seat ${args.seat} was withdrawn from in batch ${book.currentBatch}`, { seat: args.seat })
    if (seat.locked < book.minSeat + args.assets)
      fail('SEAT_OUT_OF_RANGE', `seat ${args.seat} must keep ${book.minSeat} wei of ${seat.locked}`, {
        seat: args.seat,
        limit: seat.locked > book.minSeat ? seat.locked - book.minSeat : 0n,
      })
    const leg = {
      assets: args.assets,
      started: args.assets,
      readyAtSeconds: args.nowSeconds + book.partialExitSeconds,
      announced: false,
    }
    return step(
      put(book, args.seat, {
        ...seat,
        locked: (seat.locked - args.assets) as Assets,
        leaving: [...seat.leaving, leg],
        updatedBatch: book.currentBatch,
      }),
      args.assets,
      { type: 'seatWithdrawn', seat: args.seat, assets: args.assets, readyAtSeconds: leg.readyAtSeconds },
    )
  },
  /** Gives a seat up; it comes back after the exit delay, or when the pool says that it paid. */
  unlock(book: SeatBook, args: { seat: number; nowSeconds: bigint }): LstStep<SeatBook, Assets> {
    forward(0n, args.nowSeconds)
    const seat = find(book, args.seat)
    if (seat.locked === 0n || seat.left || seat.entering.length > 0)
      fail('SEAT_STATE', `seat ${args.seat} cannot be left: it is not at rest`, { seat: args.seat })
    const leg = {
      assets: seat.locked,
      started: seat.locked,
      readyAtSeconds: args.nowSeconds + book.exitSeconds,
      announced: false,
    }
    return step(
      put(book, args.seat, { ...seat, locked: 0n as Assets, leaving: [...seat.leaving, leg], left: true }),
      seat.locked,
      { type: 'seatLeft', seat: args.seat, assets: seat.locked, readyAtSeconds: leg.readyAtSeconds },
    )
  },
  /**
   * What the sequencer pool says of stake that began its way out, on our word (then it takes the place of what
   * `withdraw` or `unlock` wrote down) or on somebody else's. The result is whether we did not know of it.
   */
  announce(
    book: SeatBook,
    args: { seat: number; assets: Assets; readyAtSeconds: bigint; whole: boolean; started?: Assets },
  ): LstStep<SeatBook, boolean> {
    forward(0n, args.readyAtSeconds)
    amount('assets', args.assets)
    const seat = find(book, args.seat)
    const started = args.started ?? args.assets
    const at = seat.leaving.findIndex(leg => !leg.announced && leg.started === started)
    if (at >= 0) {
      const leaving = seat.leaving.map((leg, i) =>
        i === at ? { ...leg, readyAtSeconds: args.readyAtSeconds, announced: true } : leg,
      )
      return step(put(book, args.seat, { ...seat, leaving, left: seat.left || args.whole }), false)
    }
    if (args.assets > seat.locked)
      fail('REPORT_INCONSISTENT', `seat ${args.seat} holds ${seat.locked} wei, ${args.assets} leave it`, {
        seat: args.seat,
        limit: seat.locked,
      })
    const leg = { assets: args.assets, started, readyAtSeconds: args.readyAtSeconds, announced: true }
    return step(
      put(book, args.seat, {
        ...seat,
        locked: (seat.locked - args.assets) as Assets,
        leaving: [...seat.leaving, leg],
        left: seat.left || args.whole,
      }),
      true,
      {
        type: args.whole ? 'seatLeft' : 'seatWithdrawn',
        seat: args.seat,
        assets: args.assets,
        readyAtSeconds: args.readyAtSeconds,
      },
    )
  },
  /** Puts what was to leave and the sequencer pool refused back into the seat. */
  recall(book: SeatBook, args: { seat: number }): LstStep<SeatBook, Assets> {
    const seat = find(book, args.seat)
    const refused = sum(seat.leaving.filter(leg => !leg.announced)) as Assets
    if (refused === 0n) fail('SEAT_STATE', `nothing leaves seat ${args.seat} on our word alone`, { seat: args.seat })
    const leaving = seat.leaving.filter(leg => leg.announced)
    const locked = (seat.locked + refused) as Assets
    return step(put(book, args.seat, { ...seat, locked, leaving, left: false }), refused, {
      type: 'recalled',
      seat: args.seat,
      assets: refused,
    })
  },
  /** Brings back what is due by time: everything that the pool did not announce and whose delay is over. */
  collect(book: SeatBook, args: { nowSeconds: bigint }): LstStep<SeatBook, Assets> {
    let next = book
    let assets = 0n
    for (const [id, seat] of book.seats) {
      const due = seat.leaving.filter(leg => !leg.announced && leg.readyAtSeconds <= args.nowSeconds)
      if (due.length === 0) continue
      assets += sum(due)
      const leaving = seat.leaving.filter(leg => !due.includes(leg))
      next = put(next, id, { ...seat, leaving, left: seat.left && leaving.length > 0 })
    }
    return step(next, assets as Assets, { type: 'collected', assets })
  },
  /**
   * The sequencer pool paid `assets` for what had been `started` when it began its way out. What a penalty took from
   * there and was booked elsewhere in the seat is set right: the seat falls by what was paid, to the wei. `whole`: the
   * seat is gone for good.
   */
  receive(
    book: SeatBook,
    args: { seat: number; assets: Assets; started: Assets; whole?: boolean },
  ): LstStep<SeatBook, Assets> {
    amount('assets', args.assets)
    const seat = find(book, args.seat)
    if (args.assets > seatAssets(seat))
      fail('REPORT_INCONSISTENT', `seat ${args.seat} holds ${seatAssets(seat)} wei, ${args.assets} were paid`, {
        seat: args.seat,
        limit: seatAssets(seat),
      })
    let started: bigint = args.started
    const leaving: Leaving[] = []
    let closed = 0n
    for (const leg of [...seat.leaving].sort((a, b) => Number(b.announced) - Number(a.announced))) {
      if (started > 0n && leg.started <= started) {
        started -= leg.started
        closed += leg.assets
      } else leaving.push(leg)
    }
    let next: Seat = { ...seat, leaving, locked: (seat.locked + closed) as Assets }
    if (next.locked < args.assets) {
      // Less was closed than was paid: the rest comes off what else there is.
      const { seat: after } = taken({ ...next, locked: 0n as Assets }, args.assets - next.locked, 0n)
      next = after
    } else next = { ...next, locked: (next.locked - args.assets) as Assets }
    return step(
      put(book, args.seat, { ...next, left: args.whole === true || (next.left && next.leaving.length > 0) }),
      args.assets,
      {
        type: 'seatPaid',
        seat: args.seat,
        assets: args.assets,
      },
    )
  },
  /** Books what a seat earned; the wei arrive elsewhere. */
  earn(book: SeatBook, args: { seat: number; assets: Assets }): LstStep<SeatBook, null> {
    positive('assets', args.assets)
    const seat = find(book, args.seat)
    return step(put(book, args.seat, { ...seat, earned: total<Assets>('earned', seat.earned + args.assets) }), null)
  },
  /**
   * Takes a penalty: the operator's bond makes the pool whole as far as it goes; the rest is the pool's loss. `leaving`
   * of it came out of what is on its way out (oldest first), as far as the sequencer pool says so; else what is in the
   * seat pays first.
   */
  slash(
    book: SeatBook,
    args: { seat: number; assets: Assets; leaving?: bigint },
  ): LstStep<SeatBook, { bond: Assets; lost: Assets }> {
    positive('assets', args.assets)
    const seat = find(book, args.seat)
    const held = seatAssets(seat)
    if (args.assets > held)
      fail('REPORT_INCONSISTENT', `seat ${args.seat} holds ${held} wei, a penalty takes ${args.assets}`, {
        seat: args.seat,
        limit: held,
      })
    const after = taken(seat, args.assets, args.leaving ?? 0n).seat
    const bond = min(seat.bond, args.assets) as Assets
    const lost = (args.assets - bond) as Assets
    return step(
      put(book, args.seat, {
        ...after,
        bond: (seat.bond - bond) as Assets,
        lost: total<Assets>('lost', seat.lost + lost),
      }),
      { bond, lost },
      { type: 'slashed', seat: args.seat, assets: args.assets, bond, lost },
    )
  },
  /** A new reward batch: every seat may be withdrawn from once more. */
  nextBatch(book: SeatBook, _args: Record<never, never> = {}): LstStep<SeatBook, bigint> {
    return step({ ...book, currentBatch: book.currentBatch + 1n }, book.currentBatch + 1n)
  },
}

/** The seat book as a reducer. */
export const applySeats: Apply<SeatBook, typeof operations> = /*#__PURE__*/ reducer<SeatBook, typeof operations>(
  operations,
)

/** Zod schema of a {@link SeatBook}. */
export const seatsSchema = /* @__PURE__ */ (() =>
  z.strictObject({
    seats: mapOf(
      z.int().check(z.nonnegative()),
      z.strictObject({
        locked: integer,
        entering: z.array(z.strictObject({ assets: integer, readyAtSeconds: integer })),
        leaving: z.array(
          z.strictObject({ assets: integer, started: integer, readyAtSeconds: integer, announced: z.boolean() }),
        ),
        left: z.boolean(),
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
    partialExitSeconds: integer,
  }))()

/** JSON of a {@link SeatBook}. */
export const seatsCodec: Codec<SeatBook> = /* @__PURE__ */ codec(seatsSchema)
