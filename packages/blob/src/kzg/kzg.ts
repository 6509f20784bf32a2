/** The library behind a {@link Kzg}. */
export type KzgBackend = 'c-kzg' | 'eth-kzg' | 'noble'

/** The 128 cells of an extended blob and the proof of each. */
export type CellsAndProofs = { cells: Uint8Array[]; proofs: Uint8Array[] }

/**
 * The functions of the KZG commitment scheme for blobs (EIP-4844) and cells (EIP-7594), on bytes. Commitments and proofs are 48 bytes,
 * scalars 32, cells 2048.
 *
 * Contract of every implementation: arguments are checked before any library sees them; malformed ones (a wrong length or count, a
 * field element not below the modulus, bytes that are no point of the curve) throw a `BlobError` `KZG_INPUT`, `BLOB_LENGTH` or
 * `FIELD_ELEMENT`; a `verify…` returns `false` only for a well-formed proof that does not hold. No input ends the process.
 *
 * Source: consensus-specs, deneb and fulu, "Polynomial commitments".
 */
export interface KzgFunctions {
  blobToKzgCommitment(blob: Uint8Array): Uint8Array
  /** The proof that goes with a blob in a version 0 sidecar. The commitment is trusted to be the blob's. */
  computeBlobKzgProof(blob: Uint8Array, commitment: Uint8Array): Uint8Array
  verifyBlobKzgProof(blob: Uint8Array, commitment: Uint8Array, proof: Uint8Array): boolean
  /** All or nothing; an empty batch holds. */
  verifyBlobKzgProofBatch(
    blobs: readonly Uint8Array[],
    commitments: readonly Uint8Array[],
    proofs: readonly Uint8Array[],
  ): boolean
  /** Opens the blob's polynomial at `z`: the value and its proof, as the point evaluation precompile 0x0a takes them. */
  computeKzgProof(blob: Uint8Array, z: Uint8Array): { proof: Uint8Array; y: Uint8Array }
  verifyKzgProof(commitment: Uint8Array, z: Uint8Array, y: Uint8Array, proof: Uint8Array): boolean
  /** The 128 cells of the extended blob; the first 64 are the blob itself. */
  computeCells(blob: Uint8Array): Uint8Array[]
  computeCellsAndKzgProofs(blob: Uint8Array): CellsAndProofs
  /** All 128 from at least 64; indices strictly ascending. */
  recoverCellsAndKzgProofs(cellIndices: readonly number[], cells: readonly Uint8Array[]): CellsAndProofs
  /** All or nothing; an empty batch holds. `commitments[i]` is that of the blob which `cells[i]` comes from. */
  verifyCellKzgProofBatch(
    commitments: readonly Uint8Array[],
    cellIndices: readonly number[],
    cells: readonly Uint8Array[],
    proofs: readonly Uint8Array[],
  ): boolean
}

/**
 * KZG in the calling thread. A superset of viem's `Kzg`: it can be handed to viem as it is.
 */
export interface Kzg extends KzgFunctions {
  readonly backend: KzgBackend
  /**
   * Loads the trusted setup now (about 2 s in the native libraries) instead of at the first call.
   *
   * @throws BlobError `KZG_BACKEND`
   */
  load(): void
}

/** The names of the functions of {@link KzgFunctions}. */
export type KzgMethod = keyof KzgFunctions

/**
 * The same functions elsewhere: in worker threads or in a library's own. Every call can be cancelled; the promise then rejects with the
 * signal's reason at once.
 */
export type AsyncKzgFunctions = {
  [Method in KzgMethod]: (
    ...args: [...Parameters<KzgFunctions[Method]>, options?: { signal?: AbortSignal | undefined }]
  ) => Promise<ReturnType<KzgFunctions[Method]>>
}

/** What the rest of this package computes with: a {@link Kzg} or a `KzgPool`. */
export type AnyKzg = KzgFunctions | AsyncKzgFunctions
