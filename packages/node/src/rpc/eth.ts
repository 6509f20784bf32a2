import type { Hex } from 'viem'
import type { RpcMethod } from './answer.js'
import { blockReferences } from './block-reference.js'
import { capabilitiesMethod } from './capabilities.js'
import { RpcAnswerError } from './client.js'
import type { EthView } from './eth-view.js'
import { poolMethods } from './pool.js'
import { traceMethods } from './traces.js'

/** What the node calls itself. */
export const nodeVersion = 'l2-reference-node/0.1.0'

const hex = (value: bigint | number): Hex => `0x${value.toString(16)}`

/** geth has no bound here; a range that takes minutes is of no use to whoever asks, and to nobody else. */
const maxLogBlocks = 10_000n
const maxLogs = 20_000

/** Reads of one block, and where its number or hash stands: `undefined` for those that name none. What is not there answers null. */
const blockReads: Readonly<Record<string, number | undefined>> = {
  eth_getBlockByNumber: 0,
  eth_getBlockByHash: undefined,
  eth_getHeaderByNumber: 0,
  eth_getHeaderByHash: undefined,
  eth_getBlockReceipts: 0,
  eth_getBlockTransactionCountByNumber: 0,
  eth_getBlockTransactionCountByHash: undefined,
  eth_getUncleCountByBlockNumber: 0,
  eth_getUncleCountByBlockHash: undefined,
  eth_getUncleByBlockNumberAndIndex: 0,
  eth_getUncleByBlockHashAndIndex: undefined,
  eth_getTransactionByBlockNumberAndIndex: 0,
  eth_getTransactionByBlockHashAndIndex: undefined,
  eth_getRawTransactionByBlockNumberAndIndex: 0,
  eth_getRawTransactionByBlockHashAndIndex: undefined,
}

/** Reads of a state, and where the block of it stands. */
const stateReads: Readonly<Record<string, number>> = {
  eth_getBalance: 1,
  eth_getCode: 1,
  eth_getStorageAt: 2,
  eth_getStorageValues: 1,
  eth_getTransactionCount: 1,
  eth_getProof: 2,
  eth_call: 1,
  eth_estimateGas: 1,
  eth_createAccessList: 1,
  eth_simulateV1: 1,
  eth_feeHistory: 1,
}

/** What the engine answers as it is asked. By name, for an engine has more of the kind, and some of that changes it, or reads files where it runs. */
const plainReads = [
  'web3_sha3',
  'eth_gasPrice',
  'eth_maxPriorityFeePerGas',
  'eth_baseFee',
  'eth_blobBaseFee',
  'eth_config',
]

function nodeMethods({ chainId, heads }: EthView): [string, RpcMethod][] {
  const modules = ['debug', 'eth', 'l2', 'net', 'optimism', 'rpc', 'trace', 'txpool', 'web3']
  return [
    ['eth_chainId', () => hex(chainId)],
    ['net_version', () => String(chainId)],
    ['net_listening', () => true],
    ['net_peerCount', () => '0x0'],
    ['web3_clientVersion', () => nodeVersion],
    ['rpc_modules', () => Object.fromEntries(modules.map(name => [name, '1.0']))],
    ['eth_syncing', () => false],
    ['eth_accounts', () => []],
    ['eth_blockNumber', () => hex(heads().unsafe)],
    [
      'eth_sendTransaction',
      () => {
        throw new RpcAnswerError({ code: -32000, message: 'unknown account' })
      },
    ],
  ]
}

/** The `eth_*`, `net_*`, `web3_*`, `txpool_*`, `debug_*` and `trace_*` methods: reads go to the engine at our heads, transactions to our mempool. */
export function ethMethods(view: EthView): Map<string, RpcMethod> {
  const { read, heads } = view
  const { at, atIn, isBeyondHead } = blockReferences(heads)
  const methods = new Map<string, RpcMethod>(nodeMethods(view))
  for (const method of plainReads) methods.set(method, (params, caller) => read(method, params, caller))

  for (const [method, position] of Object.entries(blockReads)) {
    methods.set(method, async (params, caller) => {
      const asked = position === undefined ? params : atIn(params, position)
      if (position !== undefined && isBeyondHead(asked[position])) return null
      const found = await read<{ number?: unknown } | null>(method, asked, caller)
      // A block that is built and not published yet has a hash already.
      return method === 'eth_getBlockByHash' && isBeyondHead(found?.number) ? null : found
    })
  }
  for (const [method, position] of Object.entries(stateReads)) {
    methods.set(method, (params, caller) => {
      // Where it is left out it is the newest.
      const asked = params.length === position ? [...params, at('latest')] : atIn(params, position)
      if (isBeyondHead(asked[position])) throw new RpcAnswerError({ code: -32000, message: 'header not found' })
      const answer = read(method, asked, caller)
      return method === 'eth_simulateV1' ? answer.catch(inCodesOfSimulation) : answer
    })
  }
  methods.set('eth_getLogs', logsMethod(view))
  methods.set('eth_capabilities', capabilitiesMethod(view))
  for (const [name, method] of poolMethods(view, methods.get('eth_getTransactionCount')!)) methods.set(name, method)
  for (const [name, method] of traceMethods(view)) methods.set(name, method)
  if (view.family === 'anvil') for (const name of [...methods.keys()]) if (endsAnvil.test(name)) methods.delete(name)
  return methods
}

/** What anvil is not asked on behalf of strangers: it has no such method, or has ended over one about a deposit (`eth_getRawTransactionByHash`). */
const endsAnvil =
  /^(debug_|trace_|eth_getRawTransaction|eth_getHeader|eth_getUncleBy|eth_getStorageValues$|eth_simulateV1$)/

/** The specification of `eth_simulateV1` has a code for a fee cap below the base fee, which newer geth answers with. */
function inCodesOfSimulation(error: unknown): never {
  const isBelow = error instanceof RpcAnswerError && error.message.includes('max fee per gas less than block base fee')
  throw isBelow ? new RpcAnswerError({ code: -38012, message: error.message }) : error
}

function logsMethod({ read, heads }: EthView): RpcMethod {
  const { at } = blockReferences(heads)
  const invalid = (message: string): RpcAnswerError => new RpcAnswerError({ code: -32602, message })
  return async (params, caller) => {
    const filter = params[0]
    if (typeof filter !== 'object' || filter === null || 'blockHash' in filter) {
      return await read('eth_getLogs', params, caller)
    }
    const { fromBlock, toBlock } = filter as { fromBlock?: unknown; toBlock?: unknown }
    if (fromBlock === 'pending' || toBlock === 'pending') throw invalid('pending logs are not supported')
    const [from, to] = [at(fromBlock), at(toBlock)]
    const isNumber = (block: unknown): block is string => typeof block === 'string' && /^0x[0-9a-f]{1,16}$/i.test(block)
    // What is no number the engine refuses in its own words.
    if (isNumber(from) && isNumber(to)) {
      const [first, last] = [BigInt(from), BigInt(to)]
      if (first > last) throw invalid('invalid block range params')
      if (last > heads().unsafe) throw invalid('block range extends beyond current head block')
      if (last - first >= maxLogBlocks) {
        throw new RpcAnswerError({ code: -32000, message: `exceed maximum block range: ${maxLogBlocks}` })
      }
    }
    const logs = await read<readonly unknown[]>('eth_getLogs', [{ ...filter, fromBlock: from, toBlock: to }], caller)
    if (logs.length > maxLogs) {
      throw new RpcAnswerError({ code: -32000, message: `query returned more than ${maxLogs} results` })
    }
    return logs
  }
}
