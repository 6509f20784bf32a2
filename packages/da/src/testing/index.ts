export type { Clock, Closable, L2Error, L2ErrorOptions, Recovery } from '@l2/common'
export type { Commitment } from '../commitment.js'
export type { DaError, DaErrorCode, RetryClass } from '../errors.js'
export type { MemoryFault } from '../memory/faults.js'
export {
  createMemoryDa,
  type MemoryDa,
  type MemoryDaDeps,
  type MemoryDaOptions,
} from '../memory/memory.js'
export type {
  DaCallOptions,
  DaCapabilities,
  DaEntry,
  DaGetOptions,
  DaLimits,
  DaProof,
  DaQuote,
  DaReceipt,
  DaStatus,
  DaSubmitOptions,
  DataAvailability,
} from '../port.js'
export type { Store } from '../store.js'
export {
  type ConformanceCase,
  type ConformanceOptions,
  type ConformanceSubject,
  conformanceCases,
} from './conformance.js'
