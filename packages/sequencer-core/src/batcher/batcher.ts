import { bytesToHex, isL2Error } from '@l2/common'
import type { Hash, Hex } from 'viem'
import type { ChannelOut } from '../channel/channel-out.js'
import { encodeBatcherTransaction } from '../channel/frame.js'
import { createDropPause } from './drop-pause.js'
import { type BatcherFunds, createFundsGuard } from './funds.js'
import { createChannelOpener, type OpenChannel, type RequiredShape } from './open-channel.js'
import { type BatcherSetup, batcherOptions } from './options.js'
import { createOutgoing, type OutgoingChannel } from './outgoing.js'
import type {
  BatcherBlock,
  BatcherEvent,
  BatcherNode,
  BatcherSink,
  BatcherView,
  ChannelPlanner,
  CloseReason,
  WaitingReason,
} from './ports.js'
import { createStandstill } from './standstill.js'
import { type ClearReason, computeSyncActions, type SyncStatus } from './sync-actions.js'
import type { BatcherTurn } from './turn.js'
import { oneAtATime } from './under-way.js'

/** Posts a rollup's blocks. */
export type Batcher = {
  /**
   * One round: read the status, drop or prune, load, fill, and start what is due, without waiting for L1. An error of a port leaves what it
   * holds as it was; the next round tries again. What a submission failed with comes up in the next round, or in {@link Batcher.settle}.
   *
   * @throws SequencerError `BATCHER_WINDOW_EXPIRED`, `BATCHER_BALANCE`, those of {@link ChannelOut.add} for a block that no channel can carry, and
   *   whatever the ports throw; `BATCHER_OPTIONS` when the sink takes fewer bytes than a frame needs
   */
  step(options?: { signal?: AbortSignal | undefined }): Promise<void>
  /** Resolves when everything that is on its way has been included, and rejects with what one of them failed with. */
  settle(): Promise<void>
  /** Has the next steps post everything that is unsafe at the first of them, however little: before a stop, or on an operator's word. */
  flush(): void
  /**
   * Begins nothing new until {@link Batcher.start}. What has left goes on in the steps, which are still called: of a channel that is half posted, what was
   * paid for would be lost. Resolves in the step that finds nothing on its way any more.
   *
   * @throws SequencerError `BATCHER_STATE` when it is started again before
   */
  stop(options?: { signal?: AbortSignal | undefined }): Promise<void>
  /** Goes on after {@link Batcher.stop} with what is held. */
  start(): void
  readonly view: BatcherView
}

