import { describe, expect, it } from 'vitest'
import { daLayer } from '../commitment.js'
import { createMemoryStore } from '../store.js'
import { createFaultyStore, createStoreTrap } from './faulty-store.js'
import { createJournal } from './journal.js'

const item = Uint8Array.of(1, 2, 3)
const receipt = { key: 'a', height: 1n, commitments: [{ layer: daLayer.memory, payload: item }] }

describe('createJournal', () => {
  it('does not call itself corrupt while one call reads an entry that another one ends', async () => {
    let letGo!: () => void
    const held = new Promise<void>(resolve => {
      letGo = resolve
    })
    // The record is read, and the data is asked for only after the submission has ended.
    const trap = createStoreTrap(({ operation, key }) => operation === 'get' && key.includes('/data/'), {
      before: held,
    })
    const journal = createJournal(createFaultyStore(createMemoryStore(), trap.inject), 'test')
    const entry = await journal.open('a', [item])
    const reading = journal.find('a')
    const ending = journal.finish(entry, receipt)
    for (let i = 0; i < 20; i++) await new Promise(resolve => setImmediate(resolve))
    letGo()
    expect((await reading)?.items).toEqual([item])
    await ending
    expect((await journal.find('a'))?.receipt).toEqual(receipt)
  })

  it('leaves an entry as it was when its end cannot be written', async () => {
    const isEnd = createStoreTrap(({ operation, key }) => operation === 'put' && key.includes('/entry/'), 'fail', 2)
    const journal = createJournal(createFaultyStore(createMemoryStore(), isEnd.inject), 'test')
    const entry = await journal.open('a', [item])
    await expect(journal.finish(entry, receipt)).rejects.toMatchObject({ code: 'DA_UNAVAILABLE' })
    expect(entry.receipt).toBeUndefined()
    expect((await journal.pending()).map(({ key }) => key)).toEqual(['a'])
    await journal.finish(entry, receipt)
    expect(await journal.pending()).toEqual([])
  })

  it('drops data that a crash left without a use, and nothing else', async () => {
    const store = createMemoryStore()
    const noDelete = createStoreTrap(({ operation }) => operation === 'delete', 'fail')
    const journal = createJournal(createFaultyStore(store, noDelete.inject), 'test')
    await journal.finish(await journal.open('a', [item]), receipt)
    await journal.open('b', [item, item])
    expect(await store.keys('test/data/')).toHaveLength(3)
    const again = createJournal(store, 'test')
    expect((await again.pending()).map(({ key, items }) => [key, items.length])).toEqual([['b', 2]])
    expect(await store.keys('test/data/')).toHaveLength(2)
    expect((await again.find('a'))?.receipt).toEqual(receipt)
  })

  it('remembers as many ended submissions as it is told, whichever way they end', async () => {
    const journal = createJournal(createMemoryStore(), 'test', { keepEnded: 2 })
    const end = async (key: string) => journal.finish(await journal.open(key, [item]), { ...receipt, key })
    await end('a')
    await end('b')
    // Posted anew after a reorg: it is the newest then.
    const a = (await journal.find('a'))!
    await journal.finish(await journal.reopen(a, [item]), receipt)
    await end('c')
    expect(await Promise.all(['a', 'b', 'c'].map(async key => (await journal.find(key)) !== undefined))).toEqual([
      true,
      false,
      true,
    ])
  })
})
