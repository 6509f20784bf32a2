import type { Hex } from 'viem'
import type { Read } from '../engine/engine.js'
import { RpcAnswerError } from './client.js'
import type { RpcMethod } from './server.js'

/** What the `eth_*` methods need of the node. */
export type EthView = {
  chainId: number
  /** Reads of the execution engine. */
  read: Read
  heads(): { unsafe: bigint; safe: bigint; finalized: bigint }
  /** Admits a signed transaction; its refusal is an {@link RpcAnswerError} as geth words it. Returns when it is durable. */
  sendRawTransaction(raw: Uint8Array): Promise<Hex>
  /** A transaction that waits in the mempool, in JSON-RPC form. */
  pendingTransaction(hash: string): object | undefined
  /** The nonce behind all of the sender's waiting transactions, if there are any. */
  pendingNonce(address: string): bigint | undefined
}

const hex = (value: bigint | number): Hex => `0x${value.toString(16)}`

/** Where the block parameter of a read stands. */
const blockParameter: Readonly<Record<string, number>> = {
  eth_getBalance: 1,
  eth_getCode: 1,
  eth_getTransactionCount: 1,
  eth_call: 1,
  eth_estimateGas: 1,
  eth_createAccessList: 1,
  eth_getStorageAt: 2,
  eth_getProof: 2,
  eth_getBlockByNumber: 0,
  eth_getBlockTransactionCountByNumber: 0,
  eth_getTransactionByBlockNumberAndIndex: 0,
  eth_getUncleCountByBlockNumber: 0,
  eth_getBlockReceipts: 0,
  eth_feeHistory: 1,
}

/** Reads by block hash: what they answer is hidden while its block is not published yet. */
const byHash = [
  'eth_getBlockByHash',
  'eth_getBlockTransactionCountByHash',
  'eth_getTransactionByBlockHashAndIndex',
  'eth_getUncleCountByBlockHash',
] as const

const passed = ['web3_sha3', 'eth_gasPrice', 'eth_maxPriorityFeePerGas'] as const

