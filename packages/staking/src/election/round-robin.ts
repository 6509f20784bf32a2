import { refuse } from '../errors.js'
import type { Weight } from './election.js'

/** Priorities of smooth weighted round-robin, by ascending id; weights travel with them. */
export type RoundRobin = readonly { readonly id: number; readonly weight: bigint; readonly priority: bigint }[]

/**
 * Takes over a set of weights: who stays keeps its priority, who is new starts 1.125 totals behind (so that leaving and
 * coming back gains nothing), priorities are squeezed to a spread of two totals and centred on zero. Source: CometBFT's
 * proposer selection.
 *
 * @throws StakingError `INPUT_INVALID` for weights that are not positive or ids that repeat; `ELECTION_EMPTY` for none
 */
export function updateRoundRobin(last: RoundRobin, weights: Iterable<Weight>): RoundRobin {
  const sorted = [...weights].sort((a, b) => a.id - b.id)
  if (sorted.length === 0) refuse('ELECTION_EMPTY', 'nobody has any weight')
  let total = 0n
  for (const [index, { id, weight }] of sorted.entries()) {
    if (weight <= 0n || sorted[index - 1]?.id === id)
      refuse('INPUT_INVALID', 'weights expected positive, ids unique', { id, weight })
    total += weight
  }
  const before = new Map(last.map(({ id, priority }) => [id, priority]))
  // A set that starts together starts level: only who joins others waits.
  const newcomer = last.length === 0 ? 0n : -(total + total / 8n)
  let priorities = sorted.map(({ id }) => before.get(id) ?? newcomer)
  const spread = max(priorities) - min(priorities)
  if (spread > 2n * total) {
    const ratio = (spread + 2n * total - 1n) / (2n * total)
    priorities = priorities.map(priority => priority / ratio)
  }
  const sum = priorities.reduce((a, b) => a + b, 0n)
  const count = BigInt(priorities.length)
  const mean = sum / count - (sum % count < 0n ? 1n : 0n)
  return sorted.map(({ id, weight }, index) => ({ id, weight, priority: priorities[index]! - mean }))
}

/**
 * The next leader: everybody gains its weight, the highest (lowest id among equals) leads and pays the total. Over
 * total/gcd picks each leads exactly by its weight.
 *
 * @example
 * ```ts
 * import { nextRoundRobin, updateRoundRobin } from '@l2/staking/election'
 *
 * let turns = updateRoundRobin([], [{ id: 1, weight: 1n }, { id: 2, weight: 3n }])
 * const leaders: number[] = []
 * for (let i = 0; i < 4; i++) {
 *   const next = nextRoundRobin(turns)
 *   leaders.push(next.leader)
 *   turns = next.state
 * }
 * console.log(leaders) // [ 2, 1, 2, 2 ]
 * ```
 */
export function nextRoundRobin(state: RoundRobin): { leader: number; state: RoundRobin } {
  if (state.length === 0) refuse('ELECTION_EMPTY', 'nobody has any weight')
  let total = 0n
  let best = 0
  const next = state.map(({ id, weight, priority }, index) => {
    total += weight
    const gained = { id, weight, priority: priority + weight }
    if (gained.priority > state[best]!.priority + state[best]!.weight) best = index
    return gained
  })
  const leader = next[best]!
  next[best] = { ...leader, priority: leader.priority - total }
  return { leader: leader.id, state: next }
}

const max = (values: bigint[]): bigint => values.reduce((a, b) => (a > b ? a : b))
const min = (values: bigint[]): bigint => values.reduce((a, b) => (a < b ? a : b))
