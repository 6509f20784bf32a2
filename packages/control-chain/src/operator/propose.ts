import { type LeaderPlan, leaderAt } from '../fold/leaders.js'
import type { ControlState } from '../fold/state.js'
import type { OwnChain } from './name-blocks.js'

/** Why an operator does not sign the next header. */
export type ProposalHold =
  /** Another one leads. */
  | 'notLeader'
  /** Its head is not on the path of the term in force. */
  | 'notOnTerm'
  /** As many blocks above the milestone as a leader may be ahead. */
  | 'ahead'

/**
 * Whether an operator may sign the header above its head. Beside it stands the guard: a place that was signed, in a
 * term and at a height, is not signed again with another block.
 *
 * @returns `undefined` when it may
 */
export function proposalHold(
  state: ControlState,
  plan: LeaderPlan,
  chain: OwnChain,
  operator: number,
  head: bigint,
): ProposalHold | undefined {
  if (leaderAt(state, plan, head + 1n) !== operator) return 'notLeader'
  const { milestone, start } = state
  const onMilestone = chain.blockAt(milestone.height)?.hash === milestone.hash
  const onStart = head >= start.height && chain.blockAt(start.height)?.hash === start.hash
  const ofTerm = head === start.height || chain.blockAt(head)?.view === state.view
  if (!onMilestone || !onStart || !ofTerm) return 'notOnTerm'
  return head + 1n - milestone.height > BigInt(state.parameters.ahead) ? 'ahead' : undefined
}
