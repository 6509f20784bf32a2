import { L2Error } from '@l2/common'

/** Every code a {@link BlobError} can carry. */
export type BlobErrorCode =
  /** A blob is not 131 072 bytes. */
  | 'BLOB_LENGTH'
  /** A field element is not below the BLS modulus. */
  | 'FIELD_ELEMENT'
  /** Data do not fit into the blobs a codec may use. */
  | 'DATA_TOO_LARGE'
  /** A codec was given nothing to decode. */
  | 'CODEC_EMPTY'
  /** The encoding version byte is not one the codec knows. */
  | 'CODEC_VERSION'
  /** The length a blob states is more than a blob can hold. */
  | 'CODEC_LENGTH'
  /** Bits or bytes that must be zero are not. */
  | 'CODEC_PADDING'
  /** The terminator of the simple codec is missing. */
  | 'CODEC_TERMINATOR'
  /** An argument of a KZG function has the wrong length, count or order, or is no point of the curve. */
  | 'KZG_INPUT'
  /** No KZG library could be loaded, or the one asked for failed to. */
  | 'KZG_BACKEND'
  /** The KZG pool has as many waiting tasks as it may have. */
  | 'KZG_POOL_FULL'
  /** The KZG pool is closed. */
  | 'KZG_POOL_CLOSED'
  /** A sidecar's blobs, commitments, proofs or hashes differ in number. */
  | 'SIDECAR_COUNT'
  /** The operation does not apply to this wrapper version, or the version is unknown. */
  | 'SIDECAR_VERSION'
  /** A commitment is not what the transaction's versioned hash or the blob says. */
  | 'SIDECAR_COMMITMENT'
  /** A blob proof or cell proof does not verify. */
  | 'SIDECAR_PROOF'
  /** Bytes are not a type-3 transaction. */
  | 'TRANSACTION_FORMAT'
  /** A field of a transaction is outside its range. */
  | 'TRANSACTION_FIELD'
  /** A transaction carries no blob. */
  | 'NO_BLOBS'
  /** More blobs than a transaction or a block may carry. */
  | 'TOO_MANY_BLOBS'
  /** The account cannot sign a type-3 transaction, or signed another one. */
  | 'ACCOUNT'
  /** The node refused the transaction. */
  | 'TRANSACTION_REJECTED'
  /** The node took the transaction and does not know it afterwards. */
  | 'TRANSACTION_DROPPED'
  /** Neither `eth_config` nor the table knows the blob parameters of the chain. */
  | 'BLOB_SCHEDULE'
  /** A number given to a fee function is outside its range. */
  | 'FEE_INPUT'
  /** A node answered something that its interface does not allow. */
  | 'RPC_RESPONSE'
  /** The beacon or execution node cannot be reached, or is failing. */
  | 'NODE_UNAVAILABLE'
  /** The slot holds no block, or the identifier names none. */
  | 'BLOCK_MISSED'
  /** The block is there and its blobs are not: past retention, or the node never had them. */
  | 'BLOBS_PRUNED'
  /** The server has no endpoint for blobs: it is too old, or no beacon node. */
  | 'BLOBS_NOT_OFFERED'
  /** The node keeps too few columns to rebuild blobs. */
  | 'BLOBS_NOT_CUSTODIED'
  /** The node returned blobs, but none with a hash that was asked for. */
  | 'BLOBS_MISMATCH'
  /** An option has a value that cannot be used. */
  | 'OPTION'
  /** The installed viem lacks what is needed of it. */
  | 'VIEM_VERSION'

/**
 * The error of `@l2/blob`: a stable `code`, a `recovery`, and the offending values in `details`.
 *
 * @example
 * ```ts
 * import { isL2Error, opCodec } from '@l2/blob'
 *
 * try {
 *   opCodec.decode([new Uint8Array(3)])
 * } catch (error) {
 *   if (isL2Error(error)) console.log(error.code) // BLOB_LENGTH
 * }
 * ```
 */
export class BlobError extends L2Error<BlobErrorCode> {
  override name = 'BlobError'
}
