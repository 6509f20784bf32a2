import { keccak256, type Secp256k1 } from '@l2/common/crypto'
import { curveInUse, nobleSecp256k1, recoverPublicKey } from '@l2/common/secp256k1'
import { keccak_256 } from '@noble/hashes/sha3.js'

/**
 * Who signed: the port behind which the elliptic curve and the hash function lie. {@link defaultRecovery} is noble until `initFastCrypto` of
 * `@l2/sequencer-core/crypto` was called.
 */
export interface SenderRecovery {
  readonly name: string
  /** A fresh array of 32 bytes. */
  keccak256(bytes: Uint8Array): Uint8Array
  /**
   * The 20-byte address whose key made `signature` (r ‖ s, in range) over `hash`, or `undefined` where there is none. Never throws on
   * 32 + 64 bytes.
   */
  recover(hash: Uint8Array, signature: Uint8Array, yParity: 0 | 1): Uint8Array | undefined
}

/** Bytes of one request to a {@link BatchSenderRecovery}: hash (32) ‖ r ‖ s (64) ‖ yParity (1). */
export const recoveryRecordBytes = 97

/** Many senders at once, for example over worker threads. */
export interface BatchSenderRecovery {
  readonly name: string
  keccak256(bytes: Uint8Array): Uint8Array
  /** `records` holds requests of {@link recoveryRecordBytes}; the answer 20 bytes for each, zeros where there is no sender. */
  recoverBatch(records: Uint8Array): Promise<Uint8Array>
}

/** Address of an uncompressed public key, 65 bytes. */
export function addressOfPublicKey(publicKey: Uint8Array, hash: (bytes: Uint8Array) => Uint8Array): Uint8Array {
  return hash(publicKey.subarray(1)).subarray(12)
}

/** The port over a curve and a hash function. */
export function recoveryBy(
  curve: Pick<Secp256k1, 'name' | 'recover'>,
  hash: SenderRecovery['keccak256'],
): SenderRecovery {
  return {
    name: curve.name,
    keccak256: hash,
    recover(digest, signature, yParity) {
      const publicKey = curve.recover(digest, signature, yParity)
      return publicKey === undefined ? undefined : addressOfPublicKey(publicKey, hash)
    },
  }
}

/** Recovery and hash by noble: no native code, the same everywhere. */
export const nobleRecovery: SenderRecovery = /* @__PURE__ */ recoveryBy(nobleSecp256k1, keccak_256)

/** What is taken where no port is handed in: noble, and from `initFastCrypto` of `@l2/sequencer-core/crypto` on what that found. */
export const defaultRecovery: SenderRecovery = {
  get name() {
    return curveInUse()
  },
  keccak256,
  recover(digest, signature, yParity) {
    const publicKey = recoverPublicKey(digest, signature, yParity)
    return publicKey === undefined ? undefined : addressOfPublicKey(publicKey, keccak256)
  },
}
