export type { OrderedKey, OrderedMap } from '@l2/common'
export { type DelegationView, delegationOf } from '../delegation/delegation.js'
export type { Dated, Timeline } from '../internal/timeline.js'
export type { OffenceKind } from '../slashing/penalty.js'
export type { Bond } from '../stake/bonds.js'
export { applyPool, createPool } from './apply.js'
export { auditPool, type PoolAudit } from './audit.js'
export type {
  CommandContext,
  Exposure,
  Offence,
  PoolCommand,
  PoolResult,
  PoolResults,
  SequencerPoolEvent,
} from './commands.js'
export { checkWindows, type PoolConfig, type PoolOptions, parsePoolConfig, type Windows } from './config.js'
export { liquidStakeWei } from './liquid-cap.js'
export {
  bondedWei,
  type Candidate,
  commissionAt,
  electionWeights,
  jailedForever,
  sequencerOf,
  signerAt,
} from './sequencer.js'
export { decodePool, encodePool, poolHash } from './snapshot.js'
export type {
  Checkpoint,
  Commission,
  CommissionPlan,
  DelegatedStake,
  Delegation,
  DelegationExit,
  DelegatorLoss,
  Lot,
  PoolLedger,
  PoolState,
  ReportCommitment,
  RewardMark,
  Sequencer,
  SequencerStatus,
  SignerKey,
  SlashCase,
  Tail,
  Unlocking,
} from './types.js'
