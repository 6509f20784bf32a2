import type { Hash } from 'viem'
import { entryAt, type HeaderId, passesThrough } from '../list/list.js'
import { type ControlState, type Member, totalPower } from './state.js'

/**
 * How far the operators' latest lists agree above the milestone. One height at a time: of the lists that pass through
 * the milestone and through every block chosen on the way, the hash that more than `thirds` thirds of *all* stake name;
 * of several the heaviest, then the smallest. What a list says about ancestry is in the list itself, so nothing rests
 * on anybody's memory.
 */
export function climb(
  state: Pick<ControlState, 'milestone' | 'lists'>,
  members: readonly Member[],
  thirds: 1 | 2,
): readonly HeaderId[] {
  const total = totalPower(members)
  let lists = members.flatMap(({ id, power }) => {
    const list = state.lists.get(id)
    return list !== undefined && passesThrough(list, state.milestone) ? [{ list, power }] : []
  })
  const chosen: HeaderId[] = []
  for (let height = state.milestone.height + 1n; lists.length > 0; height++) {
    const weights = new Map<Hash, bigint>()
    for (const { list, power } of lists) {
      const hash = entryAt(list, height)
      if (hash !== undefined) weights.set(hash, (weights.get(hash) ?? 0n) + power)
    }
    let best: { hash: Hash; weight: bigint } | undefined
    for (const [hash, weight] of weights) {
      if (3n * weight <= BigInt(thirds) * total) continue
      if (best === undefined || weight > best.weight || (weight === best.weight && hash < best.hash)) {
        best = { hash, weight }
      }
    }
    if (best === undefined) break
    const block = { height, hash: best.hash }
    chosen.push(block)
    lists = lists.filter(({ list }) => passesThrough(list, block))
  }
  return chosen
}
