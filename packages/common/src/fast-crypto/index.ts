export { type FastCrypto, initFastCrypto } from './fast.js'
export { nativeSecp256k1, nativeSecp256k1Entry } from './native.js'
export { wasmKeccak256 } from './wasm-hashes.js'
export { wasmSecp256k1 } from './wasm-secp256k1.js'
