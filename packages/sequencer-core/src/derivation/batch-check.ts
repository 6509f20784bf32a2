import { equalBytes } from '@l2/common'
import type { SingularBatch, SpanBatch } from '../batch/types.js'
import { countLeadingDeposits, depositType } from './deposit.js'
import { isForkActive, isUpgradeOnlyBlock } from './fork-schedule.js'
import type { L1BlockRef } from './l1.js'
import type { L2BlockRef } from './l2.js'
import { maxSequencerDriftSeconds, type RollupConfig } from './rollup-config.js'
import { sameHex, unhex } from './words.js'

/** Why a batch is not accepted. */
export type BatchReason =
  /** No L1 block to judge by yet. */
  | 'no-l1-block'
  /** Starts after the next block's time. */
  | 'timestamp-in-future'
  /** Ends before the next block's time. */
  | 'timestamp-in-past'
  /** Overlaps the safe chain between two blocks. */
  | 'timestamp-misaligned'
  /** Does not build on the block that it must build on. */
  | 'parent-mismatch'
  /** Its epoch's sequencing window ended before the block that included it. */
  | 'sequencing-window-expired'
  /** L1 origin before the parent's. */
  | 'epoch-too-old'
  /** L1 origin more than one beyond the parent's. */
  | 'epoch-too-far'
  /** L1 origin not read yet. */
  | 'epoch-unknown'
  /** L1 origin of another L1 chain. */
  | 'epoch-hash-mismatch'
  /** L2 time before its L1 origin's. */
  | 'timestamp-before-origin'
  /** With transactions, too far ahead of its L1 origin. */
  | 'drift-exceeded'
  /** Empty and too far ahead, though the next L1 origin could have been adopted. */
  | 'drift-origin-not-adopted'
  /** Empty and too far ahead; whether that was right depends on an L1 block not read yet. */
  | 'drift-origin-unknown'
  /** Transactions in a block that must only carry a network upgrade. */
  | 'transactions-in-upgrade-block'
  /** A transaction of zero bytes. */
  | 'empty-transaction'
  /** A deposit, which only L1 may make. */
  | 'deposit-transaction'
  /** An EIP-7702 transaction before Isthmus. */
  | 'set-code-before-isthmus'
  /** A post-exec transaction (type 0x7d) before Lagoon. */
  | 'post-exec-before-lagoon'
  /** A span batch before Delta. */
  | 'span-before-delta'
  /** A span batch of which a transaction cannot be rebuilt. */
  | 'span-underivable'
  /** An L2 block that the check needs is not to be had. */
  | 'l2-block-unknown'
  /** An overlapped block has other transactions on the safe chain. */
  | 'overlap-transactions-mismatch'
  /** An overlapped block has another L1 origin on the safe chain. */
  | 'overlap-epoch-mismatch'

/**
 * - `accept`: apply it now.
 * - `drop`: never valid on this L1 chain.
 * - `undecided`: needs more of L1.
 * - `future`: may become valid, before Holocene.
 * - `past`: says nothing new, from Holocene; unlike `drop` it does not condemn the rest of its channel.
 */
export type BatchVerdict =
  | { readonly verdict: 'accept' }
  | { readonly verdict: 'drop' | 'undecided' | 'future' | 'past'; readonly reason: BatchReason }

/** What a batch is judged against. */
export type BatchContext = {
  readonly config: RollupConfig
  /** Consecutive L1 blocks: first the safe head's origin, or the one after it once the origin's blocks are complete. */
  readonly l1Blocks: readonly L1BlockRef[]
  /** The block that the batch must continue. */
  readonly safe: L2BlockRef
  /** The L1 block in which the batch's channel was completed. */
  readonly inclusion: L1BlockRef
}

/** A block of the safe chain, for judging what overlaps it. */
export type SafeBlock = { readonly ref: L2BlockRef; readonly transactions: readonly Uint8Array[] }

const accept: BatchVerdict = { verdict: 'accept' }
const drop = (reason: BatchReason): BatchVerdict => ({ verdict: 'drop', reason })
const undecided = (reason: BatchReason): BatchVerdict => ({ verdict: 'undecided', reason })

const setCodeType = 4
const postExecType = 0x7d

/**
 * What a batch's transactions must not be. Bytes that are no transaction at all, and types that the rollup does not know, are left to
 * the engine, as op-node and kona do: it refuses the block, which from Holocene on becomes one of deposits only. (The specification
 * would drop the batch for unknown types.)
 */
function checkTransactions(
  transactions: readonly Uint8Array[],
  timestamp: bigint,
  config: RollupConfig,
): BatchVerdict | undefined {
  if (transactions.length === 0) return undefined
  if (isUpgradeOnlyBlock(config.forks, timestamp, config.blockTimeSeconds)) {
    return drop('transactions-in-upgrade-block')
  }
  const isthmus = isForkActive(config.forks, 'isthmus', timestamp)
  const lagoon = isForkActive(config.forks, 'lagoon', timestamp)
  for (const transaction of transactions) {
    if (transaction.length === 0) return drop('empty-transaction')
    if (transaction[0] === depositType) return drop('deposit-transaction')
    if (transaction[0] === setCodeType && !isthmus) return drop('set-code-before-isthmus')
    if (transaction[0] === postExecType && !lagoon) return drop('post-exec-before-lagoon')
  }
  return undefined
}

