import { closeSync, existsSync, fstatSync, ftruncateSync, mkdirSync, openSync, readSync, statfsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { isL2Error } from '@l2/common'
import type { RootDatabase } from 'lmdb'
import { OpEngineError, type OpEngineErrorCode } from '../errors.js'
import { corrupt } from '../store/records.js'
import { type EngineStore, type Entry, packEntries, visitEntries } from '../store/store.js'

type Lmdb = typeof import('lmdb')

/** The file of a store in `path`. */
export const lmdbFile = (path: string): string => join(path, 'state.mdb')

let loaded: Lmdb | undefined

/** Whether `lmdb` is installed with a binary for this platform. */
export function hasLmdb(): boolean {
  try {
    loaded ??= createRequire(import.meta.url)('lmdb') as Lmdb
    return true
  } catch {
    return false
  }
}

/** Address space, not disk and not memory: the file grows as it is written. Windows would make the file as large. */
const mapSize = process.platform === 'win32' ? undefined : 256 * 2 ** 30

/**
 * LMDB names the pages of its file that are free in a list, which a commit writes anew as far as it is in memory. By default (75,000 entries) that is all of a
 * large store's, for each block. A list that is longer than this is put down after a commit, and the next one begins with the pages that became free last,
 * which are about as many as it needs. How much of it may be looked at to find room (`maxFreeSpaceToLoad`) stays as it is: with less the file grows without end.
 */
const freeList = { maxFreeSpaceToRetain: 1000 }

/**
 * A store in one LMDB file: a start costs the same however much there is, reads are of memory, a batch is a transaction. Readers in other threads see
 * what is committed and never wait. A reader follows a writer that has the store open, and looks at nothing that the writer may be changing.
 *
 * @throws OpEngineError `ENGINE_STORE_CORRUPT`, `ENGINE_STORE_FAILED`
 */
export function openLmdbStore(path: string, readOnly = false): EngineStore {
  if (!hasLmdb()) throw failed('cannot be opened', new Error('lmdb is not installed for this platform'))
  const file = lmdbFile(path)
  try {
    mkdirSync(path, { recursive: true })
    if (!readOnly && existsSync(file)) checkFile(file)
    const database = loaded!.open({
      path: file,
      noSubdir: true,
      keyEncoding: 'binary',
      encoding: 'binary',
      compression: false,
      cache: false,
      // A commit has reached the disk when it returns.
      overlappingSync: false,
      ...freeList,
      ...(mapSize === undefined ? {} : { mapSize }),
    })
    return new LmdbStore(database as RootDatabase<Buffer, Buffer>, file)
  } catch (cause) {
    throw translate(file, 'cannot be opened', cause)
  }
}

class LmdbStore implements EngineStore {
  readonly #database: RootDatabase<Buffer, Buffer>
  readonly #file: string
  isBroken = false

  constructor(database: RootDatabase<Buffer, Buffer>, file: string) {
    this.#database = database
    this.#file = file
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#guard('cannot be read', () => this.#database.getBinary(view(key)))
  }

  write(batch: Uint8Array): void {
    this.#guard('cannot be written', () => {
      this.#database.transactionSync(() => {
        const isWhole = visitEntries(batch, (key, value) => {
          if (value === undefined) this.#database.removeSync(view(key))
          else this.#database.putSync(view(key), view(value))
        })
        if (!isWhole) throw new Error('the batch ends inside an entry')
      })
    })
  }

  scan(prefix: Uint8Array, start: Uint8Array, maxBytes: number): Uint8Array {
    return this.#guard('cannot be read', () => {
      const entries: Entry[] = []
      let length = 0
      for (const { key, value } of this.#database.getRange({ start: view(start) })) {
        if (prefix.some((byte, at) => key[at] !== byte)) break
        entries.push([key, value])
        length += 8 + key.length + value.length
        if (length >= maxBytes) break
      }
      return packEntries(entries)
    })
  }

  refresh(): void {
    this.#database.resetReadTxn()
  }

  async close(): Promise<void> {
    await this.#database.close()
  }

  #guard<T>(what: string, run: () => T): T {
    // Over damage LMDB can end the process: once it was seen, nothing is asked of the file any more.
    if (this.isBroken) throw failed(`${what} (${this.#file})`, new Error('it was found damaged'))
    try {
      return run()
    } catch (cause) {
      const error = translate(this.#file, what, cause)
      this.isBroken = error.code === 'ENGINE_STORE_CORRUPT'
      throw error
    }
  }
}

