export {
  type CelestiaCommitment,
  type CelestiaDaDeps,
  type CelestiaDaOptions,
  createCelestiaDa,
  formatCelestiaCommitment,
  parseCelestiaCommitment,
} from './celestia.js'
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
export { type MerkleProof, merkleProof, merkleRoot, verifyMerkleProof } from './merkle.js'
export { checkNamespace, isBlobNamespace, namespaceOfName, namespaceV0 } from './namespace.js'
export {
  type CommitmentClaim,
  type CommitmentProof,
  formatCommitmentProof,
  parseCommitmentProof,
  type RowRangeProof,
  verifyCommitmentProof,
} from './proof.js'
export { type CelestiaBlob, estimateGas, joinShares, type ShareVersion, sharesNeeded, splitShares } from './shares.js'
