export type { Clock, Closable } from '@l2/common'
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
export { type AnyTrustDeps, type AnyTrustOptions, createAnyTrustDa } from './anytrust.js'
export { type AnyTrustCertificate, formatAnyTrustCertificate, parseAnyTrustCertificate } from './certificate.js'
export { type AnyTrustKeyset, parseAnyTrustKeyset } from './keyset.js'
