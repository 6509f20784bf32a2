export type { OrderedKey, OrderedMap } from '@l2/common'
export type { SetEpoch } from '../epoch/sequencer-set.js'
export type {
  MetisCommand,
  MetisEvent,
  MetisPoolState,
  MetisSequencer,
  MetisStatus,
  MetisVersion,
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
export type { ReadAt, ReadClient } from './reads.js'
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
