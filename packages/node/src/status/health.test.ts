import { tmpdir } from 'node:os'
import { expect, it } from 'vitest'
import { createFeed } from '../rpc/feed.js'
import { createHealth, healthPages } from './health.js'

function setup() {
  const state = {
    nowMs: 0,
    head: 10n,
    safe: 5n,
    derived: 7n,
    l1: 8n,
    silentSinceMs: undefined as number | undefined,
    balance: 1n,
    down: undefined as string | undefined,
    error: undefined as Error | undefined,
    stopping: false,
  }
  const feed = createFeed()
  const block = async () => {
    if (state.error !== undefined) throw state.error
  }
  const health = createHealth({
    directory: tmpdir(),
    feed,
    sequencer: {
      get head() {
        return { number: state.head } as never
      },
      waiting: 'L1 shows no next block',
    },
    engines: [
      {
        engine: { name: 'anvil', block },
        get down() {
          return state.down
        },
      } as never,
    ],
    verifier: {
      get status() {
        return { l1Number: state.derived, safe: { number: state.safe } } as never
      },
    },
    l1: {
      get number() {
        return state.l1
      },
      get silentSinceMs() {
        return state.silentSinceMs
      },
    },
    wallet: {
      get lastBalanceWei() {
        return state.balance
      },
    },
    maxUnsafeBlocks: 100n,
    isStopping: () => state.stopping,
    nowMs: () => state.nowMs,
  })
  const pages = healthPages(health)
  const ask = async (path: string) => {
    const { status, body } = await pages.get(path)!({})
    const { ok, checks } = JSON.parse(String(body)) as { ok: boolean; checks: Record<string, { reason?: string }> }
    expect(ok).toBe(status === 200)
    return Object.fromEntries(Object.entries(checks).flatMap(([name, { reason }]) => (reason ? [[name, reason]] : [])))
  }
  return { state, feed, ask }
}

it('says that all is well, and of each thing that is not, what', async () => {
  const { state, feed, ask } = setup()
  expect([await ask('/healthz'), await ask('/readyz')]).toEqual([{}, {}])
  state.nowMs = 130_000
  expect(await ask('/healthz')).toEqual({
    head: 'the head has been block 10 for 130 s: L1 shows no next block',
    verifier: 'derivation has been at L1 block 7 of 8 for 130 s',
  })
  feed.emit({ type: 'head', number: 11n })
  state.derived = 8n
  expect(await ask('/healthz')).toEqual({})
  state.error = new Error('http://127.0.0.1: no answer\nat length')
  expect(await ask('/healthz')).toEqual({ engine: 'anvil: http://127.0.0.1: no answer' })
  state.down = 'anvil has ended, and is started again'
  expect(await ask('/healthz')).toEqual({ engine: state.down })
  Object.assign(state, { down: undefined, error: undefined })
  Object.assign(state, { head: 200n, balance: 0n, silentSinceMs: 90_000, stopping: true })
  expect(await ask('/healthz')).toEqual({})
  expect(await ask('/readyz')).toEqual({
    l1: 'L1 has not answered for 40 s',
    safe: '195 blocks are not derived from L1 yet',
    wallet: 'the wallet that posts is empty',
    stopping: 'the node is stopping',
  })
})
