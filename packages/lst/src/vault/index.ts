export type { OrderedKey, OrderedMap } from '@l2/common'
export type { Assets, RateE27, Shares } from '../math/units.js'
export type { Codec, Json } from '../state/codec.js'
export type { LstEvent } from '../state/events.js'
export type { Balances } from '../state/ledger.js'
export type { Apply, CommandOf, LstStep, ResultOf } from '../state/reducer.js'
export {
  applyCycleVault,
  type CycleVault,
  type CycleVaultOptions,
  createCycleVault,
  cycleAssets,
  cycleCodec,
  cycleFace,
  cycleRate,
  unlocked,
} from './cycle.js'
export type { Erc4626 } from './face.js'
export { type InflationAttack, type InflationOutcome, inflationAttack } from './inflation.js'
export {
  applyInstantVault,
  createInstantVault,
  type InstantExit,
  type InstantVault,
  type InstantVaultOptions,
  instantCodec,
  instantFace,
  instantRate,
} from './instant.js'
export { type Approvals, applyVaultToken, approvalCodec, type VaultToken } from './token.js'
export {
  applyVesting,
  createExitVesting,
  type ExitVesting,
  type Vested,
  type VestingOptions,
  vestedClaimable,
  vestingCodec,
  vestingFinish,
} from './vesting.js'
