import type { Secp256k1 } from '../crypto/backend.js'

// Behind `import()`: what is in WebAssembly weighs much, and libauth awaits at its top level, which `require` of a package that reached it could not.

/** Keccak-256 in WebAssembly, synchronous once it is there. */
export const wasmKeccak256 = async (): Promise<(bytes: Uint8Array) => Uint8Array> =>
  (await import('./wasm-hashes.js')).wasmKeccak256()

/** SHA-256 in WebAssembly. */
export const wasmSha256 = async (): Promise<(bytes: Uint8Array) => Uint8Array> =>
  (await import('./wasm-hashes.js')).wasmSha256()

/** libsecp256k1 in WebAssembly. */
export const wasmSecp256k1 = async (): Promise<Secp256k1> => (await import('./wasm-secp256k1.js')).wasmSecp256k1()
