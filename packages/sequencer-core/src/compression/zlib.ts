import { Zlib } from 'fflate'
import { ZStream, zlibInflate, zlibInflateInit } from 'pako'
import { SequencerError } from '../errors.js'
import { BoundedOutput, type Compressor, type Decompress } from './compression.js'

const ok = 0
const streamEnd = 1
const syncFlush = 2
const bufferError = -5
const inputChunk = 1 << 16
const outputChunk = 1 << 16

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

/** zlib through fflate, for browsers and wherever else Node's own is not at hand. */
export function createZlibCompressor(options: ZlibCompressorOptions = {}): Compressor {
  const level = options.level ?? 9
  return {
    algorithm: 'zlib',
    endBytes: 16,
    open() {
      let output = new BoundedOutput(Number.POSITIVE_INFINITY)
      const zlib = new Zlib({ level }, chunk => output.push(chunk))
      const take = (): Uint8Array => {
        const bytes = output.bytes()
        output = new BoundedOutput(Number.POSITIVE_INFINITY)
        return bytes
      }
      const attempt = async <T>(work: () => T): Promise<T> => {
        try {
          return work()
        } catch (cause) {
          throw new SequencerError('zlib compression failed', { code: 'COMPRESSION_FAILED', cause })
        }
      }
      return {
        write: bytes =>
          attempt(() => {
            for (let at = 0; at < bytes.length; at += inputChunk) zlib.push(bytes.subarray(at, at + inputChunk))
          }),
        flush: () =>
          attempt(() => {
            zlib.flush(true)
            return take()
          }),
        end: () =>
          attempt(() => {
            zlib.push(new Uint8Array(), true)
            return take()
          }),
        abort() {},
      }
    },
  }
}

/** What {@link decompress} uses unless told otherwise: zlib alone, which runs anywhere. */
export const defaultDecompressors: { readonly zlib: Decompress } = { zlib: inflateZlib }
