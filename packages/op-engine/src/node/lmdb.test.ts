import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mountSmallDisk, type Random, seededRandom, testSeed } from '@l2/common/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { type EngineStore, type Entry, packEntries } from '../store/store.js'
import { hasLmdb, openLmdbStore } from './lmdb.js'

const folder = mkdtempSync(join(tmpdir(), 'l2-lmdb-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const seed = testSeed(11)
const pageSize = 4096

const byKey = ([a]: Entry, [b]: Entry): number => Buffer.compare(a, b)

/** As many trie nodes, keyed by hashes, two of them to a page. */
function writeNodes(store: EngineStore, random: Random, count: number): Entry[] {
  const node = new Uint8Array(1500)
  const entries = Array.from({ length: count }, (): Entry => [Uint8Array.from([0, ...random.bytes(32)]), node])
  store.write(packEntries(entries.sort(byKey)))
  return entries
}

// What a thread has handed to the system: Linux alone counts it.
const counters = '/proc/thread-self/io'
const writtenBytes = (): number => Number(/wchar: (\d+)/.exec(readFileSync(counters, 'latin1'))![1])

describe.skipIf(!hasLmdb() || !existsSync(counters))(`lmdb (seed ${seed})`, () => {
  it('writes for a block what the block changes, however many pages of a large store are free', async () => {
    const random = seededRandom(seed)
    const path = join(folder, 'large')
    let store = openLmdbStore(path)
    const nodes = [0, 1, 2].flatMap(() => writeNodes(store, random, 10_000)).sort(byKey)
    // What pruning leaves: most pages of the file are free, and lie scattered.
    store.write(packEntries(nodes.filter((_, index) => index % 40 !== 0).map(([key]): Entry => [key, undefined])))
    await store.close()
    store = openLmdbStore(path)
    const pages: number[] = []
    for (let block = 0; block < 41; block++) {
      const before = writtenBytes()
      writeNodes(store, random, 1)
      pages.push((writtenBytes() - before) / pageSize)
    }
    await store.close()
    const median = pages.sort((a, b) => a - b)[20]!
    // A path through the tree, one through the list of free pages, and its last lots: 5. With all that is free kept in mind it was 11 to 19, and grows with the file.
    expect(median).toBeLessThan(8)
  })
})

// Only root of Linux may mount one.
const disk = hasLmdb() ? mountSmallDisk(8 * 2 ** 20) : undefined
afterAll(() => disk?.unmount())

describe.runIf(disk !== undefined)('lmdb on a full disk', () => {
  it('names it in the same words, wherever in a page the room ended, and goes on when there is some', async () => {
    const store = openLmdbStore(join(disk!.path, 'full'))
    const random = seededRandom(seed)
    const large = (): Uint8Array => packEntries([[Uint8Array.from([0, ...random.bytes(32)]), new Uint8Array(300_000)]])
    store.write(large())
    const messages = new Set<string>()
    for (const left of [40, 10, 3, 1, 0]) {
      disk!.fill(left * pageSize)
      for (let attempt = 0; attempt < 2; attempt++) {
        try {
          store.write(large())
        } catch (error) {
          messages.add((error as Error).message)
        }
      }
      disk!.free()
    }
    expect([...messages]).toEqual([expect.stringContaining(': no space left on the disk')])
    const [key, value] = [Uint8Array.from([0, 1]), Uint8Array.from([2])]
    store.write(packEntries([[key, value]]))
    expect(store.get(key)).toEqual(Buffer.from(value))
    await store.close()
  })
})
