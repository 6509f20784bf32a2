// engine
export { type AnvilProcess, anvilBinary, type SpawnAnvilOptions, spawnAnvil } from './engine/anvil-process.js'
export {
  type GethProcess,
  gethBinary,
  type SpawnGethOptions,
  type SpawnOpGethOptions,
  spawnGeth,
  spawnOpGeth,
} from './engine/geth-process.js'
// guard
export { type FileGuard, type FileGuardOptions, openFileGuard } from './guard/file.js'
// log
export { type FileLog, type FileLogOptions, type FileLogRecovery, openFileLog } from './log/file.js'
export { type FileJournal, openFileJournal } from './mempool/file-journal.js'

// mempool

export type { L2Error, L2ErrorOptions, Recovery } from '@l2/common'
export type {
  CompressionAlgorithm,
  CompressionStream,
  Compressor,
  Decompress,
  Decompressed,
  Decompressors,
} from './compression/compression.js'
export {
  type BrotliCompressorOptions,
  createNodeBrotliCompressor,
  createNodeZlibCompressor,
  nodeDecompressors,
} from './compression/node.js'
export type { ZlibCompressorOptions } from './compression/zlib.js'
export type { AnvilArguments } from './engine/anvil-arguments.js'
export type { GethProcessOptions } from './engine/geth-process.js'
export type { SequencerError, SequencerErrorCode } from './errors.js'
export type { Reservation, SigningGuard } from './guard/guard.js'
export type { SigningPosition, Watermark } from './guard/watermark.js'
export type { Child } from './internal/child.js'
export type { Lease, LogEntry, LogHead, NewLogEntry, ReadLogOptions, SequencerLog } from './log/log.js'
export type { JournaledTransaction, JournalRecord, MempoolJournal } from './mempool/journal.js'
export type { KnownAccount, PooledTransaction, TransactionCondition } from './mempool/types.js'
// transaction
export { createNativeRecovery } from './transaction/native.js'
export type { BatchSenderRecovery, SenderRecovery } from './transaction/recovery.js'
export { createRecoveryPool, type RecoveryPool, type RecoveryPoolOptions } from './transaction/recovery-pool.js'
export type { AccessListEntry, Authorization, Transaction, TransactionType } from './transaction/types.js'
