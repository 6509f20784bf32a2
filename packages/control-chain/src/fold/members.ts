import { stakeMembers } from '../stake/stake.js'
import type { ControlEvent } from './block.js'
import { type ControlState, type Member, scheduleMembers, totalPower } from './state.js'

/** Updates of validators take effect two blocks after the one that returns them. */
const updateDelay = 2n

/**
 * Brings the members to where they should be: with a pool, its weights; without whoever was convicted, in any case. At
 * most a third of the power changes with a control block, so that whoever follows the control chain by its signatures
 * alone can believe the next set by the one before.
 */
export function followStake(state: ControlState): { state: ControlState; events: readonly ControlEvent[] } {
  const now = latestMembers(state)
  const wanted = (state.stake === undefined ? now : stakeMembers(state.stake)).filter(({ id }) => !state.jailed.has(id))
  const members = wanted.length === 0 ? now : step(now, wanted)
  if (sameMembers(now, members)) return { state, events: [] }
  const fromHeight = state.height + updateDelay
  return {
    state: scheduleMembers(state, { fromHeight, members }),
    events: [{ type: 'membersChanged', fromHeight, members }],
  }
}

/** The members that were scheduled last, whether or not they are in force. */
export function latestMembers(state: Pick<ControlState, 'sets'>): readonly Member[] {
  return state.sets[state.sets.length - 1]!.members
}

function sameMembers(a: readonly Member[], b: readonly Member[]): boolean {
  return a.length === b.length && a.every(({ id, power }, index) => b[index]!.id === id && b[index]!.power === power)
}

/** Who joins or grows comes first: a set is never empty on its way to another. */
function step(now: readonly Member[], wanted: readonly Member[]): readonly Member[] {
  const target = new Map(wanted.map(({ id, power }) => [id, power]))
  const powers = new Map(now.map(({ id, power }) => [id, power]))
  const ids = [...new Set([...powers.keys(), ...target.keys()])].sort((a, b) => a - b)
  let budget = totalPower(now) / 3n
  if (budget === 0n) budget = 1n
  for (const grows of [true, false]) {
    for (const id of ids) {
      const [from, to] = [powers.get(id) ?? 0n, target.get(id) ?? 0n]
      if (from === to || to > from !== grows) continue
      const change = to > from ? to - from : from - to
      const moved = change < budget ? change : budget
      budget -= moved
      powers.set(id, grows ? from + moved : from - moved)
    }
  }
  return ids.flatMap(id => {
    const power = powers.get(id) ?? 0n
    return power > 0n ? [{ id, power }] : []
  })
}
