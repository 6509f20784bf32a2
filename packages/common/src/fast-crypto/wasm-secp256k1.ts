import { instantiateSecp256k1 } from '@bitauth/libauth'
import type { Secp256k1 } from '../crypto/backend.js'

/** libsecp256k1 in WebAssembly. A module of its own, so that a bundler lays these 240 kB where only `initFastCrypto` fetches them. */
export async function wasmSecp256k1(): Promise<Secp256k1> {
  const library = await instantiateSecp256k1()
  return {
    name: 'libsecp256k1 in WebAssembly',
    recover(hash, signature, recoveryId) {
      const key = library.recoverPublicKeyUncompressed(signature, recoveryId as 0 | 1 | 2 | 3, hash)
      // The library says in words that there is none.
      return typeof key === 'string' ? undefined : key
    },
    sign(hash, privateKey) {
      const signed = library.signMessageHashRecoverableCompact(privateKey, hash)
      return typeof signed === 'string' ? undefined : signed
    },
  }
}
