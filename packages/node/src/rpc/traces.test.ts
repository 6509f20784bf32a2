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

it('asks anvil for nothing that it has ended over', () => {
  const { methods } = setup((async () => null) as Read, 'anvil')
  for (const name of ['eth_getRawTransactionByHash', 'debug_traceTransaction', 'trace_block', 'eth_simulateV1']) {
    expect(methods.get(name), name).toBeUndefined()
  }
  expect(methods.get('eth_getTransactionByHash')).toBeDefined()
})
