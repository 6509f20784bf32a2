export type { L2Error, L2ErrorOptions, Recovery } from '@l2/common'
export type { Batch, SingularBatch, SpanBatch, SpanBlock } from '../batch/types.js'
export type { ChannelEnd, ChannelReader, ChannelStreamOptions } from '../channel/batch-stream.js'
export type { CompressionAlgorithm, Decompress, Decompressed, Decompressors } from '../compression/compression.js'
export type { SequencerError, SequencerErrorCode } from '../errors.js'
export {
  decodeMetisInbox,
  decodeMetisInboxBlocks,
  encodeMetisInbox,
  encodeMetisInboxBlocks,
  type MetisDaType,
  type MetisInbox,
  type MetisInboxBlock,
  type MetisInboxTransaction,
  metisBlobTransactions,
} from './inbox.js'
export {
  decodeMetisSpanBatch,
  encodeMetisSpanBatch,
  type MetisBugs,
  type MetisRollup,
  type MetisSequencerSignature,
  type MetisSpanBatch,
  type MetisSpanBlock,
  type MetisTransaction,
  metisBlockPositions,
  openMetisChannel,
} from './span.js'
