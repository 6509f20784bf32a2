import type { Address } from 'viem'
import { refuse } from '../errors.js'
import type { PoolState, Sequencer } from './types.js'

/** `jailedUntil` of a sequencer whose safety case is open. */
export const jailedForever: number = Number.MAX_SAFE_INTEGER

/** What the delegators' active shares are worth, in wei, rounded down. */
export function activeDelegatedWei(sequencer: Sequencer): bigint {
  const { delegatedWei, activeShares, redeemingShares } = sequencer
  if (redeemingShares === 0n) return delegatedWei
  return (delegatedWei * activeShares) / (activeShares + redeemingShares)
}

/** What a sequencer has at stake for its seat: its own bond and the delegations, in wei. */
export function bondedWei(sequencer: Sequencer): bigint {
  return sequencer.status === 'active' ? sequencer.amountWei + activeDelegatedWei(sequencer) : 0n
}

/** The last checkpoint at or before the end of `epoch`. */
export function checkpointAt(sequencer: Sequencer, epoch: bigint): { wei: bigint; electable: boolean } {
  const { history } = sequencer
  for (let i = history.length - 1; i >= 0; i--) if (history[i]!.epoch <= epoch) return history[i]!
  return { wei: 0n, electable: false }
}

/** The key that signs for a sequencer in `epoch`, or `undefined` when it has none yet. */
export function signerAt(sequencer: Sequencer, epoch: bigint): Address | undefined {
  for (let i = sequencer.keys.length - 1; i >= 0; i--) {
    if (sequencer.keys[i]!.fromEpoch <= epoch) return sequencer.keys[i]!.signer
  }
  return undefined
}

/** Who may be elected for an epoch, with what weight, and the key that will sign. */
export type Candidate = { readonly id: number; readonly weight: bigint; readonly signer: Address }

/**
 * The weights with which `epoch` is elected: those of the end of epoch − L − 1, so that they were fixed before any entropy of the
 * epoch existed. Sorted by id, never by address, which could be ground; jailed and empty seats are left out.
 *
 * @throws StakingError `EPOCH_UNKNOWN` when that end is not reached yet, or is forgotten
 */
export function electionWeights(state: PoolState, epoch: bigint): Candidate[] {
  const frozenAt = epoch - BigInt(state.config.lookaheadEpochs) - 1n
  if (frozenAt >= state.epoch || frozenAt < state.epoch - BigInt(state.config.historyEpochs)) {
    refuse(
      'EPOCH_UNKNOWN',
      `weights of epoch ${epoch} are those of the end of epoch ${frozenAt}; the pool is in ${state.epoch}`,
      {
        epoch,
        frozenAt,
        current: state.epoch,
      },
    )
  }
  const weights: Candidate[] = []
  for (const [id, sequencer] of state.sequencers.entries()) {
    const checkpoint = checkpointAt(sequencer, frozenAt)
    const signer = signerAt(sequencer, epoch)
    if (signer === undefined || !checkpoint.electable || checkpoint.wei === 0n || sequencer.tombstoned) continue
    weights.push({ id, weight: checkpoint.wei, signer })
  }
  return weights.sort((a, b) => a.id - b.id)
}

/** The sequencer with this id. @throws StakingError `SEQUENCER_UNKNOWN` */
export function sequencerOf(state: PoolState, id: number): Sequencer {
  return state.sequencers.get(id) ?? refuse('SEQUENCER_UNKNOWN', `no sequencer ${id}`, { id })
}
