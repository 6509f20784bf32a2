import { secp256k1 as curve } from '@noble/curves/secp256k1.js'
import { cryptoBackend, type Secp256k1 } from '../crypto/backend.js'

const nobleRecover: Secp256k1['recover'] = (hash, signature, recoveryId) => {
  try {
    return curve.Signature.fromBytes(signature, 'compact')
      .addRecoveryBit(recoveryId)
      .recoverPublicKey(hash)
      .toBytes(false)
  } catch {
    // Noble has no other way to say that r is no x coordinate, or that the key is the point at infinity.
    return undefined
  }
}

const nobleSign: Secp256k1['sign'] = (hash, privateKey) => {
  if (!curve.utils.isValidSecretKey(privateKey)) return undefined
  const bytes = curve.sign(hash, privateKey, { prehash: false, format: 'recovered' })
  return { signature: bytes.subarray(1), recoveryId: bytes[0]! }
}

/** By noble: no native code, the same everywhere. */
export const nobleSecp256k1: Secp256k1 = { name: 'noble', recover: nobleRecover, sign: nobleSign }

/** The name of what recovers and signs now. */
export const curveInUse = (): string => cryptoBackend().secp256k1?.name ?? 'noble'

/** By what `setCrypto` was told, else by noble; of wrong lengths and recovery ids there is no key. */
export const recoverPublicKey: Secp256k1['recover'] = (hash, signature, recoveryId) =>
  hash.length === 32 && signature.length === 64 && (recoveryId & 3) === recoveryId
    ? (cryptoBackend().secp256k1?.recover ?? nobleRecover)(hash, signature, recoveryId)
    : undefined
