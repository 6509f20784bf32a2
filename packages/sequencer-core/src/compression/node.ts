import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import zlib from 'node:zlib'
import { SequencerError } from '../errors.js'
import { createBrotliDecompressSync } from './brotli.js'
import {
  BoundedOutput,
  type CompressionStream,
  type Compressor,
  type Decompress,
  type Decompressors,
} from './compression.js'
import { inflateZlib, type ZlibCompressorOptions } from './zlib.js'

type Attempt = { bytes: Uint8Array; consumed: number } | { code: string }

function attempt(decode: () => unknown): Attempt {
  try {
    const { buffer, engine } = decode() as { buffer: Buffer; engine: { bytesWritten: number } }
    return {
      bytes: new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength),
      consumed: engine.bytesWritten,
    }
  } catch (error) {
    return { code: String((error as { code?: unknown }).code) }
  }
}

/** Whether a stream ends in the empty block of a flush. No complete zlib stream does: an Adler-32 cannot end in `ffff`. */
function endsInFlush(input: Uint8Array): boolean {
  const { length } = input
  return (
    length > 4 && input[length - 1] === 0xff && input[length - 2] === 0xff && !input[length - 3] && !input[length - 4]
  )
}

/**
 * Size of the pieces that Node decodes into, bytes. Its default of 16 kB costs more than decoding does; four times the input takes most channels in one
 * piece, and is bounded by what the input warrants.
 */
function pieceBytes(input: Uint8Array, maxBytes: number): number {
  return Math.max(1 << 16, Math.min(1 << 22, 4 * input.length, maxBytes))
}

// Node's decoders give all or nothing in one call. Streams that are too long or broken go to the decoders that can say what came before.

const inflateNative: Decompress = (input, maxBytes) => {
  if (maxBytes < 1) return inflateZlib(input, maxBytes)
  const options = { maxOutputLength: maxBytes, info: true, chunkSize: pieceBytes(input, maxBytes) }
  const open = { ...options, finishFlush: zlib.constants.Z_SYNC_FLUSH }
  const flushed = endsInFlush(input)
  const first = attempt(() => zlib.inflateSync(input, flushed ? open : options))
  if ('bytes' in first) {
    return { bytes: first.bytes, end: flushed && first.consumed === input.length ? 'unterminated' : 'complete' }
  }
  if (first.code === 'Z_BUF_ERROR' && !flushed) {
    const second = attempt(() => zlib.inflateSync(input, open))
    if ('bytes' in second) return { bytes: second.bytes, end: 'unterminated' }
  }
  return inflateZlib(input, maxBytes)
}

let carefulBrotli: Decompress | undefined

const brotliNative: Decompress = (input, maxBytes) => {
  const options = { maxOutputLength: Math.max(1, maxBytes), info: true, chunkSize: pieceBytes(input, maxBytes) }
  const first = attempt(() => zlib.brotliDecompressSync(input, options))
  if ('bytes' in first && first.bytes.length <= maxBytes) return { bytes: first.bytes, end: 'complete' }
  if ('code' in first && first.code === 'Z_BUF_ERROR') {
    const open = { ...options, finishFlush: zlib.constants.BROTLI_OPERATION_FLUSH }
    const second = attempt(() => zlib.brotliDecompressSync(input, open))
    if ('bytes' in second && second.bytes.length <= maxBytes) return { bytes: second.bytes, end: 'unterminated' }
  }
  carefulBrotli ??= loadCarefulBrotli()
  return carefulBrotli(input, maxBytes)
}

/** @throws SequencerError `COMPRESSION_UNAVAILABLE` */
function loadCarefulBrotli(): Decompress {
  try {
    return createBrotliDecompressSync(
      readFileSync(createRequire(import.meta.url).resolve('brotli-dec-wasm/web/bg.wasm')),
    )
  } catch (cause) {
    throw new SequencerError('the brotli decoder for streams that end early or broken cannot be loaded', {
      code: 'COMPRESSION_UNAVAILABLE',
      meta: [
        'try: ship "brotli-dec-wasm/web/bg.wasm" beside the bundle, or hand `createBrotliDecompress` of "@l2/sequencer-core/brotli" its bytes',
      ],
      cause,
    })
  }
}

/**
 * zlib and brotli of Node, for the option `decompressors`. Streams that end early, broken or beyond the limit give the same bytes as in a browser.
 *
 * @example
 * ```ts
 * import { brotliCompressSync } from 'node:zlib'
 * import { nodeDecompressors } from '@l2/sequencer-core/node'
 *
 * const channel = brotliCompressSync(new Uint8Array(1000))
 * console.log(nodeDecompressors.brotli(channel, 1_000_000).end) // complete
 * console.log(nodeDecompressors.brotli(channel, 10).bytes.length) // 10
 * ```
 */
export const nodeDecompressors: Required<Decompressors> = { zlib: inflateNative, brotli: brotliNative }

type NodeStream = zlib.Deflate | zlib.BrotliCompress

function openStream(create: () => NodeStream, flushKind: number): CompressionStream {
  const stream = create()
  let output = new BoundedOutput(Number.POSITIVE_INFINITY)
  let failure: unknown
  stream.on('data', (chunk: Buffer) => output.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)))
  stream.on('error', error => {
    failure = error
  })
  const take = (): Uint8Array => {
    const bytes = output.bytes()
    output = new BoundedOutput(Number.POSITIVE_INFINITY)
    return bytes
  }
  const settle = (run: (done: (error?: Error | null) => void) => void): Promise<void> =>
    new Promise((resolve, reject) => {
      const fail = (cause: unknown): void =>
        reject(new SequencerError('compression failed', { code: 'COMPRESSION_FAILED', cause }))
      if (failure !== undefined || stream.destroyed) return fail(failure)
      const closed = (): void => fail(failure)
      stream.once('close', closed)
      run(error => {
        stream.off('close', closed)
        if (error === null || error === undefined) resolve()
        else fail(error)
      })
    })
  return {
    write: bytes => settle(done => stream.write(bytes, done)),
    async flush() {
      await settle(done => stream.flush(flushKind, () => done()))
      return take()
    },
    async end() {
      await settle(done => {
        stream.once('end', () => done())
        stream.end()
      })
      return take()
    },
    abort() {
      stream.destroy()
    },
  }
}

/** zlib of Node, on its thread pool. */
export function createNodeZlibCompressor(options: ZlibCompressorOptions = {}): Compressor {
  const level = options.level ?? 9
  return {
    algorithm: 'zlib',
    endBytes: 16,
    open: () => openStream(() => zlib.createDeflate({ level }), zlib.constants.Z_SYNC_FLUSH),
  }
}

/** Options of {@link createNodeBrotliCompressor}. */
export type BrotliCompressorOptions = {
  /** 0 (fast) … 11 (small). Default 9: within 0.2 % of 10 on OP Mainnet channels at a sixth of its time. */
  quality?: number
  /** log2 of the window, 10 … 24. Default 22, op-batcher's. */
  windowBits?: number
}

/** brotli of Node, on its thread pool. For chains with Fjord active. */
export function createNodeBrotliCompressor(options: BrotliCompressorOptions = {}): Compressor {
  const params = {
    [zlib.constants.BROTLI_PARAM_QUALITY]: options.quality ?? 9,
    [zlib.constants.BROTLI_PARAM_LGWIN]: options.windowBits ?? 22,
  }
  return {
    algorithm: 'brotli',
    endBytes: 8,
    open: () => openStream(() => zlib.createBrotliCompress({ params }), zlib.constants.BROTLI_OPERATION_FLUSH),
  }
}
