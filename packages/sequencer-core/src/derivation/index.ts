export type { Clock, L2Error, L2ErrorOptions, Recovery } from '@l2/common'
export type { SingularBatch, SpanBatch, SpanBlock } from '../batch/types.js'
export type { FrameRefusal } from '../channel/channel.js'
export type { Decompress, Decompressed, Decompressors } from '../compression/compression.js'
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
} from '../engine/engine.js'
export type { SequencerError, SequencerErrorCode } from '../errors.js'
export type { AccountState } from '../mempool/types.js'
export type { SenderRecovery } from '../transaction/recovery.js'
export type { AccessListEntry } from '../transaction/types.js'
export { type AttributesInput, type BuiltAttributes, buildAttributes, sequencerFeeVault } from './attributes.js'
export {
  type BatchContext,
  type BatchReason,
  type BatchVerdict,
  checkOverlappedBlock,
  checkSingularBatch,
  checkSpanBlocks,
  checkSpanPrefix,
  type SafeBlock,
  type SpanBlockFacts,
  type SpanFacts,
  spanBlocks,
  spanFacts,
  spanParentNumber,
} from './batch-check.js'
export type { IncludedBatch } from './batch-queue.js'
export {
  type BatchedBlock,
  type BatchStage,
  type BatchStageOptions,
  type BatchStageOutput,
  createBatchStage,
} from './batch-stage.js'
export { decodeBlobPayload } from './blob-payload.js'
export {
  type ChannelStage,
  type ChannelStageNeed,
  type ChannelStageOptions,
  type ChannelStageOutput,
  createChannelStage,
} from './channel-stage.js'
export { coldStartL1Number, type DerivationCheckpoint, genesisCheckpoint } from './checkpoint.js'
export { applyConfigLogs, configCarriedByBlock } from './config-changes.js'
export {
  aliasL1Address,
  countLeadingDeposits,
  type DepositSource,
  type DepositTransaction,
  decodeDeposit,
  depositFromLog,
  depositSourceHash,
  depositsOfBlock,
  depositType,
  encodeDeposit,
  encodeDepositLog,
  isDeposit,
  transactionDepositedTopic,
} from './deposit.js'
export type { DriverRunOptions } from './driver.js'
export {
  createDerivationDriver,
  type DerivationDriver,
  type DerivationDriverOptions,
  type DerivationStatus,
  type DriverEvent,
} from './driver.js'
export {
  type ForkName,
  type ForkSchedule,
  forkNames,
  isForkActivationBlock,
  isForkActive,
  isUpgradeOnlyBlock,
} from './fork-schedule.js'
export type { L1Block, L1BlockRef, L1Header, L1Log, L1Transaction } from './l1.js'
export { type BlobFeeStep, blobFeeOf, l1BlobFeeSchedules } from './l1-blob-fee.js'
export type { EcotoneL1Info, IsthmusL1Info } from './l1-info.js'
export {
  decodeL1Info,
  encodeL1Info,
  encodeL1InfoDeposit,
  type L1Info,
  l1BlockPredeploy,
  l1InfoDeposit,
  l1InfoDepositor,
  l1InfoFor,
} from './l1-info.js'
export { nextOrigin, type OriginChoice } from './l1-origin.js'
export { createRpcL1Source, type L1Client, type RpcL1SourceOptions } from './l1-rpc.js'
export type { BlobSource, CommitmentSource, L1Source } from './l1-source.js'
export { type InboxTransaction, readInboxTransaction } from './l1-transaction.js'
export {
  decodeExtraData,
  type ExtraData,
  encodeExtraData,
  genesisBlockRef,
  type L2BlockRef,
  l2BlockRef,
  systemConfigOfBlock,
} from './l2.js'
export { createDerivationPipeline } from './pipeline.js'
export type {
  DerivationEvent,
  DerivationInput,
  DerivationNeed,
  DerivationOptions,
  DerivationOutput,
  DerivationPipeline,
  ExecutedRef,
  IsBatcher,
} from './pipeline-types.js'
export { allForksAtGenesis, type NewRollup, newRollup, rollupPresets } from './presets.js'
export {
  type AltDaConfig,
  type BlockId,
  channelTimeoutBlocks,
  checkRollupConfig,
  maxSequencerDriftSeconds,
  type RollupConfig,
} from './rollup-config.js'
export { fromRollupJson, type RollupJson, toRollupJson } from './rollup-json.js'
export {
  applyConfigUpdate,
  configUpdateTopic,
  decodeConfigUpdate,
  ecotoneScalars,
  encodeConfigUpdate,
  type SystemConfig,
  type SystemConfigUpdate,
} from './system-config.js'
export {
  loadUpgradeTransactions,
  type UpgradeFacts,
  type UpgradeSource,
  type UpgradeTransactions,
  upgradeFacts,
} from './upgrade-transactions.js'
