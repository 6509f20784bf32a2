export { type CryptoBackend, cryptoBackend, keccak256, type Secp256k1, setCrypto, sha256 } from './backend.js'
