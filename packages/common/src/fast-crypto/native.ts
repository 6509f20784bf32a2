import type { Secp256k1 } from '../crypto/backend.js'
import { lacks, loadNative, type NativePart } from '../node/native.js'

/** The part of the npm package `secp256k1` that is used. */
type Binding = {
  ecdsaRecover(signature: Uint8Array, recoveryId: number, message: Uint8Array, compressed: boolean): Uint8Array
  ecdsaSign(message: Uint8Array, privateKey: Uint8Array): { signature: Uint8Array; recid: number }
}

/** Not the main file: that one silently falls back to slow JavaScript. */
export const nativeSecp256k1Entry = 'secp256k1/bindings.js'

/**
 * libsecp256k1 by the add-on of the npm package `secp256k1`, where it is installed and was built for this machine.
 *
 * @param from `import.meta.url` of whoever wants it: the add-on is looked for from there
 */
export function nativeSecp256k1(from: string): NativePart<Secp256k1> {
  const check = (module: Binding) => lacks(module, ['ecdsaRecover', 'ecdsaSign'])
  const part = loadNative<Binding>('secp256k1', { from, entry: 'bindings.js', check })
  if (part.state !== 'ready') return part
  const { ecdsaRecover, ecdsaSign } = part.module
  const module: Secp256k1 = {
    name: 'libsecp256k1',
    recover(hash, signature, recoveryId) {
      try {
        return ecdsaRecover(signature, recoveryId, hash, false)
      } catch {
        // The binding reports "no such key" by throwing.
        return undefined
      }
    },
    sign(hash, privateKey) {
      try {
        const { signature, recid } = ecdsaSign(hash, privateKey)
        return { signature, recoveryId: recid }
      } catch {
        return undefined
      }
    },
  }
  return { state: 'ready', module }
}
