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
  writeHome,
} from './home/home.js'
export { type TestnetHost, type TestnetOptions, writeTestnet } from './home/testnet.js'
export type { RunOptions } from './node/ground.js'
export { type Operator, runOperator } from './node/operator.js'
