export type { L2Error, L2ErrorOptions, OrderedKey, Recovery } from '@l2/common'
export { fromJson, isL2Error, OrderedMap, toJson } from '@l2/common'
export { type DelegationView, delegationOf } from './delegation/delegation.js'
export { type DrawTag, draw } from './election/draw.js'
export {
  buildElection,
  type Election,
  electFallback,
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
  leaderAt,
  leaderSchedule,
  nextTerm,
  planEpoch,
  reselect,
  type Schedule,
  type ScheduleOptions,
  type SlotLeader,
  type SlotLeaders,
  slotOf,
  type TermChange,
} from './epoch/schedule.js'
export {
  applySequencerSet,
  createSequencerSet,
  finalizedEpoch,
  metisSequencerAt,
  type SequencerSet,
  type SequencerSetCommand,
  type SequencerSetEvent,
  type SetEpoch,
  sequencerSetSchedule,
  setEpochAt,
} from './epoch/sequencer-set.js'
export { StakingError, type StakingErrorCode } from './errors.js'
export { encodeBundle, evidenceContextOf, maxBundleBytes, verifyBundle } from './evidence/bundle.js'
export { transactionsRoot } from './evidence/merkle.js'
export {
  type BatchMessage,
  type HeaderMessage,
  type ReceiptMessage,
  type SequencerDomain,
  type SignedObjects,
  signedTypes,
  signingHash,
} from './evidence/typed-data.js'
export {
  defaultEvidencePolicy,
  type Evidence,
  type EvidenceCode,
  type EvidenceContext,
  type EvidenceFacts,
  type EvidencePolicy,
  emptyFacts,
  type KeyEntry,
  type Signed,
  type Turn,
  type Verdict,
} from './evidence/types.js'
export type { ContextPlace } from './evidence/verify.js'
export { evidenceHashOf, evidenceIdOf, verifyEvidence } from './evidence/verify.js'
export {
  applyGovernance,
  type Blitz,
  type BlitzCandidate,
  type BlitzVotes,
  createSeatGovernance,
  type GovernanceCommand,
  type GovernanceEvent,
  type SeatGovernance,
  type SeatProposal,
  type SeatRules,
} from './governance/seats.js'
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
export { checkWindows, type PoolConfig, type PoolOptions, parsePoolConfig, type Windows } from './pool/config.js'
export { liquidStakeWei } from './pool/liquid-cap.js'
export { applyMetisPool, auditMetisPool } from './pool/metis-profile.js'
export {
  burntSigner,
  createMetisPool,
  type MetisCommand,
  type MetisEvent,
  type MetisPoolState,
  type MetisSequencer,
  type MetisStatus,
  type MetisVersion,
} from './pool/metis-state.js'
export {
  bondedWei,
  type Candidate,
  commissionAt,
  electionWeights,
  jailedForever,
  sequencerOf,
  signerAt,
} from './pool/sequencer.js'
export { decodePool, encodePool, poolHash } from './pool/snapshot.js'
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
export {
  castTermVote,
  openTermVotes,
  type TermDecision,
  type TermVotes,
  type TimeoutOptions,
  termDecisionHash,
  termTimeoutMs,
  thresholdSigners,
} from './reselection/votes.js'
export { blocksPerYear, rateBpsOf, rewardPerBlockFor, solveRate } from './rewards/rate.js'
export {
  type BeaconShare,
  beaconMessage,
  combineBeaconShares,
  commitRevealSeed,
  type DrandOptions,
  drandRoundAt,
  drandSeed,
  fixedSeed,
  l1RandaoSeed,
  quicknet,
  seedCommitment,
  signBeacon,
  thresholdBlsSeed,
  vrfMixSeed,
} from './seed/providers.js'
export { type Entropy, epochSeed, type SeedProvider } from './seed/seed.js'
export type { PenaltyRule } from './slashing/penalty.js'
export {
  mostPenaltyBps,
  type OffenceClass,
  type OffenceKind,
  offenceRules,
  ownPenaltyBps,
  type PenaltyInput,
  penaltyBps,
  penaltyWei,
  splitSlash,
} from './slashing/penalty.js'
export { reportCommitment } from './slashing/reports.js'
export type { Bond } from './stake/bonds.js'
