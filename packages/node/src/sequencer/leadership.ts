import type { SequencerHeader } from '@l2/sequencer-core/block'
import type { SlotLeader } from '@l2/staking'
import type { Address } from 'viem'
import { type ControlPlane, leaderOf, signerAt } from '../pool/control-plane.js'

/**
 * Who leads where operators agree on it outside of the rollup's own blocks, by a control chain. Without one the pool of the
 * chain's own blocks says it, and the keys of one process vote.
 */
export type Leadership = {
  /** The leader of a height in the term in force; `undefined` where none is planned. */
  leaderAt(height: bigint): SlotLeader | undefined
  /** Why nothing is signed above a block although one's own key leads; `undefined` when it may be. */
  hold(head: bigint): string | undefined
}

/** Who leads at a height, whoever says it. */
export function leaderAbove(
  control: ControlPlane,
  leadership: Leadership | undefined,
  height: bigint,
): SlotLeader | undefined {
  return leadership === undefined ? leaderOf(control, height) : leadership.leaderAt(height)
}

/** Who must have signed a header, by the pool of the chain's own blocks. */
export function poolSigner(control: ControlPlane, { height, term }: SequencerHeader): Address | undefined {
  return signerAt(control, height, term)?.sequencer
}
