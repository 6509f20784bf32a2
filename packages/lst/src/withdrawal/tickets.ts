import { OrderedMap } from '@l2/common'
import * as z from 'zod/mini'
import { fail } from '../errors.js'
import { mulDown } from '../math/math.js'
import { type Assets, amount, account as checkAccount, forward, positive, total } from '../math/units.js'
import { type Codec, codec, integer, mapOf } from '../state/codec.js'
import { type Apply, type LstStep, reducer, step } from '../state/reducer.js'

/** The scale of fees. */
const e18 = 10n ** 18n

/** A ticket ends in exactly one of redeemed and cancelled. */
export type Ticket = {
  readonly owner: string
  readonly assets: Assets
  /** Seconds from which it can be redeemed. */
  readonly matureAtSeconds: bigint
  readonly state: 'open' | 'redeemed' | 'cancelled'
  /** LP locked to shorten it, until when, and whether it went back. */
  readonly lp: bigint
  readonly lpUntilSeconds: bigint
  readonly lpReturned: boolean
  /** Cancel fee, frozen at entry, of 10^18. */
  readonly cancelFeeE18: bigint
}

/**
 * 1:1 receipts on their way to METIS (eMETIS): paid by maturity, which LP can shorten, not first come first served.
 * Source: ENKI RedemptionQueue.
 */
export type TicketQueue = {
  readonly nowSeconds: bigint
  /** Receipts owed to open tickets, and fees kept: together what the queue holds. */
  readonly owed: Assets
  readonly fees: Assets
  readonly receiptHeld: Assets
  /** METIS at hand. */
  readonly cash: Assets
  readonly lpHeld: bigint
  readonly tickets: OrderedMap<bigint, Ticket>
  /** Seconds that one LP unit per unit of the ticket is worth, by LP token. */
  readonly lpFactors: OrderedMap<string, bigint>
  readonly feeE18: bigint
  readonly cancelFeeE18: bigint
  /** Seconds. */
  readonly lengthSeconds: bigint
  readonly minLengthSeconds: bigint
  readonly lpLockSeconds: bigint
}

/** Options of {@link createTicketQueue}. */
export type TicketOptions = {
  /** Seconds; default 0. */
  nowSeconds?: bigint
  /** Entry fee, of 10^18; default 0. */
  feeE18?: bigint
  /** Cancel fee, of 10^18; default 0. */
  cancelFeeE18?: bigint
  /** Seconds; default 1,728,000 (20 days). */
  lengthSeconds?: bigint
  /** Seconds; default 691,200 (8 days). */
  minLengthSeconds?: bigint
  /** Seconds that LP stays locked; default 2,592,000 (30 days). */
  lpLockSeconds?: bigint
}

/** An empty ticket queue. */
export function createTicketQueue(options: TicketOptions = {}): TicketQueue {
  const {
    nowSeconds = 0n,
    feeE18 = 0n,
    cancelFeeE18 = 0n,
    lengthSeconds = 1_728_000n,
    minLengthSeconds = 691_200n,
    lpLockSeconds = 2_592_000n,
  } = options
  forward(0n, nowSeconds)
  for (const fee of [feeE18, cancelFeeE18])
    if (fee < 0n || fee > e18) fail('OPTION_INVALID', `fee expected 0 … 10^18, got ${fee}`)
  for (const seconds of [lengthSeconds, minLengthSeconds, lpLockSeconds])
    if (seconds < 0n) fail('OPTION_INVALID', `a duration expected 0 s or more, got ${seconds}`)
  return {
    nowSeconds,
    owed: 0n as Assets,
    fees: 0n as Assets,
    receiptHeld: 0n as Assets,
    cash: 0n as Assets,
    lpHeld: 0n,
    tickets: OrderedMap.from(),
    lpFactors: OrderedMap.from(),
    feeE18,
    cancelFeeE18,
    lengthSeconds,
    minLengthSeconds,
    lpLockSeconds,
  }
}

function find(queue: TicketQueue, id: bigint): Ticket {
  return queue.tickets.get(id) ?? fail('REQUEST_UNKNOWN', `there is no ticket ${id}`, { id })
}

function open(queue: TicketQueue, id: bigint): Ticket {
  const ticket = find(queue, id)
  if (ticket.state !== 'open') fail('TICKET_CLOSED', `ticket ${id} is ${ticket.state}`, { id, state: ticket.state })
  return ticket
}

