import { seededRandom } from '@l2/common/testing'
import fc from 'fast-check'
import type { Hash } from 'viem'
import { describe, expect, it } from 'vitest'
import { sampleChain } from '../batch/testdata/samples.js'
import type { Compressor } from '../compression/compression.js'
import { createNodeBrotliCompressor, createNodeZlibCompressor } from '../compression/node.js'
import { pragueGas } from '../transaction/gas.js'
import { createBatcher } from './batcher.js'
import { blobsWorthPosting, gasPerBlob } from './fill.js'
import { createBatcherPlanner } from './live-planner.js'
import type { BatcherBlock, BatcherEvent, BatcherSink } from './ports.js'

const rollup = { chainId: 10n, genesisTimeSeconds: 1_700_000_000n, blockTimeSeconds: 2n }
const hash = (number: bigint): Hash => `0x${(number + 1n).toString(16).padStart(64, '0')}`

/** A chain of two transactions a block, six blocks an L1 block, whose batcher plans. */
function planned() {
  const chain: BatcherBlock[] = sampleChain(seededRandom(4), {
    ...rollup,
    blocks: 1200,
    transactionsPerBlock: 2,
  }).map((block, i) => ({ ...block, number: BigInt(i + 1), hash: hash(BigInt(i + 1)), parentHash: hash(BigInt(i)) }))
  const prices = { gasPriceWei: 1_000_000_000n, blobBaseFeeWei: 62_500_000n, down: false }
  const state = { l1: 1000n, unsafe: 0n, safe: 0n }
  const posted: { layer: string; items: number }[] = []
  const events: BatcherEvent[] = []
  const sink = (layer: string): BatcherSink => ({
    includedOn: 'l1',
    limits: async () => ({ maxBytes: 130_044, maxItems: 6 }),
    submit: async items => {
      posted.push({ layer, items: items.length })
      return { height: state.l1 + 1n }
    },
  })
  const sinks = { blobs: sink('blobs'), calldata: sink('calldata') }
  const node = {
    status: async () => ({
      headL1: state.l1,
      currentL1: state.l1,
      safe: { number: state.safe, hash: hash(state.safe) },
      unsafe: { number: state.unsafe, hash: hash(state.unsafe) },
    }),
    blocks: async (from: bigint, to: bigint) => chain.slice(Number(from) - 1, Number(to)),
  }
  const planner = createBatcherPlanner(
    { ...rollup, latencyTargetMs: 480_000, measureEveryChannels: 1 },
    {
      node,
      prices: async () => {
        if (prices.down) throw new Error('no prices today')
        return prices
      },
      compressors: [
        { name: 'zlib-9', compressor: createNodeZlibCompressor() },
        { name: 'brotli-9', compressor: createNodeBrotliCompressor() },
      ],
      sinks,
    },
  )
  const batcher = createBatcher(
    { ...rollup, profile: 'busy', sequencingWindowBlocks: 3600n, compressor: createNodeZlibCompressor() },
    { node, sink: sinks.blobs, planner, onEvent: event => events.push(event) },
  )
  const run = async (l1Blocks: number): Promise<void> => {
    for (let i = 0; i < l1Blocks; i++) {
      state.l1++
      state.unsafe += 6n
      await batcher.step()
      await batcher.settle()
      // What was posted is derived at once.
      for (const event of events) if (event.type === 'channel-closed') state.safe = event.lastBlock
    }
  }
  return { run, planner, batcher, prices, posted, events }
}

/** A planner without a batcher. */
function unattended({ latencyTargetMs = 480_000, failing = false } = {}) {
  const blocks = sampleChain(seededRandom(4), { ...rollup, blocks: 50, transactionsPerBlock: 2 })
  const chain: BatcherBlock[] = blocks.map((block, i) => ({
    ...block,
    number: BigInt(i + 1),
    hash: hash(BigInt(i + 1)),
  }))
  const prices = { gasPriceWei: 1_000_000_000n, blobBaseFeeWei: 62_500_000n }
  const zlib = createNodeZlibCompressor()
  const broken: Compressor = {
    ...zlib,
    open: () => {
      if (failing) throw new Error('out of order')
      return zlib.open()
    },
  }
  const planner = createBatcherPlanner(
    { ...rollup, latencyTargetMs },
    {
      node: { blocks: async () => chain },
      prices: async () => prices,
      compressors: [
        { name: 'broken', compressor: broken },
        { name: 'zlib-9', compressor: zlib },
      ],
      sinks: {
        blobs: {
          includedOn: 'l1',
          limits: async () => ({ maxBytes: 130_044, maxItems: 6 }),
          submit: async () => ({ height: 1n }),
        },
      },
    },
  )
  const closed = {
    channelId: '0x01',
    firstBlock: 1n,
    lastBlock: 50n,
    frames: 1,
    transactions: 100,
    bytes: 10_000,
  } as const
  return { planner, prices, observe: () => planner.observe?.({ type: 'channel-closed', ...closed, reason: 'flush' }) }
}

