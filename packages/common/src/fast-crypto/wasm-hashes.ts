import { createKeccak, createSHA256, type IHasher } from 'hash-wasm'

/** Keccak-256 in WebAssembly, synchronous once it is there. A module of its own, fetched when it is asked for. */
export const wasmKeccak256 = async (): Promise<(bytes: Uint8Array) => Uint8Array> => inOneCall(await createKeccak(256))

/** SHA-256 in WebAssembly. */
export const wasmSha256 = async (): Promise<(bytes: Uint8Array) => Uint8Array> => inOneCall(await createSHA256())

const inOneCall =
  (hasher: IHasher) =>
  (bytes: Uint8Array): Uint8Array => {
    hasher.init()
    hasher.update(bytes)
    return hasher.digest('binary')
  }
