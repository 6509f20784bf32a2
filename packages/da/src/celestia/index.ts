export type { Clock, Closable } from '@l2/common'
export type { Commitment } from '../commitment.js'
export type { DaErrorCode } from '../errors.js'
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
export { type CelestiaDaDeps, type CelestiaDaOptions, createCelestiaDa } from './celestia.js'
export {
  type CelestiaClient,
  type CelestiaClientOptions,
  type CelestiaHeader,
  type CelestiaSubmitOptions,
  classifyCelestiaFailure,
  createCelestiaClient,
  type FoundBlob,
} from './client.js'
export { mountainSizes, nextShareIndex, shareCommitment, subtreeRoots, subtreeWidth } from './commitment.js'
export { type CelestiaCommitment, formatCelestiaCommitment, parseCelestiaCommitment } from './location.js'
export { type MerkleProof, merkleProof, merkleRoot, verifyMerkleProof } from './merkle.js'
export { checkNamespace, isBlobNamespace, namespaceOfName, namespaceV0 } from './namespace.js'
export type { CelestiaJson } from './proof.js'
export {
  type CommitmentClaim,
  type CommitmentProof,
  formatCommitmentProof,
  parseCommitmentProof,
  type RowRangeProof,
  verifyCommitmentProof,
} from './proof.js'
export { type CelestiaBlob, estimateGas, joinShares, type ShareVersion, sharesNeeded, splitShares } from './shares.js'
