import { isL2Error } from '@l2/common'
import { decodeBatch } from '../batch/batch.js'
import type { Batch, BatchRollup } from '../batch/types.js'
import {
  type CompressionAlgorithm,
  channelAlgorithm,
  type Decompressed,
  type Decompressors,
  requireDecompress,
} from '../compression/compression.js'
import { defaultDecompressors } from '../compression/zlib.js'
import { SequencerError } from '../errors.js'
import { readItem } from '../rlp/rlp.js'

/** The most decompressed bytes of a channel that count. Source: OP specs, `MAX_RLP_BYTES_PER_CHANNEL`; the larger one from Fjord on. */
export const maxRlpBytesPerChannel = { bedrock: 10_000_000, fjord: 100_000_000 } as const

/** How the bytes of a channel become a batch stream. */
export type ChannelStreamOptions = {
  /** Bytes at which the decompressed stream is cut. Default 100 000 000, Fjord's. */
  maxRlpBytes?: number | undefined
  /** Whether brotli is allowed, which op-node decides by the time of the L1 block that completed the channel. Default true. */
  allowBrotli?: boolean | undefined
  /** Default zlib alone, in JavaScript. */
  decompressors?: Decompressors | undefined
  /**
   * Whose reading counts where the two differ: a span batch that can be read, and of which a transaction cannot be rebuilt, is passed over by
   * op-node and ends the channel for kona. Default `op-node`.
   */
  rules?: 'op-node' | 'kona' | undefined
  /** Told of each batch that is passed over (`BATCH_UNDERIVABLE`). */
  onDropped?: ((error: SequencerError) => void) | undefined
}

/** Options of {@link openChannel}. */
export type OpenChannelOptions = BatchRollup & ChannelStreamOptions

/** Why a channel has no further batch. */
export type ChannelEnd =
  /** Everything was read. */
  | { readonly type: 'end' }
  /** The bytes are no channel: unknown or forbidden algorithm, or nothing at all. */
  | { readonly type: 'unusable'; readonly reason: 'empty' | 'algorithm' | 'brotli-before-fjord' }
  /** What follows the last batch is cut, corrupt, or no batch. Batches read before it stand. */
  | { readonly type: 'invalid'; readonly error: SequencerError }

/** A channel being read, batch by batch. */
export type ChannelReader<B = Batch> = {
  readonly algorithm: CompressionAlgorithm | undefined
  /** How the compressed stream ended; `undefined` when it was not opened. */
  readonly compression: Decompressed['end'] | undefined
  /** The decompressed stream, cut at the limit. */
  readonly stream: Uint8Array
  /** The next batch, or `undefined` when there is none; {@link end} then says why. */
  next(): B | undefined
  /** The bytes of the batch that {@link next} returned last, type byte first. */
  readonly batchBytes: Uint8Array
  readonly end: ChannelEnd | undefined
}

const none: Uint8Array = new Uint8Array()

/**
 * Opens the bytes of a complete channel: picks the algorithm by its first byte, decompresses up to the limit, and reads RLP strings, each of which
 * is a batch.
 *
 * As op-node does: the limit cuts and does not condemn, a stream without an end marker counts as far as it decodes, bytes that are no batch end the
 * channel while the batches before it stand, and a span batch whose transactions cannot be rebuilt is passed over. (kona refuses the whole channel
 * in the first two cases, and ends it in the last.)
 *
 * @throws SequencerError `COMPRESSION_UNAVAILABLE` for a brotli channel without a brotli port. Nothing in the bytes makes it throw.
 */
export function openChannel(channel: Uint8Array, options: OpenChannelOptions): ChannelReader {
  return openBatchStream(channel, options, bytes => decodeBatch(bytes, options))
}

/** {@link openChannel} for batches of any dialect. */
export function openBatchStream<B>(
  channel: Uint8Array,
  options: ChannelStreamOptions,
  decode: (bytes: Uint8Array) => B,
): ChannelReader<B> {
  const maxBytes = options.maxRlpBytes ?? maxRlpBytesPerChannel.fjord
  const algorithm = channelAlgorithm(channel[0])
  let end: ChannelEnd | undefined
  if (algorithm === undefined) {
    end = { type: 'unusable', reason: channel.length === 0 ? 'empty' : 'algorithm' }
  } else if (algorithm === 'brotli' && options.allowBrotli === false) {
    end = { type: 'unusable', reason: 'brotli-before-fjord' }
  }
  let decompressed: Decompressed | undefined
  if (algorithm !== undefined && end === undefined) {
    const decompress = requireDecompress(options.decompressors ?? defaultDecompressors, algorithm)
    decompressed = decompress(algorithm === 'brotli' ? channel.subarray(1) : channel, maxBytes)
  }
  const stream = decompressed?.bytes ?? none
  let at = 0
  let batchBytes: Uint8Array = none
  return {
    algorithm,
    compression: decompressed?.end,
    stream,
    next() {
      if (end !== undefined) return undefined
      for (;;) {
        if (at >= stream.length) {
          end = { type: 'end' }
          return undefined
        }
        let next = at
        try {
          const item = readItem(stream, at)
          if (item.list) {
            throw new SequencerError(`invalid batch stream at byte ${at}: a list`, {
              code: 'BATCH_INVALID',
              details: { reason: 'a list', offset: at },
            })
          }
          next = item.end
          const bytes = stream.subarray(item.start, item.end)
          const batch = decode(bytes)
          at = next
          batchBytes = bytes
          return batch
        } catch (error) {
          if (!isL2Error(error)) throw error
          if (error.code !== 'BATCH_UNDERIVABLE' || options.rules === 'kona') {
            end = { type: 'invalid', error: error as SequencerError }
            return undefined
          }
          at = next
          options.onDropped?.(error as SequencerError)
        }
      }
    },
    get batchBytes() {
      return batchBytes
    },
    get end() {
      return end
    },
  }
}
