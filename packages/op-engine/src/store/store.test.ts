import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Random, seededRandom, testSeed } from '@l2/common/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { fileFolder } from '../node/file-folder.js'
import { hasLmdb, openLmdbStore } from '../node/lmdb.js'
import { openLogStore } from './log.js'
import { applyMemoryChange, type MemorySegments, memoryFolder } from './memory.js'
import { type EngineStore, type Entry, packEntries, unpackEntries } from './store.js'

const folder = mkdtempSync(join(tmpdir(), 'l2-store-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** How a store is opened, as a writer and as a reader of the same. */
type Place = { write(): Promise<EngineStore>; read(): Promise<EngineStore> }

let places = 0
const small = { segmentBytes: 4096, minGarbage: 50 }
const kinds: Record<string, () => Place> = {
  'log on disk': () => {
    const path = join(folder, String(places++))
    return {
      write: () => openLogStore(fileFolder(path), small),
      read: () => openLogStore(fileFolder(path), { readOnly: true }),
    }
  },
  'log in memory': () => {
    const segments: MemorySegments = new Map()
    // A reader has a map of its own and hears of changes, as it would in another worker.
    const theirs: MemorySegments[] = []
    return {
      write: () =>
        openLogStore(
          memoryFolder(segments, change => {
            for (const each of theirs) applyMemoryChange(each, change)
          }),
          small,
        ),
      read: () => {
        const own: MemorySegments = new Map(
          [...segments].map(([number, { length, chunks }]) => [number, { length, chunks: [...chunks] }]),
        )
        theirs.push(own)
        return openLogStore(
          memoryFolder(own, () => {}),
          { readOnly: true },
        )
      },
    }
  },
  ...(hasLmdb()
    ? {
        lmdb: () => {
          const path = join(folder, String(places++))
          return { write: async () => openLmdbStore(path), read: async () => openLmdbStore(path, true) }
        },
      }
    : {}),
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

function randomBatch(random: Random, keys: readonly Uint8Array[]): Entry[] {
  return Array.from({ length: 1 + random.below(20) }, (): Entry => {
    const key = random.pick(keys)
    return [key, random.bool(0.3) ? undefined : random.bytes(random.below(random.bool(0.1) ? 5000 : 80))]
  })
}

function scanAll(store: EngineStore, prefix: Uint8Array, maxBytes: number): [string, string][] {
  const found: [string, string][] = []
  let start = prefix
  for (;;) {
    const entries = unpackEntries(store.scan(prefix, start, maxBytes))
    if (entries.length === 0) return found
    for (const [key, value] of entries) found.push([hex(key), hex(value!)])
    // The key behind the last one.
    start = Uint8Array.from([...entries.at(-1)![0], 0])
  }
}

const seed = testSeed(7)

for (const [name, create] of Object.entries(kinds)) {
  describe(`${name} (seed ${seed})`, () => {
    it('is what was written, for its reader too, through restarts and tidying', async () => {
      const random = seededRandom(seed)
      const keys = Array.from({ length: 200 }, () =>
        Uint8Array.from([random.below(3), ...random.bytes(1 + random.below(40))]),
      )
      const place = create()
      const model = new Map<string, string>()
      let store = await place.write()
      const reader = await place.read()
      for (let step = 0; step < 400; step++) {
        const batch = randomBatch(random, keys)
        store.write(packEntries(batch))
        for (const [key, value] of batch) {
          if (value === undefined) model.delete(hex(key))
          else model.set(hex(key), hex(value))
        }
        if (random.bool(0.1)) await store.maintain?.(random.pick([0.01, 1, 50]))
        if (random.bool(0.05)) {
          await store.close()
          store = await place.write()
        }
        if (step % 10 !== 0) continue
        await reader.refresh?.()
        for (const each of [store, reader]) {
          for (let i = 0; i < 10; i++) {
            const key = random.pick(keys)
            const value = each.get(key)
            expect(value === undefined ? undefined : hex(value)).toBe(model.get(hex(key)))
          }
          const prefix = random.pick([new Uint8Array(0), Uint8Array.of(0), Uint8Array.of(2)])
          // LMDB has no empty key to begin from.
          const from = prefix.length === 0 ? Uint8Array.of(0) : prefix
          const expected = [...model].filter(([key]) => key.startsWith(hex(from))).sort(([a], [b]) => (a < b ? -1 : 1))
          expect(scanAll(each, from, random.pick([1, 200, 1 << 20]))).toEqual(expected)
        }
      }
      await store.close()
      await reader.close()
    })

    it('keeps a large value and an empty one, and has no others', async () => {
      const place = create()
      const store = await place.write()
      const large = new Uint8Array(3 << 20).fill(7)
      store.write(
        packEntries([
          [Uint8Array.of(1), large],
          [Uint8Array.of(2), new Uint8Array(0)],
        ]),
      )
      expect(store.get(Uint8Array.of(1))).toHaveLength(large.length)
      expect(store.get(Uint8Array.of(2))).toHaveLength(0)
      expect(store.get(Uint8Array.of(3))).toBeUndefined()
      expect(unpackEntries(store.scan(Uint8Array.of(3), Uint8Array.of(3), 100))).toEqual([])
      await store.close()
    })

    it('refuses a batch that ends inside an entry, and has nothing of it', async () => {
      const store = await create().write()
      const batch = packEntries([
        [Uint8Array.of(1), Uint8Array.of(1)],
        [Uint8Array.of(2), Uint8Array.of(2)],
      ])
      expect(() => store.write(batch.subarray(0, batch.length - 1))).toThrow(
        expect.objectContaining({ code: 'ENGINE_STORE_FAILED' }),
      )
      expect(store.get(Uint8Array.of(1))).toBeUndefined()
      store.write(batch)
      expect([...store.get(Uint8Array.of(2))!]).toEqual([2])
      await store.close()
    })
  })
}
