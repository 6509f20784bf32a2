import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { brotliCompressSync, brotliDecompressSync, constants, deflateSync, inflateSync } from 'node:zlib'
import { bytesToHex, concatBytes, equalBytes, hexToBytes, isL2Error } from '@l2/common'
import { type Random, runs, seededRandom } from '@l2/common/testing'
import { sha256 } from '@noble/hashes/sha2.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createBrotliDecompress } from './brotli.js'
import { type Compressor, channelAlgorithm, type Decompress, type Decompressed } from './compression.js'
import { createNodeBrotliCompressor, createNodeZlibCompressor, nodeDecompressors } from './node.js'
import { createZlibCompressor, inflateZlib } from './zlib.js'

const wasm = await createBrotliDecompress(
  readFileSync(createRequire(import.meta.url).resolve('brotli-dec-wasm/web/bg.wasm')),
)
const ample = 1_000_000

/** Neither constant nor noise, with repeats near and far. */
function sample(random: Random, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; ) {
    if (i > 0 && random.bool(0.6)) {
      const from = random.below(i)
      for (let n = 3 + random.below(40); n > 0 && i < length; n--, i++) bytes[i] = bytes[from + (i % 7)]!
    } else bytes[i++] = random.below(256)
  }
  return bytes
}

/** Short enough for a message. */
function said({ bytes, end }: Decompressed): string {
  return `${end} after ${bytes.length} bytes, ${bytesToHex(sha256(bytes))}`
}

const algorithms: [string, (bytes: Uint8Array) => Uint8Array, Decompress, Decompress][] = [
  ['zlib', bytes => new Uint8Array(deflateSync(bytes)), nodeDecompressors.zlib, inflateZlib],
  [
    'brotli',
    bytes => new Uint8Array(brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } })),
    nodeDecompressors.brotli,
    wasm,
  ],
]

describe.each(algorithms)('%s decompression', (name, compress, native, portable) => {
  const both = (input: Uint8Array, maxBytes: number) => {
    const seen = native(input, maxBytes)
    // The same on Node and in a browser, byte for byte.
    expect(said(portable(input, maxBytes))).toBe(said(seen))
    return seen
  }

  it('gives everything, or the first bytes up to the limit', () => {
    fc.assert(
      fc.property(fc.integer(), seed => {
        const random = seededRandom(seed)
        const bytes = sample(random, random.below(5000))
        const packed = compress(bytes)
        expect(said(both(packed, ample))).toBe(said({ bytes, end: 'complete' }))
        expect(said(both(packed, bytes.length))).toBe(said({ bytes, end: 'complete' }))
        if (bytes.length === 0) return
        const limit = random.below(bytes.length)
        expect(said(both(packed, limit))).toBe(said({ bytes: bytes.slice(0, limit), end: 'limit' }))
        // Bytes behind the end are nobody's.
        expect(said(both(concatBytes(packed, random.bytes(5)), ample))).toBe(said({ bytes, end: 'complete' }))
      }),
    )
  })

  it('takes a stream without an end as far as it decodes', () => {
    fc.assert(
      fc.property(fc.integer(), seed => {
        const random = seededRandom(seed)
        const bytes = sample(random, 20_000)
        const packed = compress(bytes)
        const cut = random.below(packed.length)
        const seen = both(packed.subarray(0, cut), ample)
        expect(seen.end).toBe('unterminated')
        expect(equalBytes(seen.bytes, bytes.subarray(0, seen.bytes.length))).toBe(true)
        // Not less than what Node's own decoder flushes.
        const flush = name === 'zlib' ? constants.Z_SYNC_FLUSH : constants.BROTLI_OPERATION_FLUSH
        const decode = name === 'zlib' ? inflateSync : brotliDecompressSync
        if (cut > 0) expect(seen.bytes.length).toBe(decode(packed.subarray(0, cut), { finishFlush: flush }).length)
      }),
    )
  })

  it('never throws for what is in the bytes', () => {
    fc.assert(
      fc.property(fc.integer(), seed => {
        const random = seededRandom(seed)
        const bytes = sample(random, 3000)
        const packed = compress(bytes)
        for (let flips = 1 + random.below(3); flips > 0; flips--) {
          packed[random.below(packed.length)]! ^= 1 << random.below(8)
        }
        const limit = random.bool() ? ample : random.below(4000)
        expect(both(packed, limit).bytes.length).toBeLessThanOrEqual(limit)
        const noise = random.bytes(random.below(200))
        expect(both(noise, limit).bytes.length).toBeLessThanOrEqual(limit)
      }),
      { numRuns: runs({ suite: 300, soak: 6_000 }) },
    )
  })

  it('stops a bomb at the limit', () => {
    // 1 GB of zeros per megabyte of zlib; here 64 MB behind a limit of one.
    const bomb = compress(new Uint8Array(64_000_000))
    const seen = both(bomb, ample)
    expect([seen.end, seen.bytes.length]).toEqual(['limit', ample])
  })

  it('keeps what came before an error', () => {
    const bytes = sample(seededRandom(3), 200_000)
    const packed = compress(bytes)
    packed.fill(0xff, packed.length - 1000, packed.length - 900)
    const seen = both(packed, ample)
    expect(seen.end).not.toBe('complete')
    expect(seen.bytes.length).toBeGreaterThan(50_000)
    expect(equalBytes(seen.bytes.subarray(0, 50_000), bytes.subarray(0, 50_000))).toBe(true)
  })
})

