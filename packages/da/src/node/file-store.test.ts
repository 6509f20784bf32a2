import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createFileStore } from './file-store.js'

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'l2-da-store-'))
  onTestFinished(() => rm(made, { recursive: true, force: true }))
  return made
}

describe('createFileStore', () => {
  it('keeps what was put, lists by prefix in order, and forgets what was deleted', async () => {
    const directory = await folder()
    const store = createFileStore(directory)
    for (const key of ['b/2', 'a/1', 'b/1']) await store.put(key, new TextEncoder().encode(key))
    await store.put('b/1', Uint8Array.of(9))
    const again = createFileStore(directory)
    expect(await again.keys('b/')).toEqual(['b/1', 'b/2'])
    expect(await again.get('b/1')).toEqual(Uint8Array.of(9))
    await again.delete('b/2')
    expect(await store.get('b/2')).toBeUndefined()
  })

  it('lets the last call for a key win, and leaves nothing half-written behind', async () => {
    const directory = await folder()
    const store = createFileStore(directory)
    const calls = Array.from({ length: 20 }, (_, i) =>
      store.put('a', new Uint8Array(i % 2 === 0 ? 200_000 : 1).fill(i)),
    )
    await Promise.all([...calls, store.delete('b'), store.put('b', Uint8Array.of(1)), store.delete('b')])
    expect(await store.get('a')).toEqual(Uint8Array.of(19))
    expect(await readdir(directory)).toEqual(['a'])
  })

  it('refuses a torn, changed or exchanged file, and overlooks one that was never finished', async () => {
    const directory = await folder()
    const store = createFileStore(directory)
    await store.put('a', Uint8Array.of(1, 2, 3))
    await store.put('b', Uint8Array.of(1, 2, 3))
    const whole = await readFile(join(directory, 'a'))
    for (const bytes of [whole.subarray(0, -1), whole.subarray(0, 3), Buffer.from([...whole.subarray(0, -1), 9])]) {
      await writeFile(join(directory, 'a'), bytes)
      await expect(store.get('a')).rejects.toMatchObject({ code: 'DA_STORE_CORRUPT' })
    }
    await writeFile(join(directory, 'b'), whole)
    await expect(store.get('b')).rejects.toMatchObject({ code: 'DA_STORE_CORRUPT' })
    await writeFile(join(directory, 'c+123'), whole)
    expect(await store.keys('')).toEqual(['a', 'b'])
  })

  it('takes no key that could leave its directory', async () => {
    const directory = await folder()
    const store = createFileStore(directory)
    for (const key of ['', 'A', 'a b', `a${'b'.repeat(300)}`, 'ä', 'a\u0000']) {
      await expect(store.put(key, new Uint8Array())).rejects.toMatchObject({ code: 'DA_OPTIONS_INVALID' })
    }
    await store.put('../../escape', Uint8Array.of(1))
    expect(await readdir(directory)).toEqual(['..~..~escape'])
  })
})
