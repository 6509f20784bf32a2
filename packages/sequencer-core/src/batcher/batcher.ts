import { bytesToHex, isL2Error } from '@l2/common'
import type { Hash, Hex } from 'viem'
import type { BatchBlock } from '../batch/types.js'
import { type ChannelOut, type ChannelOutOptions, createChannelOut } from '../channel/channel-out.js'
import { encodeBatcherTransaction } from '../channel/frame.js'
import { SequencerError } from '../errors.js'
import { type BatcherFunds, createFundsGuard } from './funds.js'
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
   * order of the calls. Behind L1 block `includeBy` derivation drops them: a sink that can withdraw a transaction rejects then.
   */
  submit(
    items: readonly Uint8Array[],
    options: { key: string; includeBy?: bigint; signal?: AbortSignal | undefined },
  ): Promise<{ height: bigint }>
}

/** What happened, for screens, metrics and alarms. */
export type BatcherEvent =
  | { readonly type: 'cleared'; readonly reason: ClearReason | 'block-gap' | 'limits-changed' }
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
  /** The wallet lasts for fewer L1 blocks than `runwayAlarmBlocks` at the rate of late. */
  | { readonly type: 'runway-low'; readonly balanceWei: bigint; readonly runwayBlocks: bigint }
  /** A submission would leave less than `minBalanceWei`: it was not made. */
  | { readonly type: 'balance-stop'; readonly balanceWei: bigint; readonly costWei: bigint }

type ClosedChannel = {
  readonly channelId: Hex
  readonly firstBlock: bigint
  readonly lastBlock: bigint
  /** Origin of its first block: after this epoch's window its batches are dropped. */
  readonly epochNumber: bigint
  readonly items: Uint8Array[]
  /** Items that L1 has included. */
  sent: number
  /** Items of the submission whose end is unknown: its key stands for exactly these. */
  attempted: number | undefined
  /** L1 block of its first and of its last item. */
  firstIncludedAt: bigint | undefined
  includedAt: bigint | undefined
}

type OpenChannel = {
  readonly channelId: Hex
  readonly out: ChannelOut
  readonly firstBlock: BatcherBlock
  readonly openedAt: bigint
}

/** What a screen shows of a batcher. */
export type BatcherView = {
  readonly loadedBlocks: number
  /** Bytes of transactions that are held raw: those of closed channels are not. */
  readonly loadedBytes: number
  /** Compressed bytes that wait for L1. */
  readonly unsentBytes: number
  /** L1 blocks for which the wallet lasts; `undefined` without a wallet or before anything was spent. */
  readonly runwayBlocks: bigint | undefined
  /** The channel that is being filled. */
  readonly open: { readonly blocks: number; readonly bytes: number; readonly capacity: number }
  /** Closed channels whose blocks are not known to be safe. */
  readonly closedChannels: number
}

/** Posts a rollup's blocks. */
export type Batcher = {
  /**
   * One round: read the status, drop or prune, load, fill, submit. Resolves when everything that was due has been included. An error of a
   * port leaves what it holds as it was; the next round tries again.
   *
   * @throws SequencerError `BATCHER_WINDOW_EXPIRED`, `BATCHER_BALANCE`, those of {@link ChannelOut.add} for a block that no channel can carry, and
   *   whatever the ports throw
   */
  step(options?: { signal?: AbortSignal | undefined }): Promise<void>
  /** Has the next steps post everything that is unsafe at the first of them, however little: before a stop, or on an operator's word. */
  flush(): void
  readonly view: BatcherView
}

/** What a batcher works with besides its options. */
export type BatcherDependencies = {
  readonly node: BatcherNode
  readonly sink: BatcherSink
  /** The wallet that pays. Without it nothing is guarded. */
  readonly funds?: BatcherFunds | undefined
  readonly onEvent?: ((event: BatcherEvent) => void) | undefined
  /** 16 bytes that were never used before. Default: the platform's secure random. */
  readonly channelId?: (() => Hex) | undefined
}

