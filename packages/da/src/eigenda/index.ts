export type { Closable } from '@l2/common'
export type { Commitment } from '../commitment.js'
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
export { createEigenDa, type EigenDaDeps, type EigenDaOptions } from './eigenda.js'
