export type { CallActions, CallingClient, ContractCall } from '@l2/common/contract'
export type { HistoryEntry, Position } from '../feeds/history.js'
export type { Assets, RateE27, Shares } from '../math/units.js'
export { enkiAbi, liquidCallsAbi } from './abi.js'
export { type Deployment, deployments } from './deployments.js'
export { type EnkiCall, type EnkiCallResults, type EnkiContracts, enkiActions, prepareEnkiCall } from './enki-calls.js'
export {
  type LiquidCall,
  type LiquidCallResults,
  type LiquidContracts,
  type LiquidStakingActions,
  liquidStakingActions,
  prepareLiquidCall,
} from './liquid-calls.js'
export { type Permit, signPermit } from './permit.js'
export {
  type HistoryOptions,
  readRewardHistory,
  readVaultRate,
  type VaultClient,
  type VaultReadOptions,
  vaultAbi,
} from './read.js'
