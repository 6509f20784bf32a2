export { openBookkeeper } from './economics/bookkeeper.js'
export { openGasToken } from './economics/gas-token.js'
export { ledgerPages } from './economics/pages.js'
export { type EconomicsStatus, economicsStatus } from './economics/status.js'
export { checkedEngine } from './engine/checked.js'
export { chooseEngine, type EngineOptions, startEngine, startEngines } from './engine/choice.js'
export {
  agreedHeight,
  type BlockRecord,
  catchUp,
  type EngineFamily,
  type EngineKind,
  engineKinds,
  familyOf,
  type NodeEngine,
} from './engine/engine.js'
export { defaultHistory, parseHistory } from './engine/history.js'
export { findOpEngine } from './engine/op-engine.js'
export { NodeError } from './errors.js'
export { type L1, l1BlockSeconds, l1Wallet, openL1 } from './l1/l1.js'
export { openL1Watch } from './l1/l1-watch.js'
export { createControlPlane } from './pool/control-plane.js'
export { createWatcher } from './pool/watcher.js'
export { type Batching, openBatching } from './posting/batching.js'
export { expectedInclusionBlocks } from './posting/planning.js'
export { openPosting } from './posting/posting.js'
export { checkPort } from './process/port.js'
export { createShutdown, type Shutdown } from './process/shutdown.js'
export { createSupervision } from './process/supervision.js'
export { type AdminOptions, openAdmin } from './rpc/admin.js'
export { RpcAnswerError, rpcCall } from './rpc/client.js'
export { createFeed } from './rpc/feed.js'
export { rpcMethods } from './rpc/methods.js'
export { createMetrics } from './rpc/metrics.js'
export { startRpcServer } from './rpc/server.js'
export { userTransactionsOf } from './sequencer/published.js'
export { fastestRecovery } from './sequencer/recovery.js'
export { openSequencer } from './sequencer/sequencer.js'
export { createActivity } from './status/activity.js'
export {
  bar,
  fixed,
  formatBytes,
  formatDuration,
  formatSignedBps,
  formatToken,
  formatWei,
  shortHex,
  wrapParts,
} from './status/format.js'
export { createHealth, healthPages } from './status/health.js'
export { createStatus } from './status/node-status.js'
export type { Status } from './status/status.js'
export { type ChainIdentity, type DataDirectory, openDataDirectory } from './storage/data-directory.js'
export { openVerifier } from './verifier/verifier.js'
