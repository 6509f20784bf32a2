export type { Clock, L2Error, L2ErrorOptions, Recovery } from '@l2/common'
export { isL2Error } from '@l2/common'
export {
  anvilBeacon,
  type Beacon,
  type BeaconOptions,
  type BlobBlock,
  createBeacon,
} from './beacon/beacon.js'
export { createEngineBlobs, type EngineBlobs, type EngineBlobsOptions, type PooledBlob } from './beacon/engine.js'
export { type GetBlobsOptions, getBlobs } from './beacon/get-blobs.js'
export type { CellCallOptions } from './cells/cells.js'
export {
  type BlobColumn,
  blobOfCells,
  buildColumns,
  cellsOfColumns,
  extendBlob,
  type ProvenCell,
  recoverCells,
  verifyCells,
} from './cells/cells.js'
export { custodyColumns, missedSampleProbability, sampleColumns } from './cells/custody.js'
export type { PayloadChunks } from './codec/codec.js'
export {
  type BlobCodec,
  type BlobDecoder,
  type BlobEncoder,
  joinBlobs,
  type StreamBlobCodec,
  splitToBlobs,
} from './codec/codec.js'
export { decodeOpBlob, encodeOpBlob, opBytesPerBlob, opCodec } from './codec/op.js'
export { simpleBytesPerBlob, simpleCodec } from './codec/simple.js'
export {
  blsModulus,
  bytesPerBlob,
  bytesPerCell,
  bytesPerPoint,
  cellsPerExtBlob,
  fieldElementsPerBlob,
  gasPerBlob,
  maxBlobsPerTransaction,
} from './constants.js'
export { BlobError, type BlobErrorCode } from './errors.js'
export {
  type BlobCostOptions,
  type BreakEvenOptions,
  type ByteCounts,
  blobBreakEven,
  blobCost,
  type CalldataCostOptions,
  type CalldataPricing,
  calldataCost,
  calldataGas,
  countBytes,
  glamsterdamCalldata,
  type PostingCost,
  type PostingPrices,
  pragueCalldata,
} from './fee/cost.js'
export {
  type BlobFeeHeader,
  blobBaseFee,
  blobReservePrice,
  fakeExponential,
  nextExcessBlobGas,
} from './fee/math.js'
export { type GetBlobParametersOptions, getBlobParameters } from './fee/parameters.js'
export {
  type BlobFeeQuote,
  type BlobFees,
  bumpBlobFees,
  type QuoteBlobFeesOptions,
  quoteBlobFees,
} from './fee/quote.js'
export { type BlobFork, type BlobParameters, blobForkAt, blobForks, blobSchedules } from './fee/schedule.js'
export type { RpcClient } from './internal/rpc.js'
export type {
  AnyKzg,
  AsyncKzgFunctions,
  CellsAndProofs,
  Kzg,
  KzgBackend,
  KzgFunctions,
  KzgMethod,
} from './kzg/kzg.js'
export { classifySendFailure } from './refusal/classify.js'
export { type SendFailureCure, sendFailureCures } from './refusal/cures.js'
export { type NodeWords, nodeWords, type SendFailure } from './refusal/table.js'
export {
  type BlobSidecar,
  type BuildSidecarOptions,
  buildSidecar,
  checkSidecar,
  proofsPerBlob,
  sidecarHashes,
  upgradeSidecar,
  type VerifySidecarOptions,
  verifySidecar,
  type WrapperVersion,
} from './sidecar/sidecar.js'
export { versionedHashOf } from './sidecar/versioned-hash.js'
export {
  type BlobContent,
  type BlobRejection,
  type PrepareBlobTransactionOptions,
  type PreparedBlobTransaction,
  prepareBlobTransaction,
  type SendBlobTransactionOptions,
  type SendSignedBlobTransactionOptions,
  sendBlobTransaction,
  sendSignedBlobTransaction,
} from './transaction/send.js'
export { type BlobSerializersOptions, blobSerializers } from './transaction/serializers.js'
export {
  type BlobNonceManager,
  type BlobSigner,
  type SignedBlobTransaction,
  signBlobTransaction,
} from './transaction/sign.js'
export {
  type BlobTransaction,
  type BlobTransactionSignature,
  blobTransactionHash,
  type ParsedBlobTransaction,
  parseBlobTransaction,
  type SerializeBlobTransactionOptions,
  serializeBlobTransaction,
} from './transaction/transaction.js'
