import type { Hex } from 'viem'
import { refuse } from '../errors.js'
import { draw, seedBytes } from './draw.js'

/** Somebody with a weight; ids are unique. */
export type Weight = { readonly id: number; readonly weight: bigint }

/** Weights made ready for drawing: ids ascending, `prefix[i]` the sum of the weights up to and with i. */
export type Election = { readonly ids: readonly number[]; readonly prefix: readonly bigint[]; readonly total: bigint }

/**
 * Prefix sums over the weights, O(n) when they come by ascending id, O(n log n) otherwise. The order of the list does
 * not matter; zero weights are left out.
 *
 * @throws StakingError `INPUT_INVALID` for a negative weight or an id that is there twice; `ELECTION_EMPTY` when nobody
 * has weight
 */
export function buildElection(weights: Iterable<Weight>): Election {
  let list = [...weights]
  for (let i = 1; i < list.length; i++) {
    if (list[i]!.id < list[i - 1]!.id) {
      list = list.sort((a, b) => a.id - b.id)
      break
    }
  }
  const ids: number[] = []
  const prefix: bigint[] = []
  let total = 0n
  let last: number | undefined
  for (const { id, weight } of list) {
    if (weight < 0n || !Number.isSafeInteger(id) || id === last) {
      refuse('INPUT_INVALID', 'weights expected non-negative, with ids that are unique integers', { id, weight })
    }
    last = id
    if (weight === 0n) continue
    total += weight
    ids.push(id)
    prefix.push(total)
  }
  if (total === 0n) refuse('ELECTION_EMPTY', 'nobody has any weight')
  return { ids, prefix, total }
}

/** Index of the first prefix sum above x: at most ⌈log2 n⌉ + 1 comparisons. */
export function firstAbove(prefix: ArrayLike<bigint>, x: bigint): number {
  let low = 0
  let high = prefix.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if (prefix[middle]! > x) high = middle
    else low = middle + 1
  }
  return low
}

/**
 * The leaders of a slot by term: term 0 is the winner, term t who takes over when terms 0 … t−1 have failed. Each is a
 * weighted draw from the same seed without those before it, so that nobody needs to vote on *who* is next. After
 * everybody had a turn, it starts anew.
 *
 * @param slot Number of the slot under this seed, a u32.
 * @param terms How many leaders to compute.
 *
 * @example
 * ```ts
 * import { buildElection, electSlot } from '@l2/staking'
 *
 * const seed = '0x3a75830c266277df588c1c64213909c4ad1d5d221c8baf930bb5257e1b697245'
 * const election = buildElection([
 *   { id: 1, weight: 20000n }, { id: 2, weight: 40000n }, { id: 3, weight: 100000n }, { id: 4, weight: 20000n },
 * ])
 * console.log(electSlot(election, seed, 0, 3)) // [ 3, 4, 2 ]
 * ```
 */
export function electSlot(election: Election, seed: Hex, slot: number, terms = 1): number[] {
  const bytes = seedBytes(seed)
  const leaders: number[] = []
  /** Indexes of those excluded, ascending. */
  let excluded: number[] = []
  for (let term = 0; term < terms; term++) {
    if (excluded.length === election.ids.length) excluded = []
    const index = drawIndex(election, bytes, slot, term, excluded)
    leaders.push(election.ids[index]!)
    excluded.push(index)
    excluded.sort((a, b) => a - b)
  }
  return leaders
}

/** Who takes over slot after `failed` (ids of this round so far), drawn for `term`. */
export function electFallback(
  election: Election,
  seed: Hex,
  slot: number,
  term: number,
  failed: readonly number[],
): number {
  const set = new Set(failed)
  const excluded = set.size === 0 ? [] : [...election.ids.keys()].filter(index => set.has(election.ids[index]!))
  return election.ids[
    drawIndex(election, seedBytes(seed), slot, term, excluded.length === election.ids.length ? [] : excluded)
  ]!
}

function drawIndex(
  { prefix, total }: Election,
  seed: Uint8Array,
  slot: number,
  term: number,
  excluded: readonly number[],
): number {
  const weightOf = (index: number): bigint => prefix[index]! - (index === 0 ? 0n : prefix[index - 1]!)
  const without = excluded.reduce((sum, index) => sum + weightOf(index), 0n)
  let x = draw(seed, 'slot', slot, term, total - without)
  // Excluded intervals are stepped over, from the left: what remains keeps its odds.
  for (const index of excluded) if (x >= prefix[index]! - weightOf(index)) x += weightOf(index)
  return firstAbove(prefix, x)
}

/**
 * Systematic sampling: the leaders of `slots` slots from one draw, each elected within one turn of its exact share,
 * then shuffled so that nobody's turns are in a row by id. Low variance is what makes small epochs fair.
 */
export function electSystematic(election: Election, seed: Hex, slots: number): number[] {
  if (!Number.isSafeInteger(slots) || slots < 1 || slots > 1 << 24) {
    refuse('INPUT_INVALID', `slots expected 1 … 2^24, got ${slots}`, { slots })
  }
  const bytes = seedBytes(seed)
  const { ids, prefix, total } = election
  const k = BigInt(slots)
  const leaders: number[] = []
  let at = draw(bytes, 'sys.', 0, 0, total)
  for (let slot = 0, index = 0; slot < slots; slot++, at += total) {
    while (prefix[index]! * k <= at) index++
    leaders.push(ids[index]!)
  }
  for (let i = slots - 1; i > 0; i--) {
    const j = Number(draw(bytes, 'perm', i, 0, BigInt(i + 1)))
    ;[leaders[i], leaders[j]] = [leaders[j]!, leaders[i]!]
  }
  return leaders
}
