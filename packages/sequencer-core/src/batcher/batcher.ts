import { bytesToHex, isL2Error } from '@l2/common'
import type { Hash, Hex } from 'viem'
import type { BatchBlock } from '../batch/types.js'
import { type ChannelOut, type ChannelOutOptions, createChannelOut } from '../channel/channel-out.js'
import { encodeBatcherTransaction } from '../channel/frame.js'
import { SequencerError } from '../errors.js'
import { type BatcherSetup, batcherOptions } from './options.js'
import { type ClearReason, computeSyncActions, type SyncStatus } from './sync-actions.js'

/** A block of the rollup as the batcher loads it. */
export type BatcherBlock = BatchBlock & { readonly number: bigint; readonly hash: Hash }

/** Where blocks and heads come from: the rollup's own node. */
export interface BatcherNode {
  status(options?: { signal?: AbortSignal | undefined }): Promise<SyncStatus>
  /** Canonical blocks `from` … `to`, ascending; fewer than asked for is fine. */
  blocks(from: bigint, to: bigint, options?: { signal?: AbortSignal | undefined }): Promise<readonly BatcherBlock[]>
}

/** Where batcher transactions go. A `DataAvailability` of `@l2/da` on Ethereum is one; other layers need their commitment put on L1. */
export interface BatcherSink {
  /** What one submission may hold now. */
  limits(options?: { signal?: AbortSignal | undefined }): Promise<{ maxBytes: number; maxItems: number }>
  /**
   * Posts items, in order, together or not at all, and resolves when L1 includes them. Idempotent by key. Submissions are included in the
   * order of the calls.
   */
  submit(
    items: readonly Uint8Array[],
    options: { key: string; signal?: AbortSignal | undefined },
  ): Promise<{ height: bigint }>
}

/** What happened, for screens, metrics and alarms. */
export type BatcherEvent =
  | { readonly type: 'cleared'; readonly reason: ClearReason | 'block-gap' }
  | {
      readonly type: 'channel-closed'
      readonly channelId: Hex
      readonly firstBlock: bigint
      readonly lastBlock: bigint
      readonly frames: number
      readonly transactions: number
      readonly bytes: number
      readonly reason: 'full' | 'duration' | 'window' | 'flush'
    }
  | {
      readonly type: 'submitted'
      readonly channelId: Hex
      readonly items: number
      readonly bytes: number
      readonly l1Block: bigint
    }
  /** The sequencing window of the oldest block is over, or will be before anything arrives: posting would only cost money. */
  | { readonly type: 'too-late'; readonly firstBlock: bigint; readonly epochNumber: bigint; readonly deadline: bigint }

type ClosedChannel = {
  readonly channelId: Hex
  readonly firstBlock: bigint
  readonly lastBlock: bigint
  /** Origin of its first block: after this epoch's window its batches are dropped. */
  readonly epochNumber: bigint
  readonly items: Uint8Array[]
  /** Items that L1 has included. */
  sent: number
  /** L1 block of its first and of its last item. */
  firstIncludedAt: bigint | undefined
  includedAt: bigint | undefined
}

type OpenChannel = {
  readonly channelId: Hex
  readonly out: ChannelOut
  readonly firstBlock: BatcherBlock
  readonly openedAt: bigint
  added: number
}

/** What a screen shows of a batcher. */
export type BatcherView = {
  readonly loadedBlocks: number
  /** The channel that is being filled. */
  readonly open: { readonly blocks: number; readonly bytes: number; readonly capacity: number }
  readonly closedChannels: number
}

/** Posts a rollup's blocks. */
export type Batcher = {
  /**
   * One round: read the status, drop or prune, load, fill, submit. Resolves when everything that was due has been included. An error of a
   * port leaves what it holds as it was; the next round tries again.
   *
   * @throws SequencerError `BATCHER_WINDOW_EXPIRED`, and whatever the ports throw
   */
  step(options?: { signal?: AbortSignal | undefined }): Promise<void>
  /** Closes the open channel at the next step whatever it holds: before a stop, or on an operator's word. */
  flush(): void
  readonly view: BatcherView
}

/** What a batcher works with besides its options. */
export type BatcherDependencies = {
  readonly node: BatcherNode
  readonly sink: BatcherSink
  readonly onEvent?: ((event: BatcherEvent) => void) | undefined
  /** 16 bytes that were never used before. Default: the platform's secure random. */
  readonly channelId?: (() => Hex) | undefined
}

const randomChannelId = (): Hex => bytesToHex(crypto.getRandomValues(new Uint8Array(16)))

