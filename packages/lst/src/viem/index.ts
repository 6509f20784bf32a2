export type { HistoryEntry, Position } from '../feeds/history.js'
export type { Assets, RateE27, Shares } from '../math/units.js'
export { type Deployment, deployments } from './deployments.js'
export {
  type HistoryOptions,
  readRewardHistory,
  readVaultRate,
  type VaultClient,
  type VaultReadOptions,
  vaultAbi,
} from './read.js'
