import { brotliCompressSync, constants, deflateSync } from 'node:zlib'
import { concatBytes, hexToBytes, isL2Error } from '@l2/common'
import { seededRandom } from '@l2/common/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeBatch } from '../batch/batch.js'
import { batchText, randomSingularBatch, randomSpanBatch } from '../batch/testdata/samples.js'
import type { Batch } from '../batch/types.js'
import { nodeDecompressors } from '../compression/node.js'
import { encodeRlp } from '../rlp/rlp.js'
import { type OpenChannelOptions, openChannel } from './batch-stream.js'

const rollup = { chainId: 10n }
const options = { ...rollup, decompressors: nodeDecompressors }

function batches(seed: number): Batch[] {
  const random = seededRandom(seed)
  return Array.from({ length: 1 + random.below(4) }, () =>
    random.bool() ? randomSpanBatch(random, 10n) : randomSingularBatch(random, 10n),
  )
}

const streamOf = (list: readonly Batch[]): Uint8Array =>
  concatBytes(...list.map(batch => encodeRlp(encodeBatch(batch, rollup))))
const zlib = (bytes: Uint8Array): Uint8Array => new Uint8Array(deflateSync(bytes))
const params = { [constants.BROTLI_PARAM_QUALITY]: 4 }
const brotli = (bytes: Uint8Array): Uint8Array =>
  concatBytes(Uint8Array.of(1), new Uint8Array(brotliCompressSync(bytes, { params })))

function readAll(channel: Uint8Array, given: OpenChannelOptions = options) {
  const reader = openChannel(channel, given)
  const read: Batch[] = []
  for (let batch = reader.next(); batch !== undefined; batch = reader.next()) read.push(batch)
  expect(reader.next()).toBeUndefined()
  return { read, end: reader.end, reader }
}

describe('openChannel', () => {
  it.each([
    ['zlib', zlib],
    ['brotli', brotli],
  ] as const)('reads every batch of a %s channel', (algorithm, compress) => {
    fc.assert(
      fc.property(fc.integer(), seed => {
        const list = batches(seed)
        const { read, end, reader } = readAll(compress(streamOf(list)))
        expect(batchText(read)).toBe(batchText(list))
        expect(end).toEqual({ type: 'end' })
        expect([reader.algorithm, reader.compression]).toEqual([algorithm, 'complete'])
      }),
    )
  })

  it('keeps the batches before a cut of the compressed stream', () => {
    const list = [...batches(1), ...batches(2), ...batches(3)]
    const stream = streamOf(list)
    const flushed = new Uint8Array(deflateSync(stream, { finishFlush: constants.Z_SYNC_FLUSH }))
    const whole = readAll(flushed)
    expect(batchText(whole.read)).toBe(batchText(list))
    expect([whole.reader.compression, whole.end]).toEqual(['unterminated', { type: 'end' }])
    for (let length = 0; length < flushed.length; length += 97) {
      const { read, end } = readAll(flushed.subarray(0, length))
      expect(batchText(read)).toBe(batchText(list.slice(0, read.length)))
      if (length > 0) expect(end?.type).toMatch(/^(invalid|end)$/)
    }
  })

  it('cuts at the limit: a batch that ends there stands, one that goes on does not', () => {
    const list = batches(4)
    list.push(...batches(5))
    const lengths = list.map(batch => encodeRlp(encodeBatch(batch, rollup)).length)
    const channel = zlib(streamOf(list))
    let maxRlpBytes = 0
    lengths.forEach((length, i) => {
      maxRlpBytes += length
      expect(batchText(readAll(channel, { ...options, maxRlpBytes }).read)).toBe(batchText(list.slice(0, i + 1)))
      const short = readAll(channel, { ...options, maxRlpBytes: maxRlpBytes - 1 })
      expect(batchText(short.read)).toBe(batchText(list.slice(0, i)))
      expect(short.end?.type).toBe('invalid')
    })
  })

  it('stops at a malformed batch and keeps those before it', () => {
    const good = batches(6)
    const bad = [
      hexToBytes('80')!, // an empty string
      hexToBytes('03')!, // an unknown type
      hexToBytes('c0')!, // a list
      hexToBytes('8100')!, // a byte with a prefix it must not have
      hexToBytes('b800')!, // the long form of a short length
      hexToBytes('bf0000000000000001')!, // a length with zeros
      hexToBytes('bbffffffff')!, // 4 GB declared
      hexToBytes('8202c0')!, // the draft span type
    ]
    for (const bytes of bad) {
      const { read, end } = readAll(zlib(concatBytes(streamOf(good), bytes, streamOf(good))))
      expect(batchText(read)).toBe(batchText(good))
      expect(end?.type === 'invalid' && isL2Error(end.error)).toBe(true)
    }
  })

  it('says what makes bytes no channel', () => {
    const end = (bytes: Uint8Array, given: OpenChannelOptions = options) => readAll(bytes, given).end
    expect(end(new Uint8Array())).toEqual({ type: 'unusable', reason: 'empty' })
    expect(end(Uint8Array.of(2))).toEqual({ type: 'unusable', reason: 'algorithm' })
    const channel = brotli(streamOf(batches(7)))
    expect(end(channel, { ...options, allowBrotli: false })).toEqual({
      type: 'unusable',
      reason: 'brotli-before-fjord',
    })
    // A header that zlib refuses decompresses to nothing.
    expect(end(Uint8Array.of(0x0f, 0xff))).toEqual({ type: 'end' })
  })

  it('names the port that brotli needs', () => {
    const channel = brotli(streamOf(batches(8)))
    let thrown: unknown
    try {
      openChannel(channel, rollup)
    } catch (error) {
      thrown = error
    }
    expect(isL2Error(thrown, 'COMPRESSION_UNAVAILABLE')).toBe(true)
    expect(String(thrown)).toContain('@l2/sequencer-core/brotli')
  })

  it('answers a bomb with the bytes of its limit', () => {
    // A string of 10 GB is declared; what follows decompresses to 50 MB.
    const bomb = zlib(concatBytes(hexToBytes('bd02540be400')!, new Uint8Array(50_000_000)))
    const { read, end, reader } = readAll(bomb, { ...options, maxRlpBytes: 1_000_000 })
    expect([read.length, end?.type, reader.stream.length]).toEqual([0, 'invalid', 1_000_000])
  })

  it('answers flipped bits with batches and an end', () => {
    fc.assert(
      fc.property(fc.integer(), seed => {
        const random = seededRandom(seed)
        const channel = (random.bool() ? zlib : brotli)(streamOf(batches(seed)))
        channel[random.below(channel.length)]! ^= 1 << random.below(8)
        expect(readAll(channel).end).toBeDefined()
      }),
    )
  })
})
