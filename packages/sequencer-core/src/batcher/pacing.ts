import { createDropPause } from './drop-pause.js'
import type { RequiredShape } from './open-channel.js'
import type { BatcherOptions } from './options.js'
import type { BatcherBlock } from './ports.js'
import type { SyncStatus } from './sync-actions.js'

/** When blocks must leave however little they fill, and when they are to wait although there is room for them. */
export function createPacing(options: BatcherOptions) {
  /** How far the origin of a new block is behind the head of L1: the least that was seen. */
  let originLag: bigint | undefined
  const drops = createDropPause(options.maxChannelDurationBlocks)
  let flushRequested = false
  /** Everything up to this block is to be posted at once. */
  let flushTo: bigint | undefined

  /** L1 blocks left for a channel that begins with this block, were it submitted now. */
  const slack = ({ epochNumber }: BatcherBlock, headL1: bigint): bigint =>
    epochNumber + options.sequencingWindowBlocks - (headL1 + options.expectedInclusionBlocks)

  const isFlushed = (block: BatcherBlock): boolean => flushTo !== undefined && block.number <= flushTo

  /** Whether the sequencing window leaves no time to wait with what begins with this block. */
  const windowIsNear = (first: BatcherBlock | undefined, headL1: bigint): boolean =>
    first !== undefined && slack(first, headL1) <= options.safetyMarginBlocks

  const timeIsUp = (block: BatcherBlock, shape: RequiredShape, headL1: bigint): boolean => {
    const { maxChannelDurationBlocks } = shape
    if (maxChannelDurationBlocks === 0n) return false
    // Told by the age of the data, so that neither a restart nor starting over gives it more time.
    return headL1 >= block.epochNumber + (originLag ?? 0n) + maxChannelDurationBlocks
  }

  return {
    windowIsNear,
    timeIsUp,
    /** Whether the window is so nearly over that a channel of this block has to be small and of batches that are valid one by one. */
    isHurried: (block: BatcherBlock, headL1: bigint): boolean =>
      slack(block, headL1) <= options.safetyMarginBlocks / 2n,
    /** Why a channel that begins with this block must not wait any longer. */
    due(first: BatcherBlock, shape: RequiredShape, headL1: bigint): 'duration' | 'window' | 'flush' | undefined {
      if (isFlushed(first)) return 'flush'
      if (windowIsNear(first, headL1)) return 'window'
      return timeIsUp(first, shape, headL1) ? 'duration' : undefined
    },
    /** Whether everything is to wait because channels were dropped: full ones cost as much as others. */
    isPaused(first: BatcherBlock | undefined, headL1: bigint): boolean {
      const flushing = first !== undefined && isFlushed(first)
      return drops.holds(headL1) && !flushing && !windowIsNear(first, headL1)
    },
    noteDrop: drops.note,
    noteOriginLag(newest: BatcherBlock | undefined, { headL1, unsafe }: SyncStatus): void {
      if (newest === undefined || newest.number !== unsafe.number || newest.epochNumber > headL1) return
      const lag = headL1 - newest.epochNumber
      if (originLag === undefined || lag < originLag) originLag = lag
    },
    requestFlush(): void {
      flushRequested = true
    },
    /** What was requested goes as far as the head of now. */
    beginFlush({ unsafe }: SyncStatus): void {
      if (flushRequested) flushTo = unsafe.number
      flushRequested = false
    },
    /** No channel is open, and everything up to this block is in closed ones. What was cleared, or did not fit, is not flushed yet. */
    endFlush(closedUpTo: bigint, { unsafe }: SyncStatus): void {
      if (flushTo === undefined) return
      const target = flushTo < unsafe.number ? flushTo : unsafe.number
      if (closedUpTo >= target) flushTo = undefined
    },
  }
}
