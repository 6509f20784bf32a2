export { type CryptoBackend, keccak256, type Secp256k1, setCrypto } from '@l2/common/crypto'
export { type FastCrypto, initFastCrypto } from '@l2/common/fast-crypto'
