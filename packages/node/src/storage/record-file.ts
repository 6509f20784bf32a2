import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { nextFileOf, openSealedFiles, readSealed, type SealedFile, syncFolderOf } from '@l2/common/node'
import { decodeLine, encodeLine } from './codec.js'
import { damaged, fileError } from './durable.js'

/** A record and where its line ends in the file. */
export type RecordLine<T> = { readonly record: T; readonly end: number }

/** Where a file of records begins, and what those before it came to; `undefined` at the very first. */
export type RecordStart<Carried> = { readonly offset: number; readonly carried: Carried | undefined }

/** Append-only checksummed lines, in a file that begins anew from time to time. An offset counts the bytes of all files. */
export type RecordFile<T, Carried = never> = {
  /** Bytes of whole lines. */
  readonly size: number
  /** Where the newest file began when it was opened: what is read from there, after what it carries, is everything. */
  readonly start: RecordStart<Carried>
  /** Bytes that were cut off when it was opened: a crash had left them half-written, or they were damaged. */
  readonly discardedBytes: number
  /**
   * On disk when it returns if `durable`, in the hands of the system if not: a killed process loses neither.
   *
   * @throws NodeError `DISK_FULL`: nothing of it is left, and the next one may succeed; `DATA_FAILED`
   */
  append(record: T, durable: boolean): void
  /** Of the line that was appended last. */
  readonly lastBytes: number
  /** The lines from an offset where one begins, to the present end; in pieces of 64 kB, or an older file at a time. */
  read(from: number): Generator<RecordLine<T>>
  /** The last file that carries what is wanted, or the first. What is wanted of one is wanted of those before it. */
  startOf(isWanted: (carried: Carried) => boolean): RecordStart<Carried>
  /** Forgets every line behind an offset where one ends. */
  truncate(size: number): void
  close(): void
}

/** Options of {@link openRecordFile}. */
export type RecordFileOptions<T, Carried = never> = {
  path: string
  /** No record is longer: what has no end before is no line. Default 65,536. */
  maxLineBytes?: number | undefined
  /** Which records were written as such. Damage before one of them is none that a crash explains. */
  isDurable(record: T): boolean
  /** What the user may do about such damage. */
  remedy: string
  /** Has a file's bytes reach the disk. */
  sync?: ((file: number) => void) | undefined
  /** Begins another file behind so many bytes, with what all records came to as its first line; `undefined` for not yet. By default there is one file. */
  carry?: { readonly fileBytes: number; state(): Carried | undefined } | undefined
}

const pieceBytes = 65_536

function encode(record: unknown): Buffer {
  const text = encodeLine(record)
  return Buffer.from(`${crc32(text).toString(16).padStart(8, '0')} ${text}\n`)
}

/** `undefined` where the line is not what was written. */
function decode<T>(line: Buffer): T | undefined {
  const text = line.toString('utf8', 9)
  if (line[8] !== 0x20 || crc32(text).toString(16).padStart(8, '0') !== line.toString('latin1', 0, 8)) return undefined
  return decodeLine<T>(text)
}

type Scanned<T> = { record: T | undefined; end: number }
/** Reads bytes of a file at a place: fewer at its end. */
type ReadPiece = (at: number, length: number) => Buffer

const fromFile = (file: number): ReadPiece => {
  return (at, length) => {
    const piece = Buffer.alloc(length)
    return piece.subarray(0, readSync(file, piece, 0, length, at))
  }
}

/** All lines up to `size`, whole or not; a last one without an end counts as damaged. */
function* scan<T>(read: ReadPiece, from: number, size: number, maxLineBytes: number): Generator<Scanned<T>> {
  /** The beginning of a line whose end is not read yet. */
  let held: Buffer[] = []
  let heldBytes = 0
  for (let at = from; at < size; ) {
    const piece = read(at, Math.min(pieceBytes, size - at))
    if (piece.length === 0) break
    let start = 0
    for (let end = piece.indexOf(10); end >= 0; end = piece.indexOf(10, start)) {
      const line = Buffer.concat([...held, piece.subarray(start, end)])
      yield { record: decode<T>(line), end: at + end + 1 }
      held = []
      heldBytes = 0
      start = end + 1
    }
    at += piece.length
    held.push(piece.subarray(start))
    heldBytes += piece.length - start
    if (heldBytes > maxLineBytes) {
      yield { record: undefined, end: at }
      held = []
      heldBytes = 0
    }
  }
  if (heldBytes > 0) yield { record: undefined, end: size }
}

