import type { Address } from 'viem'
import { refuse } from '../errors.js'
import type { PoolConfig } from './config.js'
import type { Checkpoint, PoolState, Sequencer } from './types.js'

/** `jailedUntilSeconds` of a sequencer whose safety case is open: later than every time that a command may have. */
export const jailedForever: bigint = 2n ** 64n - 1n

/** What a sequencer has at stake for its seat: its own bond and the delegations, in wei. */
export function bondedWei(sequencer: Sequencer): bigint {
  return sequencer.status === 'active' ? sequencer.amountWei + sequencer.delegated.wei : 0n
}

const nothing: Checkpoint = { epoch: 0n, ownWei: 0n, delegatedWei: 0n, electable: false }

/** The last checkpoint at or before the end of `epoch`. */
export function checkpointAt(sequencer: Sequencer, epoch: bigint): Checkpoint {
  return sequencer.history.at(epoch) ?? nothing
}

/** Own stake and delegations of a checkpoint, wei. */
export const weightOf = (checkpoint: Checkpoint): bigint => checkpoint.ownWei + checkpoint.delegatedWei

/**
 * The epoch at whose end the weights of `epoch` were fixed. The first epochs, which nobody was elected for, count by
 * those of epoch 0.
 */
export function weightsEpoch(config: PoolConfig, epoch: bigint): bigint {
  const frozenAt = epoch - BigInt(config.lookaheadEpochs) - 1n
  return frozenAt > 0n ? frozenAt : 0n
}

/** The oldest epoch of which weights and the times of stake are remembered in full. */
export function horizonOf(state: {
  readonly config: PoolConfig
  readonly epochStarts: PoolState['epochStarts']
}): bigint {
  return state.epochStarts.oldest!.epoch - BigInt(state.config.lookaheadEpochs) - 1n
}

/** The commission on rewards of `epoch`, basis points. */
export function commissionAt(sequencer: Sequencer, epoch: bigint): number {
  const { commissions } = sequencer
  for (let i = commissions.length - 1; i > 0; i--) if (commissions[i]!.fromEpoch <= epoch) return commissions[i]!.bps
  return commissions[0]!.bps
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
 * The weights with which `epoch` is elected: those of the end of epoch − L − 1, so that they were fixed before any
 * entropy of the epoch existed. Sorted by id, never by address, which could be ground; jailed and empty seats are left
 * out.
 *
 * @throws StakingError `EPOCH_UNKNOWN` when that end is not reached yet, or is forgotten
 */
export function electionWeights(state: PoolState, epoch: bigint): Candidate[] {
  const frozenAt = epoch - BigInt(state.config.lookaheadEpochs) - 1n
  if (frozenAt >= state.epoch || frozenAt < horizonOf(state)) {
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
    const weight = weightOf(checkpoint)
    if (signer === undefined || !checkpoint.electable || weight === 0n || sequencer.tombstoned) continue
    weights.push({ id, weight, signer })
  }
  return weights.sort((a, b) => a.id - b.id)
}

/** The sequencer with this id. @throws StakingError `SEQUENCER_UNKNOWN` */
export function sequencerOf(state: PoolState, id: number): Sequencer {
  return state.sequencers.get(id) ?? refuse('SEQUENCER_UNKNOWN', `no sequencer ${id}`, { id })
}
