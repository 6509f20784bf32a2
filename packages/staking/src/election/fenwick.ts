import { refuse } from '../errors.js'
import type { Weight } from './election.js'

/** Weights that change between draws: update and pick in O(log n). */
export type WeightTree = {
  readonly total: bigint
  /** @throws StakingError `INPUT_INVALID` for an id that was not there when the tree was built, or a negative weight */
  set(id: number, weight: bigint): void
  weightOf(id: number): bigint
  /** The id whose interval, by ascending id, holds x in 0 … total−1; `undefined` when x is outside. */
  pick(x: bigint): number | undefined
}

/**
 * A Fenwick tree over weights, built in O(n). `pick` gives what the prefix sums of {@link buildElection} give.
 *
 * @throws StakingError `INPUT_INVALID` for a negative weight or an id that is there twice
 *
 * @example
 * ```ts
 * import { createWeightTree } from '@l2/staking/election'
 *
 * const tree = createWeightTree([{ id: 1, weight: 10n }, { id: 2, weight: 5n }])
 * tree.set(1, 0n)
 * console.log(tree.total, tree.pick(0n)) // 5n 2
 * ```
 */
export function createWeightTree(weights: Iterable<Weight>): WeightTree {
  const sorted = [...weights].sort((a, b) => a.id - b.id)
  const ids = sorted.map(({ id }) => id)
  const values = sorted.map(({ weight }) => weight)
  const size = ids.length
  const tree: bigint[] = new Array(size + 1).fill(0n)
  let total = 0n
  const indexOf = new Map<number, number>()
  for (let i = 1; i <= size; i++) {
    const weight = values[i - 1]!
    if (weight < 0n || indexOf.has(ids[i - 1]!))
      refuse('INPUT_INVALID', 'weights expected non-negative, ids unique', sorted[i - 1])
    indexOf.set(ids[i - 1]!, i)
    total += weight
    tree[i]! += weight
    const parent = i + (i & -i)
    if (parent <= size) tree[parent]! += tree[i]!
  }
  let top = 1
  while (top * 2 <= size) top *= 2
  const at = (id: number): number => indexOf.get(id) ?? refuse('INPUT_INVALID', `no weight of id ${id}`, { id })
  return {
    get total() {
      return total
    },
    set(id, weight) {
      const index = at(id)
      if (weight < 0n) refuse('INPUT_INVALID', 'weight expected non-negative', { id, weight })
      const change = weight - values[index - 1]!
      values[index - 1] = weight
      total += change
      for (let i = index; i <= size; i += i & -i) tree[i]! += change
    },
    weightOf: id => values[at(id) - 1]!,
    pick(x) {
      if (x < 0n || x >= total) return undefined
      let index = 0
      for (let step = top; step > 0; step >>= 1) {
        const next = index + step
        if (next <= size && tree[next]! <= x) {
          index = next
          x -= tree[next]!
        }
      }
      return ids[index]
    },
  }
}
