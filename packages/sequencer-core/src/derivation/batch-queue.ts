import type { SingularBatch, SpanBatch } from '../batch/types.js'
import {
  type BatchContext,
  type BatchVerdict,
  checkOverlappedBlock,
  checkSingularBatch,
  checkSpanBlocks,
  checkSpanPrefix,
  type SafeBlock,
  type SpanBlockFacts,
  type SpanFacts,
  spanBlocks,
  spanFacts,
  spanParentNumber,
} from './batch-check.js'
import { isForkActive } from './fork-schedule.js'
import type { L1BlockRef } from './l1.js'
import type { L2BlockRef } from './l2.js'
import type { RollupConfig } from './rollup-config.js'

/** A batch with the L1 block in which it became readable. */
export type IncludedBatch = {
  readonly batch: SingularBatch | SpanBatch
  readonly inclusion: L1BlockRef
}

/** A span batch whose check passed, taken block by block. */
export type OpenSpan = {
  readonly blocks: Generator<SpanBlockFacts>
  next: SpanBlockFacts | undefined
}

/** What judging a batch came to. */
export type Judgement =
  | { readonly type: 'verdict'; readonly verdict: BatchVerdict; readonly span: OpenSpan | undefined }
  /** The judge must know this block of the safe chain first; `judge` again when it does. */
  | { readonly type: 'needs-l2-block'; readonly number: bigint }

/**
 * Judges one included batch against one safe head, step by step where it needs blocks of the safe chain. Remembers how far it came, so that
 * a span that overlaps thousands of blocks is walked once.
 */
export function createJudge(
  config: RollupConfig,
  included: IncludedBatch,
): {
  judge(context: Omit<BatchContext, 'config' | 'inclusion'>, lookup: L2Lookup): Judgement
} {
  const { batch, inclusion } = included
  const verdict = (value: BatchVerdict, span?: OpenSpan): Judgement => ({ type: 'verdict', verdict: value, span })
  const facts = batch.type === 'span' ? spanFacts(batch, config) : undefined
  let overlap: { safe: L2BlockRef; blocks: Generator<SpanBlockFacts>; next: SpanBlockFacts; number: bigint } | undefined
  const judgeSpan = (span: SpanBatch, facts: SpanFacts, context: BatchContext, lookup: L2Lookup): Judgement => {
    const parentNumber = spanParentNumber(context, facts)
    const holocene = isForkActive(config.forks, 'holocene', inclusion.timestamp)
    let parent: L2BlockRef | undefined = context.safe
    // Only a span that begins in the past and ends in the future has a parent other than the safe head that is worth asking for.
    const overlaps =
      parentNumber !== undefined && parentNumber !== context.safe.number && facts.lastTimestamp > context.safe.timestamp
    if (overlaps) {
      if (parentNumber < config.genesis.l2.number) parent = undefined
      else if (facts.startEpoch + config.sequencingWindowBlocks < inclusion.number) {
        // Dropped whatever the parent is. An engine may not have blocks from before the window any more, and must not be waited for.
        return verdict({ verdict: 'drop', reason: 'sequencing-window-expired' })
      } else {
        const block = lookup(parentNumber)
        if (block === 'unread') return { type: 'needs-l2-block', number: parentNumber }
        parent = block?.ref
      }
    }
    const prefix = checkSpanPrefix(context, span, facts, parent)
    if (prefix.verdict !== 'accept' || parent === undefined) return verdict(prefix)
    // While the head is the same, the blocks have been checked once the overlap is being compared.
    if (!holocene && overlap?.safe !== context.safe) {
      const full = checkSpanBlocks(context, span, facts, parent)
      if (full.verdict !== 'accept') return verdict(full)
    }
    if (overlaps) {
      if (overlap === undefined || overlap.safe !== context.safe) {
        const blocks = spanBlocks(span, facts, config, parent)
        overlap = { safe: context.safe, blocks, next: blocks.next().value, number: parent.number + 1n }
      }
      while (overlap.number <= context.safe.number) {
        const block = lookup(overlap.number)
        if (block === 'unread') return { type: 'needs-l2-block', number: overlap.number }
        if (block === undefined) return verdict({ verdict: 'undecided', reason: 'l2-block-unknown' })
        const same = checkOverlappedBlock(overlap.next, block)
        if (same.verdict !== 'accept') return verdict(same)
        overlap.next = overlap.blocks.next().value
        overlap.number++
      }
    }
    const blocks = spanBlocks(span, facts, config, parent)
    let next: SpanBlockFacts | undefined = blocks.next().value
    while (next !== undefined && next.timestamp <= context.safe.timestamp) next = blocks.next().value
    // Holocene's check of the whole says nothing about the first new block's origin; one that L1 has left behind would have no hash.
    if (next === undefined || next.epochNumber < context.l1Blocks[0]!.number) {
      return verdict({ verdict: 'drop', reason: 'epoch-too-old' })
    }
    return verdict(prefix, { blocks, next })
  }
  return {
    judge(partial, lookup) {
      const context = { ...partial, config, inclusion }
      if (batch.type === 'singular') return verdict(checkSingularBatch(context, batch))
      return judgeSpan(batch, facts!, context, lookup)
    },
  }
}

/** A block of the safe chain, `undefined` when there is none, `'unread'` when nobody has asked yet. */
export type L2Lookup = (number: bigint) => SafeBlock | undefined | 'unread'

type Waiting = IncludedBatch & {
  readonly order: number
  readonly timestamp: bigint
  readonly judge: ReturnType<typeof createJudge>
}

/**
 * Batches that wait for their turn before Holocene, first come first judged. Those of the future lie sorted by time, so that a queue
 * full of them costs nothing until their time comes.
 */
export class BatchQueue {
  private readonly config: RollupConfig
  private future: Waiting[] = []
  private due: Waiting[] = []
  private order = 0

  constructor(config: RollupConfig) {
    this.config = config
  }

  get length(): number {
    return this.future.length + this.due.length
  }

  clear(): void {
    this.future = []
    this.due = []
  }

  add(included: IncludedBatch): void {
    const { batch } = included
    const timestamp = batch.type === 'singular' ? batch.timestamp : spanFacts(batch, this.config).firstTimestamp
    const waiting = { ...included, timestamp, order: this.order++, judge: createJudge(this.config, included) }
    let low = 0
    let high = this.future.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.future[middle]!.timestamp <= timestamp) low = middle + 1
      else high = middle
    }
    this.future.splice(low, 0, waiting)
  }

  /** The first batch, in order of arrival, that is not of the future; it stays until {@link remove}. */
  first(nextTimestamp: bigint): Waiting | undefined {
    let count = 0
    while (count < this.future.length && this.future[count]!.timestamp <= nextTimestamp) count++
    if (count > 0) {
      this.due = [...this.due, ...this.future.splice(0, count)].sort((a, b) => a.order - b.order)
    }
    return this.due[0]
  }

  remove(): void {
    this.due.shift()
  }

  /** The head went back, because a span was taken back: what had become due may be of the future again. */
  rewind(): void {
    const byTime = (a: Waiting, b: Waiting): number => Number(a.timestamp - b.timestamp) || a.order - b.order
    this.future = [...this.due, ...this.future].sort(byTime)
    this.due = []
  }
}