/** The first line of a file that is not the first: where it begins, and what came before. */
type CarryLine<Carried> = { readonly at: number; readonly carried: Carried }
type Line<T, Carried> = T | CarryLine<Carried>

const isCarry = <T, Carried>(line: Line<T, Carried>): line is CarryLine<Carried> =>
  typeof line === 'object' && line !== null && 'carried' in line

/** The file that is written. */
type Active<Carried> = {
  readonly file: number
  /** The offset at which it begins, and behind the line that it carries. */
  readonly base: number
  readonly start: RecordStart<Carried>
  /** Of its whole lines, and bytes that were cut off behind them. */
  readonly bytes: number
  readonly cut: number
}

/** How much more is written into a file that could not be sealed until that is tried again. */
const sealAgainBytes = 2 ** 20

function openActive<T, Carried>(options: RecordFileOptions<T, Carried>): Active<Carried> {
  const { path, isDurable, remedy, maxLineBytes = 65_536, sync = fsyncSync } = options
  const file = openSync(path, 'a+')
  try {
    const found = fstatSync(file).size
    let bytes = 0
    let isWhole = true
    let base = 0
    let start: RecordStart<Carried> = { offset: 0, carried: undefined }
    for (const { record, end } of scan<Line<T, Carried>>(fromFile(file), 0, found, maxCarryBytes(maxLineBytes))) {
      if (record === undefined) isWhole = false
      else if (isWhole) {
        if (bytes === 0 && isCarry(record)) {
          base = record.at
          start = { offset: base + end, carried: record.carried }
        }
        bytes = end
      } else if (isCarry(record) || isDurable(record)) throw damaged(path, ` behind byte ${bytes}`, remedy)
    }
    ftruncateSync(file, bytes)
    sync(file)
    syncFolderOf(path, sync)
    return { file, base, start, bytes, cut: found - bytes }
  } catch (error) {
    closeSync(file)
    throw error
  }
}

/** What a file carries may be longer than any record. */
const maxCarryBytes = (maxLineBytes: number): number => Math.max(maxLineBytes, 64 * 2 ** 20)

/** Makes the file that is to follow, with its first line on disk; `undefined` where there is no room for it. */
function makeNext(path: string, line: Buffer, sync: (file: number) => void): number | undefined {
  const next = nextFileOf(path)
  let file: number | undefined
  try {
    rmSync(next, { force: true })
    file = openSync(next, 'a+')
    for (let written = 0; written < line.length; ) written += writeSync(file, line, written)
    sync(file)
    return file
  } catch {
    if (file !== undefined) closeSync(file)
    rmSync(next, { force: true })
    return undefined
  }
}

function contentOf(one: SealedFile, remedy: string): Buffer {
  try {
    const { buffer, byteOffset, length } = readSealed(one)
    return Buffer.from(buffer, byteOffset, length)
  } catch (cause) {
    throw (cause as { code?: string }).code === 'ENOENT' ? fileError(one.path, cause) : damaged(one.path, '', remedy)
  }
}

/**
 * Opens or makes the file. What a crash left half-written is cut off; a damaged line before a durable one is none that a crash explains. Of several files
 * the newest is read; damage in older ones, which are packed, is found when they are.
 *
 * @throws NodeError `DATA_CORRUPT`, `DISK_FULL`, `DATA_FAILED`
 */
export function openRecordFile<T, Carried = never>(options: RecordFileOptions<T, Carried>): RecordFile<T, Carried> {
  try {
    return openFiles(options)
  } catch (cause) {
    throw fileError(options.path, cause)
  }
}

