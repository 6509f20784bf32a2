import { secp256k1 as curve } from '@noble/curves/secp256k1.js'
import { cryptoBackend, type Secp256k1 } from '../crypto/backend.js'

/** By noble: no native code, the same everywhere. */
export const nobleSecp256k1: Secp256k1 = {
  name: 'noble',
  recover(hash, signature, recoveryId) {
    try {
      const parsed = curve.Signature.fromBytes(signature, 'compact').addRecoveryBit(recoveryId)
      return parsed.recoverPublicKey(hash).toBytes(false)
    } catch {
      // Noble has no other way to say that r is no x coordinate, or that the key is the point at infinity.
      return undefined
    }
  },
  sign(hash, privateKey) {
    if (!curve.utils.isValidSecretKey(privateKey)) return undefined
    const bytes = curve.sign(hash, privateKey, { prehash: false, format: 'recovered' })
    return { signature: bytes.subarray(1), recoveryId: bytes[0]! }
  },
}

/** The curve by what `setCrypto` was told, else by noble; of wrong lengths and ids there is no key. */
export const secp256k1: Secp256k1 = {
  get name() {
    return inUse().name
  },
  recover(hash, signature, recoveryId) {
    const isOne = hash.length === 32 && signature.length === 64 && (recoveryId & 3) === recoveryId
    return isOne ? inUse().recover(hash, signature, recoveryId) : undefined
  },
  sign: (hash, privateKey) =>
    hash.length === 32 && privateKey.length === 32 ? inUse().sign(hash, privateKey) : undefined,
}

const inUse = (): Secp256k1 => cryptoBackend().secp256k1 ?? nobleSecp256k1
