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

export {
  type BrotliCompressorOptions,
  createNodeBrotliCompressor,
  createNodeZlibCompressor,
  nodeDecompressors,
} from './compression/node.js'
// transaction
export { createNativeRecovery } from './transaction/native.js'
export { createRecoveryPool, type RecoveryPool, type RecoveryPoolOptions } from './transaction/recovery-pool.js'