describe('zlib decompression', () => {
  it('knows a flushed stream from an ended one', () => {
    const bytes = sample(seededRandom(1), 5000)
    const flushed = new Uint8Array(deflateSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }))
    expect(flushed.slice(-4)).toEqual(Uint8Array.of(0, 0, 255, 255))
    for (const decompress of [nodeDecompressors.zlib, inflateZlib]) {
      expect(said(decompress(flushed, ample))).toBe(said({ bytes, end: 'unterminated' }))
      const behind = concatBytes(new Uint8Array(deflateSync(bytes)), Uint8Array.of(0, 0, 255, 255))
      expect(said(decompress(behind, ample))).toBe(said({ bytes, end: 'complete' }))
    }
  })

  it('keeps the bytes of a stream whose checksum is wrong', () => {
    const bytes = sample(seededRandom(2), 5000)
    const packed = new Uint8Array(deflateSync(bytes))
    packed[packed.length - 1]! ^= 1
    for (const decompress of [nodeDecompressors.zlib, inflateZlib]) {
      expect(said(decompress(packed, ample))).toBe(said({ bytes, end: 'corrupt' }))
    }
  })
})

const compressors: [string, Compressor, Decompress][] = [
  ['zlib in JavaScript', createZlibCompressor(), inflateZlib],
  ['zlib of Node', createNodeZlibCompressor({ level: 6 }), nodeDecompressors.zlib],
  ['brotli of Node', createNodeBrotliCompressor({ quality: 5 }), nodeDecompressors.brotli],
]

describe.each(compressors)('%s', (_, compressor, decompress) => {
  it('is decodable after each flush, and ends within its bound', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async seed => {
        const random = seededRandom(seed)
        const stream = compressor.open()
        let written: Uint8Array = new Uint8Array()
        let packed: Uint8Array = new Uint8Array()
        for (let runs = random.below(5); runs > 0; runs--) {
          for (let writes = 1 + random.below(3); writes > 0; writes--) {
            const bytes = sample(random, random.below(20_000))
            await stream.write(bytes)
            written = concatBytes(written, bytes)
          }
          packed = concatBytes(packed, await stream.flush())
          expect(said(decompress(packed, ample))).toBe(said({ bytes: written, end: 'unterminated' }))
        }
        if (packed.length === 0) packed = await stream.flush()
        const tail = await stream.end()
        expect(tail.length).toBeLessThanOrEqual(compressor.endBytes)
        expect(said(decompress(concatBytes(packed, tail), ample))).toBe(said({ bytes: written, end: 'complete' }))
      }),
      { numRuns: runs({ suite: 40, soak: 800 }) },
    )
  })

  it('compresses as the same stream whatever was open besides it', async () => {
    const bytes = sample(seededRandom(8), 30_000)
    const once = async (): Promise<Uint8Array> => {
      const stream = compressor.open()
      await stream.write(bytes)
      return concatBytes(await stream.flush(), await stream.end())
    }
    const [a, b] = await Promise.all([once(), once()])
    expect(equalBytes(a, b)).toBe(true)
    const aborted = compressor.open()
    await aborted.write(bytes)
    aborted.abort()
    aborted.abort()
  })
})

describe('brotli decompression', () => {
  it('reads the reference encoder', () => {
    const packed = hexToBytes('8b048075ed184249e9bc19675e03')!
    for (const decompress of [nodeDecompressors.brotli, wasm]) {
      expect(bytesToHex(decompress(packed, ample).bytes)).toBe('0x75ed184249e9bc19675e')
    }
  })

  it('refuses streams of the large window, which RFC 7932 does not know', () => {
    const params = { [constants.BROTLI_PARAM_LARGE_WINDOW]: 1, [constants.BROTLI_PARAM_LGWIN]: 26 }
    const packed = new Uint8Array(brotliCompressSync(new Uint8Array(5000).fill(7), { params }))
    for (const decompress of [nodeDecompressors.brotli, wasm]) {
      expect(decompress(packed, ample)).toEqual({ bytes: new Uint8Array(), end: 'corrupt' })
    }
  })
})

describe('compression of Node', () => {
  it('says so when it is used after an abort', async () => {
    const stream = createNodeZlibCompressor().open()
    stream.abort()
    const error = await stream.write(new Uint8Array(5)).catch((thrown: unknown) => thrown)
    expect(isL2Error(error, 'COMPRESSION_FAILED')).toBe(true)
  })
})

describe('channelAlgorithm', () => {
  it('goes by the first byte', () => {
    const zlib = [...Array(256).keys()].filter(byte => channelAlgorithm(byte) === 'zlib')
    expect(zlib).toEqual([...Array(256).keys()].filter(byte => (byte & 15) === 8 || (byte & 15) === 15))
    expect([...Array(256).keys()].filter(byte => channelAlgorithm(byte) === 'brotli')).toEqual([1])
    expect(channelAlgorithm(undefined)).toBeUndefined()
  })
})
