import { hexToBytes } from '@l2/common'
import type { Hex } from 'viem'
import type { BatchBlock } from '../batch/types.js'
import type { Compressor } from '../compression/compression.js'
import { SequencerError } from '../errors.js'
import { maxRlpBytesPerChannel } from './batch-stream.js'
import { frameAccountingBytes } from './channel.js'
import { createCompressedRuns } from './compressed-runs.js'
import { type Frame, maxBlobFrameDataBytes, maxChannelFrames, maxFrameDataBytes } from './frame.js'
import { createRunEncoder, type RunBlock } from './run-encoder.js'
import { createWaitingRun, margin, runOverheadBytes } from './waiting-run.js'

/** Options of {@link createChannelOut}. */
export type ChannelOutOptions = {
  /** 16 random bytes, never used before. */
  channelId: Hex
  chainId: bigint
  /** L2 genesis time, seconds. */
  genesisTimeSeconds: bigint
  blockTimeSeconds: bigint
  /** Default `span`, which every chain since Delta reads and which is smaller. `singular` is for the edge of the sequencing window. */
  batchType?: 'span' | 'singular'
  /** Frames to fill. Default 1; one frame goes into one blob, or into one calldata transaction. */
  targetFrames?: number
  /** Data of one frame, bytes. Default 130 020, which fills a blob; 119 976 suits calldata of 120 000 bytes. */
  frameDataBytes?: number
  /** Bytes that a decoder reads of the decompressed channel. Default 100 000 000, Fjord's. */
  maxRlpBytes?: number
  /** Blocks after which a span batch is ended and another begun. Default: no limit. */
  maxBlocksPerSpan?: number
  /** Name a fee recipient per block: the draft span type, which no chain reads today. */
  draftFeeRecipients?: boolean
}

/** A finished channel. */
export type ClosedChannel = {
  readonly channelId: Hex
  /** In order; the last one says so. Empty when no block was added. */
  readonly frames: readonly Frame[]
  /** The added blocks that are in, from the first on: go on with the one behind them. All of them, save when a run of blocks compressed far worse than the run before. */
  readonly blockCount: number
  /** Bytes before and after compression. */
  readonly rlpBytes: number
  readonly compressedBytes: number
}

/** A channel being built. Calls are carried out one after the other. */
export type ChannelOut = {
  /**
   * Adds the block that follows the last one. `full`: it is not in, close this channel and open another for it.
   *
   * @throws SequencerError `BATCH_TRANSACTION_UNSUPPORTED`, `BATCH_FIELD_INVALID`, `CHANNEL_BLOCK_TOO_LARGE`, `CHANNEL_CLOSED`; the channel is as before
   */
  add(block: BatchBlock): Promise<'added' | 'full'>
  /** Ends the channel and cuts it into frames. */
  close(): Promise<ClosedChannel>
  /** Gives the channel up and frees its compressor. Idempotent. */
  abort(): void
  /** Blocks that are in. */
  readonly blockCount: number
  /** Compressed bytes: exact for what was compressed, and an estimate for the blocks waiting for it. */
  readonly size: { readonly exact: number; readonly estimated: number }
  /** Bytes that fit. */
  readonly capacity: number
}

/** Prefix, counts and RLP header of a span batch, at most. */
const spanPrefixBytes = 96
/** Runs that may turn out too long before the channel is content with what it has. */
const maxRetries = 4

function resolveOptions(
  options: ChannelOutOptions,
): Required<Omit<ChannelOutOptions, 'draftFeeRecipients'>> & { draftFeeRecipients: boolean } {
  const whole = {
    batchType: 'span' as const,
    targetFrames: 1,
    frameDataBytes: maxBlobFrameDataBytes,
    maxRlpBytes: maxRlpBytesPerChannel.fjord,
    maxBlocksPerSpan: Number.POSITIVE_INFINITY,
    draftFeeRecipients: false,
    ...options,
  }
  const refuse = (field: keyof ChannelOutOptions, expected: string): never => {
    throw new SequencerError(`"${field}" expected ${expected}, got ${whole[field]}`, {
      code: 'CHANNEL_OPTIONS',
      details: { field, value: whole[field] },
    })
  }
  if (hexToBytes(whole.channelId)?.length !== 16) refuse('channelId', '16 bytes of hex')
  if (!Number.isInteger(whole.targetFrames) || whole.targetFrames < 1 || whole.targetFrames >= maxChannelFrames) {
    refuse('targetFrames', `1 to ${maxChannelFrames - 1}`)
  }
  if (!Number.isInteger(whole.frameDataBytes) || whole.frameDataBytes < 1 || whole.frameDataBytes > maxFrameDataBytes) {
    refuse('frameDataBytes', `1 to ${maxFrameDataBytes}`)
  }
  if (whole.targetFrames * (whole.frameDataBytes + frameAccountingBytes) > whole.maxRlpBytes) {
    refuse('targetFrames', `frames that a decoder may stage within ${whole.maxRlpBytes} bytes`)
  }
  if (!(whole.maxBlocksPerSpan >= 1)) refuse('maxBlocksPerSpan', '1 or more')
  return whole
}

