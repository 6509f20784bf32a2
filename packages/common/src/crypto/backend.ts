import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'
import { keccak_256 } from '@noble/hashes/sha3.js'

/** The curve of Ethereum's signatures. What is not of the right length, and recovery ids that there are not, never come here. */
export interface Secp256k1 {
  readonly name: string
  /**
   * The public key, 65 bytes, that made `signature` (r ‖ s, 64 bytes, high s included) over a hash of 32; `undefined`: there is none. The id is 0 to 3.
   * Never throws.
   */
  recover(hash: Uint8Array, signature: Uint8Array, recoveryId: number): Uint8Array | undefined
  /**
   * Deterministic (RFC 6979), with the low s: r ‖ s and its recovery id. `undefined`: the key is zero, or not below the order. Over a number that
   * is not below the order, which no hash ever was, libraries sign differently.
   */
  sign(hash: Uint8Array, privateKey: Uint8Array): { signature: Uint8Array; recoveryId: number } | undefined
}

/** Functions that stand in for noble's: with the same answers, only faster. What is left out stays noble's. */
export type CryptoBackend = {
  /** Of any bytes, a fresh array of 32. */
  readonly keccak256?: ((bytes: Uint8Array) => Uint8Array) | undefined
  /** Of any bytes, a fresh array of 32. */
  readonly sha256?: ((bytes: Uint8Array) => Uint8Array) | undefined
  readonly secp256k1?: Secp256k1 | undefined
}

/**
 * Where the backend lies. Each package carries a copy of this module, and one call is to be for all of them; the number is that of
 * {@link CryptoBackend}'s shape, so that two releases in one program do not take each other's.
 */
const slot = Symbol.for('@l2/crypto/1')
type Holder = { [slot]?: CryptoBackend | undefined }

/** What was set, for all packages of this program (a worker is one of its own); empty where everything is noble's. */
export const cryptoBackend = (): CryptoBackend => (globalThis as Holder)[slot] ?? {}

/**
 * Sets what hashes, signs and recovers in all `@l2/*` packages of this program, where no other port is handed in. `initFastCrypto` is this
 * with the fastest that is there.
 *
 * @param backend `undefined`: noble again
 * @returns what was set before
 *
 * @example
 * ```ts
 * import { initFastCrypto, setCrypto } from '@l2/sequencer-core/crypto'
 *
 * await initFastCrypto()
 * const fast = setCrypto(undefined) // noble from here on
 * setCrypto(fast) // and fast again
 * ```
 */
export function setCrypto(backend: CryptoBackend | undefined): CryptoBackend | undefined {
  const holder = globalThis as Holder
  const before = holder[slot]
  holder[slot] = backend
  return before
}

/** Keccak-256 by what {@link setCrypto} was told, else by noble. */
export function keccak256(bytes: Uint8Array): Uint8Array {
  const fast = (globalThis as Holder)[slot]?.keccak256
  return fast === undefined ? keccak_256(bytes) : fast(bytes)
}

/** SHA-256 by what {@link setCrypto} was told, else by noble. */
export function sha256(bytes: Uint8Array): Uint8Array {
  const fast = (globalThis as Holder)[slot]?.sha256
  return fast === undefined ? nobleSha256(bytes) : fast(bytes)
}
