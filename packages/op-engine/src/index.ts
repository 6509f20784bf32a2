export type { L2Error, L2ErrorOptions, Recovery } from '@l2/common'
export { isL2Error } from '@l2/common'
export type { BlockReference, OpEngine, OpEngineInfo } from './adapter/engine.js'
export { type CommonOptions, defaultHistory, type History } from './adapter/options.js'
export {
  defaultReaderOptions,
  type OpReader,
  type ReaderOptions,
  type ReadOptions,
  type RpcOutcome,
  type RpcRequest,
} from './adapter/reader.js'
export { OpEngineError, type OpEngineErrorCode } from './errors.js'
export { decodeMessage, encodeMessage, type Message } from './protocol/message.js'
