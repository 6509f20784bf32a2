import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { RpcMethod } from './answer.js'
import { RpcAnswerError } from './client.js'
import { createFeed } from './feed.js'
import { type RpcServer, startRpcServer } from './server.js'
import { subscriptionMethods } from './subscriptions.js'

const feed = createFeed()
let underWay = 0
let most = 0
let begun = 0
let aborted = 0
let counted = 0
const log = (address: string, ...topics: string[]) => ({ address, topics, data: '0x' })
const [here, there] = [`0x${'aa'.repeat(20)}`, `0x${'bb'.repeat(20)}`]
const topic = `0x${'01'.repeat(32)}`
const read = (async (method: string) =>
  method === 'eth_getLogs'
    ? [log(here, topic), log(there, topic), log(here)]
    : { number: '0x5', hash: `0x${'05'.repeat(32)}`, transactions: [], uncles: [] }) as never

const methods = new Map<string, RpcMethod>([
  ['echo', params => params],
  [
    'slow',
    async () => {
      most = Math.max(most, ++underWay)
      await sleep(20)
      underWay--
      return true
    },
  ],
  [
    'endless',
    async (_, { signal }) => {
      begun++
      await new Promise(resolve => signal.addEventListener('abort', resolve))
      aborted++
    },
  ],
  ['count', () => ++counted],
  ['large', () => 'x'.repeat(6_000_000)],
  [
    'fails',
    () => {
      throw new Error('no answer from http://127.0.0.1:33643')
    },
  ],
  [
    'refuses',
    () => {
      throw new RpcAnswerError({ code: 3, message: 'execution reverted', data: '0x08' })
    },
  ],
  ...subscriptionMethods({ read, feed, chainId: 7 }),
])

let server: RpcServer
beforeAll(async () => {
  server = await startRpcServer({ host: '127.0.0.1', port: 0, methods, pages: new Map() })
})
afterAll(() => server.close())

const post = async (body: string): Promise<string> => await (await fetch(server.url, { method: 'POST', body })).text()
const request = (rest: object): string => JSON.stringify({ jsonrpc: '2.0', ...rest })

it('answers as the standard says: ids as they came, null params, and nothing to notifications', async () => {
  expect(await post(request({ id: 1, method: 'echo', params: [true] }))).toBe(
    '{"jsonrpc":"2.0","id":1,"result":[true]}',
  )
  expect(await post('{"id":12345678901234567890123,"method":"echo"}')).toBe(
    '{"jsonrpc":"2.0","id":12345678901234567890123,"result":[]}',
  )
  expect(await post('[{"id":1.50,"method":"echo"},{"id":"1","method":"echo"}]')).toBe(
    '[{"jsonrpc":"2.0","id":1.50,"result":[]},{"jsonrpc":"2.0","id":"1","result":[]}]',
  )
  expect(await post(request({ id: null, method: 'echo', params: null }))).toBe(
    '{"jsonrpc":"2.0","id":null,"result":[]}',
  )
  expect(await post(request({ method: 'echo' }))).toBe('')
  expect(await post(`[${request({ method: 'echo' })}]`)).toBe('')
  expect(JSON.parse(await post(request({ id: {}, method: 'echo' })))).toMatchObject({
    id: null,
    error: { code: -32600 },
  })
  expect(JSON.parse(await post(request({ id: 1, method: 'echo', params: {} })))).toMatchObject({
    error: { code: -32602 },
  })
  expect(JSON.parse(await post(request({ id: 1, method: '__proto__' })))).toMatchObject({ error: { code: -32601 } })
  expect(JSON.parse(await post(request({ id: 1, method: 'refuses' }))).error).toEqual({
    code: 3,
    message: 'execution reverted',
    data: '0x08',
  })
})

it('says nothing of the inside', async () => {
  expect(JSON.parse(await post(request({ id: 1, method: 'fails' }))).error).toEqual({
    code: -32603,
    message: 'internal error',
  })
})

it('refuses brackets by the million, and too large a batch, before they are parsed', async () => {
  const brackets = '['.repeat(2_000_000) + ']'.repeat(2_000_000)
  for (const body of [brackets, `{"id":1,"method":"echo","params":${brackets}}`, `[${'1,'.repeat(2_000_000)}1]`]) {
    expect(JSON.parse(await post(body))).toMatchObject({ id: null, error: { code: -32600 } })
  }
})

it('works on a batch side by side, and answers no more than a client can be meant to take', async () => {
  const batch = `[${Array.from({ length: 50 }, (_, id) => request({ id, method: 'slow' })).join()}]`
  const answers = JSON.parse(await post(batch)) as { id: number }[]
  expect(answers.map(({ id }) => id)).toEqual(Array.from({ length: 50 }, (_, id) => id))
  expect(most).toBe(50)
  const large = JSON.parse(
    await post(
      `[${Array(6)
        .fill(request({ id: 7, method: 'large' }))
        .join()}]`,
    ),
  ) as {
    id: number
    result?: string
    error?: object
  }[]
  expect(large.map(({ id }) => id)).toEqual(Array(6).fill(7))
  expect(large.filter(({ result }) => result !== undefined).length).toBe(4)
  expect(large.at(-1)!.error).toEqual({ code: -32003, message: 'response too large' })
})