const operations = {
  /** Moves time forward. */
  advance(queue: TicketQueue, args: { nowSeconds: bigint }): LstStep<TicketQueue, null> {
    forward(queue.nowSeconds, args.nowSeconds)
    return step({ ...queue, nowSeconds: args.nowSeconds }, null)
  },
  /** Takes receipts and gives a ticket for them less the fee. */
  enter(
    queue: TicketQueue,
    args: { account: string; assets: Assets },
  ): LstStep<TicketQueue, { id: bigint; assets: Assets; fee: Assets }> {
    checkAccount(args.account)
    positive('assets', args.assets)
    const fee = mulDown(args.assets, queue.feeE18, e18)
    const assets = (args.assets - fee) as Assets
    if (assets === 0n) fail('ZERO_ASSETS', `nothing of ${args.assets} wei is left after the fee`)
    const id = BigInt(queue.tickets.size)
    return step(
      {
        ...queue,
        owed: total<Assets>('owed', queue.owed + assets),
        fees: total<Assets>('fees', queue.fees + fee),
        receiptHeld: total<Assets>('receiptHeld', queue.receiptHeld + args.assets),
        tickets: queue.tickets.set(id, {
          owner: args.account,
          assets,
          matureAtSeconds: queue.nowSeconds + queue.lengthSeconds,
          state: 'open',
          lp: 0n,
          lpUntilSeconds: 0n,
          lpReturned: false,
          cancelFeeE18: queue.cancelFeeE18,
        }),
      },
      { id, assets, fee: fee as Assets },
      { type: 'requested', id, owner: args.account, assets, atSeconds: queue.nowSeconds },
    )
  },
  /** METIS for redemptions. */
  fund(queue: TicketQueue, args: { assets: Assets }): LstStep<TicketQueue, null> {
    positive('assets', args.assets)
    return step({ ...queue, cash: total<Assets>('cash', queue.cash + args.assets) }, null)
  },
  /** Pays a mature ticket and burns its receipts. Its LP stays until its own lock ends. */
  redeem(queue: TicketQueue, args: { id: bigint }): LstStep<TicketQueue, Assets> {
    const ticket = open(queue, args.id)
    if (queue.nowSeconds < ticket.matureAtSeconds)
      fail('NOT_MATURE', `ticket ${args.id} is paid from ${ticket.matureAtSeconds} s on, it is ${queue.nowSeconds} s`, {
        limit: ticket.matureAtSeconds,
      })
    if (ticket.assets > queue.cash)
      fail('INSUFFICIENT_CASH', `the queue has ${queue.cash} wei at hand, ${ticket.assets} are needed`, {
        limit: queue.cash,
      })
    return step(
      {
        ...queue,
        owed: (queue.owed - ticket.assets) as Assets,
        receiptHeld: (queue.receiptHeld - ticket.assets) as Assets,
        cash: (queue.cash - ticket.assets) as Assets,
        tickets: queue.tickets.set(args.id, { ...ticket, state: 'redeemed' }),
      },
      ticket.assets,
      { type: 'claimed', id: args.id, owner: ticket.owner, assets: ticket.assets },
    )
  },
  /** Gives the receipts back less the fee frozen at entry, and LP that was not returned before. */
  cancel(queue: TicketQueue, args: { id: bigint }): LstStep<TicketQueue, { assets: Assets; fee: Assets; lp: bigint }> {
    const ticket = open(queue, args.id)
    const fee = mulDown(ticket.assets, ticket.cancelFeeE18, e18)
    const assets = (ticket.assets - fee) as Assets
    const lp = ticket.lpReturned ? 0n : ticket.lp
    return step(
      {
        ...queue,
        owed: (queue.owed - ticket.assets) as Assets,
        fees: (queue.fees + fee) as Assets,
        receiptHeld: (queue.receiptHeld - assets) as Assets,
        lpHeld: queue.lpHeld - lp,
        tickets: queue.tickets.set(args.id, {
          ...ticket,
          state: 'cancelled',
          lpReturned: ticket.lpReturned || lp > 0n,
        }),
      },
      { assets, fee: fee as Assets, lp },
      { type: 'cancelled', id: args.id, owner: ticket.owner, assets, fee },
    )
  },
  /** What an LP token is worth in seconds. */
  setLpFactor(queue: TicketQueue, args: { token: string; factor: bigint }): LstStep<TicketQueue, null> {
    checkAccount(args.token)
    amount('factor', args.factor)
    return step({ ...queue, lpFactors: queue.lpFactors.set(args.token, args.factor) }, null)
  },
  /** Locks LP to shorten a ticket, once; the result is the seconds saved. */
  reduce(queue: TicketQueue, args: { id: bigint; token: string; lp: bigint }): LstStep<TicketQueue, bigint> {
    const ticket = open(queue, args.id)
    positive('lp', args.lp)
    if (ticket.lp > 0n) fail('ALREADY_REDUCED', `ticket ${args.id} was shortened before`, { id: args.id })
    const factor =
      queue.lpFactors.get(args.token) ?? fail('OPTION_INVALID', `"${args.token}" is not an LP token of this queue`)
    const seconds = mulDown(factor, args.lp, ticket.assets)
    const left = ticket.matureAtSeconds > queue.nowSeconds ? ticket.matureAtSeconds - queue.nowSeconds : 0n
    if (seconds + queue.minLengthSeconds > left)
      fail('REDUCE_TOO_MUCH', `${seconds} s less would leave under ${queue.minLengthSeconds} s of ${left} s`, {
        seconds,
        limit: left > queue.minLengthSeconds ? left - queue.minLengthSeconds : 0n,
      })
    return step(
      {
        ...queue,
        lpHeld: queue.lpHeld + args.lp,
        tickets: queue.tickets.set(args.id, {
          ...ticket,
          matureAtSeconds: ticket.matureAtSeconds - seconds,
          lp: args.lp,
          lpUntilSeconds: queue.nowSeconds + queue.lpLockSeconds,
        }),
      },
      seconds,
      { type: 'reduced', id: args.id, seconds, lp: args.lp },
    )
  },
  /** Gives LP back after its own lock, once, whatever became of the ticket. */
  unlockLp(queue: TicketQueue, args: { id: bigint }): LstStep<TicketQueue, bigint> {
    const ticket = find(queue, args.id)
    if (ticket.lp === 0n || ticket.lpReturned) fail('LP_RETURNED', `ticket ${args.id} holds no LP`, { id: args.id })
    if (queue.nowSeconds < ticket.lpUntilSeconds)
      fail('LP_LOCKED', `LP is locked until ${ticket.lpUntilSeconds} s, it is ${queue.nowSeconds} s`, {
        limit: ticket.lpUntilSeconds,
      })
    return step(
      {
        ...queue,
        lpHeld: queue.lpHeld - ticket.lp,
        tickets: queue.tickets.set(args.id, { ...ticket, lpReturned: true }),
      },
      ticket.lp,
      { type: 'lpReturned', id: args.id, lp: ticket.lp },
    )
  },
}

