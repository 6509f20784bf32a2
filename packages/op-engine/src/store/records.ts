import { OpEngineError } from '../errors.js'
import { crc32 } from './crc32.js'
import type { SegmentFile } from './segment.js'

/*
 * A segment begins with eight bytes of magic and eight random ones, its salt. Records follow: u32 magic, u32 length, u32 CRC-32, then the
 * packed entries of one batch. The checksum begins with salt and offset, so that bytes which a stranger had put into a block are never taken for a
 * record, wherever they come to stand.
 */
const segmentMagic = /* @__PURE__ */ Uint8Array.from('L2OPLOG1', letter => letter.charCodeAt(0))
const recordMagic = 0x4c32_5231
export const segmentHeaderBytes = 16
export const recordHeaderBytes = 12
const windowBytes = 1 << 20

/** A segment as its checks need it. */
export type OpenSegment = { readonly number: number; readonly file: SegmentFile; readonly salt: Uint8Array }

export const newSalt = (): Uint8Array => crypto.getRandomValues(new Uint8Array(8))

/** Writes the header of an empty segment. */
export function beginSegment(file: SegmentFile, salt: Uint8Array): void {
  const header = new Uint8Array(segmentHeaderBytes)
  header.set(segmentMagic)
  header.set(salt, 8)
  file.append(header)
  file.flush()
}

/** The salt of a segment; `undefined` when it is too short to have one. @throws OpEngineError `ENGINE_STORE_CORRUPT` */
export function readSalt(file: SegmentFile, name: string): Uint8Array | undefined {
  const header = new Uint8Array(segmentHeaderBytes)
  if (file.read(header, 0) < segmentHeaderBytes) return undefined
  if (segmentMagic.some((byte, at) => header[at] !== byte)) {
    throw corrupt(name, 0, 'it does not begin as a log of this engine does')
  }
  return header.slice(8)
}

/** The bytes of a record at `offset`. */
export function encodeRecord(segment: OpenSegment, offset: number, batch: Uint8Array): Uint8Array {
  const record = new Uint8Array(recordHeaderBytes + batch.length)
  const view = new DataView(record.buffer)
  view.setUint32(0, recordMagic)
  view.setUint32(4, batch.length)
  view.setUint32(8, checksum(segment.salt, offset, batch))
  record.set(batch, recordHeaderBytes)
  return record
}

/** The checksum that the record at `offset` claims; `undefined` where there is none. */
export function checksumAt(file: SegmentFile, offset: number): number | undefined {
  const header = new Uint8Array(recordHeaderBytes)
  return file.read(header, offset) < recordHeaderBytes ? undefined : new DataView(header.buffer).getUint32(8)
}

function checksum(salt: Uint8Array, offset: number, batch: Uint8Array): number {
  const head = new Uint8Array(20)
  head.set(salt)
  const view = new DataView(head.buffer)
  view.setBigUint64(8, BigInt(offset))
  view.setUint32(16, batch.length)
  return crc32(batch, crc32(head))
}

/** Reads records one after another through a window, so that small ones do not cost a read each. */
export class RecordReader {
  readonly #segment: OpenSegment
  #window: Uint8Array = new Uint8Array(0)
  #windowAt = 0
  /** Of the last record that was read. */
  checksum = 0

  constructor(segment: OpenSegment) {
    this.#segment = segment
  }

  /** The batch at `offset`, a view that holds until the next call; `undefined` when there is no whole, sound record. */
  read(offset: number): Uint8Array | undefined {
    const header = this.#bytes(offset, recordHeaderBytes)
    if (header === undefined) return undefined
    const view = new DataView(header.buffer, header.byteOffset)
    if (view.getUint32(0) !== recordMagic) return undefined
    const length = view.getUint32(4)
    const expected = view.getUint32(8)
    // What the length claims is believed only as far as the file goes.
    if (offset + recordHeaderBytes + length > this.#segment.file.size()) return undefined
    const batch = this.#bytes(offset + recordHeaderBytes, length)
    if (batch === undefined || checksum(this.#segment.salt, offset, batch) !== expected) return undefined
    this.checksum = expected
    return batch
  }

  /** Whether a sound record begins anywhere from `offset` on: damage before it is no torn end. */
  hasRecordAfter(offset: number): boolean {
    const size = this.#segment.file.size()
    for (let at = offset; at + recordHeaderBytes <= size; at++) {
      const header = this.#bytes(at, 4)
      if (header === undefined) return false
      const isMagic = header[0] === 0x4c && header[1] === 0x32 && header[2] === 0x52 && header[3] === 0x31
      if (isMagic && this.read(at) !== undefined) return true
    }
    return false
  }

  #bytes(offset: number, length: number): Uint8Array | undefined {
    const end = this.#windowAt + this.#window.length
    if (offset < this.#windowAt || offset + length > end) {
      const window = new Uint8Array(Math.max(windowBytes, length))
      this.#window = window.subarray(0, this.#segment.file.read(window, offset))
      this.#windowAt = offset
      if (this.#window.length < length) return undefined
    }
    const from = offset - this.#windowAt
    return this.#window.subarray(from, from + length)
  }
}

export function corrupt(name: string, offset: number, reason: string, cause?: unknown): OpEngineError {
  return new OpEngineError(`the store is damaged: ${name} at byte ${offset}: ${reason}`, {
    code: 'ENGINE_STORE_CORRUPT',
    meta: ['try: move the folder of the store away and start again; the chain is derived anew from L1 or the log'],
    details: { file: name, offset },
    cause,
  })
}
