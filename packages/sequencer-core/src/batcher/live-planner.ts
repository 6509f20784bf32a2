import type { Compressor } from '../compression/compression.js'
import { SequencerError } from '../errors.js'
import { blend, createCompressorSizes } from './compressor-sizes.js'
import { blobsWorthPosting } from './fill.js'
import { type AltDaChoice, type Plan, type PlanInput, planBatcher } from './planner.js'
import type { BatcherEvent, BatcherNode, BatcherSink, ChannelPlanner, ChannelShape, L1Prices } from './ports.js'

/** Plain settings of {@link createBatcherPlanner}. */
export type BatcherPlannerOptions = Pick<
  PlanInput,
  'latencyTargetMs' | 'maxBlobs' | 'l1BlockMs' | 'expectedInclusionBlocks'
> & {
  readonly chainId: bigint
  /** L2 genesis time, seconds. */
  readonly genesisTimeSeconds: bigint
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
 *   { chainId: 901n, genesisTimeSeconds: 0n, blockTimeSeconds: 2n, latencyTargetMs: 1_800_000 },
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
  const { chainId, genesisTimeSeconds, blockTimeSeconds, sampleBytes = 262_144, measureEveryChannels = 32 } = options
  const { latencyTargetMs, maxBlobs, l1BlockMs, expectedInclusionBlocks } = options
  const targets = { latencyTargetMs, maxBlobs, l1BlockMs, expectedInclusionBlocks }
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
    ...targets,
  })
  const chain = { chainId, genesisTimeSeconds, blockTimeSeconds }
  const sizes = createCompressorSizes({ ...chain, sampleBytes, measureEveryChannels }, compressors, node)
  let rate: number | undefined
  let used: string | undefined
  let current: ReturnType<typeof planBatcher> | undefined
  let shape: ChannelShape = {}
  /** What could not be found out for the present plan. */
  let doubts: string[] = []

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

  return {
    get plan() {
      return current?.plan
    },
    get explanation() {
      return [...(current?.explanation ?? []), ...doubts]
    },
    observe(event: BatcherEvent) {
      if (event.type !== 'channel-closed') return
      const { firstBlock, lastBlock, transactions } = event
      const seconds = Number((lastBlock - firstBlock + 1n) * blockTimeSeconds)
      rate = blend(rate, transactions / seconds)
      sizes.note(used ?? compressors[0]!.name, event)
    },
    async shape({ signal } = {}): Promise<ChannelShape> {
      doubts = []
      const seen = rate
      if (seen === undefined) return shape
      if (sizes.isMeasureDue) {
        await tolerate('compressors could not be measured', () => sizes.measure(tolerate, signal), signal)
      }
      const priced = await tolerate('prices could not be had', () => dependencies.prices({ signal }), signal)
      if (priced === undefined) return shape
      const { altDa = [], ...prices } = priced
      const { known } = sizes
      if (known.length === 0) return shape
      const planned = await tolerate(
        'nothing could be planned',
        async () =>
          planBatcher({
            // An empty chain is planned for as if a transaction came every hour.
            transactionsPerSecond: Math.max(seen, 1 / 3600),
            compressors: known,
            ...prices,
            ...targets,
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
