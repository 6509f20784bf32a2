import { createMemoryNetwork } from '@l2/gossip'
import { createFeed } from '@l2/node'
import type { Hash, Hex } from 'viem'
import { expect, it } from 'vitest'
import { createForwarding, type ForwardingParts } from './forwarding.js'

const key = (n: number): Hex => `0x${n.toString(16).padStart(64, '0')}`
const source = { block: async () => undefined, range: async () => [] }
const members = [1, 2].map(operator => ({ key: key(operator), operator, addresses: [] }))
const domain = { chainId: 901n, rollup: `0x${'01'.repeat(20)}` } as const

it('hands a transaction on again that comes out of blocks which are taken back', async () => {
  const network = createMemoryNetwork()
  await using own = await network.join({ domain, members, key: key(1) }, { source })
  await using leader = await network.join({ domain, members, key: key(2) }, { source })
  const taken: number[] = []
  leader.receive(raw => {
    taken.push(raw[0]!)
    return { type: 'taken' }
  })
  /** The own pool: transactions that are in no block of the own chain. */
  const pool = new Map<Hash, { arrival: number; transaction: { hash: Hash; raw: Uint8Array } }>()
  const sequencer = {
    mempool: {
      get: (hash: Hash) => pool.get(hash),
      content: () => [{ pending: [...pool.values()], queued: [] }],
    },
  } as unknown as ForwardingParts['sequencer']
  const feed = createFeed()
  let turn: ReturnType<ForwardingParts['leader']>
  const forwarding = createForwarding({ gossip: own, sequencer, feed, leader: () => turn })
  const transaction = { hash: key(7), raw: Uint8Array.of(7) }
  pool.set(transaction.hash, { arrival: 1, transaction })
  feed.emit({ type: 'pending', transaction: transaction as never })
  // It leads itself, and includes it.
  pool.clear()
  await forwarding.step()
  // Another leads now, above a block before that: what was included is in the pool again.
  pool.set(transaction.hash, { arrival: 1, transaction })
  feed.emit({ type: 'rollback', to: 0n, abandoned: [] })
  turn = { id: 2, term: 1 }
  await forwarding.step()
  expect(taken).toEqual([7])
  forwarding.close()
})