/** The rules about time and L1 origin that every block of a batch must keep. */
function checkDrift(
  block: { timestamp: bigint; transactions: readonly Uint8Array[]; advanced: boolean },
  origin: L1BlockRef,
  next: L1BlockRef | undefined,
  config: RollupConfig,
): BatchVerdict | undefined {
  if (block.timestamp < origin.timestamp) return drop('timestamp-before-origin')
  if (block.timestamp <= origin.timestamp + maxSequencerDriftSeconds(config, origin.timestamp)) return undefined
  if (block.transactions.length > 0) return drop('drift-exceeded')
  // An empty block may run ahead when L1 is late; a block that takes a new origin always may.
  if (block.advanced) return undefined
  if (next === undefined) return undecided('drift-origin-unknown')
  return block.timestamp >= next.timestamp ? drop('drift-origin-not-adopted') : undefined
}

/**
 * Judges a singular batch. Source: OP specs, "Batch queue", and Holocene, "Batch queue"; the order of the rules is op-node's.
 *
 * @example
 * ```ts
 * import { rollupPresets } from '@l2/sequencer-core'
 * import { checkSingularBatch, genesisBlockRef } from '@l2/sequencer-core/derivation'
 *
 * const config = rollupPresets.opMainnet
 * const safe = genesisBlockRef(config)
 * const origin = { ...config.genesis.l1, parentHash: safe.parentHash, timestamp: 1_686_068_903n }
 * const batch = {
 *   type: 'singular', parentHash: `0x${'00'.repeat(32)}`, epochNumber: origin.number, epochHash: origin.hash,
 *   timestamp: safe.timestamp + 2n, transactions: [],
 * } as const
 * console.log(checkSingularBatch({ config, l1Blocks: [origin], safe, inclusion: origin }, batch)) // { verdict: 'drop', reason: 'parent-mismatch' }
 * ```
 */
export function checkSingularBatch(context: BatchContext, batch: SingularBatch): BatchVerdict {
  const { config, l1Blocks, safe, inclusion } = context
  const epoch = l1Blocks[0]
  if (epoch === undefined) return undecided('no-l1-block')
  const holocene = isForkActive(config.forks, 'holocene', inclusion.timestamp)
  const nextTimestamp = safe.timestamp + config.blockTimeSeconds
  if (batch.timestamp > nextTimestamp) {
    return { verdict: holocene ? 'drop' : 'future', reason: 'timestamp-in-future' }
  }
  if (batch.timestamp < nextTimestamp) return { verdict: holocene ? 'past' : 'drop', reason: 'timestamp-in-past' }
  if (!sameHex(batch.parentHash, safe.hash)) return drop('parent-mismatch')
  if (batch.epochNumber + config.sequencingWindowBlocks < inclusion.number) return drop('sequencing-window-expired')
  if (batch.epochNumber < epoch.number) return drop('epoch-too-old')
  // Against the safe head, not against `epoch`: when that is already one ahead, a batch two ahead would leave an epoch without a block.
  if (batch.epochNumber > safe.l1Origin.number + 1n) return drop('epoch-too-far')
  const origin = l1Blocks[Number(batch.epochNumber - epoch.number)]
  if (origin === undefined) return undecided('epoch-unknown')
  if (!sameHex(batch.epochHash, origin.hash)) return drop('epoch-hash-mismatch')
  const advanced = batch.epochNumber !== epoch.number
  return (
    checkDrift({ ...batch, advanced }, origin, advanced ? undefined : l1Blocks[1], config) ??
    checkTransactions(batch.transactions, batch.timestamp, config) ??
    accept
  )
}

/** Timestamps and epochs of a span batch, as op-node computes them: modulo 2^64. */
export type SpanFacts = {
  readonly firstTimestamp: bigint
  readonly lastTimestamp: bigint
  readonly startEpoch: bigint
}

/** Works the {@link SpanFacts} of a span batch out. */
export function spanFacts(span: SpanBatch, config: RollupConfig): SpanFacts {
  const firstTimestamp = BigInt.asUintN(64, config.genesis.l2TimeSeconds + span.relTimestamp)
  let steps = 0
  for (let i = 1; i < span.blocks.length; i++) if (span.blocks[i]!.originAdvanced) steps++
  return {
    firstTimestamp,
    lastTimestamp: firstTimestamp + BigInt(span.blocks.length - 1) * config.blockTimeSeconds,
    startEpoch: BigInt.asUintN(64, span.l1OriginNumber - BigInt(steps)),
  }
}

/**
 * Which block of the safe chain a span batch claims to build on: its number; the safe head itself when nothing overlaps, `undefined` when
 * it overlaps between blocks.
 */
