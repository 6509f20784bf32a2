export type { L2Error, L2ErrorOptions, Recovery } from '@l2/common'
export {
  type ChannelEnd,
  type ChannelReader,
  type ChannelStreamOptions,
  maxRlpBytesPerChannel,
  type OpenChannelOptions,
  openChannel,
} from '../channel/batch-stream.js'
export { type FrameRefusal, frameAccountingBytes, type ReadyChannel } from '../channel/channel.js'
export { type ChannelBank, type ChannelBankRules, createChannelBank } from '../channel/channel-bank.js'
export {
  type ChannelOut,
  type ChannelOutOptions,
  type ClosedChannel,
  createChannelOut,
} from '../channel/channel-out.js'
export {
  type BatcherTransaction,
  decodeBatcherTransaction,
  encodeBatcherTransaction,
  type Frame,
  frameOverheadBytes,
  maxBlobFrameDataBytes,
  maxBlobPayloadBytes,
  maxChannelFrames,
  maxFrameDataBytes,
} from '../channel/frame.js'
export {
  type AssemblerRules,
  type ChannelAssembler,
  createChannelAssembler,
  pruneFrames,
} from '../channel/frame-queue.js'
export type {
  CompressionAlgorithm,
  CompressionStream,
  Compressor,
  Decompress,
  Decompressed,
  Decompressors,
} from '../compression/compression.js'
export { createZlibCompressor, inflateZlib, type ZlibCompressorOptions } from '../compression/zlib.js'
export type { SequencerError, SequencerErrorCode } from '../errors.js'
export { decodeBatch, encodeBatch } from './batch.js'
export { toSingularBatch } from './singular.js'
export { type SpanBlockPosition, spanBlockPositions, toSpanBatch } from './span.js'
export {
  type Batch,
  type BatchBlock,
  type BatchRollup,
  maxSpanBatchElements,
  type SingularBatch,
  type SpanBatch,
  type SpanBlock,
} from './types.js'
