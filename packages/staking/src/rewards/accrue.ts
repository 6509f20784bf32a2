import { refuse } from '../errors.js'
import { toAddress } from '../internal/address.js'
import type { PoolCommand } from '../pool/commands.js'
import { book, type Draft, only, put } from '../pool/draft.js'
import { checkpointAt, commissionAt, horizonOf, weightOf, weightsEpoch } from '../pool/sequencer.js'
import type { Sequencer } from '../pool/types.js'
import { creditDelegated } from '../stake/delegated.js'

type Command<Type extends PoolCommand['type']> = Extract<PoolCommand, { type: Type }>

/** The most entries of one reward batch, and the most epochs that all of them together may stand for. */
const maxEntries = 10_000
const maxEntryEpochs = 1_000_000

/** Rewards of one leader for blocks of one epoch. */
type Earned = { readonly epoch: bigint; readonly blocks: bigint; readonly amountWei: bigint }

/**
 * Credits a seat by the weights with which each epoch was elected: what came later has not worked for it, and what has
 * left since has. Commission and the operator's part go to the operator, the rest to the delegators of then.
 */
function credit(draft: Draft, sequencer: Sequencer, earned: readonly Earned[]): void {
  let { rewardWei, delegated } = sequencer
  const sum = { blocks: 0n, operatorWei: 0n, delegatorsWei: 0n }
  for (const { epoch, blocks, amountWei } of earned) {
    const weights = weightsEpoch(draft.config, epoch)
    const { ownWei, delegatedWei } = checkpointAt(sequencer, weights)
    const shared = delegatedWei === 0n ? 0n : (amountWei * delegatedWei) / (ownWei + delegatedWei)
    const delegatorsWei = shared - (shared * BigInt(commissionAt(sequencer, epoch))) / 10_000n
    rewardWei += amountWei - delegatorsWei
    delegated = creditDelegated(delegated, weights, delegatedWei, delegatorsWei)
    sum.blocks += blocks
    sum.operatorWei += amountWei - delegatorsWei
    sum.delegatorsWei += delegatorsWei
  }
  put(draft, { ...sequencer, rewardWei, delegated })
  book(draft, { budgetWei: -(sum.operatorWei + sum.delegatorsWei) })
  const [fromEpoch, toEpoch] = [earned[0]!.epoch, earned[earned.length - 1]!.epoch]
  draft.events.push({ type: 'RewardAccrued', id: sequencer.id, fromEpoch, toEpoch, ...sum })
}

/** Whose key it is or ever was: neither a rotation nor an exit loses what was earned before. */
function earner(draft: Draft, signer: string): Sequencer | undefined {
  const id = draft.signers.get(toAddress(signer, 'signer'))
  return id === undefined ? undefined : draft.sequencers.get(id)
}

/** Whether a sequencer had the weight to be elected for `epoch`. */
const isWeighed = (draft: Draft, sequencer: Sequencer, epoch: bigint): boolean =>
  weightOf(checkpointAt(sequencer, weightsEpoch(draft.config, epoch))) > 0n

/** The reward per block of an epoch. */
function rateOf(draft: Draft, epoch: bigint): bigint {
  return draft.rates.at(epoch)?.wei ?? 0n
}

export function accrueBlock(draft: Draft, command: Command<'accrueBlock'>): void {
  only(draft, draft.config.rewarder, 'rewarder')
  requireSource(draft, 'blocks')
  const { height, epoch = draft.epoch } = command
  if (typeof height !== 'bigint' || height <= draft.lastPaidHeight) {
    refuse('EPOCH_INVALID', `height expected above ${draft.lastPaidHeight}, got ${height}`, {
      height,
      lastPaidHeight: draft.lastPaidHeight,
    })
  }
  if (typeof epoch !== 'bigint' || epoch < draft.lastPaidEpoch || epoch > draft.epoch || epoch < horizonOf(draft)) {
    refuse('EPOCH_INVALID', `epoch expected ${draft.lastPaidEpoch} … ${draft.epoch}, got ${epoch}`, { epoch })
  }
  const sequencer = earner(draft, command.signer)
  if (sequencer === undefined) refuse('SEQUENCER_UNKNOWN', 'no sequencer with this key', { signer: command.signer })
  if (!isWeighed(draft, sequencer, epoch)) {
    refuse('SEQUENCER_STATUS', `sequencer ${sequencer.id} had nothing at stake for epoch ${epoch}`, {
      id: sequencer.id,
      status: sequencer.status,
    })
  }
  draft.lastPaidHeight = height
  draft.lastPaidEpoch = epoch
  const rate = rateOf(draft, epoch)
  const { budgetWei } = draft.ledger
  credit(draft, sequencer, [{ epoch, blocks: 1n, amountWei: rate < budgetWei ? rate : budgetWei }])
}

