export type { AccessListEntry, Authorization, Transaction, TransactionType } from '../transaction/types.js'
export {
  type AccessOptions,
  type AccessSet,
  accessFromBlockAccessList,
  accessFromTrace,
  accessFromTransaction,
  type BlockAccessAccount,
  type PrestateDiff,
  type TracedAccount,
} from './access.js'
export {
  buildConflictGraph,
  type ConflictGraph,
  type ConflictNode,
  type CriticalPath,
  conflictAwareOrder,
  criticalPath,
  type HotSlot,
  hotSlots,
  type LaneSchedule,
  scheduleLanes,
  toConflictJson,
} from './graph.js'
