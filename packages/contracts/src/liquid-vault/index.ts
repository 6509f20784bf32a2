export { liquidVaultActions, rateFeedActions, rebasingTokenActions } from './actions.js'
export { liquidVaultAbi, liquidVaultBytecode, liquidVaultDeployedBytecode, liquidVaultImmutables } from './contract.js'
export {
  type LiquidVaultLimits,
  type LiquidVaultOptions,
  liquidVaultDeployment,
  recommendedLimits,
  type VaultReport,
} from './deployment.js'
export { rateFeedAbi, rateFeedBytecode, rateFeedDeployedBytecode, rateFeedImmutables } from './rate-feed/contract.js'
export { rebasingTokenAbi, rebasingTokenBytecode, rebasingTokenDeployedBytecode, rebasingTokenImmutables } from './rebasing-token/contract.js'
export type { ContractActions } from '../contract-actions.js'
