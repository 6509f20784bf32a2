import {
  type BatcherNode,
  type BatcherPlanner,
  type BatcherSink,
  createBatcherPlanner,
  type L1Prices,
} from '@l2/sequencer-core'
import { createNodeBrotliCompressor, createNodeZlibCompressor } from '@l2/sequencer-core/node'
import type { NodeConfig } from '../config.js'
import { NodeError } from '../errors.js'

/** L1 blocks from submitting to inclusion. */
const expectedInclusionBlocks = 2

type PlanningOptions = {
  chainId: bigint
  genesisTime: bigint
  blockTimeSeconds: bigint
  l1BlockSeconds: number
  /** The layers on L1 to choose from. */
  sinks: Readonly<Record<string, BatcherSink>>
  node: Pick<BatcherNode, 'blocks'>
  prices(): Promise<L1Prices>
}

/** Longest wait that the node's batcher plans for, seconds. */
export function latencyTargetSeconds(config: NodeConfig, l1BlockSeconds: number): number {
  const seconds = config.latencyMs === undefined ? undefined : config.latencyMs / 1000
  const shortest = (1 + expectedInclusionBlocks) * l1BlockSeconds
  if (seconds !== undefined && seconds < shortest) {
    throw new NodeError(`--latency: L1 needs ${shortest} s at least, got ${seconds} s`, { code: 'CONFIG_INVALID' })
  }
  return seconds ?? (config.l1 === undefined ? 5 * l1BlockSeconds : 600)
}

/** Plans each channel from traffic and prices; `undefined` where the data does not go to L1, whose prices are all that is known. */
export function createPlanner(config: NodeConfig, options: PlanningOptions): BatcherPlanner | undefined {
  const { sinks, node, prices, ...rollup } = options
  if (Object.keys(sinks).length === 0) return undefined
  return createBatcherPlanner(
    {
      ...rollup,
      latencyTargetSeconds: latencyTargetSeconds(config, options.l1BlockSeconds),
      expectedInclusionBlocks,
    },
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
