export { lockingInfoAbi, lockingPoolAbi, sequencerSetAbi } from './abi.js'
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