/** The first block alone may be beyond the target, but not beyond what a decoder takes: why it is, if it is. */
function beyondLimits(
  compressedBytes: number,
  endBytes: number,
  { frameDataBytes, maxRlpBytes }: { readonly frameDataBytes: number; readonly maxRlpBytes: number },
): SequencerError | undefined {
  const frames = Math.ceil((compressedBytes + endBytes) / frameDataBytes)
  if (frames < maxChannelFrames && compressedBytes + (frames + 1) * frameAccountingBytes <= maxRlpBytes) {
    return undefined
  }
  return new SequencerError(`the first block alone takes ${compressedBytes} compressed bytes`, {
    code: 'CHANNEL_BLOCK_TOO_LARGE',
    details: { compressedBytes, maxRlpBytes },
  })
}

/** Frames of a channel's data, none when it is empty. */
function cutFrames(channelId: Hex, data: Uint8Array, frameDataBytes: number): Frame[] {
  const frames: Frame[] = []
  for (let at = 0; at < data.length; at += frameDataBytes) {
    const end = at + frameDataBytes
    frames.push({ channelId, frameNumber: frames.length, data: data.subarray(at, end), isLast: end >= data.length })
  }
  return frames
}

/**
 * Builds a channel of blocks that fills its frames and never exceeds them.
 *
 * Its size is known without compressing anything twice. Blocks wait in a run, whose compressed size is estimated from their FastLZ length and the
 * ratio measured so far; while they would fit uncompressed, nothing is measured at all. When the estimate comes near to what is left, the run becomes one batch, goes through the one compressor and is flushed,
 * after which the size is exact; the next run is estimated against the rest. So a channel is three to six runs, each shorter than the one before,
 * and every block is compressed once. Should a run prove too long after all, the channel is compressed again without its tail.
 *
 * The first block is always taken, in more frames than the target if need be, since the chain could not be posted without it.
 *
 * How long a channel stays open, and the sequencing window, are the caller's to watch.
 *
 * @throws SequencerError `CHANNEL_OPTIONS`
 * @example
 * ```ts
 * import { createChannelOut, openChannel } from '@l2/sequencer-core'
 * import { createZlibCompressor } from '@l2/sequencer-core/batch'
 *
 * const rollup = { chainId: 10n, genesisTimeSeconds: 1_700_000_000n, blockTimeSeconds: 2n }
 * const channel = createChannelOut({ ...rollup, channelId: `0x${'07'.repeat(16)}` }, createZlibCompressor())
 * for (let i = 0n; i < 100n; i++) {
 *   await channel.add({
 *     parentHash: `0x${i.toString(16).padStart(64, '0')}`,
 *     timestamp: rollup.genesisTimeSeconds + 2n * i,
 *     epochNumber: 500n + i / 6n,
 *     epochHash: `0x${'02'.repeat(32)}`,
 *     sequenceNumber: i % 6n,
 *     transactions: [],
 *   })
 * }
 * const { frames, blockCount } = await channel.close()
 * console.log(blockCount, frames.length) // 100 1
 * const batch = openChannel(frames[0]!.data, rollup).next()
 * console.log(batch?.type === 'span' && batch.blocks.length) // 100
 * ```
 */
