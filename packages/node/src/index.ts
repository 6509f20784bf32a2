export type { L2Error, L2ErrorOptions, Recovery } from '@l2/common'
export { isL2Error } from '@l2/common'
export type { Bookkeeper, BookkeeperOptions, LedgerPage, LedgerRow, LedgerView } from './economics/bookkeeper.js'
export { openBookkeeper } from './economics/bookkeeper.js'
export type { BookRecord, Books, L1Cost, Submission } from './economics/books.js'
export { openGasToken } from './economics/gas-token.js'
export { ledgerPages } from './economics/pages.js'
export { type EconomicsStatus, economicsStatus } from './economics/status.js'
export { checkedEngine } from './engine/checked.js'
export type { EngineWish } from './engine/choice.js'
export { chooseEngine, type EngineOptions, startEngine, startEngines } from './engine/choice.js'
export type { BlockId, EngineGroup, Read, Reader, StateEngine } from './engine/engine.js'
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
export type { History } from './engine/history.js'
export { defaultHistoryText, parseHistory } from './engine/history.js'
export { findOpEngine } from './engine/op-engine.js'
export type { NodeErrorCode } from './errors.js'
export { NodeError } from './errors.js'
export type { L1Options } from './l1/l1.js'
export { type L1, l1BlockSeconds, l1Wallet, openL1 } from './l1/l1.js'
export { createL1Heads, type L1Heads } from './l1/l1-heads.js'
export type { L1Watch } from './l1/l1-watch.js'
export { openL1Watch } from './l1/l1-watch.js'
export type { ControlPlane, PoolGenesis } from './pool/control-plane.js'
export { createControlPlane } from './pool/control-plane.js'
export type { SignedHeader, Watcher, WatcherOptions } from './pool/watcher.js'
export { createWatcher } from './pool/watcher.js'
export type { BatchingParts, BatchRecord } from './posting/batching.js'
export { type Batching, openBatching } from './posting/batching.js'
export type { Wallet } from './posting/funds.js'
export type { LayerOptions } from './posting/layers.js'
export { expectedInclusionBlocks } from './posting/planning.js'
export type { Posting, PostingOptions } from './posting/posting.js'
export { openPosting } from './posting/posting.js'
export { createPosterTurn, type PosterTurnOptions } from './posting/turn.js'
export type { Parts } from './process/parts.js'
export { createParts } from './process/parts.js'
export type { PortPlace } from './process/port.js'
export { checkPort } from './process/port.js'
export { createShutdown, type Shutdown } from './process/shutdown.js'
export type { LoopOptions, Supervision, Waiting } from './process/supervision.js'
export { createSupervision } from './process/supervision.js'
export { type AdminOptions, openAdmin } from './rpc/admin.js'
export type { Caller, RpcMethod, RpcMethods } from './rpc/answer.js'
export type { Heads } from './rpc/block-reference.js'
export { RpcAnswerError, rpcCall } from './rpc/client.js'
export { nodeVersion } from './rpc/eth.js'
export type { Feed, FeedEvent } from './rpc/feed.js'
export { createFeed } from './rpc/feed.js'
export type { ChainContracts, L2View } from './rpc/l2.js'
export type { RpcView } from './rpc/methods.js'
export { rpcMethods } from './rpc/methods.js'
export { createMetrics } from './rpc/metrics.js'
export type { RollupView } from './rpc/rollup.js'
export type { Page, RpcServer, RpcServerOptions } from './rpc/server.js'
export { startRpcServer } from './rpc/server.js'
export type { Followed } from './sequencer/block-log.js'
export type { Faults } from './sequencer/faults.js'
export type { BlockFees } from './sequencer/fees.js'
export type { PublishedBlock } from './sequencer/published.js'
export { userTransactionsOf } from './sequencer/published.js'
export { fastestRecovery } from './sequencer/recovery.js'
export type { Sequencer, SequencerOptions } from './sequencer/sequencer.js'
export { openSequencer } from './sequencer/sequencer.js'
export { engineTransport } from './settlement/books.js'
export { type EngineOutputs, type EngineOutputsOptions, engineOutputs } from './settlement/outputs.js'
export type { SettlingParts } from './settlement/settling.js'
export { openSettling, type Settling, type SettlingOptions, type SettlingStatus } from './settlement/settling.js'
export type { Activity } from './status/activity.js'
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
export { type Check, createHealth, type Health, type HealthParts, healthPages } from './status/health.js'
export type { StatusParts } from './status/node-status.js'
export { createStatus } from './status/node-status.js'
export type { Head, Status } from './status/status.js'
export { type ChainIdentity, type DataDirectory, openDataDirectory } from './storage/data-directory.js'
export { writeFileDurably } from './storage/durable.js'
export type { Verified, Verifier, VerifierOptions } from './verifier/verifier.js'
export { openVerifier } from './verifier/verifier.js'
