import { concatBytes, isL2Error } from '@l2/common'
import { runs, seededRandom } from '@l2/common/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { spanBlockPositions } from '../batch/span.js'
import { sampleChain } from '../batch/testdata/samples.js'
import type { BatchBlock } from '../batch/types.js'
import type { Compressor } from '../compression/compression.js'
import { createNodeBrotliCompressor, createNodeZlibCompressor, nodeDecompressors } from '../compression/node.js'
import { createZlibCompressor } from '../compression/zlib.js'
import { encodeRlp } from '../rlp/rlp.js'
import { openChannel } from './batch-stream.js'
import { type ChannelOut, type ChannelOutOptions, createChannelOut } from './channel-out.js'
import { decodeBatcherTransaction, encodeBatcherTransaction, maxBlobPayloadBytes } from './frame.js'

const rollup = { chainId: 10n, genesisTimeSeconds: 1_700_000_000n, blockTimeSeconds: 2n }
const base = { ...rollup, channelId: `0x${'07'.repeat(16)}` as const }
const fast = createNodeZlibCompressor({ level: 1 })

/** A transaction of the rollup with this calldata. */
function encodeLegacy(data: Uint8Array): Uint8Array {
  const word = new Uint8Array(32).fill(9)
  return encodeRlp([0n, 1n, 21_000n, new Uint8Array(20), 0n, data, 2n * rollup.chainId + 35n, word, word])
}

async function fill(channel: ChannelOut, blocks: readonly BatchBlock[]): Promise<number> {
  for (const [i, block] of blocks.entries()) if ((await channel.add(block)) === 'full') return i
  return blocks.length
}

/** The blocks of a closed channel, as a reader of its frames sees them. */
function readBack(frames: readonly { data: Uint8Array }[]) {
  const reader = openChannel(concatBytes(...frames.map(frame => frame.data)), {
    ...rollup,
    decompressors: nodeDecompressors,
  })
  const blocks: { timestamp: bigint; epochNumber: bigint; transactions: readonly Uint8Array[] }[] = []
  let batches = 0
  for (let batch = reader.next(); batch !== undefined; batch = reader.next()) {
    batches++
    if (batch.type === 'singular') blocks.push(batch)
    else {
      const positions = spanBlockPositions(batch, rollup)
      blocks.push(...batch.blocks.map((block, i) => ({ ...positions[i]!, transactions: block.transactions })))
    }
  }
  expect(reader.end).toEqual({ type: 'end' })
  expect(reader.compression).toBe('complete')
  return { blocks, batches, rlpBytes: reader.stream.length }
}

function expectSame(read: ReturnType<typeof readBack>['blocks'], blocks: readonly BatchBlock[]): void {
  const facts = (list: readonly Pick<BatchBlock, 'timestamp' | 'epochNumber' | 'transactions'>[]): string =>
    list
      .map(
        each =>
          `${each.timestamp} ${each.epochNumber} ${each.transactions.map(raw => Buffer.from(raw).toString('hex'))}`,
      )
      .join('\n')
  expect(facts(read) === facts(blocks)).toBe(true)
}

