export type { Clock } from '@l2/common'
export type {
  AccessCall,
  CallOptions,
  ExecutedBlock,
  ExecutedHeader,
  ExecutionEngine,
  ExecutionReceipt,
  ForkchoiceHeads,
  PayloadAttributes,
  TracedAccess,
} from '../engine/engine.js'
export {
  checkForcedInclusionRule,
  countDelay,
  type DelayBuffer,
  defaultForcedInclusionRule,
  delayBufferAt,
  type ForcedInclusionRule,
  forcedDeadline,
  fullDelayBuffer,
} from '../forced/deadline.js'
export {
  entryDeadline,
  type ForcedBlock,
  type ForcedEvidence,
  type QueueEntry,
  type SelectForcedOptions,
  selectForced,
  toForcedTransaction,
  verifyForced,
} from '../forced/queue.js'
export { createMemoryGuard, type Reservation, type SigningGuard } from '../guard/guard.js'
export {
  checkNotStale,
  checkWatermark,
  closedTermHeight,
  comparePositions,
  type SigningPosition,
  type Watermark,
} from '../guard/watermark.js'
export { createLeaseHolder, type LeaseHolder, type LeaseHolderOptions } from '../log/lease-holder.js'
export {
  acquireLease,
  checkAppend,
  checkFence,
  emptyLogHash,
  emptyLogState,
  encodeEntryPrefix,
  type Lease,
  type LogEntry,
  type LogHead,
  type LogState,
  logEntryHash,
  maxLogPayloadBytes,
  type NewLogEntry,
  type ReadLogOptions,
  releaseLease,
  renewLease,
  type SequencerLog,
} from '../log/log.js'
export { createMemoryLog, type MemoryLogOptions } from '../log/memory.js'
export type {
  AccountState,
  Bundle,
  HeadCursor,
  HeadOrder,
  KnownAccount,
  PendingPool,
  PooledTransaction,
  SenderQueue,
  TransactionCondition,
} from '../mempool/types.js'
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
} from '../ordering/policy.js'
export type { SigningDomain } from '../ordering/receipt.js'
export type { SenderRecovery } from '../transaction/recovery.js'
export { recoverSigner } from '../transaction/signer.js'
export type { AccessListEntry, Authorization, Transaction, TransactionType } from '../transaction/types.js'
export {
  type BlockBuilder,
  type BlockBuilderOptions,
  type BuiltBlock,
  createBlockBuilder,
  defaultBlockLimits,
  resumeBlock,
  sealBlock,
} from './builder.js'
export {
  type HeaderDomain,
  hashSequencerHeader,
  headerDomain,
  type SequencerHeader,
  sequencerHeaderTypes,
} from './header.js'
export {
  checkHeader,
  type HeaderContext,
  type HeaderFault,
  type HeaderVerdict,
  type Leader,
  type LeaderSchedule,
} from './leader.js'
export type { BlockLimits, BuildRequest, LeftOut } from './request.js'
export {
  decodeSealedBlock,
  decodeUnsignedBlock,
  encodeSealedBlock,
  encodeUnsignedBlock,
  type SealedBlock,
  type UnsignedBlock,
} from './sealed-block.js'
export { createHeaderSigner, type HeaderSigner, type HeaderSignerOptions } from './sign.js'
export { decodeSignedHeader, encodeSignedHeader, type SignedHeader, signedHeaderLength } from './signed-header.js'
