export type { Clock, Closable, L2Error, L2ErrorOptions, Logger, Recovery } from '@l2/common'
export { fromJson, isL2Error, toJson } from '@l2/common'
export type { ChallengeHistory, ChallengeSource, ChallengeWindows } from './alt-da/challenge.js'
export {
  batcherDataToCommitment,
  type Commitment,
  commitmentToBatcherData,
  commitmentToHex,
  daLayer,
  decodeCommitment,
  encodeCommitment,
  equalCommitments,
  hexToCommitment,
  maxCommitmentBytes,
} from './commitment.js'
export { DaError, type DaErrorCode, type RetryClass, retryClassOf } from './errors.js'
export {
  type CommitmentReceipt,
  type CommitmentSink,
  commitmentSink,
} from './inbox/commitment-sink.js'
export {
  type CommitmentSourceDeps,
  type CommitmentSourceOptions,
  createCommitmentSource,
  type DaCommitmentSource,
  type SkippedCommitment,
} from './inbox/commitment-source.js'
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
  L1DataAvailability,
} from './port.js'
export type { RouterEvent, RouterLayer } from './router/layer.js'
export { createMirrorDa, type MirrorDeps, type MirrorOptions } from './router/mirror.js'
export { parseMirrorCommitment } from './router/mirror-commitment.js'
export {
  createRouterDa,
  type RouterDa,
  type RouterDeps,
  type RouterOptions,
} from './router/router.js'
export { createMemoryStore, type Store } from './store.js'