/** The `eth_*`, `net_*` and `web3_*` methods: reads go to the engine at our heads, transactions to our mempool. */
export function ethMethods(view: EthView): Map<string, RpcMethod> {
  const engine = view.read

  /** A tag as the number it means on this rollup; the engine itself knows only one head. */
  const at = (block: unknown): unknown => {
    const { unsafe, safe, finalized } = view.heads()
    if (block === undefined || block === null || block === 'latest' || block === 'pending') return hex(unsafe)
    if (block === 'safe') return hex(safe)
    if (block === 'finalized') return hex(finalized)
    if (block === 'earliest') return '0x0'
    if (typeof block === 'object') return block
    if (typeof block !== 'string' || !/^0x[0-9a-f]{1,16}$/i.test(block)) {
      throw new RpcAnswerError({
        code: -32602,
        message: `invalid argument: invalid block number or tag ${String(block).slice(0, 80)}`,
      })
    }
    return block
  }
  const published = (number: unknown): boolean => typeof number !== 'string' || BigInt(number) <= view.heads().unsafe
  const beyondHead = (block: unknown): boolean => typeof block === 'string' && BigInt(block) > view.heads().unsafe

  const methods = new Map<string, RpcMethod>()
  for (const method of passed) methods.set(method, params => engine(method, params))
  for (const method of byHash) {
    methods.set(method, async params => {
      const block = await engine<{ number?: string } | null>('eth_getBlockByHash', [params[0], false])
      return block === null || !published(block.number) ? null : engine(method, params)
    })
  }
  for (const [method, position] of Object.entries(blockParameter)) {
    methods.set(method, params => {
      const block = at(params[position])
      if (beyondHead(block)) {
        if (position === 0) return null
        throw new RpcAnswerError({ code: -32000, message: 'header not found' })
      }
      const filled = [...params]
      while (filled.length < position) filled.push(null)
      filled[position] = block
      return engine(method, filled)
    })
  }

  const transactionCount = methods.get('eth_getTransactionCount')!
  methods.set('eth_getTransactionCount', async params => {
    if (params[1] === 'pending' && typeof params[0] === 'string') {
      const nonce = view.pendingNonce(params[0])
      if (nonce !== undefined) return hex(nonce)
    }
    return await transactionCount(params)
  })

  methods.set('eth_chainId', () => hex(view.chainId))
  methods.set('net_version', () => String(view.chainId))
  methods.set('net_listening', () => true)
  methods.set('net_peerCount', () => '0x0')
  methods.set('web3_clientVersion', () => 'l2-reference-node/0.1.0')
  methods.set('eth_syncing', () => false)
  methods.set('eth_accounts', () => [])
  methods.set('eth_blockNumber', () => hex(view.heads().unsafe))

  methods.set('eth_sendRawTransaction', async params => {
    const raw = params[0]
    if (typeof raw !== 'string' || !/^0x([0-9a-f]{2})*$/i.test(raw)) {
      throw new RpcAnswerError({ code: -32602, message: 'invalid argument 0: hex string expected' })
    }
    return await view.sendRawTransaction(Uint8Array.from(Buffer.from(raw.slice(2), 'hex')))
  })
  methods.set('eth_sendTransaction', () => {
    throw new RpcAnswerError({ code: -32000, message: 'unknown account' })
  })

  methods.set('eth_getTransactionByHash', async params => {
    const found = await engine<{ blockNumber?: string } | null>('eth_getTransactionByHash', params)
    if (found !== null && found.blockNumber !== null && published(found.blockNumber)) return found
    return view.pendingTransaction(String(params[0])) ?? null
  })
  methods.set('eth_getTransactionReceipt', async params => {
    const receipt = await engine<{ blockNumber?: string } | null>('eth_getTransactionReceipt', params)
    return receipt !== null && published(receipt.blockNumber) ? receipt : null
  })
  methods.set('eth_getLogs', params => {
    const filter = (params[0] ?? {}) as Record<string, unknown>
    if (filter['blockHash'] !== undefined) return engine('eth_getLogs', [filter])
    const { unsafe } = view.heads()
    const toBlock = at(filter['toBlock'])
    return engine('eth_getLogs', [
      { ...filter, fromBlock: at(filter['fromBlock']), toBlock: beyondHead(toBlock) ? hex(unsafe) : toBlock },
    ])
  })
  return methods
}

/**
 * Reads of a geth that have no entry of their own: raw headers, simulations, traces. By name, for a geth has more of the kind, and some of that reads files of
 * the machine it runs on.
 */
const furtherReads = new Set([
  ...[
    'eth_getHeaderByNumber',
    'eth_getHeaderByHash',
    'eth_getUncleByBlockNumberAndIndex',
    'eth_getUncleByBlockHashAndIndex',
  ],
  ...[
    'eth_getRawTransactionByHash',
    'eth_getRawTransactionByBlockNumberAndIndex',
    'eth_getRawTransactionByBlockHashAndIndex',
  ],
  ...['eth_getStorageValues', 'eth_simulateV1', 'eth_baseFee', 'eth_blobBaseFee', 'eth_config'],
  ...[
    'debug_getRawHeader',
    'debug_getRawBlock',
    'debug_getRawReceipts',
    'debug_getRawTransaction',
    'debug_chainConfig',
  ],
  ...[
    'debug_traceTransaction',
    'debug_traceBlock',
    'debug_traceBlockByNumber',
    'debug_traceBlockByHash',
    'debug_traceCall',
  ],
  ...['debug_storageRangeAt', 'debug_intermediateRoots'],
])

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

/** What an engine that answers like a geth is asked for beyond {@link ethMethods}. */
export function furtherMethods(read: Read): (name: string) => RpcMethod | undefined {
  return name => {
    if (!furtherReads.has(name)) return undefined
    return params => {
      if (name.startsWith('debug_trace') && params.some(hasProgram)) {
        throw new RpcAnswerError({ code: -32000, message: 'tracer not found' })
      }
      return read(name, params)
    }
  }
}