/** The ticket queue as a reducer. */
export const applyTickets: Apply<TicketQueue, typeof operations> = /*#__PURE__*/ reducer<
  TicketQueue,
  typeof operations
>(operations)

/** Zod schema of a {@link TicketQueue}. */
export const ticketsSchema = /* @__PURE__ */ (() =>
  z.strictObject({
    nowSeconds: integer,
    owed: integer,
    fees: integer,
    receiptHeld: integer,
    cash: integer,
    lpHeld: integer,
    tickets: mapOf(
      integer,
      z.strictObject({
        owner: z.string(),
        assets: integer,
        matureAtSeconds: integer,
        state: z.enum(['open', 'redeemed', 'cancelled']),
        lp: integer,
        lpUntilSeconds: integer,
        lpReturned: z.boolean(),
        cancelFeeE18: integer,
      }),
    ),
    lpFactors: mapOf(z.string(), integer),
    feeE18: integer,
    cancelFeeE18: integer,
    lengthSeconds: integer,
    minLengthSeconds: integer,
    lpLockSeconds: integer,
  }))()

/** Receipts held are what is owed and the fees, to the wei. */
export function checkTickets(queue: TicketQueue): string | undefined {
  let owed = 0n
  for (const [, ticket] of queue.tickets) if (ticket.state === 'open') owed += ticket.assets
  if (owed !== queue.owed) return `open tickets are ${owed} wei, owed says ${queue.owed}`
  return queue.receiptHeld === queue.owed + queue.fees ? undefined : 'receipts held are not what is owed plus fees'
}

/** JSON of a {@link TicketQueue}. */
export const ticketsCodec: Codec<TicketQueue> = /* @__PURE__ */ codec(ticketsSchema, checkTickets)
