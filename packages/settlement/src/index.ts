export { isL2Error } from '@l2/common'
export type { Artifact, Artifacts } from './artifacts/artifact.js'
export { type AnchorSettlementOptions, anchorSettlement } from './deploy/anchor.js'
export {
  cannonGameType,
  type DeployedSettlement,
  deploySettlement,
  type Settlement,
  type SettlementAddresses,
} from './deploy/deploy.js'
export {
  type DeploySettlementOptions,
  type DepositMeter,
  defaultSettlementWindows,
  devnetSettlementWindows,
  type SettlementWindows,
} from './deploy/options.js'
export type { L1Sender, SendOptions } from './deploy/send.js'
export { SettlementError, type SettlementErrorCode } from './errors.js'