/**
 * A batcher: fills channels with the rollup's unsafe blocks and posts them in order.
 *
 * It remembers nothing that matters. After a restart, a reorg of L1 or L2, or a channel that derivation dropped, it goes back to the safe head
 * and sends again from there: what arrives twice is skipped by derivation, what never arrives would be lost. It never pays for what will be
 * dropped: before each submission it checks that the sequencing window of the channel's first block still holds the expected inclusion.
 * Near the end of the window it sends small channels of singular batches, which survive one by one.
 *
 * @throws SequencerError `BATCHER_OPTIONS`
 *
 * @example
 * ```ts
 * import { type BatcherBlock, createBatcher, createZlibCompressor, decodeBatcherTransaction } from '@l2/sequencer-core'
 *
 * const hash = (n: bigint) => `0x${n.toString(16).padStart(64, '0')}` as const
 * const block = (number: bigint): BatcherBlock => ({
 *   number, hash: hash(number), parentHash: hash(number - 1n), timestamp: 1000n + number,
 *   epochNumber: 7n, epochHash: hash(7n), sequenceNumber: number, transactions: [],
 * })
 * const posted: Uint8Array[] = []
 * const batcher = createBatcher(
 *   { profile: 'devnet', chainId: 901n, genesisTime: 1000n, blockTimeSeconds: 1n, sequencingWindowBlocks: 3600n, compressor: createZlibCompressor() },
 *   {
 *     node: {
 *       status: async () => ({ headL1: 9n, currentL1: 9n, safe: { number: 0n, hash: hash(0n) }, unsafe: { number: 3n, hash: hash(3n) } }),
 *       blocks: async () => [block(1n), block(2n), block(3n)],
 *     },
 *     sink: {
 *       limits: async () => ({ maxBytes: 130_044, maxItems: 6 }),
 *       submit: async items => {
 *         posted.push(...items)
 *         return { height: 10n }
 *       },
 *     },
 *   },
 * )
 * batcher.flush()
 * await batcher.step()
 * const data = decodeBatcherTransaction(posted[0]!)
 * console.log(posted.length, data.version === 0 && data.frames[0]!.isLast) // 1 true
 * ```
 */