it('takes up a crowd a few at a time, so that what makes blocks comes in between', async () => {
  const { port } = new URL(server.url)
  const http = (method: string): string => {
    const body = request({ id: 1, method })
    return `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`
  }
  const crowd = await Promise.all(
    Array.from({ length: 100 }, async () => {
      const socket = connect(Number(port), '127.0.0.1')
      // Once answered it is no newcomer: these are taken on one in a turn anyway.
      socket.write(http('echo'))
      await new Promise(resolve => socket.once('data', resolve))
      return socket
    }),
  )
  for (const socket of crowd) socket.write(http('count'))
  const turns: number[] = []
  while (counted < crowd.length) {
    const before = counted
    await new Promise(setImmediate)
    turns.push(counted - before)
  }
  for (const socket of crowd) socket.destroy()
  // Four in a turn, of which an observer may see two.
  expect(Math.max(...turns)).toBeLessThanOrEqual(8)
})

it('stops working for a client that hangs up', async () => {
  const { port } = new URL(server.url)
  const body = request({ id: 1, method: 'endless' })
  const socket = connect(Number(port), '127.0.0.1')
  socket.write(`POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
  await expect.poll(() => begun).toBe(1)
  expect(aborted).toBe(0)
  socket.destroy()
  await expect.poll(() => aborted).toBe(1)
})

it('lets pages of other origins ask, and tells a person where they are', async () => {
  const preflight = await fetch(server.url, { method: 'OPTIONS' })
  expect(preflight.status).toBe(204)
  expect(preflight.headers.get('access-control-allow-origin')).toBe('*')
  expect(preflight.headers.get('access-control-allow-methods')).toBe('GET, POST')
  expect(await (await fetch(server.url)).text()).toMatch(/^JSON-RPC/)
})

it('a WebSocket: answers, subscriptions in order, and an end of both', async () => {
  const socket = new WebSocket(server.url.replace('http', 'ws'))
  const messages: {
    id?: number
    result?: string
    error?: object
    params?: { subscription: string; result: unknown }
  }[] = []
  socket.on('message', data => messages.push(JSON.parse(String(data))))
  await new Promise(resolve => socket.once('open', resolve))
  let id = 0
  const ask = async (method: string, ...params: unknown[]) => {
    const own = ++id
    socket.send(request({ id: own, method, params }))
    await expect.poll(() => messages.find(message => message.id === own)).toBeDefined()
    return messages.find(message => message.id === own)!
  }
  const { result: heads } = await ask('eth_subscribe', 'newHeads')
  const { result: logs } = await ask('eth_subscribe', 'logs', { address: here, topics: [[topic]] })
  const { result: pending } = await ask('eth_subscribe', 'newPendingTransactions')
  expect((await ask('eth_subscribe', 'syncing')).error).toMatchObject({ code: -32601 })
  expect((await ask('eth_subscribe', 'logs', { topics: ['0x1'] })).error).toMatchObject({ code: -32602 })
  feed.emit({ type: 'pending', transaction: { hash: '0xabc' } as never })
  feed.emit({ type: 'head', number: 5n })
  await expect.poll(() => messages.filter(({ params }) => params).length).toBe(3)
  expect(messages.filter(({ params }) => params).map(({ params }) => params)).toEqual([
    { subscription: pending, result: '0xabc' },
    { subscription: heads, result: { number: '0x5', hash: `0x${'05'.repeat(32)}` } },
    { subscription: logs, result: log(here, topic) },
  ])
  // The block is taken back, and another made in its place.
  feed.emit({ type: 'rollback', to: 4n, abandoned: [] })
  feed.emit({ type: 'head', number: 5n })
  await expect.poll(() => messages.filter(({ params }) => params).length).toBe(6)
  expect(messages.flatMap(({ params }) => params ?? []).slice(3)).toEqual([
    { subscription: logs, result: { ...log(here, topic), removed: true } },
    { subscription: heads, result: { number: '0x5', hash: `0x${'05'.repeat(32)}` } },
    { subscription: logs, result: log(here, topic) },
  ])
  expect((await ask('eth_unsubscribe', heads)).result).toBe(true)
  expect((await ask('eth_unsubscribe', heads)).error).toMatchObject({ message: 'subscription not found' })
  socket.send('[')
  await expect.poll(() => messages.some(({ error }) => (error as { code?: number })?.code === -32700)).toBe(true)
  await Promise.all(Array.from({ length: 126 }, () => ask('eth_subscribe', 'newHeads')))
  expect((await ask('eth_subscribe', 'newHeads')).error).toMatchObject({ code: -32005 })
  socket.send('x'.repeat(6_000_000))
  expect(await new Promise(resolve => socket.once('close', resolve))).toBe(1009)
  // What it had subscribed to is gone with it.
  const other = new WebSocket(`${server.url.replace('http', 'ws')}/ws`)
  await new Promise(resolve => other.once('open', resolve))
  other.close()
  expect(JSON.parse(await post(request({ id: 1, method: 'eth_subscribe', params: ['newHeads'] }))).error.code).toBe(
    -32601,
  )
})