/**
 * A batch of finalized epochs. What is wrong with the batch as a whole refuses it; what is wrong with one entry rejects
 * that entry and pays the others: one rotated or invented key must not stop everybody's rewards.
 */
export function submitRewards(draft: Draft, command: Command<'submitRewards'>): bigint {
  only(draft, draft.config.rewarder, 'rewarder')
  requireSource(draft, 'batches')
  const { batchId, startEpoch, endEpoch, entries } = command
  const { id, endEpoch: lastEnd } = draft.rewardBatch
  const epochs = endEpoch - startEpoch + 1n
  const problem =
    batchId !== id + 1n
      ? `batchId expected ${id + 1n}, got ${batchId}`
      : startEpoch !== lastEnd + 1n
        ? `startEpoch expected ${lastEnd + 1n}, got ${startEpoch}`
        : endEpoch < startEpoch
          ? `endEpoch expected at least ${startEpoch}, got ${endEpoch}`
          : endEpoch >= draft.epoch
            ? `epoch ${endEpoch} is not finalized; the pool is in ${draft.epoch}`
            : entries.length > maxEntries || BigInt(entries.length) * epochs > maxEntryEpochs
              ? `at most ${maxEntries} entries and ${maxEntryEpochs} epochs of them, got ${entries.length} for ${epochs}`
              : undefined
  if (problem !== undefined) refuse('REWARD_BATCH_INVALID', problem, { batchId, startEpoch, endEpoch })
  // Weights are paid for in their order, whatever the order of the entries.
  const ordered = [...entries.entries()].sort(([a, { epoch: x = startEpoch }], [b, { epoch: y = startEpoch }]) =>
    x === y ? a - b : x < y ? -1 : 1,
  )
  const paid = new Set<string>()
  let amountWei = 0n
  for (const [index, entry] of ordered) {
    const sequencer = earner(draft, entry.signer)
    const earned = sequencer === undefined ? [] : earnedOf(draft, sequencer, command, entry)
    const reward = earned.reduce((sum, part) => sum + part.amountWei, 0n)
    const reason =
      sequencer === undefined
        ? 'unknown'
        : isPaid(paid, sequencer.id, entry.epoch)
          ? 'duplicate'
          : entry.blocks <= 0n
            ? 'blocks'
            : entry.epoch !== undefined && (entry.epoch < startEpoch || entry.epoch > endEpoch)
              ? 'epoch'
              : earned.length === 0
                ? 'unweighed'
                : reward > draft.ledger.budgetWei
                  ? 'budget'
                  : undefined
    if (sequencer === undefined || reason !== undefined) {
      draft.events.push({ type: 'RewardEntryRejected', index, signer: entry.signer, reason: reason ?? 'unknown' })
      continue
    }
    paid.add(`${sequencer.id}`).add(`${sequencer.id}:${entry.epoch ?? ''}`)
    credit(draft, sequencer, earned)
    amountWei += reward
  }
  draft.rewardBatch = { id: batchId, endEpoch }
  draft.events.push({ type: 'RewardBatch', batchId, startEpoch, endEpoch, amountWei })
  return amountWei
}

/** An epoch of a leader is paid once, and a total for the whole batch stands alone. */
const isPaid = (paid: ReadonlySet<string>, id: number, epoch: bigint | undefined): boolean =>
  epoch === undefined ? paid.has(`${id}`) : paid.has(`${id}:${epoch}`) || paid.has(`${id}:`)

/**
 * What an entry is paid, epoch by epoch. Blocks without an epoch are spread evenly, what is left over on the first
 * ones.
 */
function earnedOf(
  draft: Draft,
  sequencer: Sequencer,
  batch: { startEpoch: bigint; endEpoch: bigint },
  entry: { blocks: bigint; epoch?: bigint },
): Earned[] {
  const horizon = horizonOf(draft)
  const first = entry.epoch ?? (batch.startEpoch > horizon ? batch.startEpoch : horizon)
  const weighed: bigint[] = []
  for (let epoch = first; epoch <= (entry.epoch ?? batch.endEpoch); epoch++) {
    if (epoch >= horizon && isWeighed(draft, sequencer, epoch)) weighed.push(epoch)
  }
  const count = BigInt(weighed.length)
  return weighed.flatMap((epoch, index) => {
    const blocks = entry.blocks / count + (BigInt(index) < entry.blocks % count ? 1n : 0n)
    return blocks === 0n ? [] : [{ epoch, blocks, amountWei: blocks * rateOf(draft, epoch) }]
  })
}

function requireSource(draft: Draft, source: 'blocks' | 'batches'): void {
  if (draft.config.rewardSource !== source) {
    refuse('REWARD_SOURCE', `this pool is paid by ${draft.config.rewardSource}`, { source: draft.config.rewardSource })
  }
}
