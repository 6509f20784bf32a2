export type {
  Bundle,
  HeadCursor,
  HeadOrder,
  KnownAccount,
  PendingPool,
  PooledTransaction,
  SenderQueue,
  TransactionCondition,
} from '../../mempool/types.js'
export type { AccessListEntry, Authorization, Transaction, TransactionType } from '../../transaction/types.js'
export type {
  Admission,
  AdmissionContext,
  BlockContext,
  BlockOrdering,
  ForcedTransaction,
  OrderedBlock,
  OrderingEvidence,
  OrderingPolicy,
  OrderingView,
  Outcome,
  Step,
  Violation,
} from '../policy.js'
export { blsThreshold } from './bls.js'
export {
  createEncryptedQueue,
  type EncryptedEnvelope,
  type EncryptedQueue,
  type EncryptedQueueOptions,
  encryptTransaction,
  hashCommitment,
  hashEnvelope,
  type KeyperAnswer,
  type OpenedRound,
  type OrderCommitment,
  releaseShares,
  type ThresholdEvidence,
  thresholdEncrypted,
} from './policy.js'
export type { DecryptionShare, ThresholdCiphertext, ThresholdScheme } from './scheme.js'
