export {
  type DelegationView,
  delegationOf,
} from './delegation/delegation.js'
export {
  buildElection,
  type Election,
  electSlot,
  electSystematic,
  type Weight,
} from './election/election.js'
export { createWeightTree, type WeightTree } from './election/fenwick.js'
export { nextRoundRobin, type RoundRobin, updateRoundRobin } from './election/round-robin.js'
export {
  createSchedule,
  decodeSchedule,
  type ElectionMode,
  type EpochPlan,
  encodeSchedule,
  type Leader,
  type LeaderSchedule,
  leaderAt,
  leaderSchedule,
  nextTerm,
  planEpoch,
  reselect,
  type Schedule,
  type ScheduleOptions,
  slotOf,
  type TermChange,
} from './epoch/schedule.js'
export { StakingError, type StakingErrorCode } from './errors.js'
export { PersistentMap } from './internal/persistent-map.js'
export { applyPool, createPool } from './pool/apply.js'
export { auditPool, type PoolAudit } from './pool/audit.js'
export type { CommandContext, Offence, PoolCommand, PoolEvent } from './pool/commands.js'
export { checkWindows, type PoolConfig, type PoolOptions, parsePoolConfig, type Windows } from './pool/config.js'
export { bondedWei, type Candidate, electionWeights, sequencerOf, signerAt } from './pool/sequencer.js'
export { decodePool, encodePool, poolHash } from './pool/snapshot.js'
export type {
  Checkpoint,
  Delegation,
  Ledger,
  PoolState,
  Sequencer,
  SequencerStatus,
  SignerKey,
  SlashCase,
  SlashingSpan,
  Unlocking,
} from './pool/types.js'
export { blocksPerYear, rateBpsOf, rewardPerBlockFor, solveRate } from './rewards/rate.js'
export { type Entropy, epochSeed, type SeedProvider } from './seed/seed.js'
export { reportCommitment } from './slashing/cases.js'
export {
  type OffenceClass,
  type OffenceKind,
  offenceRules,
  type PenaltyInput,
  penaltyBps,
  penaltyWei,
  splitSlash,
} from './slashing/penalty.js'
