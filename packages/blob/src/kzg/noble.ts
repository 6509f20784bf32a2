import { BlobError } from '../errors.js'
import { bindKzg } from './binding.js'
import type { Kzg } from './kzg.js'
import { nobleDialect } from './noble-dialect.js'
import { importNoble } from './noble-library.js'

/** @see nobleKzg */
export type NobleKzgOptions = {
  /** Whether cells and their proofs are needed: the setup is then 3.2 MB instead of 0.8 MB. Default `true`. */
  cells?: boolean | undefined
}

/**
 * KZG in JavaScript, by micro-eth-signer on noble-curves: runs wherever JavaScript does, some ten times slower than native code
 * (a commitment takes about half a second, the cell proofs of a blob about four).
 *
 * @throws BlobError `KZG_BACKEND`
 * @example
 * ```ts
 * import { opCodec, versionedHashOf } from '@l2/blob'
 * import { nobleKzg } from '@l2/blob/noble'
 *
 * const kzg = await nobleKzg({ cells: false })
 * const [blob] = opCodec.encode(new Uint8Array())
 * console.log(versionedHashOf(kzg.blobToKzgCommitment(blob!))) // 0x010657f37554c781402a22917dee2f75def7ab966d7b770905398eba3c444014
 * ```
 */
export async function nobleKzg(options: NobleKzgOptions = {}): Promise<Kzg> {
  const { cells = true } = options
  const kzg = bindKzg(nobleDialect, await importNoble(cells))
  return cells
    ? kzg
    : {
        ...kzg,
        computeCells: withoutCells,
        computeCellsAndKzgProofs: withoutCells,
        recoverCellsAndKzgProofs: withoutCells,
        verifyCellKzgProofBatch: withoutCells,
      }
}

function withoutCells(): never {
  throw new BlobError('this KZG was made without the setup for cells', {
    code: 'KZG_BACKEND',
    meta: ['try: nobleKzg({ cells: true })'],
  })
}

export type { CellsAndProofs, Kzg, KzgBackend, KzgFunctions } from './kzg.js'
