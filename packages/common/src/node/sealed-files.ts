import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync, gzip } from 'node:zlib'

// A journal that is written at its end for years: the file that is written has the journal's name, and what came before stands in sealed files beside
// it, each named by where it begins and packed a moment later.
//
//   blocks.log.0000000000000001.gz   blocks.log.0000000000022001   blocks.log   (blocks.log.next: the one that is about to follow)

/** A part of a journal to which nothing is added any more. */
export type SealedFile = {
  /** Where it begins, in the journal's own count. */
  readonly begin: number
  readonly path: string
}

const digits = 16
/** What one may hold unpacked: no more is read into memory. */
const maxUnpackedBytes = 2 ** 30
const packed = '.gz'
const next = '.next'
const unfinished = '.new'

/** Where the file that is to follow is made. */
export const nextFileOf = (path: string): string => `${path}${next}`

const sealedPath = (path: string, begin: number): string => `${path}.${String(begin).padStart(digits, '0')}`

/** A new name is durable only with its folder. Windows has no such call. */
export function syncFolderOf(path: string, sync: (file: number) => void = fsyncSync): void {
  if (process.platform === 'win32') return
  const folder = openSync(dirname(path), 'r')
  try {
    sync(folder)
  } finally {
    closeSync(folder)
  }
}

/** The sealed files of a journal. */
export type SealedFiles = {
  /** The oldest first. */
  readonly list: readonly SealedFile[]
  /** Seals the file that is written, and has the one that was made at {@link nextFileOf}, which is on disk already, take its place. */
  seal(begin: number): void
  /** The newest sealed file becomes the one that is written again, in the place of the present one. */
  unsealNewest(): void
  /** Deletes the oldest ones. */
  removeOldest(count: number): void
  /** Packs no more; resolves when nothing is written any more. */
  stop(): Promise<void>
}

/**
 * Opens the sealed files of a journal, and packs them beside what else goes on. Ends what a crash has interrupted: a file that was about to follow takes
 * its place, one that was half packed is packed again.
 */
export function openSealedFiles(path: string): SealedFiles {
  let list = findSealedFiles(path)
  let isStopped = false
  let packing = Promise.resolve()
  const pack = (one: SealedFile): void => {
    const isWanted = (): boolean => !isStopped && list.includes(one)
    packing = packing.then(async () => {
      if (!isWanted()) return
      try {
        const packedOne = await packSealed(one, isWanted)
        list = list.map(file => (file === one ? packedOne : file))
      } catch {
        // It can be read as it is; the next start tries again.
      }
    })
  }
  for (const one of list) if (!one.path.endsWith(packed)) pack(one)
  return {
    get list() {
      return list
    },
    seal(begin) {
      const sealed = sealFile(path, begin)
      list = [...list, sealed]
      pack(sealed)
    },
    unsealNewest() {
      const newest = list.at(-1)!
      list = list.slice(0, -1)
      unsealFile(path, newest)
    },
    removeOldest(count) {
      const gone = list.slice(0, count)
      list = list.slice(count)
      for (const one of gone) removeSealed(one)
    },
    stop() {
      isStopped = true
      return packing
    },
  }
}

function findSealedFiles(path: string): SealedFile[] {
  if (existsSync(path)) rmSync(nextFileOf(path), { force: true })
  else if (existsSync(nextFileOf(path))) {
    renameSync(nextFileOf(path), path)
    syncFolderOf(path)
  }
  const found = new Map<number, SealedFile>()
  const prefix = `${basename(path)}.`
  for (const name of readdirSync(dirname(path))) {
    const [, number, ending] = /^(\d{16})(|\.gz|\.gz\.new)$/.exec(name.slice(prefix.length)) ?? []
    if (!name.startsWith(prefix) || number === undefined) continue
    const file = join(dirname(path), name)
    const begin = Number(number)
    if (ending === packed + unfinished) rmSync(file, { force: true })
    else if (ending === '' && existsSync(file + packed)) rmSync(file, { force: true })
    else found.set(begin, { begin, path: file })
  }
  return [...found.values()].sort((a, b) => a.begin - b.begin)
}

function sealFile(path: string, begin: number): SealedFile {
  const sealed = sealedPath(path, begin)
  syncFolderOf(path)
  renameSync(path, sealed)
  syncFolderOf(path)
  renameSync(nextFileOf(path), path)
  syncFolderOf(path)
  return { begin, path: sealed }
}

function unsealFile(path: string, sealed: SealedFile): void {
  const content = readSealed(sealed)
  const file = openSync(nextFileOf(path), 'w')
  try {
    writeFileSync(file, content)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(nextFileOf(path), path)
  syncFolderOf(path)
  removeSealed(sealed)
}

/** What a sealed file holds. Packed content has a checksum of its own: what is damaged is thrown. */
export function readSealed({ path }: SealedFile): Uint8Array {
  // It may have been packed since it was listed.
  const at = path.endsWith(packed) || existsSync(path) ? path : path + packed
  const content = readFileSync(at)
  return at.endsWith(packed) ? gunzipSync(content, { maxOutputLength: maxUnpackedBytes }) : content
}

/**
 * Packs a sealed file. What is there is replaced only once the packed one is on disk; where there is no room it stays as it is, and where `mayReplace`
 * says no once it is packed in memory.
 */
async function packSealed(sealed: SealedFile, mayReplace: () => boolean): Promise<SealedFile> {
  const { begin, path } = sealed
  if (path.endsWith(packed)) return sealed
  const made = path + packed + unfinished
  try {
    const content = await promisify(gzip)(readFileSync(path))
    if (!mayReplace()) return sealed
    const file = openSync(made, 'w')
    try {
      writeFileSync(file, content)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(made, path + packed)
    syncFolderOf(path)
    rmSync(path, { force: true })
    return { begin, path: path + packed }
  } catch (error) {
    rmSync(made, { force: true })
    const { code } = error as { code?: string }
    if (code === 'ENOSPC' || code === 'EDQUOT') return sealed
    throw error
  }
}

function removeSealed({ path }: SealedFile): void {
  rmSync(path, { force: true })
  if (!path.endsWith(packed)) rmSync(path + packed, { force: true })
}
