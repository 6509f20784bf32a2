import { Deflate, ZStream, zlibInflate, zlibInflateInit } from 'pako'
import { SequencerError } from '../errors.js'
import { BoundedOutput, type Compressor, type Decompress } from './compression.js'

const ok = 0
const streamEnd = 1
const noFlush = 0
const syncFlush = 2
const finish = 4
const bufferError = -5
const outputChunk = 1 << 16
const nothing = new Uint8Array()

/**
 * zlib (RFC 1950) in JavaScript, for every platform.
 *
 * pako's port of zlib, because a decoder has to stop exactly where op-node's does: fflate reads on through invalid code tables and lengths (in 19 of
 * 20 streams with one flipped bit), so a verifier on it could take blocks that no OP Stack node takes.
 */
export const inflateZlib: Decompress = (input, maxBytes) => {
  const stream = new ZStream()
  zlibInflateInit(stream)
  const output = new BoundedOutput(maxBytes)
  stream.input = input
  stream.next_in = 0
  stream.avail_in = input.length
  for (;;) {
    stream.output = new Uint8Array(Math.min(outputChunk, maxBytes - output.length + 1))
    stream.next_out = 0
    stream.avail_out = stream.output.length
    const result = zlibInflate(stream, syncFlush)
    output.push(stream.output.subarray(0, stream.next_out))
    if (output.overflow) return { bytes: output.bytes(), end: 'limit' }
    if (result === streamEnd) return { bytes: output.bytes(), end: 'complete' }
    if (result !== ok && result !== bufferError) return { bytes: output.bytes(), end: 'corrupt' }
    if (stream.avail_out > 0) return { bytes: output.bytes(), end: 'unterminated' }
  }
}

/** Options of {@link createZlibCompressor}. */
export type ZlibCompressorOptions = {
  /** 1 (fast) … 9 (small). Default 9. */
  level?: 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9
}

/** zlib in JavaScript, for browsers and wherever else Node's own is not at hand. */
export function createZlibCompressor(options: ZlibCompressorOptions = {}): Compressor {
  const level = options.level ?? 9
  return {
    algorithm: 'zlib',
    endBytes: 16,
    open() {
      const zlib = new Deflate({ level })
      let output = new BoundedOutput(Number.POSITIVE_INFINITY)
      zlib.onData = chunk => output.push(chunk)
      const push = async (
        bytes: Uint8Array,
        mode: typeof noFlush | typeof syncFlush | typeof finish,
      ): Promise<void> => {
        if (!zlib.push(bytes, mode)) {
          throw new SequencerError(`zlib compression failed: ${zlib.msg}`, { code: 'COMPRESSION_FAILED' })
        }
      }
      const take = (): Uint8Array => {
        const bytes = output.bytes()
        output = new BoundedOutput(Number.POSITIVE_INFINITY)
        return bytes
      }
      return {
        write: bytes => push(bytes, noFlush),
        async flush() {
          await push(nothing, syncFlush)
          return take()
        },
        async end() {
          await push(nothing, finish)
          return take()
        },
        abort() {},
      }
    },
  }
}

/** What {@link openChannel} uses unless told otherwise: zlib alone, which runs anywhere. */
export const defaultDecompressors: { readonly zlib: Decompress } = { zlib: inflateZlib }
