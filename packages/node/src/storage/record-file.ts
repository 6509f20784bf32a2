import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { decodeLine, encodeLine } from './codec.js'
import { damaged, fileError, syncFolderOf } from './durable.js'

/** A record and where its line ends in the file. */
export type RecordLine<T> = { readonly record: T; readonly end: number }

/** An append-only file of checksummed lines. */
export type RecordFile<T> = {
  /** Bytes of whole lines. */
  readonly size: number
  /** Bytes that were cut off when it was opened: a crash had left them half-written, or they were damaged. */
  readonly discardedBytes: number
  /**
   * On disk when it returns if `durable`, in the hands of the system if not: a killed process loses neither.
   *
   * @throws NodeError `DISK_FULL`: nothing of it is left, and the next one may succeed; `DATA_FAILED`
   */
  append(record: T, durable: boolean): void
  /** The lines from an offset where one begins, to the present end; in pieces of 64 kB. */
  read(from: number): Generator<RecordLine<T>>
  /** Forgets every line behind an offset where one ends. */
  truncate(size: number): void
  close(): void
}

/** Options of {@link openRecordFile}. */
export type RecordFileOptions<T> = {
  path: string
  /** No record is longer: what has no end before is no line. Default 65,536. */
  maxLineBytes?: number | undefined
  /** Which records were written as such. Damage before one of them is none that a crash explains. */
  isDurable(record: T): boolean
  /** What the user may do about such damage. */
  remedy: string
  /** Has a file's bytes reach the disk. */
  sync?: ((file: number) => void) | undefined
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

/** All lines up to `size`, whole or not; a last one without an end counts as damaged. */
function* scan<T>(file: number, from: number, size: number, maxLineBytes: number): Generator<Scanned<T>> {
  /** The beginning of a line whose end is not read yet. */
  let held: Buffer[] = []
  let heldBytes = 0
  for (let at = from; at < size; ) {
    const piece = Buffer.alloc(Math.min(pieceBytes, size - at))
    const bytes = readSync(file, piece, 0, piece.length, at)
    if (bytes === 0) break
    let start = 0
    for (let end = piece.indexOf(10); end >= 0 && end < bytes; end = piece.indexOf(10, start)) {
      const line = Buffer.concat([...held, piece.subarray(start, end)])
      yield { record: decode<T>(line), end: at + end + 1 }
      held = []
      heldBytes = 0
      start = end + 1
    }
    at += bytes
    held.push(piece.subarray(start, bytes))
    heldBytes += bytes - start
    if (heldBytes > maxLineBytes) {
      yield { record: undefined, end: at }
      held = []
      heldBytes = 0
    }
  }
  if (heldBytes > 0) yield { record: undefined, end: size }
}

/**
 * Opens or makes the file. What a crash left half-written is cut off; a damaged line before a durable one is none that a crash explains.
 *
 * @throws NodeError `DATA_CORRUPT`, `DISK_FULL`, `DATA_FAILED`
 */
export function openRecordFile<T>(options: RecordFileOptions<T>): RecordFile<T> {
  const { path, isDurable, remedy, maxLineBytes = 65_536, sync = fsyncSync } = options
  try {
    const file = openSync(path, 'a+')
    const found = fstatSync(file).size
    let size = 0
    let isWhole = true
    for (const { record, end } of scan<T>(file, 0, found, maxLineBytes)) {
      if (record === undefined) isWhole = false
      else if (isWhole) size = end
      else if (isDurable(record)) throw damaged(path, ` behind byte ${size}`, remedy)
    }
    ftruncateSync(file, size)
    sync(file)
    syncFolderOf(path, sync)
    return {
      get size() {
        return size
      },
      discardedBytes: found - size,
      append(record, durable) {
        const line = encode(record)
        try {
          for (let written = 0; written < line.length; ) written += writeSync(file, line, written)
          if (durable) sync(file)
        } catch (cause) {
          // Half a line in the middle of the file would be damage: it goes, or the next start cuts it off.
          ftruncateSync(file, size)
          throw fileError(path, cause)
        }
        size += line.length
      },
      *read(from) {
        for (const { record, end } of scan<T>(file, from, size, maxLineBytes)) {
          if (record === undefined) throw damaged(path, ` before byte ${end}, since it was opened`, remedy)
          yield { record, end }
        }
      },
      truncate(to) {
        ftruncateSync(file, to)
        size = to
      },
      close: () => closeSync(file),
    }
  } catch (cause) {
    throw fileError(path, cause)
  }
}
