export { liquidVaultActions, rateFeedActions, rebasingTokenActions } from './actions.js'
export { liquidVaultAbi, liquidVaultBytecode, liquidVaultDeployedBytecode } from './contract.js'
export {
  type LiquidVaultLimits,
  type LiquidVaultOptions,
  liquidVaultDeployment,
  recommendedLimits,
  type VaultReport,
} from './deployment.js'
export { rateFeedAbi, rateFeedBytecode, rateFeedDeployedBytecode } from './rate-feed/contract.js'
export { rebasingTokenAbi, rebasingTokenBytecode, rebasingTokenDeployedBytecode } from './rebasing-token/contract.js'
