export type { L2Error, L2ErrorOptions, Recovery } from '@l2/common'
export type { SequencerError, SequencerErrorCode } from '../errors.js'
export { authoritiesOf, authorityOf } from './authorization.js'
export { type DecodeOptions, decodeTransaction, decodeTransactions, defaultMaxTransactionBytes } from './decode.js'
export type { GasFields } from './gas.js'
export {
  checkTransaction,
  effectiveTip,
  type GasSchedule,
  intrinsicGas,
  maxCostWei,
  osakaGas,
  pragueGas,
} from './gas.js'
export { type JsonRpcError, toJsonRpcError } from './json-rpc.js'
export {
  type BatchSenderRecovery,
  defaultRecovery,
  nobleRecovery,
  recoveryRecordBytes,
  type SenderRecovery,
} from './recovery.js'
export type { AccessListEntry, Authorization, Transaction, TransactionType } from './types.js'
