export type { BatchBlock } from '../batch/types.js'
export type { Frame } from '../channel/frame.js'
export type { CompressionAlgorithm, CompressionStream, Compressor } from '../compression/compression.js'
export type { ForkName, ForkSchedule } from '../derivation/fork-schedule.js'
export type { L2BlockRef } from '../derivation/l2.js'
export type { AltDaConfig, BlockId, RollupConfig } from '../derivation/rollup-config.js'
export type { SystemConfig } from '../derivation/system-config.js'
export {
  type ActiveSequencer,
  type ActiveSequencerEvent,
  type ActiveSequencerOptions,
  createActiveSequencer,
  type SequencerEndpoint,
} from './active-sequencer.js'
export { type AdminMethod, type BatcherAdminOptions, batcherAdmin } from './admin.js'
export { type Batcher, type BatcherDependencies, createBatcher } from './batcher.js'
export { toBatcherBlock } from './batcher-block.js'
export { blobsWorthPosting } from './fill.js'
export { type BatcherFunds, projectRunway, type Spending } from './funds.js'
export {
  type BatcherPlanner,
  type BatcherPlannerDependencies,
  type BatcherPlannerOptions,
  createBatcherPlanner,
} from './live-planner.js'
export { createOpNodeSequencer, type OpNodeSequencerOptions } from './op-node.js'
export { type BatcherOptions, type BatcherSetup, batcherOptions, batcherProfiles } from './options.js'
export { type AltDaChoice, type CompressorChoice, type Plan, type PlanInput, planBatcher } from './planner.js'
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
  L1Prices,
  UnpostedChannel,
  WaitingReason,
} from './ports.js'
export {
  createSharedBatcher,
  type SharedBatcher,
  type SharedBatcherDependencies,
  type SharedBatcherOptions,
} from './shared-batcher.js'
export type { SharedRollup } from './shared-member.js'
export {
  type PackedChannels,
  type PackOptions,
  packSharedChannels,
  type SharedChannel,
  splitByBytes,
} from './sharing.js'
export type { SharedBatcherEvent } from './shipments.js'
export {
  type BatcherHoldings,
  type ChannelProgress,
  type ClearReason,
  computeSyncActions,
  type SyncActions,
  type SyncStatus,
  type WaitReason,
} from './sync-actions.js'
export {
  type BlockDaLimits,
  backlogOf,
  defaultThrottleOptions,
  footprintScalarFor,
  type ThrottleOptions,
  throttledLimits,
  throttleIntensity,
} from './throttle.js'
export {
  createThrottleController,
  defaultPidOptions,
  type PidOptions,
  type ThrottleController,
  type ThrottleControllerOptions,
  type ThrottleProfile,
} from './throttle-controller.js'
export {
  createRpcBuilder,
  createThrottling,
  type RpcBuilderOptions,
  type ThrottledBuilder,
  type Throttling,
  type ThrottlingDependencies,
  type ThrottlingEvent,
  type ThrottlingOptions,
} from './throttling.js'
export {
  type BatcherTurn,
  createSystemConfigTurn,
  type SystemConfigTurnDependencies,
  type SystemConfigTurnOptions,
} from './turn.js'
