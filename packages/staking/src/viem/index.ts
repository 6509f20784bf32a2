export type { CallActions, CallingClient, ContractCall } from '@l2/common/contract'
export type { BridgeOptions, MetisCall, PreparedMetisCall, WithoutContext } from '../metis/calls.js'
export type { MetisDeployment } from '../metis/deployments.js'
export type { CommandContext, Offence, PoolCommand, PoolResults } from '../pool/commands.js'
export type { MetisCommand } from '../pool/metis-state.js'
export type { OffenceKind } from '../slashing/penalty.js'
export { sequencerPoolCallsAbi } from './abi.js'
export { type MetisActions, metisActions } from './metis-actions.js'
export {
  type DelegationOnL1,
  type PoolCall,
  type PoolCallResults,
  preparePoolCall,
  type SeatOnL1,
  type StakingActions,
  stakingActions,
} from './pool-calls.js'
