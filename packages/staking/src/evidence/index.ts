export type { OrderedKey, OrderedMap } from '@l2/common'
export type { Dated, Timeline } from '../internal/timeline.js'
export type { Offence } from '../pool/commands.js'
export type { PoolConfig } from '../pool/config.js'
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
} from '../pool/types.js'
export type { OffenceKind } from '../slashing/penalty.js'
export type { Bond } from '../stake/bonds.js'
export { encodeBundle, evidenceContextOf, maxBundleBytes, verifyBundle } from './bundle.js'
export { transactionsRoot } from './merkle.js'
export {
  type BatchMessage,
  type HeaderMessage,
  type ReceiptMessage,
  type SequencerDomain,
  type SignedObjects,
  signedTypes,
  signingHash,
} from './typed-data.js'
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
} from './types.js'
export type { ContextPlace } from './verify.js'
export { evidenceHashOf, evidenceIdOf, verifyEvidence } from './verify.js'
