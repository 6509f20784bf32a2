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
export {
  type ChallengeHistory,
  type ChallengeSource,
  type ChallengeStatus,
  type ChallengeWindows,
  challengeStatus,
} from './challenge.js'
export { type AltDaDeps, type AltDaOptions, createAltDa } from './client.js'
export {
  createHybridDa,
  formatHybridCommitment,
  type HybridCommitment,
  type HybridDa,
  type HybridDaDeps,
  parseHybridCommitment,
} from './hybrid.js'
