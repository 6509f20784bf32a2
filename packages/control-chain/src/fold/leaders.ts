import type { ControlState } from './state.js'

/** A leader's turn: a span of heights, as the election gave it out. */
export type Slot = {
  readonly start: bigint
  /** Last height. */
  readonly end: bigint
  readonly leader: number
}

/**
 * The election, as far as the fold needs it. Both answers follow from weights and seeds that were fixed before: the
 * operators agree *that* a turn is over, never on who comes next. `@l2/staking` has it as `Schedule`.
 */
export interface LeaderPlan {
  /** `undefined` where no epoch is planned. */
  slotAt(height: bigint): Slot | undefined
  /** Who takes over the slot of a height in a term. With everybody excluded, the draw is among all. */
  fallback(height: bigint, view: number, isExcluded: (id: number) => boolean): number
}

/**
 * Who may sign the header of a height in the term in force. Blocks below keep the leader that they had.
 *
 * @returns `undefined` where no epoch is planned: such a header is refused
 */
export function leaderAt(
  state: Pick<ControlState, 'changes' | 'jailed'>,
  plan: LeaderPlan,
  height: bigint,
): number | undefined {
  const slot = plan.slotAt(height)
  if (slot === undefined) return undefined
  for (let index = state.changes.length - 1; index >= 0; index--) {
    const change = state.changes[index]!
    if (change.slotStart !== slot.start || change.fromHeight > height) continue
    if (!state.jailed.has(change.leader)) return change.leader
    break
  }
  return state.jailed.has(slot.leader) ? plan.fallback(height, 0, id => state.jailed.has(id)) : slot.leader
}
