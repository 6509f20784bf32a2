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
export { createControlPlane } from './pool/control-plane.js'
export { createWatcher } from './pool/watcher.js'
export { createFundsAlarm } from './posting/funds.js'
export { createPlanner, expectedInclusionBlocks } from './posting/planning.js'
export { openPosting } from './posting/posting.js'
export { checkPort } from './process/port.js'
export { RpcAnswerError, rpcCall } from './rpc/client.js'
export { ethMethods, furtherMethods } from './rpc/eth.js'
export { filterMethods } from './rpc/filters.js'
export { type BatchRecord, faultMethods, l2Methods } from './rpc/l2.js'
export { createMetrics } from './rpc/metrics.js'
export { startRpcServer } from './rpc/server.js'
export { toBatcherBlock, userTransactionsOf } from './sequencer/published.js'
export { openSequencer } from './sequencer/sequencer.js'
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
export type { Status } from './status/status.js'
export { type ChainIdentity, type DataDirectory, openDataDirectory } from './storage/data-directory.js'
export { openVerifier } from './verifier/verifier.js'
