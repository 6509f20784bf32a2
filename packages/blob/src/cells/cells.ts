import { bytesPerBlob, bytesPerCell, cellsPerExtBlob } from '../constants.js'
import { BlobError } from '../errors.js'
import { checkFieldElements } from '../internal/check.js'
import type { AnyKzg, AsyncKzgFunctions, CellsAndProofs } from '../kzg/kzg.js'
import { type BlobSidecar, checkSidecar } from '../sidecar/sidecar.js'

export type CellCallOptions = { kzg: AnyKzg; signal?: AbortSignal | undefined }

/** A cell, where it belongs and what proves it. */
export type ProvenCell = {
  /** Of the blob that the cell comes from. */
  readonly commitment: Uint8Array
  /** 0 … 127 */
  readonly index: number
  readonly cell: Uint8Array
  readonly proof: Uint8Array
}

/**
 * One column of a block's extended blobs: cell `index` of each, with its proof. What a node that custodies the column stores and
 * serves (EIP-7594, `DataColumnSidecar`).
 */
export type BlobColumn = {
  readonly index: number
  readonly cells: readonly Uint8Array[]
  readonly commitments: readonly Uint8Array[]
  readonly proofs: readonly Uint8Array[]
}

/**
 * The 128 cells of a blob: 64 that carry it, in its order, and 64 of parity. Any 64 of them give it back.
 *
 * @throws BlobError `BLOB_LENGTH`, `FIELD_ELEMENT`
 * @example
 * ```ts
 * import { blobOfCells, extendBlob, opCodec } from '@l2/blob'
 * import { createBlobKzg } from '@l2/blob/kzg'
 *
 * const kzg = await createBlobKzg()
 * const [blob] = opCodec.encode(Uint8Array.of(7))
 * const cells = await extendBlob(blob!, { kzg })
 * console.log(cells.length, opCodec.decode([blobOfCells(cells)])) // 128 Uint8Array(1) [ 7 ]
 * ```
 */
export async function extendBlob(blob: Uint8Array, options: CellCallOptions): Promise<Uint8Array[]> {
  return (options.kzg as AsyncKzgFunctions).computeCells(blob, { signal: options.signal })
}

/**
 * The blob that the first 64 of its cells carry.
 *
 * @throws BlobError `KZG_INPUT`, `FIELD_ELEMENT`
 */
export function blobOfCells(cells: readonly Uint8Array[]): Uint8Array {
  const blob = new Uint8Array(bytesPerBlob)
  for (let i = 0; i < cellsPerExtBlob / 2; i++) {
    const cell = cells[i]
    if (!(cell instanceof Uint8Array) || cell.length !== bytesPerCell) {
      throw new BlobError(`cells[${i}]: expected ${bytesPerCell} bytes, got ${cell?.length ?? 'none'}`, {
        code: 'KZG_INPUT',
        details: { what: `cells[${i}]`, length: cell?.length },
      })
    }
    checkFieldElements(cell, `cells[${i}]`)
    blob.set(cell, i * bytesPerCell)
  }
  return blob
}

/**
 * Verifies cells of any blobs and columns in one batch; only when the batch fails is each tried alone, to name those at fault.
 *
 * @returns positions in `cells` of those that do not hold; none when all do
 * @throws BlobError `KZG_INPUT`, `FIELD_ELEMENT` for cells, proofs or commitments that are malformed
 */
export async function verifyCells(cells: readonly ProvenCell[], options: CellCallOptions): Promise<number[]> {
  const kzg = options.kzg as AsyncKzgFunctions
  const { signal } = options
  const holds = (some: readonly ProvenCell[]): Promise<boolean> =>
    kzg.verifyCellKzgProofBatch(
      some.map(({ commitment }) => commitment),
      some.map(({ index }) => index),
      some.map(({ cell }) => cell),
      some.map(({ proof }) => proof),
      { signal },
    )
  if (await holds(cells)) return []
  if (cells.length === 1) return [0]
  // Halving finds one bad cell among n in about 2 log n batches.
  const middle = cells.length >> 1
  const left = await verifyCells(cells.slice(0, middle), options)
  const right = await verifyCells(cells.slice(middle), options)
  return [...left, ...right.map(position => position + middle)]
}

/**
 * All 128 cells and proofs of a blob from any 64 or more of its cells, in any order. The cells are trusted: verify them first.
 *
 * @throws BlobError `KZG_INPUT` for fewer than 64 or the same index twice, `FIELD_ELEMENT`
 */
export async function recoverCells(
  cells: readonly Pick<ProvenCell, 'index' | 'cell'>[],
  options: CellCallOptions,
): Promise<CellsAndProofs> {
  const sorted = [...cells].sort((a, b) => a.index - b.index)
  return (options.kzg as AsyncKzgFunctions).recoverCellsAndKzgProofs(
    sorted.map(({ index }) => index),
    sorted.map(({ cell }) => cell),
    { signal: options.signal },
  )
}

/**
 * The columns of a block's blobs, from the version 1 sidecars of its transactions in order; `indices` are the columns wanted, as
 * `custodyColumns` gives them. No proof is computed: the sidecars hold them.
 *
 * Source: consensus-specs, fulu, `get_data_column_sidecars`.
 *
 * @throws BlobError `SIDECAR_VERSION`, `KZG_INPUT`, and as `checkSidecar`
 */
export async function buildColumns(
  sidecars: readonly BlobSidecar[],
  indices: readonly number[],
  options: CellCallOptions,
): Promise<BlobColumn[]> {
  for (const index of indices) checkColumn(index)
  const cells: Uint8Array[][] = []
  for (const sidecar of sidecars) {
    checkSidecar(sidecar)
    if (sidecar.version !== 1) {
      throw new BlobError('columns are built from version 1 sidecars', {
        code: 'SIDECAR_VERSION',
        details: { version: sidecar.version },
        meta: ['try: upgradeSidecar'],
      })
    }
    for (const blob of sidecar.blobs) cells.push(await extendBlob(blob, options))
  }
  const commitments = sidecars.flatMap(sidecar => sidecar.commitments)
  const proofs = sidecars.flatMap(sidecar => sidecar.proofs)
  return indices.map(index => ({
    index,
    cells: cells.map(ofBlob => ofBlob[index]!),
    commitments,
    proofs: commitments.map((_, blob) => proofs[blob * cellsPerExtBlob + index]!),
  }))
}

/** The cells of columns, one by one: for {@link verifyCells}, or grouped by commitment for {@link recoverCells}. */
export function cellsOfColumns(columns: readonly BlobColumn[]): ProvenCell[] {
  return columns.flatMap(({ index, cells, commitments, proofs }) => {
    if (cells.length !== commitments.length || proofs.length !== commitments.length) {
      throw new BlobError(
        `column ${index}: ${cells.length} cells, ${commitments.length} commitments, ${proofs.length} proofs`,
        { code: 'SIDECAR_COUNT', details: { index } },
      )
    }
    return cells.map((cell, i) => ({ commitment: commitments[i]!, index, cell, proof: proofs[i]! }))
  })
}

function checkColumn(index: number): void {
  if (!Number.isInteger(index) || index < 0 || index >= cellsPerExtBlob) {
    throw new BlobError(`column expected 0 to ${cellsPerExtBlob - 1}, got ${index}`, {
      code: 'KZG_INPUT',
      details: { index },
    })
  }
}
