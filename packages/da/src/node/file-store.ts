import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { concatBytes, equalBytes } from '@l2/common'
import { sha256 } from '@noble/hashes/sha2.js'
import { DaError } from '../errors.js'
import { foreignCause } from '../internal/call.js'
import type { Store } from '../store.js'

const checkBytes = 8

/**
 * A {@link Store} in a directory, made if absent: one file a key, written beside it, synced, and renamed over it. A torn or rotten
 * file is refused with `DA_STORE_CORRUPT`, never returned.
 *
 * @throws DaError `DA_STORE_CORRUPT`, `DA_OPTIONS_INVALID` (a key with other characters), `DA_UNAVAILABLE` (the file system fails)
 * @example
 * ```ts
 * import { mkdtemp } from 'node:fs/promises'
 * import { tmpdir } from 'node:os'
 * import { createMemoryDa } from '@l2/da'
 * import { createFileStore } from '@l2/da/node'
 *
 * const directory = await mkdtemp(`${tmpdir()}/da-`)
 * const first = createMemoryDa({}, { store: createFileStore(directory) })
 * const { commitments } = await first.submit([Uint8Array.of(7)])
 * const second = createMemoryDa({}, { store: createFileStore(directory) })
 * console.log((await second.get(commitments[0]!))[0]) // 7
 * ```
 */
export function createFileStore(directory: string): Store {
  let ready: Promise<void> | undefined
  const fileOf = (key: string) => {
    if (!/^[a-z0-9._/-]{1,200}$/.test(key)) {
      throw new DaError('a store key has other characters than a-z 0-9 . _ / -', {
        code: 'DA_OPTIONS_INVALID',
        details: { key: key.slice(0, 64) },
      })
    }
    return join(directory, key.replaceAll('/', '~'))
  }
  const guarded = async <T>(what: string, run: () => Promise<T>): Promise<T> => {
    try {
      await (ready ??= mkdir(directory, { recursive: true }).then(() => {}))
      return await run()
    } catch (error) {
      if (error instanceof DaError) throw error
      throw new DaError(`the file store cannot ${what}`, { code: 'DA_UNAVAILABLE', cause: foreignCause(error) })
    }
  }
  const syncDirectory = async () => {
    const handle = await open(directory, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  }
  const checkOf = (key: string, value: Uint8Array) =>
    sha256(concatBytes(new TextEncoder().encode(`${key}\n`), value)).subarray(0, checkBytes)

  return {
    get: key =>
      guarded('read', async () => {
        const bytes = await readFile(fileOf(key)).catch((error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOENT') return undefined
          throw error
        })
        if (bytes === undefined) return undefined
        const value = new Uint8Array(bytes.subarray(checkBytes))
        if (bytes.length < checkBytes || !equalBytes(checkOf(key, value), bytes.subarray(0, checkBytes))) {
          throw new DaError('a stored file does not pass its checksum', { code: 'DA_STORE_CORRUPT', details: { key } })
        }
        return value
      }),
    put: (key, value) =>
      guarded('write', async () => {
        const file = fileOf(key)
        const beside = `${file}+${randomBytes(6).toString('hex')}`
        const handle = await open(beside, 'wx')
        try {
          await handle.writev([checkOf(key, value), value])
          await handle.sync()
        } finally {
          await handle.close()
        }
        await rename(beside, file)
        await syncDirectory()
      }),
    delete: key =>
      guarded('delete', async () => {
        await rm(fileOf(key), { force: true })
      }),
    keys: prefix =>
      guarded('list', async () =>
        (await readdir(directory))
          // A `+` marks a file whose writer died before the rename: it was never acknowledged.
          .filter(name => !name.includes('+'))
          .map(name => name.replaceAll('~', '/'))
          .filter(key => key.startsWith(prefix))
          .sort(),
      ),
  }
}
