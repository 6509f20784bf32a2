import { createMemoryNetwork, type ForwardAnswer } from '@l2/gossip'
import { createFeed } from '@l2/node'
import type { Hash, Hex } from 'viem'
import { describe, expect, it } from 'vitest'
import { createForwarding, type ForwardingParts } from './forwarding.js'
import { word } from './testdata.js'

const raw = (n: number): Uint8Array => Uint8Array.of(n)

/** A pool that holds what it is told, and a leader that answers as it is told. */
function world() {
  const feed = createFeed()
  const pool = new Map<Hash, Uint8Array>()
  const calls: [to: number, what: number[]][] = []
  const state = {
    leader: { id: 3, term: 1 } as { id: number; term: number } | undefined,
    answer: (() => ({ type: 'taken' })) as (n: number) => ForwardAnswer | undefined,
    submit: async (_: Uint8Array): Promise<Hash> => word(0),
    isAway: false,
  }
  let receiver: ((raw: Uint8Array) => Promise<ForwardAnswer>) | undefined
  const forwarding = createForwarding({
    gossip: {
      async forward(to, transactions) {
        calls.push([to, transactions.map(([n]) => n!)])
        if (state.isAway) throw Object.assign(new Error('away'), unavailable())
        return transactions.map(([n]) => state.answer(n!)) as ForwardAnswer[]
      },
      receive(listener) {
        receiver = async given => await listener(given, { key: word(3), operator: 3, addresses: [] })
        return () => {
          receiver = undefined
        }
      },
    },
    sequencer: {
      mempool: { content: () => [], get: (hash: Hash) => pool.get(hash) } as never,
      submit: bytes => state.submit(bytes),
    },
    feed,
    leader: () => state.leader,
  })
  const take = (n: number): void => {
    pool.set(word(n), raw(n))
    feed.emit({ type: 'pending', transaction: { hash: word(n), raw: raw(n) } as never })
  }
  return { ...{ forwarding, state, calls, pool, take }, offer: (n: number) => receiver?.(raw(n)) }
}
/** What makes an error one of ours. */
function unavailable(): object {
  return { [Symbol.for('@l2/error')]: true, code: 'GOSSIP_UNAVAILABLE', recovery: 'retry' }
}

describe('transactions of users', () => {
  it('go to the leader once, and to the next one as far as they are in no block', async () => {
    const { forwarding, state, calls, pool, take } = world()
    for (const n of [1, 2]) take(n)
    await forwarding.step()
    await forwarding.step()
    expect(calls).toEqual([[3, [1, 2]]])
    pool.delete(word(1))
    take(4)
    state.leader = { id: 2, term: 1 }
    await forwarding.step()
    expect(calls[1]).toEqual([2, [2, 4]])
    // The same leader in another term has forgotten them as well.
    state.leader = { id: 2, term: 2 }
    await forwarding.step()
    expect(calls[2]).toEqual([2, [2, 4]])
  })

  it('wait while nobody leads or it is oneself, and are forgotten with their block', async () => {
    const { forwarding, state, calls, pool, take } = world()
    state.leader = undefined
    for (const n of [1, 2]) take(n)
    await forwarding.step()
    pool.delete(word(2))
    await forwarding.step()
    state.leader = { id: 3, term: 1 }
    await forwarding.step()
    expect(calls).toEqual([[3, [1]]])
  })

  it('are brought again where the leader has no room, leaves an answer out, or is away', async () => {
    const { forwarding, state, calls, take } = world()
    state.answer = n => (n === 1 ? { type: 'taken' } : n === 2 ? { type: 'limited' } : undefined)
    for (const n of [1, 2, 3]) take(n)
    await forwarding.step()
    expect(calls).toEqual([[3, [1, 2, 3]]])
    state.answer = () => ({ type: 'refused', reason: 'its nonce is too low' })
    const until = async (count: number) =>
      await expect
        .poll(async () => {
          await forwarding.step()
          return calls.length
        })
        .toBe(count)
    await until(2)
    expect(calls[1]).toEqual([3, [2, 3]])
    state.isAway = true
    take(5)
    await until(3)
    state.isAway = false
    await until(4)
    // What was refused is not brought to the same leader again.
    expect(calls[3]).toEqual([3, [5]])
  })

  it('go in calls of a bounded size', async () => {
    const { forwarding, calls, take } = world()
    for (let n = 0; n < 250; n++) take(n)
    await forwarding.step()
    await forwarding.step()
    expect(calls.map(([, what]) => what.length)).toEqual([200, 50])
  })
})

describe('transactions of another operator', () => {
  it('are answered with what became of them, and no error goes back as it is', async () => {
    const { forwarding, state, offer } = world()
    expect(await offer(1)).toEqual({ type: 'taken' })
    const failing = (code: string, recovery: string) => async () => {
      const brand = { [Symbol.for('@l2/error')]: true }
      throw Object.assign(new Error(code), { ...brand, code, recovery, shortMessage: `because of ${code}` })
    }
    state.submit = failing('TX_ALREADY_KNOWN', 'abort')
    expect(await offer(1)).toEqual({ type: 'taken' })
    state.submit = failing('STANDS_BY', 'retry')
    expect(await offer(1)).toEqual({ type: 'limited' })
    state.submit = failing('TX_NONCE_TOO_LOW', 'abort')
    expect(await offer(1)).toEqual({ type: 'refused', reason: 'because of TX_NONCE_TOO_LOW' })
    forwarding.close()
    expect(offer(1)).toBeUndefined()
  })
})

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
