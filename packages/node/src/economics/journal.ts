import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import { NodeError } from '../errors.js'
import { decodeLine, encodeLine } from '../storage/codec.js'

/** A record and where its line ends in the file. */
export type JournalLine<T> = { readonly record: T; readonly end: number }

/** An append-only file of checksummed lines. */
export type LineJournal<T> = {
  /** Bytes of whole lines. */
  readonly size: number
  /** Bytes that a crash had left half-written and that were cut off. */
  readonly discardedBytes: number
  /** On disk when it returns if `durable`, in the hands of the system if not: a killed process loses neither. */
  append(record: T, durable: boolean): void
  /** The lines from an offset where one begins, to the present end; in pieces of 64 kB. */
  read(from: number): Generator<JournalLine<T>>
  close(): void
}

const pieceBytes = 65_536
/** No record is longer: what has no end before is no line. */
const maxLineBytes = 65_536

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

/** All lines up to `size`, whole or not; a last one without an end counts as damaged. */
function* scan<T>(file: number, from: number, size: number): Generator<{ record: T | undefined; end: number }> {
  let held = Buffer.alloc(0)
  let heldAt = from
  for (let at = from; at < size; ) {
    const piece = Buffer.alloc(Math.min(pieceBytes, size - at))
    const bytes = readSync(file, piece, 0, piece.length, at)
    if (bytes === 0) break
    at += bytes
    held = Buffer.concat([held, piece.subarray(0, bytes)])
    let start = 0
    for (let end = held.indexOf(10); end >= 0; end = held.indexOf(10, start)) {
      yield { record: decode<T>(held.subarray(start, end)), end: heldAt + end + 1 }
      start = end + 1
    }
    if (held.length - start > maxLineBytes) {
      yield { record: undefined, end: heldAt + held.length }
      start = held.length
    }
    held = held.subarray(start)
    heldAt += start
  }
  if (held.length > 0) yield { record: undefined, end: heldAt + held.length }
}

/**
 * Opens or makes the file. What a crash left half-written is cut off; a damaged line before a durable one is none that a crash explains.
 *
 * @param options.isDurable which records were written as such
 * @param options.sync has a file's bytes reach the disk
 * @throws NodeError `BOOKS_CORRUPT`, `BOOKS_FAILED`
 */
export function openLineJournal<T>(options: {
  path: string
  isDurable(record: T): boolean
  sync?: ((file: number) => void) | undefined
}): LineJournal<T> {
  const { path, isDurable, sync = fsyncSync } = options
  const failed = (cause: unknown): NodeError =>
    cause instanceof NodeError
      ? cause
      : new NodeError(`${path} cannot be read or written`, { code: 'BOOKS_FAILED', cause })
  try {
    const file = openSync(path, 'a+')
    const found = fstatSync(file).size
    let size = 0
    let isWhole = true
    for (const { record, end } of scan<T>(file, 0, found)) {
      if (record === undefined) isWhole = false
      else if (isWhole) size = end
      else if (isDurable(record))
        throw new NodeError(`${path} is damaged behind byte ${size}`, { code: 'BOOKS_CORRUPT', details: { size } })
    }
    ftruncateSync(file, size)
    sync(file)
    const directory = openSync(dirname(path), 'r')
    sync(directory)
    closeSync(directory)
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
          throw cause
        }
        size += line.length
      },
      *read(from) {
        for (const { record, end } of scan<T>(file, from, size)) if (record !== undefined) yield { record, end }
      },
      close: () => closeSync(file),
    }
  } catch (cause) {
    throw failed(cause)
  }
}
