import { secp256k1 } from '@noble/curves/secp256k1.js'
import { keccak_256 } from '@noble/hashes/sha3.js'

/**
 * Who signed: the port behind which the elliptic curve and the hash function lie. {@link nobleRecovery} runs everywhere,
 * `createNativeRecovery` of `@l2/sequencer-core/node` about twenty times faster.
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
export function addressOfPublicKey(publicKey: Uint8Array, keccak256: (bytes: Uint8Array) => Uint8Array): Uint8Array {
  return keccak256(publicKey.subarray(1)).subarray(12)
}

/** Recovery and hash by noble: no native code, the same everywhere. */
export const nobleRecovery: SenderRecovery = {
  name: 'noble',
  keccak256: keccak_256,
  recover(hash, signature, yParity) {
    try {
      const point = secp256k1.Signature.fromBytes(signature, 'compact').addRecoveryBit(yParity).recoverPublicKey(hash)
      return addressOfPublicKey(point.toBytes(false), keccak_256)
    } catch {
      // Noble has no other way to say that r is no x coordinate, or that the key is the point at infinity.
      return undefined
    }
  },
}
