export type { Clock, L2Error, L2ErrorOptions, Recovery } from '@l2/common'
export { fromJson, isL2Error, toJson } from '@l2/common'
export type { Batch, BatchBlock, BatchRollup, SingularBatch, SpanBatch, SpanBlock } from './batch/types.js'
export type { Batcher, BatcherDependencies } from './batcher/batcher.js'
export { createBatcher } from './batcher/batcher.js'
export type { BatcherFunds } from './batcher/funds.js'
export type { BatcherOptions, BatcherSetup } from './batcher/options.js'
export type {
  BatcherApproval,
  BatcherBlock,
  BatcherEvent,
  BatcherNode,
  BatcherSink,
  BatcherView,
  ChannelPlanner,
  ChannelShape,
  CloseReason,
  UnpostedChannel,
  WaitingReason,
} from './batcher/ports.js'
export type { ClearReason, SyncStatus, WaitReason } from './batcher/sync-actions.js'
export type { BatcherTurn } from './batcher/turn.js'
export type { BlockBuilder, BlockBuilderOptions, BuiltBlock } from './block/builder.js'
export { createBlockBuilder } from './block/builder.js'
export type { SequencerHeader } from './block/header.js'
export type { BlockLimits, BuildRequest, LeftOut } from './block/request.js'
export type { UnsignedBlock } from './block/sealed-block.js'
export type { ChannelEnd, ChannelReader, ChannelStreamOptions, OpenChannelOptions } from './channel/batch-stream.js'
export { openChannel } from './channel/batch-stream.js'
export type { FrameRefusal } from './channel/channel.js'
export type { ChannelOut, ChannelOutOptions, ClosedChannel } from './channel/channel-out.js'
export { createChannelOut } from './channel/channel-out.js'
export type { BatcherTransaction, Frame } from './channel/frame.js'
export { decodeBatcherTransaction } from './channel/frame.js'
export type {
  CompressionAlgorithm,
  CompressionStream,
  Compressor,
  Decompress,
  Decompressed,
  Decompressors,
} from './compression/compression.js'
export type { BatchReason, BatchVerdict, SafeBlock } from './derivation/batch-check.js'
export type { DerivationCheckpoint } from './derivation/checkpoint.js'
export type {
  DerivationDriver,
  DerivationDriverOptions,
  DerivationStatus,
  DriverEvent,
  DriverRunOptions,
} from './derivation/driver.js'
export { createDerivationDriver } from './derivation/driver.js'
export type { ForkName, ForkSchedule } from './derivation/fork-schedule.js'
export type { L1Block, L1BlockRef, L1Header, L1Log, L1Transaction } from './derivation/l1.js'
export type { BlobSource, CommitmentSource, L1Source } from './derivation/l1-source.js'
export type { L2BlockRef } from './derivation/l2.js'
export { createDerivationPipeline } from './derivation/pipeline.js'
export type {
  DerivationEvent,
  DerivationInput,
  DerivationNeed,
  DerivationOptions,
  DerivationOutput,
  DerivationPipeline,
  ExecutedRef,
  IsBatcher,
} from './derivation/pipeline-types.js'
export type { NewRollup } from './derivation/presets.js'
export { newRollup, rollupPresets } from './derivation/presets.js'
export type { AltDaConfig, BlockId, RollupConfig } from './derivation/rollup-config.js'
export type { SystemConfig } from './derivation/system-config.js'
export type { UpgradeTransactions } from './derivation/upgrade-transactions.js'
export type { AnvilDump, AnvilEngine, AnvilEngineOptions } from './engine/anvil.js'
export { createAnvilEngine } from './engine/anvil.js'
export type { Eip1559Parameters } from './engine/eip1559.js'
export type {
  AccessCall,
  CallOptions,
  ExecutedBlock,
  ExecutedHeader,
  ExecutionEngine,
  ExecutionReceipt,
  ForkchoiceHeads,
  PayloadAttributes,
  TracedAccess,
} from './engine/engine.js'
export type { EngineApi, EngineApiOptions } from './engine/engine-api.js'
export { createEngineApi } from './engine/engine-api.js'
export type { GenesisAccount, OpGenesis, OpGenesisOptions } from './engine/op-genesis.js'
export { opGenesis } from './engine/op-genesis.js'
export type { SequencerError, SequencerErrorCode } from './errors.js'
export type { ForcedInclusionRule } from './forced/deadline.js'
export type { QueueEntry } from './forced/queue.js'
export type { HeadUpdate, Mempool, MempoolDeps } from './mempool/mempool.js'
export { createMempool } from './mempool/mempool.js'
export type { MempoolOptions } from './mempool/options.js'
export type {
  AccountState,
  AddContext,
  Bundle,
  BundleRange,
  DropReason,
  HeadCursor,
  HeadOrder,
  KnownAccount,
  PendingPool,
  PoolEvent,
  PooledTransaction,
  PoolHead,
  SenderQueue,
  TransactionCondition,
} from './mempool/types.js'
export type {
  Admission,
  AdmissionContext,
  BlockContext,
  BlockOrdering,
  ForcedTransaction,
  OrderedBlock,
  OrderingEvidence,
  OrderingPolicy,
  OrderingView,
  Outcome,
  Step,
  Violation,
} from './ordering/policy.js'
export type { GasSchedule } from './transaction/gas.js'
export type { SenderRecovery } from './transaction/recovery.js'
export type { AccessListEntry, Authorization, Transaction, TransactionType } from './transaction/types.js'