export function createBatcher(setup: BatcherSetup, dependencies: BatcherDependencies): Batcher {
  const options = batcherOptions(setup)
  const { node, sink } = dependencies
  const emit = dependencies.onEvent ?? (() => {})
  const nextChannelId = dependencies.channelId ?? randomChannelId

  let blocks: BatcherBlock[] = []
  /** Index in `blocks` of the first block that is in no channel. */
  let cursor = 0
  let open: OpenChannel | undefined
  let closed: ClosedChannel[] = []
  let previousL1: bigint | undefined
  let flushing = false
  let running = false

  const clear = (reason: ClearReason | 'block-gap'): void => {
    open?.out.abort()
    open = undefined
    blocks = []
    closed = []
    cursor = 0
    emit({ type: 'cleared', reason })
  }

  /** L1 block by which the batches of an epoch must be included. */
  const deadlineOf = (epochNumber: bigint): bigint => epochNumber + options.sequencingWindowBlocks
  /** L1 blocks left for a channel that begins in this epoch, were it submitted now. */
  const slack = (epochNumber: bigint, headL1: bigint): bigint =>
    deadlineOf(epochNumber) - (headL1 + options.expectedInclusionBlocks)

  const load = async (range: { from: bigint; to: bigint }, signal: AbortSignal | undefined): Promise<void> => {
    let from = range.from
    while (from <= range.to && blocks.length < options.maxLoadedBlocks) {
      const room = BigInt(Math.min(options.maxLoadedBlocks - blocks.length, 256))
      const to = from + room - 1n < range.to ? from + room - 1n : range.to
      const loaded = await node.blocks(from, to, { signal })
      if (loaded.length === 0) return
      for (const block of loaded) {
        const last = blocks.at(-1)
        if (block.number !== from || (last !== undefined && block.parentHash !== last.hash)) return clear('block-gap')
        blocks.push(block)
        from++
      }
    }
  }

  const openChannel = (firstBlock: BatcherBlock, headL1: bigint): OpenChannel => {
    const channelId = nextChannelId()
    // Singular batches are valid one by one: where the window is nearly over, what is in time is not lost with what is not.
    const hurried = slack(firstBlock.epochNumber, headL1) <= options.safetyMarginBlocks / 2n
    const channel: ChannelOutOptions = {
      channelId,
      chainId: options.chainId,
      genesisTime: options.genesisTime,
      blockTimeSeconds: options.blockTimeSeconds,
      batchType: hurried ? 'singular' : 'span',
      targetFrames: hurried ? 1 : options.targetFrames,
      frameDataBytes: options.frameDataBytes,
    }
    return { channelId, out: createChannelOut(channel, options.compressor), firstBlock, openedAt: headL1, added: 0 }
  }

  const close = async (channel: OpenChannel, reason: 'full' | 'duration' | 'window' | 'flush'): Promise<void> => {
    open = undefined
    const { frames, blockCount, compressedBytes } = await channel.out.close()
    const start = Number(channel.firstBlock.number - blocks[0]!.number)
    const last = blocks[start + blockCount - 1]!
    cursor = start + blockCount
    closed.push({
      channelId: channel.channelId,
      firstBlock: channel.firstBlock.number,
      lastBlock: last.number,
      epochNumber: channel.firstBlock.epochNumber,
      items: frames.map(frame => encodeBatcherTransaction([frame])),
      sent: 0,
      firstIncludedAt: undefined,
      includedAt: undefined,
    })
    const transactions = blocks.slice(start, cursor).reduce((sum, block) => sum + block.transactions.length, 0)
    emit({
      type: 'channel-closed',
      channelId: channel.channelId,
      firstBlock: channel.firstBlock.number,
      lastBlock: last.number,
      frames: frames.length,
      transactions,
      bytes: compressedBytes,
      reason,
    })
  }

  /** Why the open channel must not wait any longer. */
  const due = (channel: OpenChannel, headL1: bigint): 'duration' | 'window' | 'flush' | undefined => {
    if (flushing) return 'flush'
    if (slack(channel.firstBlock.epochNumber, headL1) <= options.safetyMarginBlocks) return 'window'
    const { maxChannelDurationBlocks } = options
    return maxChannelDurationBlocks > 0n && headL1 >= channel.openedAt + maxChannelDurationBlocks
      ? 'duration'
      : undefined
  }

  const fill = async (headL1: bigint): Promise<void> => {
    const unsent = (): number => closed.filter(channel => channel.includedAt === undefined).length
    while (cursor < blocks.length && unsent() < options.maxClosedChannels) {
      const block = blocks[cursor]!
      open ??= openChannel(block, headL1)
      const result = await open.out.add(block)
      if (result === 'full') {
        await close(open, 'full')
      } else {
        open.added++
        cursor++
      }
    }
    if (open === undefined) return
    const reason = due(open, headL1)
    if (reason !== undefined) await close(open, reason)
  }

  const submit = async (headL1: bigint, signal: AbortSignal | undefined): Promise<void> => {
    for (const channel of closed) {
      while (channel.sent < channel.items.length) {
        if (slack(channel.epochNumber, headL1) < 0n) {
          const deadline = deadlineOf(channel.epochNumber)
          const { firstBlock, epochNumber } = channel
          emit({ type: 'too-late', firstBlock, epochNumber, deadline })
          throw new SequencerError(
            `block ${firstBlock} of L1 epoch ${epochNumber} had to be on L1 by block ${deadline}: nothing is posted any more`,
            {
              code: 'BATCHER_WINDOW_EXPIRED',
              recovery: 'reset',
              details: { firstBlock, epochNumber, deadline, headL1 },
            },
          )
        }
        const { firstIncludedAt } = channel
        if (
          firstIncludedAt !== undefined &&
          headL1 + options.expectedInclusionBlocks > firstIncludedAt + options.channelTimeoutBlocks
        ) {
          // The rest of a channel that has timed out would be ignored: its blocks go into another.
          return clear('channel-dropped')
        }
        const { maxItems } = await sink.limits({ signal })
        const items = channel.items.slice(channel.sent, channel.sent + Math.max(1, maxItems))
        const { height } = await sink.submit(items, { key: `${channel.channelId}/${channel.sent}`, signal })
        channel.sent += items.length
        channel.firstIncludedAt ??= height
        if (channel.sent === channel.items.length) channel.includedAt = height
        if (height > headL1) headL1 = height
        const bytes = items.reduce((sum, item) => sum + item.length, 0)
        emit({ type: 'submitted', channelId: channel.channelId, items: items.length, bytes, l1Block: height })
      }
      // Posted bytes are on L1 now; only their range is still needed.
      channel.items.fill(new Uint8Array())
    }
  }

  const step = async (signal: AbortSignal | undefined): Promise<void> => {
    const status = await node.status({ signal })
    const actions = computeSyncActions(status, { blocks, channels: closed, previousL1 })
    previousL1 = status.currentL1
    if (actions.clear !== undefined) clear(actions.clear)
    if (actions.wait) return
    closed = closed.slice(actions.pruneChannels)
    // The open channel's blocks stay: it was opened with them, and derivation skips what is safe already.
    const keepFrom = open === undefined ? actions.pruneBlocks : Number(open.firstBlock.number - blocks[0]!.number)
    const prune = Math.min(actions.pruneBlocks, keepFrom)
    blocks = blocks.slice(prune)
    cursor = Math.max(0, cursor - prune)
    if (actions.load !== undefined) await load(actions.load, signal)
    await fill(status.headL1)
    await submit(status.headL1, signal)
    if (cursor >= blocks.length && open === undefined) flushing = false
  }

  return {
    async step(stepOptions = {}) {
      if (running) throw new SequencerError('a step is under way', { code: 'BATCHER_OPTIONS' })
      running = true
      try {
        await step(stepOptions.signal)
      } catch (error) {
        // A block that cannot be encoded, or a stream that broke: begin again from the safe head rather than go on from a part.
        if (isL2Error(error) && error.code.startsWith('CHANNEL_')) clear('channel-dropped')
        throw error
      } finally {
        running = false
      }
    },
    flush() {
      flushing = true
    },
    get view() {
      return {
        loadedBlocks: blocks.length,
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
