import { BlobError } from '../errors.js'
import { bindKzg } from './binding.js'
import { findCKzg, loadCKzg } from './c-kzg-library.js'
import { needed } from './create.js'
import type { Kzg } from './kzg.js'
import { nativeDialect } from './native-dialect.js'

/** @see cKzg */
export type CKzgOptions = {
  /** Size of the tables for cell proofs, 0 (none, the default) to 8 (about 100 MB and a slower start, faster proofs). */
  precompute?: number | undefined
}

/**
 * KZG by c-kzg-4844: C and assembly, compiled when `c-kzg` is installed. Loads its setup at the first call, once for the thread.
 *
 * @throws BlobError `OPTION`; `KZG_BACKEND` where the package is not installed, was not built, or was built for another machine
 * @example
 * ```ts
 * import { opCodec, versionedHashOf } from '@l2/blob'
 * import { cKzg } from '@l2/blob/c-kzg'
 *
 * const [blob] = opCodec.encode(new Uint8Array())
 * console.log(versionedHashOf(cKzg().blobToKzgCommitment(blob!))) // 0x010657f37554c781402a22917dee2f75def7ab966d7b770905398eba3c444014
 * ```
 */
export function cKzg(options: CKzgOptions = {}): Kzg {
  const precompute = options.precompute ?? 0
  if (!Number.isInteger(precompute) || precompute < 0 || precompute > 8) {
    throw new BlobError(`"precompute" expected an integer from 0 to 8, got ${precompute}`, {
      code: 'OPTION',
      details: { precompute },
    })
  }
  const library = needed('c-kzg', findCKzg())
  return bindKzg(nativeDialect('c-kzg'), () => loadCKzg(library, precompute))
}
export type { CellsAndProofs, Kzg, KzgBackend, KzgFunctions } from './kzg.js'
