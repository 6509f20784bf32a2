import { refuse } from '../errors.js'
import { toAddress } from '../internal/address.js'
import type { PoolCommand } from '../pool/commands.js'
import { book, type Draft, only, put } from '../pool/draft.js'
import { activeDelegatedWei } from '../pool/sequencer.js'
import type { Sequencer } from '../pool/types.js'

type Command<Type extends PoolCommand['type']> = Extract<PoolCommand, { type: Type }>

/** Fixed point of {@link Sequencer.rewardPerShare}: 2^96. */
export const shareScaleBits = 96n

/** The most entries of one reward batch. */
const maxEntries = 10_000

/** Credits `amountWei` to a seat: commission and the operator's part to the operator, the rest to the delegators' F1 accumulator. */
function credit(draft: Draft, sequencer: Sequencer, blocks: bigint, amountWei: bigint): void {
  const delegated = sequencer.activeShares === 0n ? 0n : activeDelegatedWei(sequencer)
  const total = sequencer.amountWei + delegated
  const shared = total === 0n ? 0n : (amountWei * delegated) / total
  const commission = (shared * BigInt(sequencer.commissionBps)) / 10_000n
  const delegatorsWei = shared - commission
  const operatorWei = amountWei - delegatorsWei
  put(draft, {
    ...sequencer,
    rewardWei: sequencer.rewardWei + operatorWei,
    delegatorRewardWei: sequencer.delegatorRewardWei + delegatorsWei,
    rewardPerShare:
      delegatorsWei === 0n
        ? sequencer.rewardPerShare
        : sequencer.rewardPerShare + (delegatorsWei << shareScaleBits) / sequencer.activeShares,
  })
  book(draft, { budgetWei: -amountWei })
  draft.events.push({ type: 'RewardAccrued', id: sequencer.id, blocks, operatorWei, delegatorsWei })
}

/** Every key a sequencer ever had credits it, so that a rotation loses no reward; a seat that was paid out earns no more. */
function earner(draft: Draft, signer: string): Sequencer | undefined {
  const id = draft.signers.get(toAddress(signer, 'signer'))
  const sequencer = id === undefined ? undefined : draft.sequencers.get(id)
  return sequencer?.status === 'active' || sequencer?.status === 'exiting' ? sequencer : undefined
}

export function accrueBlock(draft: Draft, command: Command<'accrueBlock'>): void {
  only(draft, draft.config.rewarder, 'rewarder')
  requireSource(draft, 'blocks')
  if (typeof command.height !== 'bigint' || command.height <= draft.lastPaidHeight) {
    refuse('EPOCH_INVALID', `height expected above ${draft.lastPaidHeight}, got ${command.height}`, {
      height: command.height,
      lastPaidHeight: draft.lastPaidHeight,
    })
  }
  const sequencer = earner(draft, command.signer)
  if (sequencer === undefined) refuse('SEQUENCER_UNKNOWN', 'no sequencer with this key', { signer: command.signer })
  draft.lastPaidHeight = command.height
  const { rewardPerBlockWei } = draft
  const { budgetWei } = draft.ledger
  credit(draft, sequencer, 1n, rewardPerBlockWei < budgetWei ? rewardPerBlockWei : budgetWei)
}

/**
 * A batch of finalized epochs. What is wrong with the batch as a whole refuses it; what is wrong with one entry rejects that entry and
 * pays the others: one rotated or invented key must not stop everybody's rewards.
 */
export function submitRewards(draft: Draft, command: Command<'submitRewards'>): void {
  only(draft, draft.config.rewarder, 'rewarder')
  requireSource(draft, 'batches')
  const { batchId, startEpoch, endEpoch, entries } = command
  const { id, endEpoch: lastEnd } = draft.rewardBatch
  const problem =
    batchId !== id + 1n
      ? `batchId expected ${id + 1n}, got ${batchId}`
      : startEpoch !== lastEnd + 1n
        ? `startEpoch expected ${lastEnd + 1n}, got ${startEpoch}`
        : endEpoch < startEpoch
          ? `endEpoch expected at least ${startEpoch}, got ${endEpoch}`
          : endEpoch >= draft.epoch
            ? `epoch ${endEpoch} is not finalized; the pool is in ${draft.epoch}`
            : entries.length > maxEntries
              ? `at most ${maxEntries} entries, got ${entries.length}`
              : undefined
  if (problem !== undefined) refuse('REWARD_BATCH_INVALID', problem, { batchId, startEpoch, endEpoch })
  const paid = new Set<number>()
  let amountWei = 0n
  for (const [index, { signer, blocks }] of entries.entries()) {
    const sequencer = earner(draft, signer)
    const reward = sequencer === undefined || blocks <= 0n ? 0n : blocks * draft.rewardPerBlockWei
    const reason =
      sequencer === undefined
        ? 'unknown'
        : paid.has(sequencer.id)
          ? 'duplicate'
          : blocks <= 0n
            ? 'blocks'
            : reward > draft.ledger.budgetWei
              ? 'budget'
              : undefined
    if (sequencer === undefined || reason !== undefined) {
      draft.events.push({ type: 'RewardEntryRejected', index, signer, reason: reason ?? 'unknown' })
      continue
    }
    paid.add(sequencer.id)
    credit(draft, sequencer, blocks, reward)
    amountWei += reward
  }
  draft.rewardBatch = { id: batchId, endEpoch }
  draft.events.push({ type: 'RewardBatch', batchId, startEpoch, endEpoch, amountWei })
}

function requireSource(draft: Draft, source: 'blocks' | 'batches'): void {
  if (draft.config.rewardSource !== source) {
    refuse('REWARD_SOURCE', `this pool is paid by ${draft.config.rewardSource}`, { source: draft.config.rewardSource })
  }
}
