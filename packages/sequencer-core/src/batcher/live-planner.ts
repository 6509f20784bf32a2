import type { BatchBlock } from '../batch/types.js'
import { createChannelOut } from '../channel/channel-out.js'
import { maxBlobFrameDataBytes } from '../channel/frame.js'
import type { Compressor } from '../compression/compression.js'
import { SequencerError } from '../errors.js'
import { blobsWorthPosting } from './fill.js'
import { type AltDaChoice, type Plan, type PlanInput, planBatcher } from './planner.js'
import type { BatcherEvent, BatcherNode, BatcherSink, ChannelPlanner, ChannelShape, L1Prices } from './ports.js'

/** Plain settings of {@link createBatcherPlanner}. */
export type BatcherPlannerOptions = Pick<
  PlanInput,
  'latencyTargetSeconds' | 'maxBlobs' | 'l1BlockSeconds' | 'expectedInclusionBlocks'
> & {
  readonly chainId: bigint
  /** L2 genesis time, seconds. */
  readonly genesisTime: bigint
  readonly blockTimeSeconds: bigint
  /** Bytes of transactions that compressors are measured on; 262 144. */
  readonly sampleBytes?: number | undefined
  /** Channels after which they are measured again; 32. */
  readonly measureEveryChannels?: number | undefined
}

/** What {@link createBatcherPlanner} works with. */
export type BatcherPlannerDependencies = {
  /** Where the blocks of the last channel are read again, to measure compressors on. */
  readonly node: Pick<BatcherNode, 'blocks'>
  readonly prices: (options?: { signal?: AbortSignal | undefined }) => Promise<
    L1Prices & {
      /** Other layers that may be taken instead; each needs a sink of its name. */
      readonly altDa?: readonly AltDaChoice[] | undefined
    }
  >
  /** To choose from, at least one; measured on the chain's own blocks. */
  readonly compressors: readonly { readonly name: string; readonly compressor: Compressor }[]
  /** Where each layer's channels go; layers without a sink are not taken. */
  readonly sinks: Readonly<Record<string, BatcherSink>>
}

/** A {@link ChannelPlanner} that says what it chose, and why. */
export type BatcherPlanner = ChannelPlanner & {
  readonly plan: Plan | undefined
  readonly explanation: readonly string[]
}

/** How much of a new measurement goes into what is known. */
const weight = 0.25

/**
 * Plans each channel by {@link planBatcher} from what it sees: traffic and compressed sizes of the channels before, prices of the moment, and, now
 * and then, all compressors measured on blocks of the channel before. The first channel, of which nothing is known, is built as the
 * batcher's options say; where a port fails, or says what cannot be planned with, the plan before goes on. Where the data goes is decided when a channel begins; its last blob when its time is up, by {@link blobsWorthPosting}.
 *
 * @throws SequencerError `BATCHER_OPTIONS` when there is nothing to choose from, or an option cannot be planned with
 *
 * @example
 * ```ts
 * import { createZlibCompressor } from '@l2/sequencer-core/batch'
 * import { createBatcherPlanner } from '@l2/sequencer-core/batcher'
 *
 * const limits = async () => ({ maxBytes: 130_044, maxItems: 6 })
 * const sink = { includedOn: 'l1', limits, submit: async () => ({ height: 1n }) } as const
 * const planner = createBatcherPlanner(
 *   { chainId: 901n, genesisTime: 0n, blockTimeSeconds: 2n, latencyTargetSeconds: 1800 },
 *   {
 *     node: { blocks: async () => [] },
 *     prices: async () => ({ gasPriceWei: 1_000_000_000n, blobBaseFeeWei: 62_500_000n }),
 *     compressors: [{ name: 'zlib-9', compressor: createZlibCompressor() }],
 *     sinks: { blobs: sink },
 *   },
 * )
 * const range = { channelId: `0x${'01'.repeat(16)}`, firstBlock: 1n, lastBlock: 300n, frames: 1, reason: 'duration' } as const
 * planner.observe?.({ type: 'channel-closed', ...range, transactions: 6000, bytes: 900_000 })
 * const { targetFrames } = await planner.shape()
 * console.log(targetFrames, planner.plan?.da) // 6 blobs
 * ```
 */
