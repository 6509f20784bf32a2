export { fromJson, toJson } from '@l2/common'

// batch

// access
export {
  type AccessOptions,
  type AccessSet,
  accessFromBlockAccessList,
  accessFromTrace,
  accessFromTransaction,
  type BlockAccessAccount,
  type PrestateDiff,
  type TracedAccount,
} from './access/access.js'
export {
  buildConflictGraph,
  type ConflictGraph,
  type ConflictNode,
  type CriticalPath,
  conflictAwareOrder,
  criticalPath,
  type HotSlot,
  hotSlots,
  type LaneSchedule,
  scheduleLanes,
  toConflictJson,
} from './access/graph.js'
export { decodeBatch, encodeBatch } from './batch/batch.js'
export { toSingularBatch } from './batch/singular.js'
export { type SpanBlockPosition, spanBlockPositions, toSpanBatch } from './batch/span.js'
export {
  type Batch,
  type BatchBlock,
  type BatchRollup,
  maxSpanBatchElements,
  type SingularBatch,
  type SpanBatch,
  type SpanBlock,
} from './batch/types.js'
// batcher
export {
  type ActiveSequencer,
  type ActiveSequencerEvent,
  type ActiveSequencerOptions,
  createActiveSequencer,
  type SequencerEndpoint,
} from './batcher/active-sequencer.js'
export { type AdminMethod, type BatcherAdminOptions, batcherAdmin } from './batcher/admin.js'
export { type Batcher, type BatcherDependencies, createBatcher } from './batcher/batcher.js'
export { blobsWorthPosting } from './batcher/fill.js'
export { type BatcherFunds, projectRunway, type Spending } from './batcher/funds.js'
export {
  type BatcherPlanner,
  type BatcherPlannerDependencies,
  type BatcherPlannerOptions,
  createBatcherPlanner,
} from './batcher/live-planner.js'
export { createOpNodeSequencer, type OpNodeSequencerOptions } from './batcher/op-node.js'
export { type BatcherOptions, type BatcherSetup, batcherOptions, batcherProfiles } from './batcher/options.js'
export { type AltDaChoice, type CompressorChoice, type Plan, type PlanInput, planBatcher } from './batcher/planner.js'
export type {
  BatcherBlock,
  BatcherEvent,
  BatcherNode,
  BatcherSink,
  BatcherView,
  ChannelPlanner,
  ChannelShape,
  CloseReason,
  L1Prices,
  WaitingReason,
} from './batcher/ports.js'
export {
  createSharedBatcher,
  type SharedBatcher,
  type SharedBatcherDependencies,
  type SharedBatcherEvent,
  type SharedBatcherOptions,
  type SharedRollup,
} from './batcher/shared-batcher.js'
export {
  type PackedChannels,
  type PackOptions,
  packSharedChannels,
  type SharedChannel,
  splitByBytes,
} from './batcher/sharing.js'
export {
  type BatcherHoldings,
  type ChannelProgress,
  type ClearReason,
  computeSyncActions,
  type SyncActions,
  type SyncStatus,
  type WaitReason,
} from './batcher/sync-actions.js'
export {
  backlogOf,
  type DaLimits,
  defaultThrottleOptions,
  footprintScalarFor,
  type ThrottleOptions,
  throttledLimits,
  throttleIntensity,
} from './batcher/throttle.js'
export {
  createThrottleController,
  defaultPidOptions,
  type PidOptions,
  type ThrottleController,
  type ThrottleControllerOptions,
  type ThrottleProfile,
} from './batcher/throttle-controller.js'
export {
  createRpcBuilder,
  createThrottling,
  type RpcBuilderOptions,
  type ThrottledBuilder,
  type Throttling,
  type ThrottlingDependencies,
  type ThrottlingEvent,
  type ThrottlingOptions,
} from './batcher/throttling.js'
// block
export {
  type BlockBuilder,
  type BlockBuilderOptions,
  type BlockLimits,
  type BuildRequest,
  type BuiltBlock,
  createBlockBuilder,
  defaultBlockLimits,
  type LeftOut,
  resumeBlock,
  sealBlock,
} from './block/builder.js'
export {
  type HeaderDomain,
  hashSequencerHeader,
  headerDomain,
  recoverSigner,
  type SequencerHeader,
  sequencerHeaderTypes,
} from './block/header.js'
export {
  checkHeader,
  type HeaderContext,
  type HeaderFault,
  type HeaderVerdict,
  type Leader,
  type LeaderSchedule,
} from './block/leader.js'
export {
  decodeSealedBlock,
  decodeUnsignedBlock,
  encodeSealedBlock,
  encodeUnsignedBlock,
  type SealedBlock,
  type UnsignedBlock,
} from './block/sealed-block.js'
export { createHeaderSigner, type HeaderSigner, type HeaderSignerOptions } from './block/sign.js'
// channel
export {
  type ChannelEnd,
  type ChannelReader,
  type ChannelStreamOptions,
  maxRlpBytesPerChannel,
  type OpenChannelOptions,
  openChannel,
} from './channel/batch-stream.js'
export { type FrameRefusal, frameAccountingBytes, type ReadyChannel } from './channel/channel.js'
export { type ChannelBank, type ChannelBankRules, createChannelBank } from './channel/channel-bank.js'
export { type ChannelOut, type ChannelOutOptions, type ClosedChannel, createChannelOut } from './channel/channel-out.js'
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
} from './channel/frame.js'
export {
  type AssemblerRules,
  type ChannelAssembler,
  createChannelAssembler,
  pruneFrames,
} from './channel/frame-queue.js'
// compression
export type {
  CompressionAlgorithm,
  CompressionStream,
  Compressor,
  Decompress,
  Decompressed,
  Decompressors,
} from './compression/compression.js'
export { createZlibCompressor, inflateZlib, type ZlibCompressorOptions } from './compression/zlib.js'
// derivation
export {
  type AttributesInput,
  type BuiltAttributes,
  buildAttributes,
  sequencerFeeVault,
} from './derivation/attributes.js'
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
} from './derivation/batch-check.js'
export type { IncludedBatch } from './derivation/batch-queue.js'
export {
  type BatchedBlock,
  type BatchStage,
  type BatchStageOptions,
  type BatchStageOutput,
  createBatchStage,
} from './derivation/batch-stage.js'
export { decodeBlobPayload } from './derivation/blob-payload.js'
export {
  type ChannelStage,
  type ChannelStageNeed,
  type ChannelStageOptions,
  type ChannelStageOutput,
  createChannelStage,
} from './derivation/channel-stage.js'
export { coldStartL1Number, type DerivationCheckpoint, genesisCheckpoint } from './derivation/checkpoint.js'
export { applyConfigLogs, configCarriedByBlock } from './derivation/config-changes.js'
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
} from './derivation/deposit.js'
export {
  createDerivationDriver,
  type DerivationDriver,
  type DerivationDriverOptions,
  type DerivationStatus,
  type DriverEvent,
} from './derivation/driver.js'
export {
  type ForkName,
  type ForkSchedule,
  forkNames,
  isForkActivationBlock,
  isForkActive,
  isUpgradeOnlyBlock,
} from './derivation/fork-schedule.js'
export type { L1Block, L1BlockRef, L1Header, L1Log, L1Transaction } from './derivation/l1.js'
export { type BlobFeeStep, blobFeeOf, l1BlobFeeSchedules } from './derivation/l1-blob-fee.js'
export {
  decodeL1Info,
  encodeL1Info,
  encodeL1InfoDeposit,
  type L1Info,
  l1BlockPredeploy,
  l1InfoDeposit,
  l1InfoDepositor,
  l1InfoFor,
} from './derivation/l1-info.js'
export { nextOrigin, type OriginChoice } from './derivation/l1-origin.js'
export { createRpcL1Source, type L1Client, type RpcL1SourceOptions } from './derivation/l1-rpc.js'
export type { BlobSource, CommitmentSource, L1Source } from './derivation/l1-source.js'
export { type InboxTransaction, readInboxTransaction } from './derivation/l1-transaction.js'
export {
  decodeExtraData,
  type ExtraData,
  encodeExtraData,
  genesisBlockRef,
  type L2BlockRef,
  l2BlockRef,
  systemConfigOfBlock,
} from './derivation/l2.js'
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
export { allForksAtGenesis, type NewRollup, newRollup, rollupPresets } from './derivation/presets.js'
export {
  type AltDaConfig,
  type BlockId,
  channelTimeoutBlocks,
  checkRollupConfig,
  maxSequencerDriftSeconds,
  type RollupConfig,
} from './derivation/rollup-config.js'
export { fromRollupJson, type RollupJson, toRollupJson } from './derivation/rollup-json.js'
export {
  applyConfigUpdate,
  configUpdateTopic,
  decodeConfigUpdate,
  ecotoneScalars,
  encodeConfigUpdate,
  type SystemConfig,
  type SystemConfigUpdate,
} from './derivation/system-config.js'
export {
  loadUpgradeTransactions,
  type UpgradeFacts,
  type UpgradeSource,
  type UpgradeTransactions,
  upgradeFacts,
} from './derivation/upgrade-transactions.js'
// economics
export {
  type Account,
  type Booked,
  bookEvent,
  costPerTransaction,
  createLedger,
  type EconomicEvent,
  type LedgerEntry,
  type LedgerOptions,
  type LedgerState,
  type LedgerTotals,
  plannedPostingCost,
  unpostedFees,
} from './economics/ledger.js'
export { type PriceTier, priceList } from './economics/price-list.js'
export { type FeesPaid, type Rebate, rebateShares } from './economics/rebate.js'
export type { CostsByKind, EconomicRecord, FeesByKind, UnpostedBlock } from './economics/records.js'
export { type CsvOptions, ledgerCsv, ledgerJson, recordsCsv, recordsJson } from './economics/report.js'
export { defaultSplit, type Party, type SplitBps, splitAmount } from './economics/split.js'
export {
  type AnvilDump,
  type AnvilEngine,
  type AnvilEngineOptions,
  createAnvilEngine,
} from './engine/anvil.js'
// engine
export { type AnvilArguments, anvilArguments } from './engine/anvil-arguments.js'
export { defaultEip1559Parameters, type Eip1559Parameters, readEip1559Parameters } from './engine/eip1559.js'
export type {
  AccessCall,
  CallOptions,
  ExecutedBlock,
  ExecutionEngine,
  ExecutionReceipt,
  ForkchoiceHeads,
  PayloadAttributes,
  TracedAccess,
} from './engine/engine.js'
export { createEngineApi, type EngineApi, type EngineApiOptions } from './engine/engine-api.js'
export { createEngineToken } from './engine/jwt.js'
export { type GenesisAccount, type OpGenesis, type OpGenesisOptions, opGenesis } from './engine/op-genesis.js'
// fees
export { type BaseFeeInput, nextBaseFee } from './fees/base-fee.js'
export { daFootprint, defaultDaFootprintGasScalar } from './fees/da-footprint.js'
export { fastLzSize } from './fees/fastlz.js'
export {
  acceptPrice,
  defaultPriceLimits,
  type FeeScalars,
  type GasTokenOracle,
  type GasTokenPrice,
  type GasTokenScalars,
  gasTokenOperatorFee,
  gasTokenScalars,
  type OperatorFeeMarket,
  type PriceLimits,
  type PriceRefusal,
  toGasToken,
} from './fees/gas-token.js'
export { fixedOracle, type MedianOracleOptions, medianOracle } from './fees/gas-token-oracles.js'
export {
  createGasTokenTracker,
  type GasTokenTracker,
  type GasTokenTrackerDeps,
  type GasTokenTrackerOptions,
  type GasTokenView,
  type ScalarEvent,
} from './fees/gas-token-tracker.js'
export {
  type BedrockFeeParameters,
  calldataGas,
  estimatedDaBytes,
  estimatedSizeScaled,
  l1FeeBedrock,
  l1FeeEcotone,
  l1FeeEcotoneOfGas,
  l1FeeFjord,
  l1FeeFjordOfSize,
  l1FeeFjordUpperBound,
  type ScalarFeeParameters,
} from './fees/l1-fee.js'
export { type OperatorFeeParameters, operatorFee } from './fees/operator-fee.js'
export {
  applyPrice,
  createPriceFeed,
  currentPrice,
  type PriceCommand,
  type PriceEvent,
  type PriceFeed,
  type PriceFeedOptions,
} from './fees/price-feed.js'
export {
  applyRecovery,
  createRecovery,
  type Recovery as FeeRecovery,
  type RecoveryBucket,
  type RecoveryCommand,
  type RecoveryEvent,
  type RecoveryOptions,
  type RecoveryState,
  recoveryBps,
  windowRecovery,
} from './fees/recovery.js'
// forced
export {
  checkForcedInclusionRule,
  countDelay,
  type DelayBuffer,
  defaultForcedInclusionRule,
  delayBufferAt,
  type ForcedInclusionRule,
  forcedDeadline,
  fullDelayBuffer,
} from './forced/deadline.js'
export {
  entryDeadline,
  type ForcedBlock,
  type ForcedEvidence,
  type QueueEntry,
  type SelectForcedOptions,
  selectForced,
  toForcedTransaction,
  verifyForced,
} from './forced/queue.js'
// guard
export { createMemoryGuard, type Reservation, type SigningGuard } from './guard/guard.js'
export {
  checkNotStale,
  checkWatermark,
  closedTermHeight,
  comparePositions,
  type SigningPosition,
  type Watermark,
} from './guard/watermark.js'
// log
export { createLeaseHolder, type LeaseHolder, type LeaseHolderOptions } from './log/lease-holder.js'
export {
  acquireLease,
  checkAppend,
  checkFence,
  emptyLogHash,
  emptyLogState,
  encodeEntryPrefix,
  type Lease,
  type LogEntry,
  type LogHead,
  type LogState,
  logEntryHash,
  maxLogPayloadBytes,
  type NewLogEntry,
  type ReadLogOptions,
  releaseLease,
  renewLease,
  type SequencerLog,
} from './log/log.js'
export { createMemoryLog, type MemoryLogOptions } from './log/memory.js'
// mempool
export {
  checkCondition,
  conditionRange,
  type KnownStateReader,
  knownAccountsHold,
  maxConditionCost,
} from './mempool/condition.js'
export {
  createDurableMempool,
  type DurableMempool,
  type DurableMempoolOptions,
  type JournaledTransaction,
  type JournalRecord,
  type MempoolJournal,
  restoreMempool,
} from './mempool/journal.js'
export {
  type AddContext,
  type BundleRange,
  createMempool,
  type HeadUpdate,
  type Mempool,
  type MempoolDeps,
} from './mempool/mempool.js'
export { defaultMempoolOptions, type MempoolOptions } from './mempool/options.js'
export type {
  AccountState,
  Bundle,
  DropReason,
  KnownAccount,
  PendingPool,
  PoolEvent,
  PooledTransaction,
  PoolHead,
  SenderQueue,
  TransactionCondition,
} from './mempool/types.js'
// ordering
export { forcedFirst, inSections, type Section } from './ordering/compose.js'
export {
  checkResolution,
  createLaneAuction,
  hashLaneBid,
  type LaneAuction,
  type LaneAuctionOptions,
  type LaneBid,
  type LaneResolution,
} from './ordering/express-lane/auction.js'
export {
  createExpressLane,
  type ExpressLane,
  hashLaneMessage,
  type LaneMessage,
  unorderedSequence,
} from './ordering/express-lane/lane.js'
export { type ExpressLaneEvidence, expressLane } from './ordering/express-lane/policy.js'
export {
  defaultExpressLaneParameters,
  type ExpressLaneParameters,
  roundAt,
  roundStartMs,
} from './ordering/express-lane/rounds.js'
export { type BlockRecord, checkReplay, type FillOptions, fillBlock, type StepResult } from './ordering/fill.js'
export { type FirstComeEvidence, type FirstComeParameters, firstCome } from './ordering/first-come.js'
export {
  createSliceReceiver,
  defaultFlashblockParameters,
  type FlashblockEvidence,
  type FlashblockParameters,
  flashblocks,
  foldSlices,
  hashSlice,
  type Slice,
  type SliceHeader,
  type SliceReceiver,
} from './ordering/flashblocks.js'
export {
  constantProduct,
  type GreedyEvidence,
  type GreedyParameters,
  greedySequencing,
  type Reserves,
  type Trade,
} from './ordering/greedy.js'
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
export { priorityGas } from './ordering/priority-gas.js'
export {
  hashReceipt,
  type OrderingReceipt,
  orderingReceiptTypes,
  receiptSigner,
  type SignedReceipt,
  type SigningDomain,
  signReceipt,
} from './ordering/receipt.js'
export {
  type BoundedDelayEvidence,
  boundedDelay,
  createRightAuction,
  defaultRightAuctionParameters,
  hashRightBid,
  type RevenueShares,
  type RevenueSplit,
  type RightAuction,
  type RightAuctionParameters,
  type RightBid,
  type RightSettlement,
  splitRevenue,
} from './ordering/right-auction.js'
export {
  type ShuffleEvidence,
  type ShuffleRound,
  seededShuffle,
  selectForShuffle,
  shuffleCommitment,
} from './ordering/shuffle.js'
export { blsThreshold } from './ordering/threshold/bls.js'
export {
  createEncryptedQueue,
  type EncryptedEnvelope,
  type EncryptedQueue,
  type EncryptedQueueOptions,
  encryptTransaction,
  hashCommitment,
  hashEnvelope,
  type KeyperAnswer,
  type OpenedRound,
  type OrderCommitment,
  releaseShares,
  type ThresholdEvidence,
  thresholdEncrypted,
} from './ordering/threshold/policy.js'
export type { DecryptionShare, ThresholdCiphertext, ThresholdScheme } from './ordering/threshold/scheme.js'
export { checkUniversal, judgeBlock } from './ordering/universal.js'
export { authoritiesOf, authorityOf } from './transaction/authorization.js'
export {
  type DecodeOptions,
  decodeTransaction,
  decodeTransactions,
  defaultMaxTransactionBytes,
} from './transaction/decode.js'
export {
  checkTransaction,
  effectiveTip,
  type GasSchedule,
  intrinsicGas,
  maxCostWei,
  osakaGas,
  pragueGas,
} from './transaction/gas.js'
export { type JsonRpcError, toJsonRpcError } from './transaction/json-rpc.js'
export {
  type BatchSenderRecovery,
  nobleRecovery,
  recoveryRecordBytes,
  type SenderRecovery,
} from './transaction/recovery.js'
export type { AccessListEntry, Authorization, Transaction, TransactionType } from './transaction/types.js'
// transaction