export function createChannelOut(options: ChannelOutOptions, compressor: Compressor): ChannelOut {
  const settings = resolveOptions(options)
  const { channelId, frameDataBytes, maxRlpBytes } = settings
  const capacity = settings.targetFrames * frameDataBytes
  const encoder = createRunEncoder(settings)
  const waiting = createWaitingRun()
  const compressed = createCompressedRuns(compressor)
  let previous: BatchBlock | undefined
  let state: 'open' | 'full' | 'closed' = 'open'
  let queue: Promise<unknown> = Promise.resolve()

  const serially = <T>(work: () => Promise<T>): Promise<T> => {
    const result = queue.then(work, work)
    queue = result
    result.catch(() => {})
    return result
  }
  const isFull = (): boolean => state === 'full'
  /** Full for good: a smaller block later on would not follow. */
  const full = (): 'full' => {
    state = 'full'
    return 'full'
  }
  const blockCount = (): number => compressed.blockCount + waiting.blockCount
  const room = (): number => capacity - compressor.endBytes - compressed.exact
  const ensureOpen = (): void => {
    if (state === 'closed') throw new SequencerError('the channel is closed', { code: 'CHANNEL_CLOSED' })
  }
  const enter = (item: RunBlock): void => {
    waiting.enter(item)
    previous = item.block
  }

  /** Compresses the waiting blocks as one run. Those that do not fit after all are dropped, and the channel is full. */
  const seal = async (): Promise<void> => {
    if (waiting.blockCount === 0) return
    let { items, fastLzBytes } = waiting.take()
    for (let attempt = 0; items.length > 0; attempt++) {
      const run = encoder.encode(items)
      const piece = await compressed.compress(run)
      const first = compressed.blockCount === 0 && items.length === 1
      const refusal = first ? beyondLimits(compressed.exact + piece.length, compressor.endBytes, settings) : undefined
      if (refusal !== undefined) {
        await compressed.rewind()
        throw refusal
      }
      if (piece.length <= room() || first) {
        compressed.keep(run, piece, items.length)
        waiting.learn(fastLzBytes, piece.length)
        if (room() <= runOverheadBytes) state = 'full'
        return
      }
      state = 'full'
      await compressed.rewind()
      // What fits is in proportion to what was too much. When nothing is in yet, one block has to be in the end.
      const share = attempt < maxRetries ? Math.max(0, (room() / piece.length) * margin) : 0
      const keep = Math.min(Math.floor(items.length * share), items.length - 1)
      fastLzBytes *= keep / items.length
      items = items.slice(0, keep === 0 && compressed.blockCount === 0 ? 1 : keep)
    }
  }

  const add = async (block: BatchBlock): Promise<'added' | 'full'> => {
    ensureOpen()
    if (state === 'full') return 'full'
    const item = encoder.prepare(block, previous)
    if (compressed.rlpBytes + spanPrefixBytes + waiting.maxBytes + item.maxBytes > maxRlpBytes) {
      if (blockCount() > 0) return full()
      throw new SequencerError(`a block of ${item.maxBytes} bytes, at most ${maxRlpBytes}`, {
        code: 'CHANNEL_BLOCK_TOO_LARGE',
        details: { bytes: item.maxBytes, maxRlpBytes },
      })
    }
    if (!waiting.fits(item, room()) && waiting.blockCount > 0) {
      await seal()
      if (isFull()) return 'full'
    }
    if (waiting.fits(item, room())) {
      enter(item)
      if (waiting.blockCount >= settings.maxBlocksPerSpan) await seal()
      return 'added'
    }
    if (compressed.blockCount > 0) return full()
    // The first block, larger than the careful first estimate allows: compressed at once.
    enter(item)
    await seal()
    return 'added'
  }

  const close = async (): Promise<ClosedChannel> => {
    ensureOpen()
    await seal()
    const data = (await compressed.end()) ?? new Uint8Array()
    state = 'closed'
    const { rlpBytes } = compressed
    const frames = cutFrames(channelId, data, frameDataBytes)
    return { channelId, frames, blockCount: compressed.blockCount, rlpBytes, compressedBytes: data.length }
  }

  return {
    add: block => serially(() => add(block)),
    close: () => serially(close),
    abort() {
      state = 'closed'
      compressed.abort()
    },
    get blockCount() {
      return blockCount()
    },
    get size() {
      const { exact } = compressed
      return { exact, estimated: waiting.blockCount === 0 ? exact : Math.round(exact + waiting.estimate()) }
    },
    capacity,
  }
}