/** Version byte and frame header. */
const batcherOverheadBytes = 24

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

  /** Loaded and not known to be safe, save those of the open channel. Those of closed channels have given up their transactions. */
  let blocks: BatcherBlock[] = []
  let loadedBytes = 0
  /** Index in `blocks` of the first block that is in no channel. */
  let cursor = 0
  let open: OpenChannel | undefined
  let closed: ClosedChannel[] = []
  let previousL1: bigint | undefined
  /** Head of L1 when the batcher began: until the node has read as far, its safe head does not tell what was posted before. */
  let startedAt: bigint | undefined
  let caughtUp = false
  let flushRequested = false
  /** Everything up to this block is to be posted at once. */
  let flushTo: bigint | undefined
  let running = false
  const guard = createFundsGuard(dependencies.funds, options, emit)

  const byteLength = (block: BatcherBlock): number => block.transactions.reduce((sum, { length }) => sum + length, 0)

  /** Gives the open channel up; its blocks are still there. */
  const reopen = (): void => {
    if (open === undefined) return
    open.out.abort()
    cursor = Number(open.firstBlock.number - blocks[0]!.number)
    open = undefined
  }

  const clear = (reason: ClearReason | 'block-gap' | 'limits-changed'): void => {
    open?.out.abort()
    open = undefined
    blocks = []
    loadedBytes = 0
    closed = []
    cursor = 0
    emit({ type: 'cleared', reason })
  }

  const prune = (count: number): void => {
    for (const block of blocks.slice(0, count)) loadedBytes -= byteLength(block)
    blocks = blocks.slice(count)
    cursor = Math.max(0, cursor - count)
  }

  /** L1 block by which the batches of an epoch must be included. */
  const deadlineOf = (epochNumber: bigint): bigint => epochNumber + options.sequencingWindowBlocks
  /** L1 blocks left for a channel that begins in this epoch, were it submitted now, in so many submissions. */
  const slack = (epochNumber: bigint, headL1: bigint, submissions = 1n): bigint =>
    deadlineOf(epochNumber) - (headL1 + options.expectedInclusionBlocks * submissions)

  const load = async (
    range: { from: bigint; to: bigint },
    safeHash: Hash,
    signal: AbortSignal | undefined,
  ): Promise<void> => {
    let from = range.from
    while (from <= range.to && blocks.length < options.maxLoadedBlocks && loadedBytes < options.maxLoadedBytes) {
      // As many as are expected to fit: what a node hands over beyond is thrown away.
      const firstRaw = open === undefined ? cursor : Number(open.firstBlock.number - blocks[0]!.number)
      const raw = blocks.length - firstRaw
      const average = raw === 0 ? options.maxLoadedBytes / 16 : Math.max(1, loadedBytes / raw)
      const fitting = Math.ceil((options.maxLoadedBytes - loadedBytes) / average)
      const room = BigInt(Math.max(1, Math.min(options.maxLoadedBlocks - blocks.length, fitting, 256)))
      const to = from + room - 1n < range.to ? from + room - 1n : range.to
      const loaded = await node.blocks(from, to, { signal })
      if (loaded.length === 0) return
      for (const block of loaded) {
        const expectedParent = blocks.at(-1)?.hash ?? safeHash
        if (block.number !== from || block.parentHash !== expectedParent) return clear('block-gap')
        if (blocks.length > 0 && loadedBytes >= options.maxLoadedBytes) return
        blocks.push(block)
        loadedBytes += byteLength(block)
        from++
      }
    }
  }

  /** Whether the newest loaded block is still canonical, asked when nothing new was loaded that would have shown it. */
  const isCanonical = async (signal: AbortSignal | undefined): Promise<boolean> => {
    const newest = blocks.at(-1)
    if (newest === undefined) return true
    const [known] = await node.blocks(newest.number, newest.number, { signal })
    return known === undefined || known.hash === newest.hash
  }

  const openChannel = async (
    firstBlock: BatcherBlock,
    headL1: bigint,
    signal: AbortSignal | undefined,
  ): Promise<OpenChannel> => {
    const channelId = nextChannelId()
    const { maxBytes } = await sink.limits({ signal })
    // Singular batches are valid one by one: where the window is nearly over, what is in time is not lost with what is not.
    const hurried = slack(firstBlock.epochNumber, headL1) <= options.safetyMarginBlocks / 2n
    const channel: ChannelOutOptions = {
      channelId,
      chainId: options.chainId,
      genesisTime: options.genesisTime,
      blockTimeSeconds: options.blockTimeSeconds,
      batchType: hurried ? 'singular' : 'span',
      targetFrames: hurried ? 1 : options.targetFrames,
      frameDataBytes: Math.max(1, Math.min(options.frameDataBytes, maxBytes - batcherOverheadBytes)),
    }
    return { channelId, out: createChannelOut(channel, options.compressor), firstBlock, openedAt: headL1 }
  }

  const close = async (channel: OpenChannel, reason: 'full' | 'duration' | 'window' | 'flush'): Promise<void> => {
    const { frames, blockCount, compressedBytes } = await channel.out.close()
    open = undefined
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
      attempted: undefined,
      firstIncludedAt: undefined,
      includedAt: undefined,
    })
    let transactions = 0
    for (let i = start; i < cursor; i++) {
      const block = blocks[i]!
      transactions += block.transactions.length
      // Compressed now; should the channel be lost, the node has them.
      loadedBytes -= byteLength(block)
      blocks[i] = { ...block, transactions: [] }
    }
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
    if (flushTo !== undefined && channel.firstBlock.number <= flushTo) return 'flush'
    if (slack(channel.firstBlock.epochNumber, headL1) <= options.safetyMarginBlocks) return 'window'
    const { maxChannelDurationBlocks } = options
    return maxChannelDurationBlocks > 0n && headL1 >= channel.openedAt + maxChannelDurationBlocks
      ? 'duration'
      : undefined
  }

  const fill = async (headL1: bigint, signal: AbortSignal | undefined): Promise<void> => {
    const unsent = (): number => closed.filter(channel => channel.includedAt === undefined).length
    while (cursor < blocks.length && unsent() < options.maxClosedChannels) {
      const block = blocks[cursor]!
      open ??= await openChannel(block, headL1, signal)
      let result: 'added' | 'full'
      try {
        result = await open.out.add(block)
      } catch (error) {
        // A block that no channel can carry: what is before it goes out, and the error comes up again with the channel that it would begin.
        const broken = isL2Error(error, 'COMPRESSION_FAILED') || open.out.blockCount === 0
        if (broken) reopen()
        else await close(open, 'full')
        if (broken) throw error
        continue
      }
      if (result === 'full') await close(open, 'full')
      else cursor++
    }
    if (open === undefined) return
    const reason = due(open, headL1)
    if (reason !== undefined) await close(open, reason)
  }

  const tooLate = (channel: ClosedChannel, headL1: bigint): SequencerError => {
    const deadline = deadlineOf(channel.epochNumber)
    const { firstBlock, epochNumber } = channel
    emit({ type: 'too-late', firstBlock, epochNumber, deadline })
    return new SequencerError(
      `block ${firstBlock} of L1 epoch ${epochNumber} had to be on L1 by block ${deadline}: nothing is posted any more`,
      {
        code: 'BATCHER_WINDOW_EXPIRED',
        recovery: 'reset',
        details: { firstBlock, epochNumber, deadline, headL1 },
      },
    )
  }

  const submit = async (statusHeadL1: bigint, signal: AbortSignal | undefined): Promise<void> => {
    let headL1 = statusHeadL1
    for (const channel of closed) {
      while (channel.sent < channel.items.length) {
        const { maxBytes, maxItems } = await sink.limits({ signal })
        const left = channel.items.length - channel.sent
        const count = channel.attempted ?? Math.min(left, Math.max(1, maxItems))
        const submissions = BigInt(Math.ceil(left / count))
        if (slack(channel.epochNumber, headL1, submissions) < 0n) throw tooLate(channel, headL1)
        const { firstIncludedAt } = channel
        const timeout = firstIncludedAt === undefined ? undefined : firstIncludedAt + options.channelTimeoutBlocks
        // The rest of a channel that has timed out would be ignored: its blocks go into another.
        if (timeout !== undefined && headL1 + options.expectedInclusionBlocks * submissions > timeout) {
          return clear('channel-dropped')
        }
        const items = channel.items.slice(channel.sent, channel.sent + count)
        // Should the same bytes be on their way after all: what arrives twice is skipped.
        if (items.some(item => item.length > maxBytes)) return clear('limits-changed')
        const costWei = await guard.check(items, headL1, signal)
        const deadline = deadlineOf(channel.epochNumber)
        const includeBy = timeout !== undefined && timeout < deadline ? timeout : deadline
        channel.attempted = count
        const { height } = await sink.submit(items, { key: `${channel.channelId}/${channel.sent}`, includeBy, signal })
        channel.attempted = undefined
        channel.sent += count
        channel.firstIncludedAt ??= height
        if (channel.sent === channel.items.length) channel.includedAt = height
        if (height > headL1) headL1 = height
        guard.paid(costWei, height)
        const bytes = items.reduce((sum, item) => sum + item.length, 0)
        emit({ type: 'submitted', channelId: channel.channelId, items: count, bytes, l1Block: height })
      }
      // Posted bytes are on L1 now; only their range is still needed.
      channel.items.fill(new Uint8Array())
    }
  }

  const step = async (signal: AbortSignal | undefined): Promise<void> => {
    const status = await node.status({ signal })
    startedAt ??= status.headL1
    const actions = computeSyncActions(status, { blocks, channels: closed, previousL1 })
    previousL1 = status.currentL1
    if (actions.clear !== undefined) clear(actions.clear)
    if (actions.wait) return
    caughtUp ||= status.currentL1 >= startedAt || status.currentL1 >= status.headL1
    if (!caughtUp) return
    if (flushRequested) flushTo = status.unsafe.number
    flushRequested = false
    closed = closed.slice(actions.pruneChannels)
    // Safe blocks in the open channel were posted by somebody else, or before a restart: nobody pays for them twice.
    if (open !== undefined && open.firstBlock.number <= status.safe.number) reopen()
    prune(actions.pruneBlocks)
    const newest = blocks.at(-1)?.number
    if (actions.load !== undefined) await load(actions.load, status.safe.hash, signal)
    if (blocks.length > 0 && blocks.at(-1)!.number === newest && newest < status.unsafe.number) {
      if (!(await isCanonical(signal))) return clear('block-gap')
    }
    let failure: unknown
    try {
      await fill(status.headL1, signal)
    } catch (error) {
      failure = error
    }
    await submit(status.headL1, signal)
    if (failure !== undefined) throw failure
    if (flushTo === undefined) return
    // What was cleared, or did not fit, is not flushed yet.
    const posted = closed.at(-1)?.lastBlock ?? status.safe.number
    const target = flushTo < status.unsafe.number ? flushTo : status.unsafe.number
    if (open === undefined && posted >= target) flushTo = undefined
  }

  return {
    async step(stepOptions = {}) {
      if (running) throw new SequencerError('a step is under way', { code: 'BATCHER_OPTIONS' })
      running = true
      try {
        await step(stepOptions.signal)
      } finally {
        running = false
      }
    },
    flush() {
      flushRequested = true
    },
    get view() {
      return {
        loadedBlocks: blocks.length,
        loadedBytes,
        unsentBytes: closed.reduce((sum, { items }) => sum + items.reduce((bytes, { length }) => bytes + length, 0), 0),
        runwayBlocks: guard.runwayBlocks,
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
