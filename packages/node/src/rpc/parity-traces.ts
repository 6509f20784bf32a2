import type { Caller, RpcMethod } from './answer.js'
import { blockReferences } from './block-reference.js'
import { RpcAnswerError } from './client.js'
import type { EthView } from './eth-view.js'

/** A call as Parity wrote it. */
type Trace = {
  readonly traceAddress?: readonly unknown[]
  readonly action?: { readonly from?: string; readonly to?: string }
  readonly result?: { readonly output?: string } | null
}

/** What a call or a transaction came to. */
type Replay = {
  readonly output: string
  readonly stateDiff: null
  readonly trace: readonly Trace[]
  readonly vmTrace: null
}

const flat = { tracer: 'flatCallTracer' }
/** Blocks that one `trace_filter` looks at, and traces that it answers, at most. */
const maxFilterBlocks = 100n
const maxFilterTraces = 10_000

const invalid = (message: string): RpcAnswerError => new RpcAnswerError({ code: -32602, message })

/** Of `stateDiff` and `vmTrace` no tracer of geth writes what Parity did. */
function checkTypes(types: unknown): void {
  if (!Array.isArray(types)) throw invalid('missing value for required argument 1')
  const other = types.find(type => type !== 'trace')
  if (other !== undefined) throw invalid(`no "${String(other).slice(0, 64)}": only "trace" is available`)
}

/** Traces of something that stands alone: without the place in a block, which Parity left out there. */
function replayOf(traces: readonly Trace[]): Replay {
  const trace = traces.map(each => {
    const {
      blockHash: _,
      blockNumber: __,
      transactionHash: ___,
      transactionPosition: ____,
      ...rest
    } = each as Record<string, unknown>
    return rest as Trace
  })
  return { output: traces[0]?.result?.output ?? '0x', stateDiff: null, trace, vmTrace: null }
}

/** Whether an address is among those that are wanted; all are where none is named. */
function names(wanted: unknown): (address: string | undefined) => boolean {
  if (!Array.isArray(wanted) || wanted.length === 0) return () => true
  const set = new Set(wanted.map(address => String(address).toLowerCase()))
  return address => address !== undefined && set.has(address.toLowerCase())
}

/** `trace_*` over the tracer of geth that writes what Parity did. */
export function parityMethods({ read, heads }: Pick<EthView, 'read' | 'heads'>): [string, RpcMethod][] {
  const { at } = blockReferences(heads)
  const ofTransaction = async (hash: unknown, caller: Caller): Promise<Trace[] | null> =>
    await read('debug_traceTransaction', [hash, flat], caller)
  const ofBlock = async (reference: unknown, caller: Caller): Promise<{ txHash?: string; result?: Trace[] }[]> => {
    const isHash = typeof reference === 'string' && reference.length === 66
    const method = isHash ? 'debug_traceBlockByHash' : 'debug_traceBlockByNumber'
    return await read(method, [at(reference), flat], caller)
  }
  const filter: RpcMethod = async ([wanted], caller) => {
    if (typeof wanted !== 'object' || wanted === null) throw invalid('missing value for required argument 0')
    const {
      fromBlock,
      toBlock,
      fromAddress,
      toAddress,
      after = 0,
      count = maxFilterTraces,
    } = wanted as Record<string, unknown>
    const [from, to] = [at(fromBlock), at(toBlock)].map(block => {
      if (typeof block === 'string' && /^0x[0-9a-f]{1,16}$/i.test(block)) return BigInt(block)
      throw invalid('invalid block range params')
    }) as [bigint, bigint]
    if (from > to || to > heads().unsafe) throw invalid('invalid block range params')
    if (to - from >= maxFilterBlocks) {
      throw new RpcAnswerError({ code: -32000, message: `exceed maximum block range: ${maxFilterBlocks}` })
    }
    const [isFrom, isTo] = [names(fromAddress), names(toAddress)]
    const found: Trace[] = []
    const end = Number(after) + Math.min(Number(count), maxFilterTraces)
    if (!(end >= 0)) throw invalid('invalid range of traces')
    for (let number = from; number <= to && found.length < end; number++) {
      caller.signal.throwIfAborted()
      for (const { result } of await ofBlock(`0x${number.toString(16)}`, caller)) {
        found.push(...(result ?? []).filter(({ action }) => isFrom(action?.from) && isTo(action?.to)))
      }
    }
    return found.slice(Number(after), end)
  }
  return [
    [
      'trace_block',
      async ([reference], caller) => (await ofBlock(reference, caller)).flatMap(({ result = [] }) => result),
    ],
    ['trace_transaction', ([hash], caller) => ofTransaction(hash, caller)],
    [
      'trace_get',
      async ([hash, path], caller) => {
        if (!Array.isArray(path)) throw invalid('missing value for required argument 1')
        const wanted = path.map(Number).join()
        const traces = await ofTransaction(hash, caller)
        return traces?.find(({ traceAddress }) => traceAddress?.join() === wanted) ?? null
      },
    ],
    ['trace_filter', filter],
    [
      'trace_call',
      async ([call, types, block], caller) => {
        checkTypes(types)
        return replayOf(await read('debug_traceCall', [call, at(block), flat], caller))
      },
    ],
    [
      'trace_replayTransaction',
      async ([hash, types], caller) => {
        checkTypes(types)
        const traces = await ofTransaction(hash, caller)
        return traces === null ? null : replayOf(traces)
      },
    ],
    [
      'trace_replayBlockTransactions',
      async ([block, types], caller) => {
        checkTypes(types)
        const traced = await ofBlock(block, caller)
        return traced.map(({ txHash, result = [] }) => ({ ...replayOf(result), transactionHash: txHash }))
      },
    ],
  ]
}
