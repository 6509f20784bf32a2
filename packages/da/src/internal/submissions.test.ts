import { describe, expect, it } from 'vitest'
import { createAltDa } from '../alt-da/client.js'
import { daLayer } from '../commitment.js'
import { DaError } from '../errors.js'
import type { DaReceipt } from '../port.js'
import { createMemoryStore, type Store } from '../store.js'
import { createFaultyStore, createStoreTrap, type StoreCall } from './faulty-store.js'
import { createJournal, type JournalEntry } from './journal.js'
import { createSubmissions, type Posted } from './submissions.js'

const item = Uint8Array.of(1, 2, 3)
const turns = async (count = 50) => {
  for (let i = 0; i < count; i++) await new Promise(resolve => setImmediate(resolve))
}
const isRecord = (operation: StoreCall['operation']) => (call: StoreCall) =>
  call.operation === operation && call.key.includes('/entry/')

function gate() {
  let letGo!: () => void
  const held = new Promise<void>(resolve => {
    letGo = resolve
  })
  return { held, letGo }
}

const receiptOf = ({ key }: JournalEntry): DaReceipt => ({
  key,
  height: 1n,
  commitments: [{ layer: daLayer.memory, payload: item }],
})

/** Submissions on a layer that counts what it gets. */
function open(store: Store, more: { isLost?: () => Promise<boolean>; fail?: () => Posted | undefined } = {}) {
  const posted: string[] = []
  const submissions = createSubmissions({
    name: 'test',
    journal: createJournal(store, 'test'),
    post: async entry => {
      posted.push(entry.key)
      await turns(1)
      return more.fail?.() ?? { receipt: receiptOf(entry) }
    },
    isLost: more.isLost,
  })
  return { submissions, posted }
}

describe('createSubmissions', () => {
  it('does not post again for a call that read the journal before the receipt was written', async () => {
    const { held, letGo } = gate()
    // The second look into the journal sees no receipt, and its answer is slow.
    const trap = createStoreTrap(isRecord('get'), { after: held }, 2)
    const { submissions, posted } = open(createFaultyStore(createMemoryStore(), trap.inject))
    const first = submissions.submit([item], undefined)
    const second = submissions.submit([item], undefined)
    await turns()
    letGo()
    expect(await second).toEqual(await first)
    expect(posted).toHaveLength(1)
  })

  it('does not post again when a layer’s own adapter is asked at that moment', async () => {
    const { held, letGo } = gate()
    const trap = createStoreTrap(isRecord('get'), { after: held }, 2)
    let puts = 0
    const da = createAltDa(
      { url: 'http://127.0.0.1:1', commitments: 'keccak' },
      {
        store: createFaultyStore(createMemoryStore(), trap.inject),
        fetch: async () => {
          puts++
          return new Response('')
        },
      },
    )
    const first = da.submit([item])
    const second = da.submit([item])
    await turns()
    letGo()
    expect(await second).toEqual(await first)
    expect(puts).toBe(1)
  })

  it('keeps what it could not note as ended, and ends it with the next call', async () => {
    const trap = createStoreTrap(isRecord('put'), 'fail', 2)
    const { submissions, posted } = open(createFaultyStore(createMemoryStore(), trap.inject))
    await expect(submissions.submit([item], { key: 'a' })).rejects.toMatchObject({ code: 'DA_UNAVAILABLE' })
    expect(await submissions.pending()).toEqual(['a'])
    expect((await submissions.resume('a', undefined))?.key).toBe('a')
    expect(posted).toEqual(['a', 'a'])
    expect(await submissions.pending()).toEqual([])
  })

  it('forgets what was refused, and keeps what may be on its way', async () => {
    const outcomes: (() => Posted)[] = [
      () => ({ refused: new DaError('no', { code: 'DA_REJECTED' }) }),
      () => {
        throw new DaError('perhaps', { code: 'DA_OUTCOME_UNKNOWN' })
      },
    ]
    const { submissions } = open(createMemoryStore(), { fail: () => outcomes.shift()?.() })
    await expect(submissions.submit([item], { key: 'a' })).rejects.toMatchObject({ code: 'DA_REJECTED' })
    expect(await submissions.pending()).toEqual([])
    await expect(submissions.submit([item], { key: 'a' })).rejects.toMatchObject({ code: 'DA_OUTCOME_UNKNOWN' })
    expect(await submissions.pending()).toEqual(['a'])
    expect((await submissions.resume('a', undefined))?.key).toBe('a')
  })

  it('posts anew what a reorg took, once, and hands out no receipt of what is gone', async () => {
    let lost = false
    const { submissions, posted } = open(createMemoryStore(), { isLost: async () => lost })
    await submissions.submit([item], { key: 'a' })
    lost = true
    expect(await submissions.resume('a', undefined)).toBeUndefined()
    await Promise.all([submissions.submit([item], { key: 'a' }), submissions.submit([item], { key: 'a' })])
    lost = false
    expect(posted).toEqual(['a', 'a'])
    expect((await submissions.resume('a', undefined))?.key).toBe('a')
  })

  it('keeps the order of calls that have something to ask first', async () => {
    const { submissions, posted } = open(createMemoryStore())
    const { held, letGo } = gate()
    const first = submissions.submit([item], { key: 'a' }, () => held)
    const second = submissions.submit([item], { key: 'b' })
    await turns()
    letGo()
    await Promise.all([first, second])
    expect(posted).toEqual(['a', 'b'])
  })

  it('lets a call that was still entering go when it is closed', async () => {
    const { held, letGo } = gate()
    const trap = createStoreTrap(isRecord('get'), { before: held }, 1)
    const { submissions, posted } = open(createFaultyStore(createMemoryStore(), trap.inject))
    const call = submissions.submit([item], { key: 'a' })
    const outcome = expect(call).rejects.toMatchObject({ code: 'DA_CLOSED' })
    await turns()
    const closed = submissions.close(new DaError('closed', { code: 'DA_CLOSED' }))
    letGo()
    await closed
    await outcome
    expect(posted).toEqual([])
  })
})
