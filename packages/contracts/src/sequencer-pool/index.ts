export { sequencerPoolActions } from './actions.js'
export {
  sequencerPoolAbi,
  sequencerPoolBytecode,
  sequencerPoolDeployedBytecode,
  sequencerPoolImmutables,
  sequencerPoolLibraries,
} from './contract.js'
export {
  create2Deployer,
  type SequencerPoolConfig,
  type SequencerPoolRollup,
  type SequencerPoolWindows,
  sequencerPoolDeployment,
} from './deployment.js'
export type { ContractActions } from '../contract-actions.js'
