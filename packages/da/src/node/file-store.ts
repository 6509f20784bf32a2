import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { concatBytes, equalBytes, isL2Error } from '@l2/common'
import { sha256 } from '@l2/common/crypto'
import { diskFull } from '@l2/common/node'
import { DaError } from '../errors.js'
import { createOnce, foreignCause } from '../internal/call.js'
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
 * import { createMemoryDa } from '@l2/da/testing'
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
  const made = createOnce(async () => void (await mkdir(directory, { recursive: true })))
  // The last call for a key wins, whatever the disk takes first.
  const writing = new Map<string, Promise<void>>()
  const inTurn = (key: string, write: () => Promise<void>): Promise<void> => {
    const result = (writing.get(key) ?? Promise.resolve()).then(write, write)
    writing.set(key, result)
    const forget = () => {
      if (writing.get(key) === result) writing.delete(key)
    }
    result.then(forget, forget)
    return result
  }
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
      await made()
      return await run()
    } catch (error) {
      if (isL2Error(error)) throw error
      const message = diskFull(directory, error) ?? `the file store ${directory} cannot ${what}`
      throw new DaError(message, { code: 'DA_UNAVAILABLE', cause: foreignCause(error) })
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
          const path = fileOf(key)
          throw new DaError(`${path} is damaged: it does not pass its checksum`, {
            code: 'DA_STORE_CORRUPT',
            meta: ['try: put back a copy, or remove the file: then it counts as never written'],
            details: { key, path },
          })
        }
        return value
      }),
    put: (key, value) => {
      // What the caller does to its bytes afterwards is not written.
      const bytes = value.slice()
      return guarded('write', () =>
        inTurn(key, async () => {
          const file = fileOf(key)
          const beside = `${file}+${randomBytes(6).toString('hex')}`
          try {
            const handle = await open(beside, 'wx')
            try {
              await handle.writev([checkOf(key, bytes), bytes])
              await handle.sync()
            } finally {
              await handle.close()
            }
            await rename(beside, file)
          } catch (error) {
            await rm(beside, { force: true }).catch(() => {})
            throw error
          }
          await syncDirectory()
        }),
      )
    },
    delete: key =>
      guarded('delete', () =>
        inTurn(key, async () => {
          await rm(fileOf(key), { force: true })
          await syncDirectory()
        }),
      ),
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
