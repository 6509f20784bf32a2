export type { OrderedKey, OrderedMap } from '@l2/common'
export type { SlotLeaders } from '../epoch/schedule.js'
export {
  applySequencerSet,
  createSequencerSet,
  finalizedEpoch,
  metisSequencerAt,
  type SequencerSet,
  type SequencerSetCommand,
  type SequencerSetEvent,
  type SetEpoch,
  sequencerSetSchedule,
  setEpochAt,
} from '../epoch/sequencer-set.js'
export { applyMetisPool, auditMetisPool } from '../pool/metis-profile.js'
export {
  burntSigner,
  createMetisPool,
  type MetisCommand,
  type MetisEvent,
  type MetisPoolState,
  type MetisSequencer,
  type MetisStatus,
  type MetisVersion,
} from '../pool/metis-state.js'
export { lockingInfoAbi, lockingPoolAbi, sequencerSetAbi } from './abi.js'
export type { WithoutContext } from './calls.js'
export {
  type BridgeOptions,
  decodeMetisRevert,
  type MetisCall,
  type PreparedMetisCall,
  prepareMetis,
  sendMetis,
  simulateMetis,
} from './calls.js'
export { type MetisDeployment, metisDeployments } from './deployments.js'
export { type FoldOptions, foldMetisLogs, type MetisLog, parseMetisLog } from './fold.js'
export type { MetisClient, ReadAt } from './reads.js'
export {
  detectMetisVersion,
  type MetisPoolSummary,
  metisEpochFromSlots,
  metisEpochSlots,
  readMetisEpoch,
  readMetisEpochAt,
  readMetisPool,
  readMetisSequencer,
} from './reads.js'
