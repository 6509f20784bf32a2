import { concatBytes, hexToBytes } from '@l2/common'
import type { Hex } from 'viem'
import { encodeBatch, encodeParsedSpan } from '../batch/batch.js'
import { fixedBytes, toSingularBatch } from '../batch/singular.js'
import { advancesOrigin, checkSpanStep, spanPrefix } from '../batch/span.js'
import { parseSpanTransactions, type SpanColumns, spanChain } from '../batch/span-columns.js'
import type { BatchBlock } from '../batch/types.js'
import { brotliChannelByte, type CompressionStream, type Compressor } from '../compression/compression.js'
import { SequencerError } from '../errors.js'
import { fastLzSize } from '../fees/fastlz.js'
import { encodeRlp } from '../rlp/rlp.js'
import { maxRlpBytesPerChannel } from './batch-stream.js'
import { frameAccountingBytes } from './channel.js'
import { type Frame, maxBlobFrameDataBytes, maxChannelFrames, maxFrameDataBytes } from './frame.js'

/** Options of {@link createChannelOut}. */
export type ChannelOutOptions = {
  /** 16 random bytes, never used before. */
  channelId: Hex
  chainId: bigint
  /** L2 genesis time, seconds. */
  genesisTime: bigint
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

/** A block that waits to be compressed, ready to be written. */
type Waiting = {
  readonly block: BatchBlock
  /** Singular: its batch. Span: `undefined`, the run is encoded as one. */
  readonly bytes: Uint8Array | undefined
  readonly columns: SpanColumns | undefined
  /** Bytes it adds to the batch stream, at most. */
  readonly maxBytes: number
}

/** How much of the room a run of blocks may be estimated to take. The first run, whose ratio is a guess, is kept short. */
const firstMargin = 0.7
const margin = 0.94
/** What a run costs beside its blocks: the span's prefix, the flush, fresh code tables. */
const runOverheadBytes = 192
/** Prefix, counts and RLP header of a span batch, at most. */
const spanPrefixBytes = 96
/** Runs that may turn out too long before the channel is content with what it has. */
const maxRetries = 4

/** FastLZ length of small input; of large input an estimate, from a quarter of it spread evenly. */
function sampledFastLzSize(bytes: Uint8Array): number {
  const stride = 32_768
  const window = 8_192
  if (bytes.length <= stride) return fastLzSize(bytes)
  let size = 0
  let seen = 0
  for (let at = 0; at < bytes.length; at += stride) {
    const part = bytes.subarray(at, at + window)
    size += fastLzSize(part)
    seen += part.length
  }
  return size * (bytes.length / seen)
}

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
 * const rollup = { chainId: 10n, genesisTime: 1_700_000_000n, blockTimeSeconds: 2n }
 * const channel = createChannelOut({ ...rollup, channelId: `0x${'07'.repeat(16)}` }, createZlibCompressor())
 * for (let i = 0n; i < 100n; i++) {
 *   await channel.add({
 *     parentHash: `0x${i.toString(16).padStart(64, '0')}`,
 *     timestamp: rollup.genesisTime + 2n * i,
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
  const { batchType, frameDataBytes, maxRlpBytes } = settings
  const capacity = settings.targetFrames * frameDataBytes
  const chain = spanChain(settings.chainId)
  const prefix = compressor.algorithm === 'brotli' ? Uint8Array.of(brotliChannelByte) : new Uint8Array()

  let stream: CompressionStream | undefined
  /** Compressed pieces and the batch bytes they came from, one each per run. */
  let pieces: Uint8Array[] = []
  let runs: Uint8Array[] = []
  let exact = prefix.length
  let rlpBytes = 0
  let inRuns = 0
  let waiting: Waiting[] = []
  let waitingBytes = 0
  let previous: BatchBlock | undefined
  /** Of the blocks that wait: FastLZ length of the measured ones, and what was not measured yet. */
  let flz = 0
  let unmeasured: Waiting[] = []
  let unmeasuredBytes = 0
  /** Compressed bytes of a FastLZ byte. */
  let ratio = 1
  let calibrated = false
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
  const room = (): number => capacity - compressor.endBytes - exact
  const ensureOpen = (): void => {
    if (state === 'closed') throw new SequencerError('the channel is closed', { code: 'CHANNEL_CLOSED' })
  }

  /** Takes a block apart and refuses what cannot be encoded, before anything changed. */
  const prepare = (block: BatchBlock): Waiting => {
    if (previous !== undefined) {
      checkSpanStep(previous, block)
      if (block.timestamp !== previous.timestamp + settings.blockTimeSeconds) {
        throw new SequencerError(
          `block at ${block.timestamp} does not follow the one at ${previous.timestamp} by ${settings.blockTimeSeconds} s`,
          { code: 'BATCH_FIELD_INVALID', details: { timestamp: block.timestamp, previous: previous.timestamp } },
        )
      }
    }
    if (batchType === 'singular') {
      const bytes = encodeRlp(encodeBatch(toSingularBatch(block), settings))
      return { block, bytes, columns: undefined, maxBytes: bytes.length }
    }
    spanPrefix(block, block, settings)
    if (settings.draftFeeRecipients) fixedBytes(block.feeRecipient ?? '', 20, 'feeRecipient')
    const columns = parseSpanTransactions(block.transactions, chain)
    return { block, bytes: undefined, columns, maxBytes: columns.maxBytes + (settings.draftFeeRecipients ? 26 : 6) }
  }

  /** Moves everything that waits unmeasured into the measured sum. */
  const measure = (): void => {
    const parts = unmeasured.flatMap(item => item.bytes ?? item.block.transactions)
    flz += sampledFastLzSize(concatBytes(...parts)) + unmeasured.length
    unmeasured = []
    unmeasuredBytes = 0
  }

  /** Whether a block may wait with the others. Blocks are looked at only when they would not fit uncompressed. */
  const fits = (item: Waiting): boolean => {
    const limit = room() * (calibrated ? margin : firstMargin) - runOverheadBytes
    if (flz * ratio + unmeasuredBytes + item.maxBytes <= limit) return true
    if (unmeasured.length > 0) {
      measure()
      if (flz * ratio + item.maxBytes <= limit) return true
    }
    unmeasured = [item]
    const before = flz
    measure()
    const fit = flz * ratio <= limit
    flz = before
    return fit
  }

  const enter = (item: Waiting): void => {
    waiting.push(item)
    waitingBytes += item.maxBytes
    unmeasured.push(item)
    unmeasuredBytes += item.maxBytes
    previous = item.block
  }

  const encodeRun = (items: readonly Waiting[]): Uint8Array => {
    if (batchType === 'singular') return concatBytes(...items.map(item => item.bytes!))
    const batch = encodeParsedSpan(
      spanPrefix(items[0]!.block, items.at(-1)!.block, settings),
      items.map(({ block, columns }, i) => ({
        originAdvanced: advancesOrigin(block, items[i - 1]?.block),
        columns: columns!,
      })),
      settings.draftFeeRecipients ? items.map(({ block }) => block.feeRecipient) : undefined,
    )
    return encodeRlp(batch)
  }

  const compressRun = async (run: Uint8Array): Promise<Uint8Array> => {
    stream ??= compressor.open()
    await stream.write(run)
    return stream.flush()
  }

  /** Starts the compressor over with the runs that are in: the same calls give the same bytes. */
  const rewind = async (): Promise<void> => {
    stream?.abort()
    stream = undefined
    for (const run of runs) await compressRun(run)
  }

  /** Compresses the waiting blocks as one run. Those that do not fit after all are dropped, and the channel is full. */
  const seal = async (): Promise<void> => {
    if (waiting.length === 0) return
    measure()
    let items = waiting
    let estimated = Math.max(1, flz)
    waiting = []
    waitingBytes = 0
    flz = 0
    for (let attempt = 0; items.length > 0; attempt++) {
      const run = encodeRun(items)
      const piece = await compressRun(run)
      const first = inRuns === 0 && items.length === 1
      if (first) await refuseBeyondLimits(piece.length)
      if (exact + piece.length + compressor.endBytes <= capacity || first) {
        pieces.push(piece)
        runs.push(run)
        exact += piece.length
        rlpBytes += run.length
        inRuns += items.length
        // Of two runs the worse ratio counts more: one light run must not tempt the next too far.
        const now = Math.max(0.02, (piece.length - runOverheadBytes / 2) / estimated)
        ratio = calibrated ? Math.max(now, (ratio + now) / 2) : now
        calibrated = true
        if (room() <= runOverheadBytes) state = 'full'
        return
      }
      state = 'full'
      await rewind()
      // What fits is in proportion to what was too much. When nothing is in yet, one block has to be in the end.
      const share = attempt < maxRetries ? Math.max(0, (room() / piece.length) * margin) : 0
      const keep = Math.min(Math.floor(items.length * share), items.length - 1)
      estimated *= keep / items.length
      items = items.slice(0, keep === 0 && inRuns === 0 ? 1 : keep)
    }
  }

  /** The first block alone may be beyond the target, but not beyond what a decoder takes. */
  const refuseBeyondLimits = async (pieceBytes: number): Promise<void> => {
    const compressedBytes = exact + pieceBytes
    const frames = Math.ceil((compressedBytes + compressor.endBytes) / frameDataBytes)
    if (frames >= maxChannelFrames || compressedBytes + (frames + 1) * frameAccountingBytes > maxRlpBytes) {
      await rewind()
      throw new SequencerError(`the first block alone takes ${compressedBytes} compressed bytes`, {
        code: 'CHANNEL_BLOCK_TOO_LARGE',
        details: { compressedBytes, maxRlpBytes },
      })
    }
  }

  const add = async (block: BatchBlock): Promise<'added' | 'full'> => {
    ensureOpen()
    if (state === 'full') return 'full'
    const item = prepare(block)
    if (rlpBytes + spanPrefixBytes + waitingBytes + item.maxBytes > maxRlpBytes) {
      if (inRuns + waiting.length > 0) return full()
      throw new SequencerError(`a block of ${item.maxBytes} bytes, at most ${maxRlpBytes}`, {
        code: 'CHANNEL_BLOCK_TOO_LARGE',
        details: { bytes: item.maxBytes, maxRlpBytes },
      })
    }
    if (!fits(item) && waiting.length > 0) {
      await seal()
      if (isFull()) return 'full'
    }
    if (fits(item)) {
      enter(item)
      if (waiting.length >= settings.maxBlocksPerSpan) await seal()
      return 'added'
    }
    if (inRuns > 0) return full()
    // The first block, larger than the careful first estimate allows: compressed at once.
    enter(item)
    await seal()
    return 'added'
  }

  const close = async (): Promise<ClosedChannel> => {
    ensureOpen()
    await seal()
    const { channelId } = settings
    if (inRuns === 0 || stream === undefined) {
      state = 'closed'
      return { channelId, frames: [], blockCount: 0, rlpBytes: 0, compressedBytes: 0 }
    }
    const data = concatBytes(prefix, ...pieces, await stream.end())
    state = 'closed'
    const frames: Frame[] = []
    for (let at = 0; at < data.length; at += frameDataBytes) {
      const end = at + frameDataBytes
      frames.push({ channelId, frameNumber: frames.length, data: data.subarray(at, end), isLast: end >= data.length })
    }
    pieces = []
    runs = []
    return { channelId, frames, blockCount: inRuns, rlpBytes, compressedBytes: data.length }
  }

  return {
    add: block => serially(() => add(block)),
    close: () => serially(close),
    abort() {
      state = 'closed'
      stream?.abort()
    },
    get blockCount() {
      return inRuns + waiting.length
    },
    get size() {
      if (waiting.length === 0) return { exact, estimated: exact }
      measure()
      return { exact, estimated: Math.round(exact + flz * ratio + runOverheadBytes) }
    },
    capacity,
  }
}
