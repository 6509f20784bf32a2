import library from '@crate-crypto/node-eth-kzg'
import { bindKzg, type KzgLibrary } from './binding.js'
import type { Kzg } from './kzg.js'
import { nativeDialect } from './native-dialect.js'

/** @see ethKzg */
export type EthKzgOptions = {
  /** Tables for cell proofs: about 100 MB, proofs in half the time. Default `false`. */
  precompute?: boolean | undefined
}

const contexts = new Map<boolean, KzgLibrary>()

/** One context for every user of the process with the same tables. */
export function ethKzgContext(precompute: boolean): KzgLibrary {
  let context = contexts.get(precompute)
  if (context === undefined) {
    context = library.DasContextJs.create({ usePrecomp: precompute }) as unknown as KzgLibrary
    contexts.set(precompute, context)
  }
  return context
}

/**
 * KZG by rust-eth-kzg: native, prebuilt for Linux (glibc), macOS and Windows. Loads its setup at the first call, once for the process.
 *
 * @example
 * ```ts
 * import { opCodec, versionedHashOf } from '@l2/blob'
 * import { ethKzg } from '@l2/blob/eth-kzg'
 *
 * const [blob] = opCodec.encode(new Uint8Array())
 * console.log(versionedHashOf(ethKzg().blobToKzgCommitment(blob!)))
 * // 0x010657f37554c781402a22917dee2f75def7ab966d7b770905398eba3c444014
 * ```
 */
export function ethKzg(options: EthKzgOptions = {}): Kzg {
  const precompute = options.precompute ?? false
  return bindKzg(nativeDialect('eth-kzg'), () => {
    const context = ethKzgContext(precompute)
    // Methods of a native object need their object.
    return new Proxy(context, { get: (target, name: string) => target[name]!.bind(target) })
  })
}
