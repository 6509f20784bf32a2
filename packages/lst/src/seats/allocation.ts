import { fail } from '../errors.js'
import { max, min } from '../math/math.js'
import { type Assets, amount } from '../math/units.js'

/** A Metis seat takes 20,000 to 100,000 METIS. Source: metis-sequencer-contract LockingInfo. */
export const minSeatAssets: Assets = (20_000n * 10n ** 18n) as Assets
/** See {@link minSeatAssets}. */
export const maxSeatAssets: Assets = (100_000n * 10n ** 18n) as Assets

function wei(values: readonly bigint[]): void {
  for (const value of values) amount('seat', value)
}

/**
 * Tops seats up in list order. Source: ENKI Dealer.relock.
 * Returns what is added to each and what is left.
 */
export function allocateInOrder(
  seats: readonly bigint[],
  funds: bigint,
  maxSeat: bigint = maxSeatAssets,
): { added: bigint[]; left: bigint } {
  wei([...seats, funds, maxSeat])
  let left = funds
  const added = seats.map(locked => {
    const add = locked >= maxSeat ? 0n : min(maxSeat - locked, left)
    left -= add
    return add
  })
  return { added, left }
}

/**
 * Fills the lowest bucket up to the next level, and so on; among k equal ones each gets ⌈rest/k⌉ in turn. Source: Lido
 * MinFirstAllocationStrategy.
 */
export function allocateMinFirst(
  buckets: readonly bigint[],
  capacities: readonly bigint[],
  funds: bigint,
): { buckets: bigint[]; allocated: bigint } {
  wei([...buckets, ...capacities, funds])
  if (buckets.length !== capacities.length)
    fail('OPTION_INVALID', `${buckets.length} buckets have ${capacities.length} capacities`)
  const filled = [...buckets]
  let left = funds
  while (left > 0n) {
    let best = -1
    let equal = 0n
    for (let i = 0; i < filled.length; i++) {
      if (filled[i]! >= capacities[i]!) continue
      if (best < 0 || filled[i]! < filled[best]!) {
        best = i
        equal = 1n
      } else if (filled[i]! === filled[best]!) equal += 1n
    }
    if (best < 0) break
    const level = filled[best]!
    let ceiling = capacities[best]!
    for (let i = 0; i < filled.length; i++)
      if (filled[i]! < capacities[i]! && filled[i]! > level && filled[i]! < ceiling) ceiling = filled[i]!
    const add = min((left + equal - 1n) / equal, ceiling - level)
    filled[best] = level + add
    left -= add
  }
  return { buckets: filled, allocated: funds - left }
}

/**
 * Opens as many seats at the minimum as funds and places allow, then levels the rest: reward is per block, so that
 * another seat earns more than more in the same seat.
 */
export function allocateOpenFirst(options: {
  funds: bigint
  seats: readonly bigint[]
  freeSeats: bigint
  minSeat?: bigint
  maxSeat?: bigint
}): { opened: bigint; seats: bigint[]; left: bigint } {
  const { funds, seats, freeSeats, minSeat = minSeatAssets, maxSeat = maxSeatAssets } = options
  wei([funds, ...seats, freeSeats])
  if (minSeat < 1n || maxSeat < minSeat)
    fail('OPTION_INVALID', `seats expected 1 ≤ min ≤ max, got ${minSeat} … ${maxSeat}`)
  const opened = min(funds / minSeat, freeSeats)
  const open = [...seats, ...Array.from({ length: Number(opened) }, () => minSeat)]
  const rest = funds - opened * minSeat
  const { buckets, allocated } = allocateMinFirst(
    open,
    // A seat above its maximum (the limit was lowered) takes nothing, and loses nothing.
    open.map(locked => max(locked, maxSeat)),
    rest,
  )
  return { opened, seats: buckets, left: rest - allocated }
}

/** A seat as an exit plan sees it. */
export type ExitSeat = { readonly id: number; readonly locked: bigint; readonly updatedBatch: bigint }

/** How `need` wei are raised. */
export type ExitPlan = {
  readonly idle: bigint
  /** Taken from above the minimum; the seats stay. */
  readonly partial: readonly { readonly id: number; readonly assets: bigint }[]
  /** Seats that are left altogether, with what is in them after `partial`. */
  readonly full: readonly { readonly id: number; readonly assets: bigint }[]
  /** More than was needed, and what could not be raised. */
  readonly over: bigint
  readonly short: bigint
}

/**
 * Idle wei first, then what seats hold above the minimum (largest first; one withdrawal per reward batch), then whole
 * seats: the smallest that covers the rest, else the largest, again. No seat is ever left between nothing and the
 * minimum. Ties by id.
 */
export function planExit(options: {
  need: bigint
  idle: bigint
  seats: readonly ExitSeat[]
  currentBatch: bigint
  minSeat?: bigint
}): ExitPlan {
  const { need, idle, seats, currentBatch, minSeat = minSeatAssets } = options
  wei([need, idle, ...seats.map(seat => seat.locked)])
  const byId = (a: { id: number }, b: { id: number }): number => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
  const fromIdle = min(need, idle)
  let left = need - fromIdle
  const after = new Map(seats.map(seat => [seat.id, seat.locked]))
  const partial: { id: number; assets: bigint }[] = []
  const excess = seats
    .filter(seat => seat.updatedBatch < currentBatch && seat.locked > minSeat)
    .map(seat => ({ id: seat.id, spare: seat.locked - minSeat }))
    .sort((a, b) => (a.spare > b.spare ? -1 : a.spare < b.spare ? 1 : byId(a, b)))
  for (const { id, spare } of excess) {
    if (left === 0n) break
    const assets = min(spare, left)
    partial.push({ id, assets })
    after.set(id, after.get(id)! - assets)
    left -= assets
  }
  const full: { id: number; assets: bigint }[] = []
  const open = [...after]
    .map(([id, assets]) => ({ id, assets }))
    .filter(seat => seat.assets > 0n)
    .sort((a, b) => (a.assets < b.assets ? -1 : a.assets > b.assets ? 1 : byId(a, b)))
  let over = 0n
  while (left > 0n && open.length > 0) {
    let at = open.findIndex(seat => seat.assets >= left)
    if (at < 0) at = open.findIndex(seat => seat.assets === open[open.length - 1]!.assets)
    const [seat] = open.splice(at, 1)
    full.push(seat!)
    if (seat!.assets >= left) {
      over = seat!.assets - left
      left = 0n
    } else left -= seat!.assets
  }
  return { idle: fromIdle, partial, full, over, short: left }
}

/** What a seat earns: blocks times reward per block, whatever is in it. */
export function seatReward(blocks: bigint, rewardPerBlock: bigint): Assets {
  amount('blocks', blocks)
  amount('rewardPerBlock', rewardPerBlock)
  return (blocks * rewardPerBlock) as Assets
}
