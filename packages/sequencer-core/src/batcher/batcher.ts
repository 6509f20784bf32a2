import { bytesToHex } from '@l2/common'
import type { Hex } from 'viem'
import type { ChannelOut } from '../channel/channel-out.js'
import { createChannelBuilder } from './channel-builder.js'
import { type BatcherFunds, createFundsGuard } from './funds.js'
import { createHeldBlocks } from './held-blocks.js'
import { createChannelOpener } from './open-channel.js'
import { type BatcherSetup, batcherOptions } from './options.js'
import { createOutgoing } from './outgoing.js'
import { createPacing } from './pacing.js'
import type { BatcherApproval, BatcherEvent, BatcherNode, BatcherSink, BatcherView, ChannelPlanner } from './ports.js'
import { createRounds } from './rounds.js'
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
  /** Whose word each channel needs before it is posted. Without it none. */
  readonly approval?: BatcherApproval | undefined
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
 *   { profile: 'devnet', chainId: 901n, genesisTimeSeconds: 1000n, blockTimeSeconds: 1n, sequencingWindowBlocks: 3600n, compressor: createZlibCompressor() },
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
  const { node, planner, turn, approval } = dependencies
  const emit = (event: BatcherEvent): void => {
    planner?.observe?.(event)
    dependencies.onEvent?.(event)
  }
  const channels = createChannelOpener(options, planner, dependencies.sink, dependencies.channelId ?? randomChannelId)
  const pacing = createPacing(options)
  const guard = createFundsGuard(dependencies.funds, options, emit)
  const isOurTurn = async (signal: AbortSignal | undefined): Promise<boolean> =>
    turn === undefined || (await turn.isOurs({ signal }))
  const outgoing = createOutgoing(options, guard, isOurTurn, approval, emit)
  const held = createHeldBlocks(options, node)
  const isBusy = (): boolean => outgoing.pendingCount >= options.maxPendingSubmissions
  const builder = createChannelBuilder(options, { held, pacing, channels, planner, isBusy, emit })
  const rounds = createRounds({ node, isOurTurn, held, pacing, builder, outgoing, emit })

  return {
    step: oneAtATime(rounds.step),
    settle: () => outgoing.settle(),
    flush: pacing.requestFlush,
    stop: rounds.stop,
    start: rounds.start,
    get view() {
      return {
        ...rounds.view,
        loadedBlocks: held.all.length,
        loadedBytes: held.bytes,
        ...builder.view,
        runwayBlocks: guard.runwayBlocks,
        pendingSubmissions: outgoing.pendingCount,
      }
    },
  }
}
