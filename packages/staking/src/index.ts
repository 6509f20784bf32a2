export type { L2Error, L2ErrorOptions, OrderedKey, Recovery } from '@l2/common'
export { fromJson, isL2Error, OrderedMap, toJson } from '@l2/common'
export { type DelegationView, delegationOf } from './delegation/delegation.js'
export { buildElection, type Election, electSlot, type Weight } from './election/election.js'
export {
  createSchedule,
  type ElectionMode,
  type EpochPlan,
  leaderAt,
  leaderSchedule,
  planEpoch,
  reselect,
  type Schedule,
  type ScheduleOptions,
  type SlotLeader,
  type SlotLeaders,
  type TermChange,
} from './epoch/schedule.js'
export { StakingError, type StakingErrorCode } from './errors.js'
export { encodeBundle, evidenceContextOf, maxBundleBytes, verifyBundle } from './evidence/bundle.js'
export type { BatchMessage, HeaderMessage, ReceiptMessage, SequencerDomain } from './evidence/typed-data.js'
export type { KeyEntry, Turn } from './evidence/types.js'
export {
  defaultEvidencePolicy,
  type Evidence,
  type EvidenceCode,
  type EvidenceContext,
  type EvidenceFacts,
  type EvidencePolicy,
  emptyFacts,
  type Signed,
  type Verdict,
} from './evidence/types.js'
export type { ContextPlace } from './evidence/verify.js'
export { evidenceIdOf, verifyEvidence } from './evidence/verify.js'
export type { Dated, Timeline } from './internal/timeline.js'
export { applyPool, createPool } from './pool/apply.js'
export { auditPool, type PoolAudit } from './pool/audit.js'
export type {
  CommandContext,
  Exposure,
  Offence,
  PoolCommand,
  PoolResult,
  PoolResults,
  SequencerPoolEvent,
} from './pool/commands.js'
export type { PoolConfig, PoolOptions, Windows } from './pool/config.js'
export { type Candidate, electionWeights } from './pool/sequencer.js'
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
} from './pool/types.js'
export { solveRate } from './rewards/rate.js'
export { l1RandaoSeed } from './seed/providers.js'
export { type Entropy, epochSeed, type SeedProvider } from './seed/seed.js'
export {
  type OffenceClass,
  type OffenceKind,
  offenceKinds,
  type PenaltyInput,
  penaltyBps,
  penaltyWei,
} from './slashing/penalty.js'
export type { Bond } from './stake/bonds.js'
