// transaction

// mempool
export type {
  AccountState,
  Bundle,
  KnownAccount,
  PendingPool,
  PooledTransaction,
  SenderQueue,
  TransactionCondition,
} from './mempool/types.js'
// ordering
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
} from './ordering/policy.js'
export {
  type DecodeOptions,
  decodeTransaction,
  decodeTransactions,
  defaultMaxTransactionBytes,
} from './transaction/decode.js'
export {
  checkTransaction,
  effectiveTip,
  type GasSchedule,
  intrinsicGas,
  maxCostWei,
  osakaGas,
  pragueGas,
} from './transaction/gas.js'
export { type JsonRpcError, toJsonRpcError } from './transaction/json-rpc.js'
export {
  type BatchSenderRecovery,
  nobleRecovery,
  recoveryRecordBytes,
  type SenderRecovery,
} from './transaction/recovery.js'
export type { AccessListEntry, Authorization, Transaction, TransactionType } from './transaction/types.js'
