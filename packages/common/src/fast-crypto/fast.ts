import { type CryptoBackend, cryptoBackend, type Secp256k1, setCrypto } from '../crypto/backend.js'
import { nativeSecp256k1 } from './native.js'
import { wasmKeccak256, wasmSecp256k1, wasmSha256 } from './wasm.js'

/** What {@link initFastCrypto} found, by name: for one line at the start of a program. */
export type FastCrypto = {
  /** `hash-wasm`, or `noble` where WebAssembly is forbidden. */
  readonly keccak256: string
  /** `node:crypto`, `hash-wasm` or `noble`. */
  readonly sha256: string
  /** `libsecp256k1` for the add-on, `libsecp256k1 in WebAssembly`, or `noble`. */
  readonly secp256k1: string
  /** Why a faster part is not in use, though it is installed or should always be there. Empty where all is well. */
  readonly reasons: readonly string[]
}

type Hash = (bytes: Uint8Array) => Uint8Array

let found: Promise<{ backend: CryptoBackend; names: FastCrypto }> | undefined

/**
 * Switches all `@l2/*` packages of this program from noble to the fastest that is there: keccak-256 in WebAssembly, SHA-256 of the platform,
 * secp256k1 by the add-on of the npm package `secp256k1` where that is installed, else in WebAssembly. Answers stay the same. Nothing of it is
 * loaded before this is called; the second call loads nothing. Never rejects: what cannot be had stays noble's, and `reasons` says why.
 *
 * @example
 * ```ts
 * import { initFastCrypto, setCrypto } from '@l2/sequencer-core/crypto'
 *
 * const { keccak256, reasons } = await initFastCrypto()
 * console.log(keccak256, reasons) // hash-wasm []
 * setCrypto(undefined)
 * ```
 */
export async function initFastCrypto(): Promise<FastCrypto> {
  found ??= find()
  const { backend, names } = await found
  if (cryptoBackend() !== backend) setCrypto(backend)
  return names
}

async function find(): Promise<{ backend: CryptoBackend; names: FastCrypto }> {
  const reasons: string[] = []
  const [keccak256, platform, secp256k1] = await Promise.all([
    orReason('keccak-256 in WebAssembly', reasons, wasmKeccak256),
    fastSha256(reasons),
    fastSecp256k1(reasons),
  ])
  const backend = { keccak256, sha256: platform?.hash, secp256k1 }
  const names = {
    keccak256: keccak256 === undefined ? 'noble' : 'hash-wasm',
    sha256: platform?.name ?? 'noble',
    secp256k1: secp256k1?.name ?? 'noble',
    reasons,
  }
  return { backend, names }
}

/** Node's own, in one call; elsewhere there is only an asynchronous one, so WebAssembly. */
async function fastSha256(reasons: string[]): Promise<{ name: string; hash: Hash } | undefined> {
  const hashOnce = globalThis.process?.getBuiltinModule?.('node:crypto')?.hash
  if (hashOnce !== undefined)
    return { name: 'node:crypto', hash: bytes => new Uint8Array(hashOnce('sha256', bytes, 'buffer')) }
  const hash = await orReason('SHA-256 in WebAssembly', reasons, wasmSha256)
  return hash === undefined ? undefined : { name: 'hash-wasm', hash }
}

async function fastSecp256k1(reasons: string[]): Promise<Secp256k1 | undefined> {
  const native = nativeSecp256k1(import.meta.url)
  if (native.state === 'ready') return native.module
  if (native.state === 'broken') reasons.push(`secp256k1 is installed and does not load: ${native.reason}`)
  return await orReason('secp256k1 in WebAssembly', reasons, wasmSecp256k1)
}

async function orReason<T>(what: string, reasons: string[], make: () => Promise<T>): Promise<T | undefined> {
  try {
    return await make()
  } catch (cause) {
    reasons.push(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`)
    return undefined
  }
}
