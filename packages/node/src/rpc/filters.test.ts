import type { Transaction } from '@l2/sequencer-core/transaction'
import { expect, it } from 'vitest'
import type { Read } from '../engine/engine.js'
import { RpcAnswerError } from './client.js'
import { createFeed } from './feed.js'
import { filterMethods } from './filters.js'

function setup() {
  let [height, now, underWay] = [10n, 0, 0]
  const asked: unknown[] = []
  const read = (async (method: string, params: readonly unknown[]) => {
    asked.push([method, params[0]])
    // As an engine's queue of reads, which has an end.
    if (underWay >= 256) throw new RpcAnswerError({ code: -32005, message: 'try again' })
    underWay++
    await new Promise(setImmediate)
    underWay--
    return method === 'eth_getLogs'
      ? [{ ...(params[0] as { toBlock: string }), blockNumber: (params[0] as { toBlock: string }).toBlock }]
      : { hash: `hash of ${params[0]}` }
  }) as Read
  const feed = createFeed()
  const methods = filterMethods({ read, head: () => height, feed, nowMs: () => now })
  const caller = { client: {}, signal: new AbortController().signal, notify: undefined }
  const call = async (name: string, ...params: unknown[]) => await methods.get(name)!(params, caller)
  const send = (hash: string) => feed.emit({ type: 'pending', transaction: { hash } as Transaction })
  const rollBack = (to: bigint) => {
    height = to
    feed.emit({ type: 'rollback', to, abandoned: [] })
  }
  return {
    call,
    asked,
    send,
    rollBack,
    grow: (blocks: bigint) => (height += blocks),
    wait: (ms: number) => (now += ms),
  }
}

it('tells of each block once', async () => {
  const { call, grow } = setup()
  const id = await call('eth_newBlockFilter')
  expect(await call('eth_getFilterChanges', id)).toEqual([])
  grow(2n)
  expect(await call('eth_getFilterChanges', id)).toEqual(['hash of 0xb', 'hash of 0xc'])
  expect(await call('eth_getFilterChanges', id)).toEqual([])
  // Nor twice to two who ask at the same time.
  grow(1n)
  expect((await Promise.all([0, 1].map(() => call('eth_getFilterChanges', id)))).flat()).toEqual(['hash of 0xd'])
  // No question grows without bound: what is left comes with the next.
  grow(1500n)
  expect(await call('eth_getFilterChanges', id)).toHaveLength(1000)
  expect(await call('eth_getFilterChanges', id)).toHaveLength(500)
  expect(await call('eth_uninstallFilter', id)).toBe(true)
  expect(await call('eth_uninstallFilter', id)).toBe(false)
  await expect(call('eth_getFilterChanges', id)).rejects.toMatchObject({ code: -32000, message: 'filter not found' })
})

/** What the engine of {@link setup} finds in a range: a log of its last block. */
const log = (fromBlock: string, toBlock: string) => ({ address: '0xa', fromBlock, toBlock, blockNumber: toBlock })

it('tells logs again as removed when their block is taken back, and what is in its place', async () => {
  const { call, grow, rollBack } = setup()
  const [logs, blocks] = [await call('eth_newFilter', { address: '0xa' }), await call('eth_newBlockFilter')]
  grow(1n)
  expect(await call('eth_getFilterChanges', logs)).toEqual([log('0xb', '0xb')])
  grow(2n)
  expect(await call('eth_getFilterChanges', logs)).toEqual([log('0xc', '0xd')])
  expect(await call('eth_getFilterChanges', blocks)).toHaveLength(3)
  rollBack(12n)
  const removed = { ...log('0xc', '0xd'), removed: true }
  expect(await call('eth_getFilterChanges', logs)).toEqual([removed])
  expect(await call('eth_getFilterChanges', logs)).toEqual([])
  grow(1n)
  expect(await call('eth_getFilterChanges', logs)).toEqual([log('0xd', '0xd')])
  expect(await call('eth_getFilterChanges', blocks)).toEqual(['hash of 0xd'])
})

it('reads logs of new blocks within its range, and all of it on request', async () => {
  const { call, grow } = setup()
  const id = await call('eth_newFilter', { address: '0xa', fromBlock: '0x5', toBlock: '0xd' })
  grow(2n)
  expect(await call('eth_getFilterChanges', id)).toEqual([log('0xb', '0xc')])
  grow(5n)
  expect(await call('eth_getFilterChanges', id)).toEqual([log('0xd', '0xd')])
  grow(1n)
  expect(await call('eth_getFilterChanges', id)).toEqual([])
  expect(await call('eth_getFilterLogs', id)).toEqual([log('0x5', '0xd')])
  await expect(call('eth_newFilter', { blockHash: '0x1' })).rejects.toMatchObject({ code: -32602 })
  const large = Array.from({ length: 1000 }, (_, index) => `0x${index.toString(16).padStart(64, '0')}`)
  await expect(call('eth_newFilter', { topics: [large] })).rejects.toMatchObject({ code: -32602 })
})

it('forgets filters that nobody asks for, and has no more of them than it may', async () => {
  const { call, wait } = setup()
  const id = await call('eth_newBlockFilter')
  wait(299_000)
  expect(await call('eth_getFilterChanges', id)).toEqual([])
  wait(301_000)
  await expect(call('eth_getFilterChanges', id)).rejects.toMatchObject({ code: -32000 })
  for (let count = 0; count < 1000; count++) await call('eth_newBlockFilter')
  await expect(call('eth_newBlockFilter')).rejects.toMatchObject({ code: -32005 })
  wait(301_000)
  expect(await call('eth_newBlockFilter')).toMatch(/^0x[0-9a-f]{32}$/)
})

it('tells of each pending transaction once, and of no more than it remembers', async () => {
  const { call, send } = setup()
  send('before')
  const id = await call('eth_newPendingTransactionFilter')
  send('a')
  send('b')
  expect(await call('eth_getFilterChanges', id)).toEqual(['a', 'b'])
  expect(await call('eth_getFilterChanges', id)).toEqual([])
  const late = await call('eth_newPendingTransactionFilter')
  for (let count = 0; count < 50_000; count++) send(String(count))
  const told = (await call('eth_getFilterChanges', late)) as string[]
  expect(told.length).toBeLessThanOrEqual(20_000)
  expect(told.at(-1)).toBe('49999')
  await expect(call('eth_getFilterLogs', id)).rejects.toMatchObject({ message: 'filter not found' })
})
