export { type Deployment, deployments } from './deployments.js'
export {
  type HistoryOptions,
  type ReadClient,
  type ReadOptions,
  readRewardHistory,
  readVaultRate,
  vaultAbi,
} from './read.js'