const view = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/**
 * What can be seen without following a page. LMDB maps its file and reads it without checks: where the file is shorter than its own table says, the system
 * would end the process at the first touch. Such a file is made long enough again, with zeros, which LMDB refuses as any other damage. For whoever is to
 * write alone: while somebody writes, two looks see two files, and what is made long enough may be cut off.
 */
function checkFile(file: string): void {
  const descriptor = openSync(file, 'r+')
  try {
    const { size } = fstatSync(descriptor)
    if (size === 0) return
    const metas = [0, 4096].map(at => readMeta(descriptor, at)).filter(meta => meta !== undefined)
    const newest = metas.sort((a, b) => (a.transaction < b.transaction ? 1 : -1))[0]
    if (newest === undefined) throw corrupt(file, 0, 'it is no LMDB file of this format')
    const pages = BigInt(size) / BigInt(newest.pageSize)
    for (const root of newest.roots) {
      if (root === noPage) continue
      const at = Number(root) * newest.pageSize
      if (root >= pages) throw corrupt(file, size, 'it ends before its root')
      if (!isTreePage(descriptor, at, root)) throw corrupt(file, at, 'its root is no page of a tree')
    }
    const wanted = (newest.lastPage + 1n) * BigInt(newest.pageSize)
    if (BigInt(size) < wanted) ftruncateSync(descriptor, Number(wanted))
  } finally {
    closeSync(descriptor)
  }
}

const noPage = 0xffff_ffff_ffff_ffffn

/** A meta page of LMDB 1.0's data format, as the package `lmdb` 3 writes it; little-endian. */
function readMeta(descriptor: number, at: number) {
  const page = Buffer.alloc(160)
  if (readSync(descriptor, page, 0, page.length, at) < page.length) return undefined
  if (page.readUInt32LE(24) !== 0xbeef_c0de) return undefined
  const pageSize = page.readUInt32LE(48)
  if (pageSize < 512 || pageSize > 65_536) return undefined
  return {
    pageSize,
    roots: [page.readBigUInt64LE(88), page.readBigUInt64LE(136)],
    lastPage: page.readBigUInt64LE(144),
    transaction: page.readBigUInt64LE(152),
  }
}

/** LMDB ends the process over a page that it does not understand, so its first one is looked at beforehand. */
function isTreePage(descriptor: number, at: number, number: bigint): boolean {
  const header = Buffer.alloc(24)
  if (readSync(descriptor, header, 0, header.length, at) < header.length) return false
  const isBranchOrLeaf = (header.readUInt16LE(18) & 3) !== 0
  return header.readBigUInt64LE(0) === number && isBranchOrLeaf && header.readUInt16LE(20) <= header.readUInt16LE(22)
}

function translate(file: string, what: string, cause: unknown): OpEngineError {
  if (isL2Error<OpEngineErrorCode>(cause)) return cause
  const message = cause instanceof Error ? cause.message : String(cause)
  if (/MDB_CORRUPTED|MDB_PAGE_NOTFOUND|MDB_INVALID|MDB_VERSION_MISMATCH|not an LMDB file/i.test(message)) {
    return corrupt(file, 0, message, cause)
  }
  // Where only a part of a page went to the disk LMDB says EIO, the next time ENOSPC: both are one disk that is full.
  if (/no space left/i.test(message) || (/input\/output error/i.test(message) && isFull(file))) {
    return failed(`${what} (${file})`, new Error('no space left on the disk', { cause }))
  }
  return failed(`${what} (${file})`, cause)
}

/** A megabyte is less than one write of LMDB can take. */
function isFull(file: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(file)
    return bavail * bsize < 2 ** 20
  } catch {
    return false
  }
}

function failed(what: string, cause: unknown): OpEngineError {
  // LMDB goes on with which page it was and what lay in its buffers: another text each time, over the same disk that is full.
  const reason = cause instanceof Error ? `: ${cause.message.split(': Attempting', 1)[0]}` : ''
  return new OpEngineError(`the store ${what}${reason}`, { code: 'ENGINE_STORE_FAILED', recovery: 'retry', cause })
}
