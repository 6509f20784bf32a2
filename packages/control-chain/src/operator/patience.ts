import type { ControlState, TermCause } from '../fold/state.js'
import type { HeaderId } from '../list/list.js'

/** How long operators wait for a leader. Their own business: the fold has no clock. */
export type Patience = {
  /** Without a new head for this long, a leader counts as silent. Default 2500. */
  silenceMs: number
  /** The wait grows by half with every failed term, up to here. Default 30 000. */
  maxSilenceMs: number
  /** A vote is sent again after this long. Default 2000. */
  repeatMs: number
}

export const defaultPatience: Patience = { silenceMs: 2_500, maxSilenceMs: 30_000, repeatMs: 2_000 }

/** What an operator knows of itself when it thinks about voting. */
export type Situation = {
  /** Monotonic. */
  readonly nowMs: number
  /**
   * The latest of: a header executed on the own head, the term applied, this process started or thawed, the leader's
   * bound {@link ControlParameters.ahead} left, the control chain moving again.
   */
  readonly progressAtMs: number
  readonly head: HeaderId
  /** Replaying or syncing: its own silence says nothing about the leader. */
  readonly catchingUp: boolean
  /** A block above the milestone on the own head is built on an origin that L1 has dropped. */
  readonly originDropped: boolean
  /** A settled block is: the highest settled block that L1 still carries. */
  readonly rollbackTo?: HeaderId | undefined
  /** A header of the leader in force whose execution says otherwise. */
  readonly invalidHeader?: HeaderId | undefined
  /** The own vote of this term that stands, as far as the operator knows. */
  readonly vote?: { readonly cause: TermCause; readonly atMs: number } | undefined
}

/** What to send: a vote, or the withdrawal of the one that stands. */
export type VoteAdvice = { readonly type: 'vote'; readonly cause: TermCause } | { readonly type: 'withdraw' }

/** How long a leader may be silent, after so many failed terms. */
export function silenceMs(patience: Patience, failures: number): number {
  return Math.min(patience.maxSilenceMs, patience.silenceMs * 1.5 ** Math.min(failures, 64))
}

/**
 * Whether milestones have stood still for too long while control blocks come: the honest may be split between two
 * siblings of a leader that signed twice, half of them going on and half of them not.
 */
export function isStalled({ height, movedAtHeight, failures, parameters }: ControlState): boolean {
  const limit = Math.min(parameters.maxStallBlocks, parameters.stallBlocks * 1.5 ** Math.min(failures, 64))
  return Number(height - movedAtHeight) > limit
}

/**
 * Whether an honest operator votes now. Votes need no lock: what one may name afterwards is decided by the fold, so any
 * vote may be replaced or taken back, and none is ever held against its voter.
 *
 * @example
 * ```ts
 * import { adviseVote, createControlState, defaultParameters, defaultPatience } from '@l2/control-chain'
 *
 * const genesis = { height: 0n, hash: `0x${'00'.repeat(32)}` } as const
 * const members = [{ id: 1, power: 1n }]
 * const state = createControlState({ chainId: 901n, genesis, members, parameters: defaultParameters })
 * const calm = { nowMs: 2_000, progressAtMs: 0, head: genesis, catchingUp: false, originDropped: false }
 * console.log(adviseVote(state, calm, defaultPatience)) // undefined
 * console.log(adviseVote(state, { ...calm, nowMs: 3_000 }, defaultPatience)) // { type: 'vote', cause: { type: 'silent' } }
 * ```
 */
export function adviseVote(state: ControlState, now: Situation, patience: Patience): VoteAdvice | undefined {
  const { vote } = now
  const due = (cause: TermCause): VoteAdvice | undefined =>
    vote?.cause.type === cause.type && now.nowMs - vote.atMs < patience.repeatMs ? undefined : { type: 'vote', cause }
  if (now.rollbackTo !== undefined) return due({ type: 'rollback', to: now.rollbackTo })
  if (now.originDropped) return due({ type: 'l1' })
  if (now.invalidHeader !== undefined) return due({ type: 'invalid', header: now.invalidHeader })
  const stalled = isStalled(state)
  const ahead = now.head.height + 1n - state.milestone.height > BigInt(state.parameters.ahead)
  const silent = now.nowMs - now.progressAtMs > silenceMs(patience, state.failures) && !ahead
  if (stalled || (silent && !now.catchingUp)) return due({ type: 'silent' })
  return vote !== undefined && now.progressAtMs > vote.atMs ? { type: 'withdraw' } : undefined
}
