import { expect, it } from 'vitest'
import type { Read } from '../engine/engine.js'
import { ethMethods } from './eth.js'
import { createFeed } from './feed.js'

const caller = { client: {}, signal: new AbortController().signal, notify: undefined }

function setup(read: Read, family: 'op' | 'anvil' = 'op') {
  const unused = new Proxy({}, { get: () => () => undefined }) as never
  const methods = ethMethods({
    ...{ chainId: 7, family, read, mempool: unused, feed: createFeed() },
    heads: () => ({ unsafe: 9n, safe: 5n, finalized: 3n }),
    history: { states: 2, bodies: 0 },
    submit: async () => '0x',
  })
  return { methods, ask: async (method: string, ...params: unknown[]) => await methods.get(method)!(params, caller) }
}

it('passes on what reads the chain, and nothing that reads files or runs programs where the engine is', async () => {
  const { methods, ask } = setup((async (method: string) => method) as Read)
  for (const method of [
    'debug_traceBlockFromFile',
    'debug_traceBadBlock',
    'debug_setHead',
    'eth_getWork',
    'admin_peers',
  ]) {
    expect(methods.get(method), method).toBeUndefined()
  }
  expect(await ask('eth_simulateV1', {})).toBe('eth_simulateV1')
  const program = '{step: function() {}, fault: function() {}, result: function() { return 1 }}'
  for (const config of [
    undefined,
    {},
    { tracer: '4byteTracer' },
    { tracer: 'muxTracer', tracerConfig: { callTracer: { onlyTopCall: true } } },
  ]) {
    expect(await ask('debug_traceTransaction', '0x01', config)).toBe('debug_traceTransaction')
  }
  for (const config of [
    { tracer: program },
    { TRACER: program },
    { tracer: 'muxTracer', tracerConfig: { [program]: {} } },
    { tracer: 'muxTracer', TracerConfig: { muxTracer: { [program]: {} } } },
  ]) {
    await expect(ask('debug_traceTransaction', '0x01', config)).rejects.toMatchObject({
      code: -32000,
      message: 'tracer not found',
    })
  }
})

it('names blocks to the engine by our heads, wherever a method has its block, and leaves hashes as they are', async () => {
  const { ask } = setup((async (_: string, params: readonly unknown[]) => params) as Read)
  const hash = `0x${'ab'.repeat(32)}`
  expect(await ask('eth_getBalance', '0xa', 'safe')).toEqual(['0xa', '0x5'])
  expect(await ask('eth_getBalance', '0xa')).toEqual(['0xa', '0x9'])
  expect(await ask('eth_getBalance', '0xa', { blockNumber: 'finalized' })).toEqual(['0xa', { blockNumber: '0x3' }])
  expect(await ask('eth_getBalance', '0xa', { blockHash: hash })).toEqual(['0xa', { blockHash: hash }])
  expect(await ask('eth_getProof', '0xa', [], hash)).toEqual(['0xa', [], hash])
  expect(await ask('eth_getBlockReceipts', hash)).toEqual([hash])
  expect(await ask('eth_getBlockReceipts', '0xa')).toBeNull()
  expect(await ask('debug_traceCall', {}, 'latest', {})).toEqual([{}, '0x9', {}])
  await expect(ask('eth_call', {}, '0xa')).rejects.toMatchObject({ code: -32000, message: 'header not found' })
  await expect(ask('eth_getCode', '0xa', { blockNumber: '0xa' })).rejects.toMatchObject({ code: -32000 })
})

it('bounds the range of logs, and refuses one that is none', async () => {
  const { ask } = setup((async (_: string, params: readonly unknown[]) =>
    params[0] === 'x' ? [] : Array(20_001)) as Read)
  const refused = (filter: object) =>
    ask('eth_getLogs', filter).catch((error: { code: number; message: string }) => error)
  expect(await refused({ fromBlock: '0x5', toBlock: '0x4' })).toMatchObject({
    code: -32602,
    message: 'invalid block range params',
  })
  expect(await refused({ fromBlock: 'latest', toBlock: 'safe' })).toMatchObject({ code: -32602 })
  expect(await refused({ fromBlock: '0x5', toBlock: '0xa' })).toMatchObject({
    code: -32602,
    message: 'block range extends beyond current head block',
  })
  expect(await refused({ toBlock: 'pending' })).toMatchObject({ code: -32602 })
  expect(await refused({ fromBlock: '0x0' })).toMatchObject({
    code: -32000,
    message: 'query returned more than 20000 results',
  })
})