export function createBatcherPlanner(
  options: BatcherPlannerOptions,
  dependencies: BatcherPlannerDependencies,
): BatcherPlanner {
  const { compressors, sinks, node } = dependencies
  const { chainId, genesisTime, blockTimeSeconds, latencyTargetSeconds } = options
  const { maxBlobs, l1BlockSeconds, expectedInclusionBlocks } = options
  const { sampleBytes = 262_144, measureEveryChannels = 32 } = options
  const layers = (['blobs', 'calldata'] as const).filter(name => sinks[name] !== undefined)
  if (compressors.length === 0 || Object.keys(sinks).length === 0) {
    throw new SequencerError('a planner needs a compressor and a sink at least', {
      code: 'BATCHER_OPTIONS',
      details: { compressors: compressors.length, sinks: Object.keys(sinks) },
    })
  }
  // Refuses now what no price could be planned with.
  planBatcher({
    transactionsPerSecond: 1,
    compressors: compressors.map(({ name }) => ({ name, bytesPerTransaction: 100 })),
    gasPriceWei: 1n,
    blobBaseFeeWei: 1n,
    latencyTargetSeconds,
    maxBlobs,
    l1BlockSeconds,
    expectedInclusionBlocks,
  })
  /** Bytes a transaction takes behind each compressor. */
  const sizes = new Map<string, number>()
  let rate: number | undefined
  let used: string | undefined
  let lastChannel: { firstBlock: bigint; lastBlock: bigint } | undefined
  let channelsSinceMeasured = Number.POSITIVE_INFINITY
  let current: ReturnType<typeof planBatcher> | undefined
  let shape: ChannelShape = {}
  /** What could not be found out for the present plan. */
  let doubts: string[] = []

  const blend = (known: number | undefined, seen: number): number =>
    known === undefined ? seen : known + weight * (seen - known)

  /** Newest blocks of the last channel, about as many bytes as the sample may have. */
  const sample = async (signal: AbortSignal | undefined): Promise<readonly BatchBlock[]> => {
    if (lastChannel === undefined) return []
    const { firstBlock, lastBlock } = lastChannel
    const from = lastBlock - firstBlock > 255n ? lastBlock - 255n : firstBlock
    const blocks = await node.blocks(from, lastBlock, { signal })
    let bytes = 0
    let start = blocks.length
    while (start > 0 && bytes < sampleBytes) {
      start--
      bytes += blocks[start]!.transactions.reduce((sum, { length }) => sum + length, 0)
    }
    return blocks.slice(start)
  }

  /** What a port fails with must not keep the chain from being posted: the plan before goes on. */
  const tolerate = async <T>(
    what: string,
    run: () => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T | undefined> => {
    try {
      return await run()
    } catch (error) {
      signal?.throwIfAborted()
      doubts.push(`${what}: ${String((error as Error).message).split('\n', 1)[0]}`)
      return undefined
    }
  }

  const measureOne = async (name: string, compressor: Compressor, blocks: readonly BatchBlock[]): Promise<void> => {
    const channel = createChannelOut(
      {
        channelId: `0x${'00'.repeat(16)}`,
        chainId,
        genesisTime,
        blockTimeSeconds,
        targetFrames: Math.ceil((4 * sampleBytes) / maxBlobFrameDataBytes) + 1,
      },
      compressor,
    )
    try {
      for (const block of blocks) if ((await channel.add(block)) === 'full') break
      const { compressedBytes, blockCount } = await channel.close()
      const transactions = blocks.slice(0, blockCount).reduce((sum, block) => sum + block.transactions.length, 0)
      if (transactions > 0) sizes.set(name, compressedBytes / transactions)
    } catch (error) {
      channel.abort()
      throw error
    }
  }

  const measure = async (signal: AbortSignal | undefined): Promise<void> => {
    const blocks = await sample(signal)
    if (blocks.every(block => block.transactions.length === 0)) return
    for (const { name, compressor } of compressors) {
      // One that fails is not chosen before it has been measured again.
      sizes.delete(name)
      await tolerate(`${name} could not be measured`, () => measureOne(name, compressor, blocks), signal)
    }
    channelsSinceMeasured = 0
  }

  return {
    get plan() {
      return current?.plan
    },
    get explanation() {
      return [...(current?.explanation ?? []), ...doubts]
    },
    observe(event: BatcherEvent) {
      if (event.type !== 'channel-closed') return
      const { firstBlock, lastBlock, transactions, bytes } = event
      const seconds = Number((lastBlock - firstBlock + 1n) * blockTimeSeconds)
      rate = blend(rate, transactions / seconds)
      lastChannel = { firstBlock, lastBlock }
      channelsSinceMeasured++
      const name = used ?? compressors[0]!.name
      if (transactions > 0) sizes.set(name, blend(sizes.get(name), bytes / transactions))
    },
    async shape({ signal } = {}): Promise<ChannelShape> {
      doubts = []
      const seen = rate
      if (seen === undefined) return shape
      if (channelsSinceMeasured >= measureEveryChannels) {
        await tolerate('compressors could not be measured', () => measure(signal), signal)
      }
      const priced = await tolerate('prices could not be had', () => dependencies.prices({ signal }), signal)
      if (priced === undefined) return shape
      const { altDa = [], ...prices } = priced
      const known = compressors.flatMap(({ name }) => {
        const bytesPerTransaction = sizes.get(name)
        return bytesPerTransaction === undefined ? [] : [{ name, bytesPerTransaction }]
      })
      if (known.length === 0) return shape
      const planned = await tolerate(
        'nothing could be planned',
        async () =>
          planBatcher({
            // An empty chain is planned for as if a transaction came every hour.
            transactionsPerSecond: Math.max(seen, 1 / 3600),
            compressors: known,
            ...prices,
            latencyTargetSeconds,
            maxBlobs,
            l1BlockSeconds,
            expectedInclusionBlocks,
            layers,
            altDa: altDa.filter(({ name }) => sinks[name] !== undefined),
          }),
        signal,
      )
      if (planned === undefined) return shape
      current = planned
      const { plan } = planned
      used = plan.compressor
      shape = {
        targetFrames: plan.targetFrames,
        frameDataBytes: plan.frameDataBytes,
        maxChannelDurationBlocks: plan.maxChannelDurationBlocks,
        compressor: compressors.find(({ name }) => name === plan.compressor)!.compressor,
        sink: sinks[plan.da],
      }
      return shape
    },
    async framesToPost(channel, { signal } = {}) {
      if (channel.sink !== sinks['blobs']) return Number.POSITIVE_INFINITY
      const prices = await tolerate('prices could not be had', () => dependencies.prices({ signal }), signal)
      return prices === undefined ? Number.POSITIVE_INFINITY : blobsWorthPosting(channel, prices)
    },
  }
}
