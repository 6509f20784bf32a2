import { SequencerError } from '../errors.js'

/** How a channel's batch stream is compressed. */
export type CompressionAlgorithm = 'zlib' | 'brotli'

/** What came out of a compressed stream. */
export type Decompressed = {
  /** Everything that decodes, cut at the limit. */
  readonly bytes: Uint8Array
  /**
   * How the stream ended. `complete`: with its end marker. `unterminated`: the bytes ran out first, which real channels of OP Mainnet do.
   * `limit`: there was more than the limit. `corrupt`: an error after `bytes`.
   */
  readonly end: 'complete' | 'unterminated' | 'limit' | 'corrupt'
}

/**
 * Decompresses at most `maxBytes` bytes, and never throws for what is in `input`: an error ends the stream, and what was decoded before it counts,
 * as it does in op-node, which decodes while it reads. Memory stays within a small multiple of `maxBytes`.
 */
export type Decompress = (input: Uint8Array, maxBytes: number) => Decompressed

/** The port through which channels are decompressed. */
export type Decompressors = {
  readonly zlib: Decompress
  /** From Fjord on. Absent: a brotli channel is an error that says so. */
  readonly brotli?: Decompress
}

/** A compressed stream being written. Calls must not overlap. */
export type CompressionStream = {
  write(bytes: Uint8Array): Promise<void>
  /** Makes everything written decodable and returns what the stream has put out since the last call; costs a few bytes. */
  flush(): Promise<Uint8Array>
  /** Ends the stream and returns the rest. */
  end(): Promise<Uint8Array>
  /** Frees what the stream holds without ending it. Idempotent. */
  abort(): void
}

/** The port through which channels are compressed. */
export interface Compressor {
  readonly algorithm: CompressionAlgorithm
  /** Upper bound of what {@link CompressionStream.end} puts out behind a flush, bytes. */
  readonly endBytes: number
  open(): CompressionStream
}

/** The first byte of a brotli channel; a zlib stream begins with its own header, whose low nibble is 8. */
export const brotliChannelByte = 0x01

/** Picks the algorithm by a channel's first byte; `undefined` for what no channel begins with. */
export function channelAlgorithm(firstByte: number | undefined): CompressionAlgorithm | undefined {
  if (firstByte === undefined) return undefined
  if (firstByte === brotliChannelByte) return 'brotli'
  const nibble = firstByte & 0x0f
  return nibble === 8 || nibble === 15 ? 'zlib' : undefined
}

export function requireDecompress(ports: Decompressors, algorithm: CompressionAlgorithm): Decompress {
  const decompress = ports[algorithm]
  if (decompress !== undefined) return decompress
  throw new SequencerError(`the channel is compressed with ${algorithm}, for which there is no port`, {
    code: 'COMPRESSION_UNAVAILABLE',
    meta: [
      'try: `decompressors: nodeDecompressors` of "@l2/sequencer-core/node", or `createBrotliDecompress` of "@l2/sequencer-core/brotli" in a browser',
    ],
    details: { algorithm },
  })
}

/** Gathers pieces up to a limit, and says when it is reached. */
export class BoundedOutput {
  private readonly parts: Uint8Array[] = []
  private readonly limit: number
  length = 0
  /** More was offered than the limit. */
  overflow = false

  constructor(limit: number) {
    this.limit = limit
  }

  push(part: Uint8Array): void {
    const room = this.limit - this.length
    if (part.length > room) {
      this.overflow = true
      part = part.subarray(0, room)
    }
    if (part.length === 0) return
    this.parts.push(part)
    this.length += part.length
  }

  bytes(): Uint8Array {
    if (this.parts.length === 1) return this.parts[0]!
    const bytes = new Uint8Array(this.length)
    let offset = 0
    for (const part of this.parts) {
      bytes.set(part, offset)
      offset += part.length
    }
    return bytes
  }
}
