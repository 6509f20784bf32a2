import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { packEntries } from '../store/store.js'
import { hasLmdb, openLmdbStore } from './lmdb.js'

/** What happens between the looks that an opening takes at its file. */
const between: { looks: (() => void) | undefined } = vi.hoisted(() => ({ looks: undefined }))
vi.mock('node:fs', async original => {
  const fs = await original<typeof import('node:fs')>()
  const after =
    <A extends unknown[], R>(call: (...args: A) => R) =>
    (...args: A): R => {
      const result = call(...args)
      between.looks?.()
      return result
    }
  return { ...fs, fstatSync: after(fs.fstatSync), readSync: after(fs.readSync) }
})

const folder = mkdtempSync(join(tmpdir(), 'l2-lmdb-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.skipIf(!hasLmdb())('openLmdbStore', () => {
  it('as a reader takes nothing for damage, and changes nothing, while the writer writes', async () => {
    const writer = openLmdbStore(folder, false)
    const key = (n: number) => Uint8Array.of(1, n >> 8, n & 255)
    let written = 0
    const write = () => {
      writer.write(packEntries([[key(written), new Uint8Array(100_000).fill(written)]]))
      written++
    }
    write()
    for (let readers = 0; readers < 20; readers++) {
      between.looks = write
      const reader = openLmdbStore(folder, true)
      between.looks = undefined
      await reader.close()
      write()
    }
    for (let n = 0; n < written; n++) expect(writer.get(key(n))?.at(-1)).toBe(n & 255)
    await writer.close()
    const again = openLmdbStore(folder, false)
    for (let n = 0; n < written; n++) expect(again.get(key(n))?.at(-1)).toBe(n & 255)
    await again.close()
  })
})
