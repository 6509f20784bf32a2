import { bindKzg } from './binding.js'
import { needed } from './create.js'
import { findEthKzg, loadEthKzg } from './eth-kzg-library.js'
import type { Kzg } from './kzg.js'
import { nativeDialect } from './native-dialect.js'

/** @see ethKzg */
export type EthKzgOptions = {
  /** Tables for cell proofs: about 100 MB, proofs in half the time. Default `false`. */
  precompute?: boolean | undefined
}

/**
 * KZG by rust-eth-kzg: native, prebuilt for Linux (glibc), macOS and Windows. Loads its setup at the first call, once for the process.
 *
 * @throws BlobError `KZG_BACKEND` where the package is not installed, or has no binary for this machine
 * @example
 * ```ts
 * import { opCodec, versionedHashOf } from '@l2/blob'
 * import { ethKzg } from '@l2/blob/eth-kzg'
 *
 * const [blob] = opCodec.encode(new Uint8Array())
 * console.log(versionedHashOf(ethKzg().blobToKzgCommitment(blob!))) // 0x010657f37554c781402a22917dee2f75def7ab966d7b770905398eba3c444014
 * ```
 */
export function ethKzg(options: EthKzgOptions = {}): Kzg {
  const precompute = options.precompute ?? false
  const library = needed('eth-kzg', findEthKzg())
  return bindKzg(nativeDialect('eth-kzg'), () => loadEthKzg(library, precompute))
}
export type { CellsAndProofs, Kzg, KzgBackend, KzgFunctions } from './kzg.js'
