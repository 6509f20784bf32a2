import { describe, expect, it } from 'vitest'
import { createFaultyStore, createStoreTrap } from '../internal/faulty-store.js'
import { createMemoryStore } from '../store.js'
import { createMemoryDa, type MemoryDa } from './memory.js'

const item = (value: number) => Uint8Array.of(value, 1)

async function contents(da: MemoryDa): Promise<number[]> {
  const found: number[] = []
  for await (const { data } of da.list({ from: 1n, to: await da.height() })) found.push(data[0]!)
  return found
}

describe('createMemoryDa on a store', () => {
  it.each(['fail', 'lose-answer'] as const)(
    'has each submission once, whichever write it dies at, when each is asked for again (%s)',
    async fault => {
      let sprung = true
      for (let nth = 1; sprung; nth++) {
        const store = createMemoryStore()
        const isWrite = createStoreTrap(({ operation }) => operation === 'put', fault, nth)
        const first = createMemoryDa({}, { store: createFaultyStore(store, isWrite.inject) })
        for (const value of [1, 2]) await first.submit([item(value)]).catch(() => {})
        sprung = isWrite.sprung()
        const second = createMemoryDa({}, { store })
        for (const value of [1, 2, 3]) {
          const { commitments } = await second.submit([item(value)])
          expect(await second.get(commitments[0]!)).toEqual(item(value))
          expect(await second.status(commitments[0]!)).toBe('final')
        }
        expect((await contents(second)).sort(), `write ${nth}`).toEqual([1, 2, 3])
      }
    },
  )

  it('posts equal items again under another key, and not under the same', async () => {
    const da = createMemoryDa()
    await da.submit([item(1)], { key: 'a' })
    await da.submit([item(1)], { key: 'b' })
    await da.submit([item(1)], { key: 'a' })
    expect(await contents(da)).toEqual([1, 1])
    await da.reorg(1)
    await da.submit([item(1)], { key: 'b' })
    await da.submit([item(1)], { key: 'a' })
    expect(await contents(da)).toEqual([1, 1])
  })
})
