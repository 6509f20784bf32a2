import { concatBytes } from '@l2/common'
import type { Hex } from 'viem'
import { frameAccountingBytes, isTimedOut, type ReadyChannel } from './channel.js'
import type { Frame } from './frame.js'

/**
 * Drops from a queue of frames what cannot belong to a contiguous channel: Holocene's rule, applied whenever a transaction's frames were appended.
 *
 * Within a channel the numbers must follow one another and end with the last frame; a first frame of another channel evicts what is there of an
 * unclosed one. `pruned` must itself be the result of pruning, or empty.
 *
 * Source: OP specs, Holocene, "Frame Queue".
 */
export function pruneFrames(pruned: readonly Frame[], appended: readonly Frame[]): Frame[] {
  const queue = [...pruned]
  for (const next of appended) {
    let current = queue.at(-1)
    if (current !== undefined && current.channelId !== next.channelId && next.frameNumber === 0 && !current.isLast) {
      const { channelId } = current
      while (queue.at(-1)?.channelId === channelId) queue.pop()
      current = queue.at(-1)
    }
    if (current === undefined) queue.push(next)
    else if (current.channelId === next.channelId) {
      if (!current.isLast && next.frameNumber === current.frameNumber + 1) queue.push(next)
    } else if (next.frameNumber === 0) queue.push(next)
  }
  return queue
}

/** Rules of the channel assembler at one L1 block. */
export type AssemblerRules = {
  /** L1 blocks after which an unfinished channel is dropped. */
  readonly channelTimeoutBlocks: bigint
  /** Bytes a staged channel may be charged with: `MAX_RLP_BYTES_PER_CHANNEL`. */
  readonly maxChannelBytes: number
}

/** The channel stage from Holocene on. No I/O, no clock. */
export type ChannelAssembler = {
  /** Appends the frames of one batcher transaction and prunes the queue. */
  enqueue(frames: readonly Frame[]): void
  /** Takes frames from the queue until a channel is complete or the queue is empty; times the staged channel out first. */
  next(l1Block: bigint, rules: AssemblerRules): ReadyChannel | undefined
  /** Frames waiting in the queue. */
  readonly queued: number
  /** The channel being put together. */
  readonly staged: Hex | undefined
}

/**
 * Holocene's frame queue with its one staging channel: frames must come in order, one channel after the other.
 *
 * Source: OP specs, Holocene, "Frame Queue" and "Channel Assembler".
 */
export function createChannelAssembler(): ChannelAssembler {
  let queue: Frame[] = []
  let head = 0
  let channel: { id: Hex; openedAtBlock: bigint; parts: Uint8Array[]; size: number } | undefined

  const stage = (frame: Frame, l1Block: bigint, rules: AssemblerRules): ReadyChannel | undefined => {
    if (frame.frameNumber === 0) channel = { id: frame.channelId, openedAtBlock: l1Block, parts: [], size: 0 }
    // Without its first frame, out of order, or of another channel: nothing can come of it.
    if (channel === undefined || frame.channelId !== channel.id || frame.frameNumber !== channel.parts.length) {
      return undefined
    }
    channel.parts.push(frame.data)
    channel.size += frame.data.length + frameAccountingBytes
    if (channel.size > rules.maxChannelBytes) {
      channel = undefined
      return undefined
    }
    if (!frame.isLast) return undefined
    const { id, openedAtBlock, parts } = channel
    channel = undefined
    return { channelId: id, data: concatBytes(...parts), openedAtBlock }
  }

  return {
    enqueue(frames) {
      queue = pruneFrames(queue.slice(head), frames)
      head = 0
    },
    next(l1Block, rules) {
      if (channel !== undefined && isTimedOut(channel.openedAtBlock, l1Block, rules.channelTimeoutBlocks)) {
        channel = undefined
      }
      while (head < queue.length) {
        const ready = stage(queue[head++]!, l1Block, rules)
        if (ready !== undefined) return ready
      }
      queue = []
      head = 0
      return undefined
    },
    get queued() {
      return queue.length - head
    },
    get staged() {
      return channel?.id
    },
  }
}
