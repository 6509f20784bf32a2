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