function openFiles<T, Carried>(options: RecordFileOptions<T, Carried>): RecordFile<T, Carried> {
  const { path, remedy, carry, maxLineBytes = 65_536, sync = fsyncSync } = options
  const sealed = openSealedFiles(path)
  let active = openActive(options)
  let cut = active.cut
  const unseal = (): void => {
    closeSync(active.file)
    sealed.unsealNewest()
    active = openActive(options)
    cut += active.cut
  }
  // What a file carries was on disk before the file was: it was damaged since, and is made again from the one before.
  while (sealed.list.length > 0 && active.start.carried === undefined) {
    if (active.bytes > 0) throw damaged(path, ': its first line is lost', remedy)
    unseal()
  }
  const { start } = active
  const discardedBytes = cut
  let size = active.base + active.bytes
  let lastBytes = 0
  let sealAt = carry?.fileBytes ?? Number.POSITIVE_INFINITY
  const seal = (carried: Carried): void => {
    // Where there is no room for another file, this one is written on.
    sealAt = size - active.base + sealAgainBytes
    const line = encode({ at: size, carried } satisfies CarryLine<Carried>)
    const file = makeNext(path, line, sync)
    if (file === undefined) return
    sealed.seal(active.base)
    closeSync(active.file)
    active = { file, base: size, start: { offset: size + line.length, carried }, bytes: line.length, cut: 0 }
    size += line.length
    sealAt = carry!.fileBytes
  }
  /** Lines of the file that has an offset, each with its end among all. */
  function* linesFrom(from: number): Generator<Scanned<Line<T, Carried>>> {
    const { base, file } = active
    const older = from < base ? sealed.list.filter(({ begin }) => begin <= from).at(-1) : undefined
    if (from < base && older === undefined) throw damaged(path, ` before byte ${from}`, remedy)
    const begin = older?.begin ?? base
    const content = older === undefined ? undefined : contentOf(older, remedy)
    const read: ReadPiece = content === undefined ? fromFile(file) : (at, length) => content.subarray(at, at + length)
    const bytes = content?.length ?? size - base
    for (const { record, end } of scan<Line<T, Carried>>(read, from - begin, bytes, maxCarryBytes(maxLineBytes))) {
      yield { record, end: begin + end }
    }
  }
  const startAt = ({ begin }: SealedFile): RecordStart<Carried> => {
    for (const { record, end } of linesFrom(begin)) {
      if (record !== undefined && isCarry(record)) return { offset: end, carried: record.carried }
      break
    }
    return { offset: begin, carried: undefined }
  }
  return {
    get size() {
      return size
    },
    start,
    discardedBytes,
    append(record, durable) {
      const carried = size - active.base >= sealAt ? carry!.state() : undefined
      if (carried !== undefined) seal(carried)
      const line = encode(record)
      try {
        for (let written = 0; written < line.length; ) written += writeSync(active.file, line, written)
        if (durable) sync(active.file)
      } catch (cause) {
        // Half a line in the middle of the file would be damage: it goes, or the next start cuts it off.
        ftruncateSync(active.file, size - active.base)
        throw fileError(path, cause)
      }
      size += line.length
      lastBytes = line.length
    },
    get lastBytes() {
      return lastBytes
    },
    *read(from) {
      for (let at = from; at < size; ) {
        const { file } = active
        const before = at
        for (const { record, end } of linesFrom(at)) {
          if (record === undefined) throw damaged(path, ` before byte ${end}, since it was opened`, remedy)
          at = end
          if (!isCarry(record)) yield { record, end }
          // It was sealed meanwhile, or went back: its bytes are elsewhere.
          if (file !== active.file) break
        }
        if (at === before) throw damaged(path, ` before byte ${at}, since it was opened`, remedy)
      }
    },
    startOf(isWanted) {
      const { start: newest } = active
      if (newest.carried === undefined || isWanted(newest.carried)) return newest
      const { list } = sealed
      let found = startAt(list[0]!)
      let [low, high] = [1, list.length]
      while (low < high) {
        const middle = (low + high) >> 1
        const tried = startAt(list[middle]!)
        if (tried.carried !== undefined && isWanted(tried.carried)) {
          found = tried
          low = middle + 1
        } else high = middle
      }
      return found
    },
    truncate(to) {
      while (to <= active.base && sealed.list.length > 0) unseal()
      ftruncateSync(active.file, to - active.base)
      size = to
    },
    close: () => {
      void sealed.stop()
      closeSync(active.file)
    },
  }
}
