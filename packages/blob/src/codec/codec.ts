/**
 * How data are laid out in blobs. `encode` and `decode` are all that the rest of this package needs: anybody may bring another.
 *
 * Contract: `decode(encode(data))` is `data`, both are pure, and `decode` throws a typed error for any blobs that `encode` would not
 * have made.
 *
 * @example
 * ```ts
 * import { type BlobCodec, opCodec } from '@l2/blob'
 *
 * const reversed: BlobCodec = {
 *   id: 'reversed',
 *   maxBytes: opCodec.maxBytes,
 *   encode: data => opCodec.encode(data.slice().reverse()),
 *   decode: blobs => opCodec.decode(blobs).reverse(),
 * }
 * console.log(reversed.decode(reversed.encode(Uint8Array.of(1, 2)))) // Uint8Array(2) [ 1, 2 ]
 * ```
 */
export interface BlobCodec {
  /** Names the layout in commitments and logs. */
  readonly id: string
  /** Bytes that fit into that many blobs. */
  maxBytes(blobs: number): number
  /** The blobs that carry `data`, in order: as few as possible, at least one. */
  encode(data: Uint8Array): Uint8Array[]
  /** The data of blobs that `encode` made, all of them and in order. */
  decode(blobs: readonly Uint8Array[]): Uint8Array
}

/** Turns a stream of chunks of any size into blobs, holding back less than one blob. */
export interface BlobEncoder {
  /** The blobs that became full. The chunk is copied, not kept. */
  push(chunk: Uint8Array): Uint8Array[]
  /** The last blobs: at least one over the whole stream. Nothing can be pushed afterwards. */
  end(): Uint8Array[]
}

/** Turns a stream of blobs back into data, holding back at most one blob. */
export interface BlobDecoder {
  /** Data that became certain. */
  push(blob: Uint8Array): Uint8Array
  /** The rest. */
  end(): Uint8Array
}

/** A {@link BlobCodec} that also knows sizes exactly and works on streams. */
export interface StreamBlobCodec extends BlobCodec {
  /** Blobs that `encode` makes of that many bytes. */
  blobCount(bytes: number): number
  encoder(): BlobEncoder
  decoder(): BlobDecoder
}

export type PayloadChunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/**
 * Splits a stream of bytes over as many blobs as it takes, one at a time: memory stays at one blob however long the stream is.
 *
 * @example
 * ```ts
 * import { joinBlobs, opCodec, splitToBlobs } from '@l2/blob'
 *
 * const chunks = [new Uint8Array(100_000), new Uint8Array(100_000)]
 * let bytes = 0
 * for await (const part of joinBlobs(opCodec, splitToBlobs(opCodec, chunks))) bytes += part.length
 * console.log(bytes) // 200000
 * ```
 */
export async function* splitToBlobs(
  codec: StreamBlobCodec,
  source: PayloadChunks,
): AsyncGenerator<Uint8Array, void, void> {
  const encoder = codec.encoder()
  for await (const chunk of source) yield* encoder.push(chunk)
  yield* encoder.end()
}

/**
 * The data of a stream of blobs, in parts: the reverse of {@link splitToBlobs}.
 *
 * @throws BlobError as `codec.decode`
 */
export async function* joinBlobs(
  codec: StreamBlobCodec,
  source: PayloadChunks,
): AsyncGenerator<Uint8Array, void, void> {
  const decoder = codec.decoder()
  for await (const blob of source) {
    const part = decoder.push(blob)
    if (part.length > 0) yield part
  }
  const rest = decoder.end()
  if (rest.length > 0) yield rest
}
