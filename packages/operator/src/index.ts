export type { L2Error, L2ErrorOptions, Recovery } from '@l2/common'
export { isL2Error } from '@l2/common'
export { OperatorError, type OperatorErrorCode } from './errors.js'
export { type OperatorEntry, type OperatorGenesis, type Rules, readGenesis, rulesOf } from './home/genesis.js'
export {
  homeFiles,
  type KeyFile,
  type OperatorConfig,
  type OperatorHome,
  type OperatorKeys,
  openHome,
  readHomeKeys,
  writeConfig,
  writeHome,
} from './home/home.js'
export type { OperatorPosting } from './home/posting.js'
export { type TestnetHost, type TestnetOptions, writeTestnet } from './home/testnet.js'
export { openHomeKeys } from './keys/home-keys.js'
export { decryptKeystore, encryptKeystore, type KeystoreOptions } from './keys/keystore.js'
export { type KeyPlace, type KeyPlaces, readKeyPlaces } from './keys/places.js'
export { createRemoteAccount, type RemoteAccountOptions, type SigningAccount } from './keys/web3signer.js'
export type { RunOptions } from './node/ground.js'
export { type Operator, runOperator } from './node/operator.js'
