import {
  type BatcherNode,
  type BatcherPlanner,
  type BatcherSink,
  createBatcherPlanner,
  type L1Prices,
} from '@l2/sequencer-core/batcher'
import { createNodeBrotliCompressor, createNodeZlibCompressor } from '@l2/sequencer-core/node'
import { l1BlockMs } from '../l1/l1.js'

/** L1 blocks from submitting to inclusion that are reckoned with. */
export const expectedInclusionBlocks = 2

type PlanningOptions = {
  chainId: bigint
  genesisTimeSeconds: bigint
  blockTimeSeconds: bigint
  /** The layers on L1 to choose from. */
  sinks: Readonly<Record<string, BatcherSink>>
  node: Pick<BatcherNode, 'blocks'>
  prices(): Promise<L1Prices>
}

/** Plans each channel from traffic and prices; `undefined` where the data does not go to L1, whose prices are all that is known. */
export function createPlanner(
  config: { l1?: string | undefined; latencyMs?: number | undefined },
  options: PlanningOptions,
): BatcherPlanner | undefined {
  const { sinks, node, prices, ...rollup } = options
  if (Object.keys(sinks).length === 0) return undefined
  const blockMs = l1BlockMs(config)
  const latencyTargetMs = config.latencyMs ?? (config.l1 === undefined ? 5 * blockMs : 600_000)
  return createBatcherPlanner(
    { ...rollup, l1BlockMs: blockMs, latencyTargetMs, expectedInclusionBlocks },
    {
      node,
      sinks,
      prices,
      compressors: [
        { name: 'zlib-9', compressor: createNodeZlibCompressor() },
        { name: 'brotli-9', compressor: createNodeBrotliCompressor() },
        { name: 'brotli-11', compressor: createNodeBrotliCompressor({ quality: 11 }) },
      ],
    },
  )
}
