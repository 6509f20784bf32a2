import { OrderedMap } from '@l2/common'
import type { HeaderId } from '../list/list.js'
import type { ControlEvent, TermEnd } from './block.js'
import { climb } from './climb.js'
import { type LeaderPlan, leaderAt } from './leaders.js'
import type { ControlState, Member } from './state.js'

type Step = { readonly state: ControlState; readonly events: readonly ControlEvent[] }

/**
 * Takes settled blocks back to one whose origin L1 still has. Only what was settled can be kept, and never below what
 * L1 has finalized: older heights are not in `settled` any more.
 */
export function rollBack(state: ControlState, to: HeaderId): Step {
  if (state.settled.get(to.height) !== to.hash || to.height >= state.milestone.height) return { state, events: [] }
  const kept: (readonly [bigint, HeaderId['hash']])[] = []
  const revoked: HeaderId[] = []
  for (const [height, hash] of state.settled) {
    if (height <= to.height) kept.push([height, hash])
    else revoked.unshift({ height, hash })
  }
  const era = state.era + 1
  return {
    state: { ...state, milestone: to, settled: OrderedMap.from(kept), era },
    events: [{ type: 'settledRevoked', blocks: revoked, era }],
  }
}

/**
 * Ends the term in force. The next one begins where more than one third still agree: at least one honest operator has
 * executed and stored that block, so it is valid and can be had. Its leader follows from the seed.
 */
export function beginTerm(state: ControlState, members: readonly Member[], plan: LeaderPlan, cause: TermEnd): Step {
  // After a rollback, lists made before it may still name what was taken back: nothing above the milestone lives.
  const start = (cause === 'rollback' ? undefined : climb(state, members, 1).at(-1)) ?? state.milestone
  const view = state.view + 1
  const first = start.height + 1n
  const slot = plan.slotAt(first)
  const settledSlot = plan.slotAt(state.milestone.height)
  const failed = leaderAt(state, plan, first)
  // What L1 took back is nobody's fault: the leader stays, in a term in which it has signed nothing yet.
  const stays = (cause === 'l1' || cause === 'rollback') && failed !== undefined && !state.jailed.has(failed)
  const leader =
    slot === undefined
      ? undefined
      : stays
        ? failed
        : plan.fallback(first, view, id => state.jailed.has(id) || id === failed)
  const changes = state.changes.filter(
    ({ fromHeight, slotStart }) =>
      fromHeight <= start.height && (settledSlot === undefined || slotStart >= settledSlot.start),
  )
  if (slot !== undefined && leader !== undefined) {
    changes.push({ fromHeight: first, view, slotStart: slot.start, leader })
  }
  return {
    state: {
      ...state,
      view,
      start,
      changes,
      failures: state.failures + 1,
      movedAtHeight: state.height,
      lists: OrderedMap.from(),
      votes: OrderedMap.from(),
    },
    events: [{ type: 'termEnded', view, start, cause, failed, leader, missed: !stays }],
  }
}