describe('createChannelOut', () => {
  const compressors: [string, Compressor][] = [
    ['zlib in JavaScript', createZlibCompressor({ level: 1 })],
    ['zlib of Node', fast],
    ['brotli of Node', createNodeBrotliCompressor({ quality: 4 })],
  ]
  const chain = sampleChain(seededRandom(1), { ...rollup, blocks: 400, transactionsPerBlock: 5 })

  describe.each(compressors)('with %s', (_, compressor) => {
    it.each([
      ['span', 1],
      ['span', 3],
      ['singular', 1],
    ] as const)('fills its frames with %s batches (%s)', async (batchType, targetFrames) => {
      const frameDataBytes = 30_000
      const channel = createChannelOut({ ...base, batchType, targetFrames, frameDataBytes }, compressor)
      const added = await fill(channel, chain)
      expect(added).toBeLessThan(chain.length)
      expect(await channel.add(chain[added]!)).toBe('full')
      const { frames, blockCount, compressedBytes, rlpBytes } = await channel.close()
      expect(frames.length).toBe(targetFrames)
      expect(frames.map(frame => frame.isLast)).toEqual(frames.map((_, i) => i === targetFrames - 1))
      expect(frames.map(frame => frame.frameNumber)).toEqual(frames.map((_, i) => i))
      // What is left is less than a block or two: blocks are not cut.
      expect(compressedBytes / channel.capacity).toBeGreaterThan(0.9)
      expect(compressedBytes).toBeLessThanOrEqual(channel.capacity)
      const read = readBack(frames)
      expectSame(read.blocks, chain.slice(0, blockCount))
      expect([blockCount, rlpBytes]).toEqual([added, read.rlpBytes])
    })
  })

  it('keeps within its frames, whatever the blocks, and loses none', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async seed => {
        const random = seededRandom(seed)
        // Runs that compress well followed by runs that do not, which is what an estimate is worst at.
        let blocks = sampleChain(random, { ...rollup, blocks: 60, transactionsPerBlock: random.below(4) })
        blocks = blocks.map((block, i) => {
          const noisy = Math.floor(i / 10) % 2 === 1
          const data = noisy ? random.bytes(random.below(900)) : new Uint8Array(random.below(3000)).fill(i)
          const body = encodeLegacy(data)
          return random.bool(0.7) ? { ...block, transactions: [...block.transactions, body] } : block
        })
        const options: ChannelOutOptions = {
          ...base,
          batchType: random.bool(0.7) ? 'span' : 'singular',
          targetFrames: 1 + random.below(3),
          frameDataBytes: 500 + random.below(8000),
          ...(random.bool(0.3) ? { maxBlocksPerSpan: 1 + random.below(10) } : {}),
        }
        let from = 0
        while (from < blocks.length) {
          const channel = createChannelOut(options, fast)
          await fill(channel, blocks.slice(from))
          const { frames, blockCount, compressedBytes } = await channel.close()
          expect(blockCount).toBeGreaterThan(0)
          // A block that is too large on its own goes alone.
          if (blockCount > 1) expect(compressedBytes).toBeLessThanOrEqual(channel.capacity)
          for (const frame of frames) expect(frame.data.length).toBeLessThanOrEqual(options.frameDataBytes!)
          expectSame(readBack(frames).blocks, blocks.slice(from, from + blockCount))
          from += blockCount
        }
      }),
      { numRuns: runs({ suite: 40, soak: 800 }) },
    )
  })

  it('gives the same frames for the same blocks', async () => {
    const once = async () => {
      const channel = createChannelOut({ ...base, frameDataBytes: 20_000 }, fast)
      await fill(channel, chain)
      return channel.close()
    }
    expect(await once()).toEqual(await once())
  })

  it('says how large it is before it is compressed, within a fifth', async () => {
    const channel = createChannelOut({ ...base, targetFrames: 6, frameDataBytes: 20_000 }, fast)
    await fill(channel, chain.slice(0, 120))
    const { estimated } = channel.size
    const { compressedBytes } = await channel.close()
    expect(Math.abs(estimated - compressedBytes) / compressedBytes).toBeLessThan(0.2)
  })

  it('fills blobs, each frame one payload', async () => {
    const channel = createChannelOut({ ...base }, fast)
    await fill(channel, chain)
    const { frames } = await channel.close()
    const data = encodeBatcherTransaction(frames)
    expect(data.length).toBeLessThanOrEqual(maxBlobPayloadBytes)
    expect(decodeBatcherTransaction(data)).toEqual({ version: 0, frames })
  })

  it('takes the first block in as many frames as it needs', async () => {
    const large = sampleChain(seededRandom(2), { ...rollup, blocks: 2, transactionsPerBlock: 80 })
    const channel = createChannelOut({ ...base, frameDataBytes: 4_000 }, fast)
    expect(await channel.add(large[0]!)).toBe('added')
    expect(await channel.add(large[1]!)).toBe('full')
    const { frames, blockCount } = await channel.close()
    expect(blockCount).toBe(1)
    expect(frames.length).toBeGreaterThan(2)
    expectSame(readBack(frames).blocks, large.slice(0, 1))
  })

  it('refuses a first block that no decoder would take, and is as before', async () => {
    const huge = sampleChain(seededRandom(3), { ...rollup, blocks: 1, transactionsPerBlock: 200 })
    const small = sampleChain(seededRandom(3), { ...rollup, blocks: 1, transactionsPerBlock: 1 })
    const channel = createChannelOut({ ...base, frameDataBytes: 1_000, maxRlpBytes: 20_000 }, fast)
    const error = await channel.add(huge[0]!).catch((thrown: unknown) => thrown)
    expect(isL2Error(error, 'CHANNEL_BLOCK_TOO_LARGE')).toBe(true)
    expect(await channel.add(small[0]!)).toBe('added')
    expectSame(readBack((await channel.close()).frames).blocks, small)
  })

  it('stays below the bytes a decoder reads', async () => {
    const empty = sampleChain(seededRandom(4), { ...rollup, blocks: 400, transactionsPerBlock: 0 }).map((block, i) => ({
      ...block,
      transactions: [encodeLegacy(new Uint8Array(2000).fill(i))],
    }))
    const channel = createChannelOut({ ...base, frameDataBytes: 10_000, maxRlpBytes: 100_000 }, fast)
    const added = await fill(channel, empty)
    const { frames, rlpBytes } = await channel.close()
    expect(added).toBeGreaterThan(40)
    expect(rlpBytes).toBeLessThanOrEqual(100_000)
    expect(readBack(frames).blocks.length).toBe(added)
  })

  it('refuses what cannot follow or cannot be encoded, and is as before', async () => {
    const channel = createChannelOut({ ...base }, fast)
    await channel.add(chain[0]!)
    const code = async (block: BatchBlock): Promise<string | undefined> => {
      const error = await channel.add(block).catch((thrown: unknown) => thrown)
      return isL2Error(error) ? error.code : String(error)
    }
    expect(await code(chain[2]!)).toBe('BATCH_FIELD_INVALID')
    expect(await code({ ...chain[1]!, epochNumber: chain[0]!.epochNumber + 2n })).toBe('BATCH_FIELD_INVALID')
    expect(await code({ ...chain[1]!, epochHash: '0x12' })).toBe('BATCH_FIELD_INVALID')
    const foreign = sampleChain(seededRandom(1), { ...rollup, chainId: 11n, blocks: 2, transactionsPerBlock: 3 })
    expect(await code({ ...chain[1]!, transactions: foreign[1]!.transactions })).toBe('BATCH_TRANSACTION_UNSUPPORTED')
    expect(channel.blockCount).toBe(1)
    expect(await channel.add(chain[1]!)).toBe('added')
    expectSame(readBack((await channel.close()).frames).blocks, chain.slice(0, 2))
  })

  it('has no frames without blocks, and refuses blocks once closed', async () => {
    const channel = createChannelOut({ ...base }, fast)
    expect((await channel.close()).frames).toEqual([])
    const error = await channel.add(chain[0]!).catch((thrown: unknown) => thrown)
    expect(isL2Error(error, 'CHANNEL_CLOSED')).toBe(true)
    const given = createChannelOut({ ...base }, fast)
    await given.add(chain[0]!)
    given.abort()
    given.abort()
    const closing = await given.close().catch((thrown: unknown) => thrown)
    expect(isL2Error(closing, 'CHANNEL_CLOSED')).toBe(true)
  })

  it('takes calls that overlap one after the other', async () => {
    const channel = createChannelOut({ ...base, frameDataBytes: 10_000 }, fast)
    const results = await Promise.all([...chain.slice(0, 60).map(block => channel.add(block)), channel.close()])
    const closed = results.at(-1) as Awaited<ReturnType<ChannelOut['close']>>
    expectSame(readBack(closed.frames).blocks, chain.slice(0, closed.blockCount))
  })

  it.each([
    { channelId: '0x07' as const },
    { targetFrames: 0 },
    { targetFrames: 65_536 },
    { targetFrames: 1.5 },
    { frameDataBytes: 0 },
    { frameDataBytes: 1_000_001 },
    { maxRlpBytes: 1000 },
    { maxBlocksPerSpan: 0 },
  ])('refuses the options %o', wrong => {
    let thrown: unknown
    try {
      createChannelOut({ ...base, ...wrong }, fast)
    } catch (error) {
      thrown = error
    }
    expect(isL2Error(thrown, 'CHANNEL_OPTIONS')).toBe(true)
  })
})
