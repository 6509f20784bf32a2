// Batches and channels, both ways: what ours writes and op-node reads, what op-node writes and ours reads, and what both make of damage.
import { bytesToHex } from '@l2/common'
import { seededRandom, testSeed } from '@l2/common/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeBatch, encodeBatch } from '../../src/batch/index.js'
import { openChannel } from '../../src/index.js'
import { nodeDecompressors } from '../../src/node.js'
import { canonical, hasOracle, type Oracle, share, startOracle, unhex } from './oracle.js'
import {
  blocksTold,
  cfg,
  flat,
  ours,
  payloadOf,
  rollup,
  someBatches,
  someBlocks,
  someChannel,
  told,
} from './samples.js'

const seed = testSeed(1)

let oracle: Oracle
beforeAll(() => {
  if (hasOracle) oracle = startOracle()
})
afterAll(() => oracle?.close())

async function theirs(data: Uint8Array, { maxRlpBytes = 100_000_000, allowBrotli = true } = {}): Promise<unknown[]> {
  const answer = await oracle.ask({ cmd: 'channel', data, cfg, fjord: allowBrotli, maxrlp: maxRlpBytes })
  expect(answer.panic).toBeUndefined()
  return answer.batches.map((batch: { type: string }) => (batch.type === 'malformed-span' ? 'passed over' : batch))
}

describe.skipIf(!hasOracle)('against op-node', () => {
  it('batches, whole and with flipped bits: the same verdict and the same contents', { timeout: 900_000 }, async () => {
    const verdicts = { same: 0, accepted: 0 }
    for (let i = 0; i < share(5_000, 50); i++) {
      const random = seededRandom(seed * 100_003 + i)
      for (const [variant, changed] of someBatches(random).entries()) {
        const input = variant === 2 && random.bool(0.3) ? changed.subarray(0, random.below(changed.length)) : changed
        const answer = await oracle.ask({ cmd: 'batch', data: input, cfg })
        let mine: unknown
        try {
          mine = told(decodeBatch(input, rollup))
        } catch (error) {
          mine = (error as { code: string }).code === 'BATCH_UNDERIVABLE' ? 'passed over' : 'no batch'
        }
        const their = answer.err !== undefined ? 'no batch' : answer.spanErr !== undefined ? 'passed over' : answer
        expect({ i, variant, batch: canonical(mine) }).toEqual({ i, variant, batch: canonical(their) })
        verdicts.same++
        if (typeof mine === 'object') verdicts.accepted++
      }
    }
    expect(verdicts.accepted).toBeGreaterThan(verdicts.same / 3)
  })

  it('channels of ours, whole, cut, damaged and limited', { timeout: 900_000 }, async () => {
    for (let i = 0; i < share(200); i++) {
      const random = seededRandom(seed * 65_537 + i)
      const { blocks, data, blockCount } = await someChannel(oracle, random, i)
      const read = await theirs(data)
      expect(canonical(flat(read))).toEqual(canonical(blocksTold(blocks.slice(0, blockCount))))
      expect({ i, read: canonical(ours(data)) }).toEqual({ i, read: canonical(read) })
      for (const options of [{ maxRlpBytes: 1000 }, { maxRlpBytes: 5000 }, { allowBrotli: false }]) {
        const both = { i, options, read: canonical(await theirs(data, options)) }
        expect({ i, options, read: canonical(ours(data, options)) }).toEqual(both)
      }
      // What a compressor wrote is cut, or hit; a stream may end in the middle of a batch.
      for (let k = 0; k < 3; k++) {
        const damaged = random.bool(0.3) ? data.slice(0, random.below(data.length)) : data.slice()
        if (damaged.length > 0 && random.bool(0.8)) damaged[random.below(damaged.length)]! ^= 1 << random.below(8)
        const [mine, their] = [ours(damaged), await theirs(damaged)]
        // Decoders differ in what of a broken brotli stream they had put out by then (about one flipped bit in a hundred): what both have is equal.
        const compared = damaged[0] === 1 ? Math.min(mine.length, their.length) : undefined
        const both = { i, k, read: canonical(their.slice(0, compared)) }
        expect({ i, k, read: canonical(mine.slice(0, compared)) }).toEqual(both)
      }
    }
  })

  it('channels of op-node: the same contents, and the same bytes when they are written again', {
    timeout: 900_000,
  }, async () => {
    for (let i = 0; i < share(200); i++) {
      const random = seededRandom(seed * 524_287 + i)
      const blocks = someBlocks(random)
      const made = await oracle.ask({
        cmd: 'encode',
        cfg,
        kind: random.pick(['span', 'singular']),
        algo: random.pick(['zlib', 'brotli-9', 'brotli-10', 'brotli-11']),
        target: random.pick([3000, 100_000, 600_000]),
        frame: random.pick([500, 119_999, 130_044]),
        maxspan: random.pick([0, 0, 5]),
        blocks: blocks.map(block => ({
          parenthash: block.parentHash,
          epochhash: block.epochHash,
          time: block.timestamp,
          epoch: block.epochNumber,
          seq: block.sequenceNumber,
          txs: block.transactions,
        })),
      })
      expect([made.err, made.panic]).toEqual([undefined, undefined])
      const data = payloadOf(made.frames.map(unhex))
      const read = ours(data)
      expect(canonical(flat(read))).toEqual(canonical(blocksTold(blocks.slice(0, made.added))))
      expect(canonical(read)).toEqual(canonical(await theirs(data)))
      const reader = openChannel(data, { ...rollup, decompressors: nodeDecompressors })
      for (let batch = reader.next(); batch !== undefined; batch = reader.next()) {
        expect(bytesToHex(encodeBatch(batch, rollup))).toBe(bytesToHex(reader.batchBytes))
      }
    }
  })
})
