import type { RpcMethod } from './answer.js'
import { blockReferences } from './block-reference.js'
import { RpcAnswerError } from './client.js'
import type { EthView } from './eth-view.js'
import { parityMethods } from './parity-traces.js'

/** Reads of the `debug` namespace, and where their block stands. */
const debugReads: Readonly<Record<string, number | undefined>> = {
  debug_getRawHeader: 0,
  debug_getRawBlock: 0,
  debug_getRawReceipts: 0,
  debug_getRawTransaction: undefined,
  debug_chainConfig: undefined,
  debug_storageRangeAt: undefined,
  debug_traceTransaction: undefined,
  debug_traceBlock: undefined,
  debug_traceBlockByNumber: 0,
  debug_traceBlockByHash: undefined,
  debug_traceCall: 1,
  debug_intermediateRoots: undefined,
}

const isName = (text: string): boolean => /^\w*$/.test(text)

/** `muxTracer` has further tracers for the keys of its configuration. */
const namesOnly = (config: unknown): boolean =>
  typeof config !== 'object' ||
  config === null ||
  Object.entries(config).every(([key, value]) => isName(key) && namesOnly(value))

/** Whether a tracer is a program, which a geth would run with all the memory that it asks for. */
const hasProgram = (config: unknown): boolean =>
  typeof config === 'object' &&
  config !== null &&
  Object.entries(config).some(([key, value]) => {
    // As Go reads it, large letters or small.
    if (key.toLowerCase() === 'tracer') return typeof value === 'string' && !isName(value)
    return key.toLowerCase() === 'tracerconfig' && !namesOnly(value)
  })

/** `debug_*` that reads, and `trace_*`. */
export function traceMethods({ read, heads }: EthView): Map<string, RpcMethod> {
  const { atIn } = blockReferences(heads)
  const methods = new Map<string, RpcMethod>(parityMethods({ read, heads }))
  for (const [method, position] of Object.entries(debugReads)) {
    methods.set(method, (params, caller) => {
      if (method.startsWith('debug_trace') && params.some(hasProgram)) {
        throw new RpcAnswerError({ code: -32000, message: 'tracer not found' })
      }
      return read(method, position === undefined ? params : atIn(params, position), caller)
    })
  }
  return methods
}