it('writes what Parity did from what geth traces', async () => {
  const traces = [
    { traceAddress: [], type: 'call' },
    { traceAddress: [0, 1], type: 'create' },
  ]
  const asked: string[] = []
  const { ask } = setup((async (method: string) => {
    asked.push(method)
    return method === 'debug_traceTransaction' ? traces : [{ result: traces }, { error: 'no' }, { result: traces }]
  }) as Read)
  expect(await ask('trace_transaction', '0x1')).toEqual(traces)
  expect(await ask('trace_get', '0x1', ['0x0', '0x1'])).toEqual(traces[1])
  expect(await ask('trace_get', '0x1', ['0x7'])).toBeNull()
  expect(await ask('trace_block', 'latest')).toHaveLength(4)
  expect(await ask('trace_block', `0x${'ab'.repeat(32)}`)).toHaveLength(4)
  expect(asked.slice(-2)).toEqual(['debug_traceBlockByNumber', 'debug_traceBlockByHash'])
})

it('replays and calls in the form of Parity, as far as traces go', async () => {
  const asked: unknown[] = []
  const call = { type: 'call', action: { from: '0xA', to: '0xb' }, result: { output: '0x2a' }, traceAddress: [] }
  const inBlock = { ...call, blockHash: '0x1', blockNumber: 9, transactionHash: '0x2', transactionPosition: 0 }
  const { ask } = setup((async (method: string, params: readonly unknown[]) => {
    asked.push([method, ...params])
    return method.startsWith('debug_traceBlock') ? [{ txHash: '0x2', result: [inBlock] }] : [inBlock]
  }) as Read)
  const replayed = { output: '0x2a', stateDiff: null, trace: [call], vmTrace: null }
  expect(await ask('trace_call', { to: '0xb' }, ['trace'], 'latest')).toEqual(replayed)
  expect(await ask('trace_replayTransaction', '0x2', ['trace'])).toEqual(replayed)
  expect(await ask('trace_replayBlockTransactions', 'latest', ['trace'])).toEqual([
    { ...replayed, transactionHash: '0x2' },
  ])
  const flat = { tracer: 'flatCallTracer' }
  expect(asked).toEqual([
    ['debug_traceCall', { to: '0xb' }, '0x9', flat],
    ['debug_traceTransaction', '0x2', flat],
    ['debug_traceBlockByNumber', '0x9', flat],
  ])
  for (const types of [undefined, 'trace', ['trace', 'stateDiff'], ['vmTrace']]) {
    await expect(ask('trace_replayTransaction', '0x2', types)).rejects.toMatchObject({ code: -32602 })
  }
})

it('filters traces over a bounded range', async () => {
  const { ask } = setup((async (_: string, [block]: readonly [string]) => [
    {
      result: [
        { block, action: { from: '0xa', to: '0xb' } },
        { block, action: { from: '0xc', init: '0x' } },
      ],
    },
  ]) as unknown as Read)
  const blocks = async (filter: object) =>
    ((await ask('trace_filter', filter)) as { block: string }[]).map(({ block }) => block)
  expect(await blocks({ fromBlock: '0x1', toBlock: '0x2' })).toEqual(['0x1', '0x1', '0x2', '0x2'])
  expect(await blocks({ fromBlock: '0x1', toBlock: '0x2', toAddress: ['0xB'] })).toEqual(['0x1', '0x2'])
  expect(await blocks({ fromBlock: '0x1', toBlock: '0x2', fromAddress: ['0xa'], toAddress: ['0xc'] })).toEqual([])
  expect(await blocks({ fromBlock: '0x1', toBlock: '0x4', after: 3, count: 2 })).toEqual(['0x2', '0x3'])
  for (const filter of [undefined, { fromBlock: '0x5', toBlock: '0x4' }, { fromBlock: '0x1', toBlock: '0xa' }]) {
    await expect(ask('trace_filter', filter)).rejects.toMatchObject({ code: -32602 })
  }
})

it('says how far back what can be read', async () => {
  const read = (async () => ({ hash: '0x77' })) as unknown as Read
  const all = { disabled: false, oldestBlock: '0x0' }
  const states = { ...all, oldestBlock: '0x1', deleteStrategy: { type: 'window', retentionBlocks: '0x2' } }
  expect(await setup(read).ask('eth_capabilities')).toEqual({
    ...{ head: { number: '0x9', hash: '0x77' }, state: states, stateproofs: states },
    ...{ tx: all, logs: all, receipts: all, blocks: all },
  })
  expect(await setup(read, 'anvil').ask('eth_capabilities')).toMatchObject({
    state: { oldestBlock: '0x0', deleteStrategy: { retentionBlocks: '0x100' } },
  })
})

it('asks anvil for nothing that it has ended over', () => {
  const { methods } = setup((async () => null) as Read, 'anvil')
  for (const name of ['eth_getRawTransactionByHash', 'debug_traceTransaction', 'trace_block', 'eth_simulateV1']) {
    expect(methods.get(name), name).toBeUndefined()
  }
  expect(methods.get('eth_getTransactionByHash')).toBeDefined()
})