export function spanParentNumber(context: Pick<BatchContext, 'config' | 'safe'>, facts: SpanFacts): bigint | undefined {
  const { config, safe } = context
  if (facts.firstTimestamp >= safe.timestamp + config.blockTimeSeconds) return safe.number
  if (facts.firstTimestamp > safe.timestamp) return undefined
  const behind = safe.timestamp - facts.firstTimestamp
  if (behind % config.blockTimeSeconds !== 0n) return undefined
  return safe.number - behind / config.blockTimeSeconds - 1n
}

/**
 * The rules for a span batch as a whole: all of them in Holocene, the first part of them before. `parent` is the safe block that
 * {@link spanParentNumber} names, `undefined` when it is not to be had.
 */
export function checkSpanPrefix(
  context: BatchContext,
  span: SpanBatch,
  facts: SpanFacts,
  parent: L2BlockRef | undefined,
): BatchVerdict {
  const { config, l1Blocks, safe, inclusion } = context
  const epoch = l1Blocks[0]
  if (epoch === undefined) return undecided('no-l1-block')
  const { firstTimestamp, lastTimestamp, startEpoch } = facts
  let origin: L1BlockRef = epoch
  if (startEpoch === epoch.number + 1n) {
    if (l1Blocks[1] === undefined) return undecided('epoch-unknown')
    origin = l1Blocks[1]
  }
  if (!isForkActive(config.forks, 'delta', origin.timestamp)) return drop('span-before-delta')
  const holocene = isForkActive(config.forks, 'holocene', inclusion.timestamp)
  const nextTimestamp = safe.timestamp + config.blockTimeSeconds
  if (firstTimestamp > nextTimestamp) return { verdict: holocene ? 'drop' : 'future', reason: 'timestamp-in-future' }
  if (lastTimestamp < nextTimestamp) return { verdict: holocene ? 'past' : 'drop', reason: 'timestamp-in-past' }
  if (spanParentNumber(context, facts) === undefined) return drop('timestamp-misaligned')
  if (parent === undefined) return undecided('l2-block-unknown')
  if (!equalBytes(unhex(parent.hash, 32).subarray(0, 20), span.parentCheck)) return drop('parent-mismatch')
  if (startEpoch + config.sequencingWindowBlocks < inclusion.number) return drop('sequencing-window-expired')
  if (startEpoch > parent.l1Origin.number + 1n) return drop('epoch-too-far')
  const last = l1Blocks[Number(span.l1OriginNumber - epoch.number)]
  if (last === undefined) return undecided('epoch-unknown')
  if (!equalBytes(unhex(last.hash, 32).subarray(0, 20), span.l1OriginCheck)) return drop('epoch-hash-mismatch')
  if (startEpoch < parent.l1Origin.number) return drop('epoch-too-old')
  return accept
}

/** One block of a span batch, with what the batch leaves implicit. */
export type SpanBlockFacts = {
  readonly index: number
  readonly timestamp: bigint
  readonly epochNumber: bigint
  /** Whether it takes another L1 origin than the block before it. */
  readonly advanced: boolean
  readonly transactions: readonly Uint8Array[]
}

/** Walks the blocks of a span batch on top of `parent`. */
export function* spanBlocks(
  span: SpanBatch,
  facts: SpanFacts,
  config: RollupConfig,
  parent: L2BlockRef,
): Generator<SpanBlockFacts> {
  let epochNumber = facts.startEpoch
  let timestamp = facts.firstTimestamp
  for (const [index, block] of span.blocks.entries()) {
    if (index > 0 && block.originAdvanced) epochNumber++
    const advanced = index === 0 ? epochNumber === parent.l1Origin.number + 1n : block.originAdvanced
    yield { index, timestamp, epochNumber, advanced, transactions: block.transactions }
    timestamp += config.blockTimeSeconds
  }
}

/** The rules for each new block of a span batch before Holocene: one that fails condemns the whole batch. */
export function checkSpanBlocks(
  context: BatchContext,
  span: SpanBatch,
  facts: SpanFacts,
  parent: L2BlockRef,
): BatchVerdict {
  const { config, l1Blocks, safe } = context
  const first = l1Blocks[0]
  if (first === undefined) return undecided('no-l1-block')
  for (const block of spanBlocks(span, facts, config, parent)) {
    if (block.timestamp <= safe.timestamp) continue
    if (block.epochNumber < first.number) return drop('epoch-too-old')
    const index = Number(block.epochNumber - first.number)
    const origin = l1Blocks[index]
    if (origin === undefined) return undecided('epoch-unknown')
    const verdict =
      checkDrift(block, origin, l1Blocks[index + 1], config) ??
      checkTransactions(block.transactions, block.timestamp, config)
    if (verdict !== undefined) return verdict
  }
  return accept
}

/** A block of a span batch that the safe chain has already must be the same there. */
export function checkOverlappedBlock(block: SpanBlockFacts, safe: SafeBlock): BatchVerdict {
  const skip = countLeadingDeposits(safe.transactions)
  const same =
    safe.transactions.length - skip === block.transactions.length &&
    block.transactions.every((transaction, i) => equalBytes(transaction, safe.transactions[skip + i]!))
  if (!same) return drop('overlap-transactions-mismatch')
  return safe.ref.l1Origin.number === block.epochNumber ? accept : drop('overlap-epoch-mismatch')
}
