import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { BlockDaLimits } from './throttle.js'
import { createThrottleController } from './throttle-controller.js'
import { createRpcBuilder, createThrottling, type ThrottledBuilder, type ThrottlingEvent } from './throttling.js'

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

function harness(builders: readonly ThrottledBuilder[]) {
  const state = { backlog: 0, ms: 0 }
  const events: ThrottlingEvent[] = []
  const throttling = createThrottling(
    { retryMs: 1000, repeatMs: 5000 },
    {
      controller: createThrottleController({ profile: 'step' }),
      backlogBytes: () => state.backlog,
      builders,
      onEvent: event => events.push(event),
      nowMs: () => state.ms,
    },
  )
  const round = async (ms: number): Promise<void> => {
    state.ms = ms
    throttling.step()
    await turn()
  }
  return { state, events, throttling, round }
}

const loose: BlockDaLimits = { maxTransactionBytes: undefined, maxBlockBytes: 130_000 }
const tight: BlockDaLimits = { maxTransactionBytes: 150, maxBlockBytes: 2000 }

describe('createThrottling', () => {
  it('tells all of them at once, again when it changes, and again from time to time', async () => {
    const told: Record<string, BlockDaLimits[]> = { a: [], b: [] }
    const builders = ['a', 'b'].map(name => ({
      name,
      setLimits: async (limits: BlockDaLimits) => void told[name]!.push(limits),
    }))
    const { state, events, throttling, round } = harness(builders)
    await round(0)
    await round(1)
    state.backlog = 9_000_000
    await round(2)
    await round(5001)
    await round(5002)
    await round(5003)
    expect(told).toEqual({ a: [loose, tight, tight], b: [loose, tight, tight] })
    expect(events.map(({ type, builder }) => `${type} ${builder}`)).toEqual([
      'limited a',
      'limited b',
      'limited a',
      'limited b',
    ])
    expect(throttling.view).toEqual([
      { builder: 'a', limits: tight, failures: 0 },
      { builder: 'b', limits: tight, failures: 0 },
    ])
  })

  it('reports and retries one that fails, and one that hangs keeps nobody waiting', async () => {
    const told: string[] = []
    let isDown = true
    const { state, events, throttling, round } = harness([
      { name: 'hangs', setLimits: () => new Promise(() => told.push('hangs')) },
      {
        name: 'fails',
        setLimits: async () => {
          told.push('fails')
          if (isDown) throw new Error('down')
        },
      },
      { name: 'works', setLimits: async () => void told.push('works') },
    ])
    await round(0)
    state.backlog = 9_000_000
    await round(500)
    await round(1000)
    isDown = false
    await round(1500)
    await round(2000)
    expect(told).toEqual(['hangs', 'fails', 'works', 'works', 'fails', 'fails'])
    expect(events.filter(({ builder }) => builder === 'fails').map(({ type }) => type)).toEqual([
      'failed',
      'failed',
      'limited',
    ])
    expect(throttling.view.map(({ failures, limits }) => [failures, limits])).toEqual([
      [0, undefined],
      [0, tight],
      [0, tight],
    ])
  })

  it('hears of an observer that fails in the next round, and goes on', async () => {
    const throttling = createThrottling(
      {},
      {
        controller: createThrottleController(),
        backlogBytes: () => 0,
        builders: [{ name: 'a', setLimits: async () => {} }],
        onEvent: () => {
          throw new Error('the screen is gone')
        },
      },
    )
    throttling.step()
    await throttling.settle()
    expect(() => throttling.step()).toThrow('the screen is gone')
    throttling.step()
    expect(throttling.view[0]?.limits).toEqual(loose)
  })
})

describe('createRpcBuilder', () => {
  const closers: (() => void)[] = []
  afterEach(() => {
    for (const close of closers.splice(0)) close()
  })
  const serve = async (answer: object) => {
    const asked: { body: Record<string, unknown>; authorization: string | undefined }[] = []
    const server = createServer((request, response) => {
      let body = ''
      request.on('data', chunk => {
        body += chunk
      })
      request.on('end', () => {
        const json = JSON.parse(body) as Record<string, unknown>
        asked.push({ body: json, authorization: request.headers.authorization })
        response.end(JSON.stringify({ jsonrpc: '2.0', id: json['id'], ...answer }))
      })
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    closers.push(() => server.close())
    return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
  }

  it('calls miner_setMaxDASize with quantities, 0 for none, and a token where there is a secret', async () => {
    const { asked, url } = await serve({ result: true })
    await createRpcBuilder({ url }).setLimits(loose)
    await createRpcBuilder({ url, jwtSecret: `0x${'11'.repeat(32)}` }).setLimits(tight)
    expect(asked.map(({ body }) => [body['method'], body['params']])).toEqual([
      ['miner_setMaxDASize', ['0x0', '0x1fbd0']],
      ['miner_setMaxDASize', ['0x96', '0x7d0']],
    ])
    expect(asked[0]?.authorization).toBeUndefined()
    expect(asked[1]?.authorization).toMatch(/^Bearer [\w-]+\.[\w-]+\.[\w-]+$/)
  })

  it('says what is wrong: no such method, limits not taken, nobody there', async () => {
    const none = await serve({ error: { code: -32601, message: 'the method miner_setMaxDASize does not exist' } })
    await expect(createRpcBuilder({ url: none.url }).setLimits(tight)).rejects.toMatchObject({ code: 'ENGINE_RPC' })
    const no = await serve({ result: false })
    await expect(createRpcBuilder({ url: no.url }).setLimits(tight)).rejects.toThrow('did not take the limits')
    for (const close of closers.splice(0)) close()
    await expect(createRpcBuilder({ url: no.url }).setLimits(tight)).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
      recovery: 'retry',
    })
    expect(() => createRpcBuilder({ url: 'nowhere' })).toThrow(expect.objectContaining({ code: 'ENGINE_OPTIONS' }))
  })
})
