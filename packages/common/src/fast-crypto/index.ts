export { type FastCrypto, initFastCrypto } from './fast.js'
export { nativeSecp256k1, nativeSecp256k1Entry } from './native.js'
export { wasmKeccak256, wasmSecp256k1 } from './wasm.js'