describe('createBatcherPlanner', () => {
  it('begins as the options say, then measures, chooses and explains', async () => {
    const { run, planner, batcher, events, posted } = planned()
    await run(1)
    expect(planner.plan).toBeUndefined()
    batcher.flush()
    await run(60)
    expect(planner.plan).toMatchObject({ da: 'blobs', compressor: 'brotli-9', maxChannelDurationBlocks: 38n })
    expect(planner.explanation[0]).toMatch(/^blobs: 1,000 transactions cost \d+ wei/)
    const closed = events.filter(event => event.type === 'channel-closed')
    expect(closed.at(-1)).toMatchObject({ frames: 1, reason: 'duration' })
    expect(posted.every(({ layer }) => layer === 'blobs')).toBe(true)
  })

  it('goes to another layer with the next channel when prices turn, and stays when they cannot be had', async () => {
    const { run, planner, batcher, prices, posted } = planned()
    await run(1)
    batcher.flush()
    await run(50)
    prices.blobBaseFeeWei = 10n ** 15n
    batcher.flush()
    await run(2)
    expect(planner.plan?.da).toBe('calldata')
    prices.down = true
    batcher.flush()
    await run(2)
    expect(planner.plan?.da).toBe('calldata')
    expect(planner.explanation.at(-1)).toBe('prices could not be had: no prices today')
    batcher.flush()
    await run(1)
    expect(posted.at(-1)?.layer).toBe('calldata')
  })

  it('a compressor that fails is not chosen, and the others are measured all the same', async () => {
    const { planner, observe } = unattended({ failing: true })
    observe()
    await planner.shape()
    expect(planner.plan?.compressor).toBe('zlib-9')
    expect(planner.explanation.at(-1)).toBe('broken could not be measured: out of order')
  })

  it('prices that cannot be planned with leave the plan before', async () => {
    const { planner, prices, observe } = unattended()
    observe()
    const before = await planner.shape()
    for (const wrong of [-1n, undefined as unknown as bigint]) {
      prices.gasPriceWei = wrong
      expect(await planner.shape()).toEqual(before)
      expect(planner.explanation.at(-1)).toMatch(/^nothing could be planned: /)
    }
  })

  it('refuses options that no price could be planned with', () => {
    expect(() => unattended({ latencyTargetMs: 12_000 })).toThrow(expect.objectContaining({ code: 'BATCHER_OPTIONS' }))
  })

  it('refuses to choose from nothing', () => {
    const options = { ...rollup, latencyTargetMs: 480_000 }
    const dependencies = {
      node: { blocks: async () => [] },
      prices: async () => ({ gasPriceWei: 1n, blobBaseFeeWei: 1n }),
    }
    expect(() => createBatcherPlanner(options, { ...dependencies, compressors: [], sinks: {} })).toThrow(
      expect.objectContaining({ code: 'BATCHER_OPTIONS' }),
    )
  })
})

describe('blobsWorthPosting', () => {
  it('is the cheaper a byte of all blobs and the full ones', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 900_000 }),
        fc.bigInt(1n, 10n ** 12n),
        fc.bigInt(1n, 10n ** 12n),
        (bytes, gasPriceWei, blobBaseFeeWei) => {
          const frameDataBytes = 130_020
          const chosen = blobsWorthPosting({ bytes, frameDataBytes }, { gasPriceWei, blobBaseFeeWei })
          const perByte = (blobs: number): number =>
            Number(BigInt(blobs) * gasPerBlob * blobBaseFeeWei + pragueGas.transaction * gasPriceWei) /
            Math.min(bytes, blobs * frameDataBytes)
          const all = Math.ceil(bytes / frameDataBytes)
          const full = Math.floor(bytes / frameDataBytes)
          expect([all, full]).toContain(chosen)
          expect(chosen).toBeGreaterThan(0)
          if (full > 0) expect(perByte(chosen)).toBeLessThanOrEqual(Math.min(perByte(all), perByte(full)) * (1 + 1e-9))
        },
      ),
    )
  })
})
