export type { RebaseEvent } from '../apr/apr.js'
export type { Assets, Shares } from '../math/units.js'
export {
  type HistoryEntry,
  mergeEvents,
  type Position,
  type RebaseLog,
  rewardHistory,
  type ShareTransfer,
} from './history.js'
export type {
  CaseClosed,
  CasePaused,
  DelegationPaid,
  FoldedEvent,
  OffenceAdmitted,
  PossibleCost,
  RewardAccrued,
  SeatPart,
  Slashed,
  StakePaid,
  StakingFeedEvent,
  Undelegated,
  UnlockStarted,
} from './staking.js'
