import { concatBytes } from '@l2/common'
import { brotliChannelByte, type CompressionStream, type Compressor } from '../compression/compression.js'

/** The runs that are in a channel, each compressed and flushed, so that their size is exact. */
export function createCompressedRuns(compressor: Compressor) {
  const prefix = compressor.algorithm === 'brotli' ? Uint8Array.of(brotliChannelByte) : new Uint8Array()
  let stream: CompressionStream | undefined
  /** Compressed pieces and the batch bytes they came from, one each per run. */
  let pieces: Uint8Array[] = []
  let runs: Uint8Array[] = []
  let exact = prefix.length
  let rlpBytes = 0
  let blockCount = 0

  /** The piece that a run becomes behind those that are in. It is in once it is kept; to take another instead, rewind. */
  const compress = async (run: Uint8Array): Promise<Uint8Array> => {
    stream ??= compressor.open()
    await stream.write(run)
    return stream.flush()
  }

  return {
    /** Compressed bytes so far, without the compressor's end. */
    get exact(): number {
      return exact
    },
    get rlpBytes(): number {
      return rlpBytes
    },
    get blockCount(): number {
      return blockCount
    },
    compress,
    keep(run: Uint8Array, piece: Uint8Array, blocks: number): void {
      pieces.push(piece)
      runs.push(run)
      exact += piece.length
      rlpBytes += run.length
      blockCount += blocks
    },
    /** Starts the compressor over with the runs that are in: the same calls give the same bytes. */
    async rewind(): Promise<void> {
      stream?.abort()
      stream = undefined
      for (const run of runs) await compress(run)
    },
    /** The whole channel; `undefined` when nothing is in. */
    async end(): Promise<Uint8Array | undefined> {
      if (blockCount === 0 || stream === undefined) return undefined
      const data = concatBytes(prefix, ...pieces, await stream.end())
      pieces = []
      runs = []
      return data
    },
    abort(): void {
      stream?.abort()
    },
  }
}
