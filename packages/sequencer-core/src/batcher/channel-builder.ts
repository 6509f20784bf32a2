import { isL2Error } from '@l2/common'
import { encodeBatcherTransaction, type Frame } from '../channel/frame.js'
import type { createHeldBlocks } from './held-blocks.js'
import type { createChannelOpener, OpenChannel } from './open-channel.js'
import type { BatcherOptions } from './options.js'
import type { OutgoingChannel } from './outgoing-channel.js'
import type { createPacing } from './pacing.js'
import type { BatcherBlock, BatcherEvent, BatcherView, ChannelPlanner, CloseReason } from './ports.js'

/** What channels are built with. */
type Parts = {
  readonly held: ReturnType<typeof createHeldBlocks>
  readonly pacing: ReturnType<typeof createPacing>
  readonly channels: ReturnType<typeof createChannelOpener>
  readonly planner: ChannelPlanner | undefined
  /** Whether a channel that were closed now could not leave yet. */
  readonly isBusy: () => boolean
  readonly emit: (event: BatcherEvent) => void
}

/** A channel that was closed, as it goes to its sink. */
function toOutgoing(
  { channelId, firstBlock, shape }: OpenChannel,
  frames: readonly Frame[],
  last: BatcherBlock,
): OutgoingChannel {
  return {
    channelId,
    firstBlock: firstBlock.number,
    lastBlock: last.number,
    epochNumber: firstBlock.epochNumber,
    sink: shape.sink,
    items: frames.map(frame => encodeBatcherTransaction([frame])),
    parts: [],
    firstIncludedAt: undefined,
    includedAtBlock: undefined,
  }
}

/**
 * For a channel whose time is up and whose last frame is better filled by waiting: one of fewer frames with the same blocks, as far as they
 * fit. `undefined` when it is worth posting whole, or the time of the others is up as well.
 */
async function beginTrimmed(
  { firstBlock, shape, out }: OpenChannel,
  { held, pacing, channels, planner }: Parts,
  headL1: bigint,
  signal: AbortSignal | undefined,
): Promise<OpenChannel | undefined> {
  const { frameDataBytes, sink } = shape
  const bytes = out.size.estimated
  const frames = Math.ceil(bytes / frameDataBytes)
  if (frames < 2 || planner?.framesToPost === undefined) return undefined
  const worth = Math.max(1, Math.floor(await planner.framesToPost({ bytes, frameDataBytes, sink }, { signal })))
  // Not a number: nothing to go by.
  if (!(worth < frames)) return undefined
  const smaller = channels.begin(firstBlock, { ...shape, targetFrames: worth }, 'span')
  try {
    for (const block of held.inOpen()) if ((await smaller.out.add(block)) === 'full') break
  } catch (error) {
    smaller.out.abort()
    throw error
  }
  const next = held.unclosedAt(smaller.out.blockCount)
  if (next !== undefined && !pacing.timeIsUp(next, shape, headL1)) return smaller
  smaller.out.abort()
  return undefined
}

/** Fills channels with the held blocks, one after the other, and closes each when it is full or due. */
export function createChannelBuilder(options: BatcherOptions, parts: Parts) {
  const { held, pacing, channels, isBusy, emit } = parts
  let open: OpenChannel | undefined
  let closed: OutgoingChannel[] = []

  /** Gives the open channel up; its blocks are still there. */
  const reopen = (): void => {
    if (open === undefined) return
    open.out.abort()
    held.leaveOpen()
    open = undefined
  }

  const close = async (channel: OpenChannel, reason: CloseReason): Promise<void> => {
    const { frames, blockCount, compressedBytes } = await channel.out.close().catch(error => {
      channel.out.abort()
      reopen()
      throw error
    })
    open = undefined
    const { last, transactions } = held.enterClosed(blockCount)
    const outgoing = toOutgoing(channel, frames, last)
    closed.push(outgoing)
    const { channelId, firstBlock, lastBlock } = outgoing
    const range = { channelId, firstBlock, lastBlock, frames: frames.length }
    emit({ type: 'channel-closed', ...range, transactions, bytes: compressedBytes, reason })
  }

  /** Adds the next block to a channel, or closes it when that cannot take it. */
  const add = async (channel: OpenChannel): Promise<void> => {
    let result: 'added' | 'full'
    try {
      result = await channel.out.add(held.next!)
    } catch (error) {
      // A block that no channel can carry: what is before it goes out, and the error comes up again with the channel that it would begin.
      // After any other error nobody knows what the compressor holds.
      const refused = isL2Error(error) && error.code !== 'COMPRESSION_FAILED'
      const broken = !refused || channel.out.blockCount === 0
      if (broken) reopen()
      else await close(channel, 'full')
      if (broken) throw error
      return
    }
    if (result === 'full') await close(channel, 'full')
    else held.enterOpen()
  }

  const isPaused = (headL1: bigint): boolean => pacing.isPaused(held.unclosedAt(0), headL1)

  /** Puts what is held into channels, as many as may wait for L1, and closes the last one when it is due. */
  const fill = async (headL1: bigint, signal: AbortSignal | undefined): Promise<void> => {
    if (isPaused(headL1)) return
    const unsent = (): number => closed.filter(channel => channel.includedAtBlock === undefined).length
    for (let next = held.next; next !== undefined && unsent() < options.maxClosedChannels; next = held.next) {
      open ??= await channels.open(next, pacing.isHurried(next, headL1), signal)
      await add(open)
    }
    if (open === undefined) return
    const reason = pacing.due(open.firstBlock, open.shape, headL1)
    // It could not leave yet: meanwhile it takes more blocks, or data that wait anyway would go out in many small channels.
    if (reason === 'duration' && isBusy()) return
    const trimmed = reason === 'duration' ? await beginTrimmed(open, parts, headL1, signal) : undefined
    if (trimmed !== undefined) {
      open.out.abort()
      await close(trimmed, 'trimmed')
      return fill(headL1, signal)
    }
    if (reason !== undefined) await close(open, reason)
  }

  return {
    /** Closed and not known to be safe, oldest first. */
    get closed(): readonly OutgoingChannel[] {
      return closed
    },
    get isOpen(): boolean {
      return open !== undefined
    },
    isPaused,
    fill,
    /** So many of the oldest channels and blocks are safe, as is everything up to this block. */
    prune(channelCount: number, blockCount: number, safe: bigint): void {
      closed = closed.slice(channelCount)
      // Safe blocks in the open channel were posted by somebody else, or before a restart: nobody pays for them twice.
      if (open !== undefined && open.firstBlock.number <= safe) reopen()
      held.prune(blockCount)
    },
    /** Forgets all channels and blocks. */
    clear(): void {
      open?.out.abort()
      open = undefined
      held.clear()
      closed = []
    },
    get view(): Pick<BatcherView, 'unsentBytes' | 'open' | 'closedChannels'> {
      return {
        unsentBytes: closed.reduce((sum, { items }) => sum + items.reduce((bytes, { length }) => bytes + length, 0), 0),
        open: {
          blocks: open?.out.blockCount ?? 0,
          bytes: open?.out.size.estimated ?? 0,
          capacity: open?.out.capacity ?? options.targetFrames * options.frameDataBytes,
        },
        closedChannels: closed.length,
      }
    },
  }
}