/** What a batcher works with besides its options. */
export type BatcherDependencies = {
  readonly node: BatcherNode
  readonly sink: BatcherSink
  /** The wallet that pays. Without it nothing is guarded. */
  readonly funds?: BatcherFunds | undefined
  /** Where posters take turns: nothing is posted while it is another's. Without it the turn is always ours. */
  readonly turn?: BatcherTurn | undefined
  /** Adapts channels to traffic and prices. Without it they are as the options say. */
  readonly planner?: ChannelPlanner | undefined
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
 * Near the end of the window it sends small channels of singular batches, which survive one by one. Where posters take turns it drops what it holds when its
 * turn is over, and goes on behind the safe head when it is back.
 *
 * @throws SequencerError `BATCHER_OPTIONS`
 *
 * @example
 * ```ts
 * import { createBatcher, decodeBatcherTransaction } from '@l2/sequencer-core'
 * import { createZlibCompressor } from '@l2/sequencer-core/batch'
 * import { type BatcherBlock } from '@l2/sequencer-core/batcher'
 *
 * const hash = (n: bigint) => `0x${n.toString(16).padStart(64, 'b')}` as const
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
 *       includedOn: 'l1',
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
 * await batcher.settle()
 * const data = decodeBatcherTransaction(posted[0]!)
 * console.log(posted.length, data.version === 0 && data.frames[0]!.isLast) // 1 true
 * ```
 */
export function createBatcher(setup: BatcherSetup, dependencies: BatcherDependencies): Batcher {
  const options = batcherOptions(setup)
  const { node, planner, turn } = dependencies
  const emit = (event: BatcherEvent): void => {
    planner?.observe?.(event)
    dependencies.onEvent?.(event)
  }
  const channels = createChannelOpener(options, planner, dependencies.sink, dependencies.channelId ?? randomChannelId)

  /** Loaded and not known to be safe, save those of the open channel. Those of closed channels have given up their transactions. */
  let blocks: BatcherBlock[] = []
  let loadedBytes = 0
  /** Index in `blocks` of the first block that is in no channel. */
  let cursor = 0
  let open: OpenChannel | undefined
  let closed: OutgoingChannel[] = []
  /** As far as any status said that L1 was read. */
  let previousL1: bigint | undefined
  /** The highest head of L1 that any status had. */
  let highestL1 = 0n
  let previousSafe: bigint | undefined
  let behindSince: bigint | undefined
  let waiting: WaitingReason | undefined
  /** How far the origin of a new block is behind the head of L1: the least that was seen. */
  let originLag: bigint | undefined
  const drops = createDropPause(options.maxChannelDurationBlocks)
  /** Head of L1 when the batcher began: until the node has read as far, its safe head does not tell what was posted before. */
  let startedAt: bigint | undefined
  let caughtUp = false
  let flushRequested = false
  const standstill = createStandstill()
  /** Everything up to this block is to be posted at once. */
  let flushTo: bigint | undefined
  const guard = createFundsGuard(dependencies.funds, options, emit)
  const isOurTurn = async (signal: AbortSignal | undefined): Promise<boolean> =>
    turn === undefined || (await turn.isOurs({ signal }))
  const outgoing = createOutgoing(options, guard, isOurTurn, emit)

  const byteLength = (block: BatcherBlock): number => block.transactions.reduce((sum, { length }) => sum + length, 0)

  /** Gives the open channel up; its blocks are still there. */
  const reopen = (): void => {
    if (open === undefined) return
    open.out.abort()
    cursor = Number(open.firstBlock.number - blocks[0]!.number)
    open = undefined
  }

  const clear = (reason: ClearReason | 'block-gap' | 'limits-changed' | 'turn-lost'): void => {
    open?.out.abort()
    open = undefined
    blocks = []
    loadedBytes = 0
    closed = []
    outgoing.drop()
    cursor = 0
    emit({ type: 'cleared', reason })
  }

  const waitFor = (reason: WaitingReason | undefined): void => {
    if (reason === waiting) return
    waiting = reason
    emit({ type: 'waiting', reason })
  }

  /** What is held is another's to post. Behind the safe head there may be what he posted and the node has not read: it reads up to L1's head of then first. */
  const yieldTurn = (): void => {
    if (blocks.length > 0 || outgoing.pendingCount > 0) clear('turn-lost')
    startedAt = undefined
    caughtUp = false
    waitFor('not-the-batcher')
  }

  const noteOriginLag = ({ headL1, unsafe }: SyncStatus): void => {
    const newest = blocks.at(-1)
    if (newest === undefined || newest.number !== unsafe.number || newest.epochNumber > headL1) return
    const lag = headL1 - newest.epochNumber
    if (originLag === undefined || lag < originLag) originLag = lag
  }

  const prune = (count: number): void => {
    for (const block of blocks.slice(0, count)) loadedBytes -= byteLength(block)
    blocks = blocks.slice(count)
    cursor = Math.max(0, cursor - count)
  }

  /** L1 blocks left for a channel that begins in this epoch, were it submitted now. */
  const slack = (epochNumber: bigint, headL1: bigint): bigint =>
    epochNumber + options.sequencingWindowBlocks - (headL1 + options.expectedInclusionBlocks)

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
        if (from > to) return
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

  const close = async (channel: OpenChannel, reason: CloseReason): Promise<void> => {
    const { frames, blockCount, compressedBytes } = await channel.out.close().catch(error => {
      channel.out.abort()
      reopen()
      throw error
    })
    open = undefined
    const start = Number(channel.firstBlock.number - blocks[0]!.number)
    const last = blocks[start + blockCount - 1]!
    cursor = start + blockCount
    closed.push({
      channelId: channel.channelId,
      firstBlock: channel.firstBlock.number,
      lastBlock: last.number,
      epochNumber: channel.firstBlock.epochNumber,
      sink: channel.shape.sink,
      items: frames.map(frame => encodeBatcherTransaction([frame])),
      parts: [],
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

  const timeIsUp = (block: BatcherBlock, shape: RequiredShape, headL1: bigint): boolean => {
    const { maxChannelDurationBlocks } = shape
    if (maxChannelDurationBlocks === 0n) return false
    // Told by the age of the data, so that neither a restart nor starting over gives it more time.
    return headL1 >= block.epochNumber + (originLag ?? 0n) + maxChannelDurationBlocks
  }

  /** The first block that is in no closed channel. */
  const firstUnclosed = (): BatcherBlock | undefined => open?.firstBlock ?? blocks[cursor]

  /** Whether the sequencing window leaves no time to wait with what is held. */
  const windowIsNear = (headL1: bigint): boolean => {
    const first = firstUnclosed()
    return first !== undefined && slack(first.epochNumber, headL1) <= options.safetyMarginBlocks
  }

  /** Whether everything is to wait because channels were dropped: full ones cost as much as others. */
  const isPaused = (headL1: bigint): boolean => {
    const first = firstUnclosed()
    const flushing = flushTo !== undefined && first !== undefined && first.number <= flushTo
    return drops.holds(headL1) && !flushing && !windowIsNear(headL1)
  }

  /** Why the open channel must not wait any longer. */
  const due = ({ firstBlock, shape }: OpenChannel, headL1: bigint): 'duration' | 'window' | 'flush' | undefined => {
    if (flushTo !== undefined && firstBlock.number <= flushTo) return 'flush'
    if (windowIsNear(headL1)) return 'window'
    return timeIsUp(firstBlock, shape, headL1) ? 'duration' : undefined
  }

  /**
   * A channel whose time is up and whose last frame is better filled by waiting: the same blocks go into one of fewer frames, as far as they
   * fit, if the time of the others is not up as well. Says whether it did so.
   */
  const trim = async (channel: OpenChannel, headL1: bigint, signal: AbortSignal | undefined): Promise<boolean> => {
    const { frameDataBytes, sink } = channel.shape
    const bytes = channel.out.size.estimated
    const frames = Math.ceil(bytes / frameDataBytes)
    if (frames < 2 || planner?.framesToPost === undefined) return false
    const worth = Math.max(1, Math.floor(await planner.framesToPost({ bytes, frameDataBytes, sink }, { signal })))
    // Not a number: nothing to go by.
    if (!(worth < frames)) return false
    const smaller = channels.begin(channel.firstBlock, { ...channel.shape, targetFrames: worth }, 'span')
    const start = Number(channel.firstBlock.number - blocks[0]!.number)
    try {
      for (const block of blocks.slice(start, cursor)) if ((await smaller.out.add(block)) === 'full') break
    } catch (error) {
      smaller.out.abort()
      throw error
    }
    const next = blocks[start + smaller.out.blockCount]
    if (next === undefined || timeIsUp(next, channel.shape, headL1)) {
      smaller.out.abort()
      return false
    }
    channel.out.abort()
    await close(smaller, 'trimmed')
    return true
  }

  const fill = async (headL1: bigint, signal: AbortSignal | undefined): Promise<void> => {
    if (isPaused(headL1)) return
    const unsent = (): number => closed.filter(channel => channel.includedAt === undefined).length
    while (cursor < blocks.length && unsent() < options.maxClosedChannels) {
      const block = blocks[cursor]!
      open ??= await channels.open(block, slack(block.epochNumber, headL1) <= options.safetyMarginBlocks / 2n, signal)
      let result: 'added' | 'full'
      try {
        result = await open.out.add(block)
      } catch (error) {
        // A block that no channel can carry: what is before it goes out, and the error comes up again with the channel that it would begin.
        // After any other error nobody knows what the compressor holds.
        const refused = isL2Error(error) && error.code !== 'COMPRESSION_FAILED'
        const broken = !refused || open.out.blockCount === 0
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
    // It could not leave yet: meanwhile it takes more blocks, or data that wait anyway would go out in many small channels.
    if (reason === 'duration' && outgoing.pendingCount >= options.maxPendingSubmissions) return
    if (reason === 'duration' && (await trim(open, headL1, signal))) return fill(headL1, signal)
    if (reason !== undefined) await close(open, reason)
  }

  /**
   * While the node cannot tell: a channel that is half posted would time out, and what is held would miss its window, for want of an answer
   * that neither needs.
   */
  const goOn = async (signal: AbortSignal | undefined): Promise<void> => {
    let failure: { error: unknown } | undefined
    try {
      if (windowIsNear(highestL1)) await fill(highestL1, signal)
    } catch (error) {
      failure = { error }
    }
    // Whether to start over is for a status to decide.
    await outgoing.start(closed, highestL1, signal)
    if (failure !== undefined) throw failure.error
  }

  const noteHead = ({ headL1 }: SyncStatus): void => {
    if (headL1 > highestL1) highestL1 = headL1
  }

  /** The rest of what has begun to leave, and nothing else. */
  const standStill = async (signal: AbortSignal | undefined): Promise<void> => {
    waitFor('stopped')
    const begun = closed.filter(({ parts, includedAt }) => parts.length > 0 && includedAt === undefined)
    if (begun.length > 0) {
      noteHead(await node.status({ signal }))
      const refusal = await outgoing.start(begun, highestL1, signal)
      if (refusal !== undefined) clear(refusal)
      else return
    }
    standstill.reached()
  }

  const step = async (signal: AbortSignal | undefined): Promise<void> => {
    if (standstill.isStopped) return standStill(signal)
    if (!(await isOurTurn(signal))) return yieldTurn()
    let status: SyncStatus
    try {
      status = await node.status({ signal })
    } catch (error) {
      if (!signal?.aborted) await goOn(signal)
      throw error
    }
    const holdings = { blocks, channels: closed, previousL1, previousSafe, behindSince }
    const actions = computeSyncActions(status, holdings)
    const wentBack = actions.wait === 'unsafe-behind' || actions.wait === 'safe-behind'
    behindSince = wentBack ? (behindSince ?? status.headL1) : undefined
    noteHead(status)
    if (actions.wait !== undefined) {
      waitFor(actions.wait)
      // A head that went back may mean that what is held is no longer what is to follow.
      if (!wentBack) await goOn(signal)
      return
    }
    previousL1 = status.currentL1
    previousSafe = status.safe.number
    startedAt ??= status.headL1
    if (actions.clear === 'channel-dropped') drops.note(status)
    if (actions.clear !== undefined) clear(actions.clear)
    caughtUp ||= status.currentL1 >= startedAt || status.currentL1 >= status.headL1
    if (!caughtUp) return waitFor('catching-up')
    if (flushRequested) flushTo = status.unsafe.number
    flushRequested = false
    closed = closed.slice(actions.pruneChannels)
    // Safe blocks in the open channel were posted by somebody else, or before a restart: nobody pays for them twice.
    if (open !== undefined && open.firstBlock.number <= status.safe.number) reopen()
    prune(actions.pruneBlocks)
    const newest = blocks.at(-1)?.number
    let failure: { error: unknown } | undefined
    try {
      if (actions.load !== undefined) await load(actions.load, status.safe.hash, signal)
      noteOriginLag(status)
      if (blocks.length > 0 && blocks.at(-1)!.number === newest && newest < status.unsafe.number) {
        if (!(await isCanonical(signal))) return clear('block-gap')
      }
    } catch (error) {
      // What is loaded has its deadlines all the same.
      failure = { error }
    }
    waitFor(isPaused(status.headL1) ? 'backing-off' : undefined)
    try {
      await fill(status.headL1, signal)
    } catch (error) {
      failure ??= { error }
    }
    const refusal = await outgoing.start(closed, status.headL1, signal)
    if (refusal === 'turn-lost') yieldTurn()
    else if (refusal !== undefined) clear(refusal)
    if (failure !== undefined) throw failure.error
    if (flushTo === undefined) return
    // What was cleared, or did not fit, is not flushed yet.
    const posted = closed.at(-1)?.lastBlock ?? status.safe.number
    const target = flushTo < status.unsafe.number ? flushTo : status.unsafe.number
    if (open === undefined && posted >= target) flushTo = undefined
  }

  return {
    step: oneAtATime(step),
    settle: () => outgoing.settle(),
    flush() {
      flushRequested = true
    },
    stop: standstill.stop,
    start: standstill.start,
    get view() {
      return {
        isStopped: standstill.isStopped,
        waiting,
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
        pendingSubmissions: outgoing.pendingCount,
      }
    },
  }
}
