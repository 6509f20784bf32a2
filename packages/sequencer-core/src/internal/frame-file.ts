import { randomBytes } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { diskFull } from '@l2/common/node'
import { SequencerError } from '../errors.js'
import { openOrCreate, readAt, syncFolderOf, writeAt } from './files.js'

// The file is a header and then frames. A frame is what one write and one fdatasync bring to disk. The next frame is written only after that
// sync, so a crash can damage the last frame and no other, and a damaged frame with a sound one behind it is decay.
//
//   header  magic 8 · version u32 · file id 8 · crc32 u32
//   frame   file id 8 · own offset u64 · body length u32 · crc32 u32 over all of it · body
//
// The file id is random: a body cannot imitate a frame, which recovery would otherwise find inside a torn one.

/** Where the first frame begins. */
export const firstFrame = 24
const headerBytes = firstFrame
const frameHeaderBytes = 24

/** What makes a file of frames this kind of file. */
export type FrameFormat = {
  /** Eight characters. */
  readonly magic: string
  readonly version: number
  /** A longer frame is none. */
  readonly maxBodyBytes: number
  /** The error of a file that no crash explains. */
  corrupt(path: string, offset: number, reason: string): SequencerError
}

/** The error of a write for which there was no room: nothing of it is left, and the next one may succeed. */
export function diskIsFull(path: string, cause: unknown): SequencerError | undefined {
  const message = diskFull(path, cause)
  return message === undefined
    ? undefined
    : new SequencerError(message, { code: 'DISK_FULL', recovery: 'retry', details: { path }, cause })
}

/** A frame's body, and where the frame ends. */
export type Frame = { readonly body: Buffer; readonly end: number }

/** An append-only file of frames. One caller at a time. */
export class FrameFile {
  /** Behind the last sound frame. */
  end = headerBytes
  /** Settable: whoever renames the file says so. */
  path: string
  readonly #file: FileHandle
  readonly #id: Buffer
  readonly #format: FrameFormat

  private constructor(path: string, file: FileHandle, id: Buffer, format: FrameFormat) {
    this.path = path
    this.#file = file
    this.#id = id
    this.#format = format
  }

  /** Opens or creates it. A file that ends inside its header never held a frame: its header is written anew. */
  static async open(path: string, format: FrameFormat): Promise<FrameFile> {
    const file = await openOrCreate(path)
    try {
      const header = await readAt(file, 0, headerBytes)
      if (header.length < headerBytes) {
        const fresh = Buffer.alloc(headerBytes)
        fresh.write(format.magic, 'latin1')
        fresh.writeUInt32BE(format.version, 8)
        fresh.set(randomBytes(8), 12)
        fresh.writeUInt32BE(crc32(fresh.subarray(0, 20)), 20)
        await writeAt(file, fresh, 0)
        await file.datasync()
        await syncFolderOf(path)
        return new FrameFile(path, file, fresh.subarray(12, 20), format)
      }
      return new FrameFile(path, file, checkHeader(path, header, format), format)
    } catch (error) {
      await file.close()
      throw diskIsFull(path, error) ?? error
    }
  }

  /** Walks all frames and cuts off a torn last one. Resolves to the bytes that were cut. */
  async recover(visit: (body: Buffer, offset: number) => void): Promise<number> {
    const { size } = await this.#file.stat()
    const reader = this.#reader(this.end, () => size, 2 ** 20)
    while (this.end < size) {
      const frame = await reader()
      if (frame === undefined) {
        await this.#cut(this.end, size)
        return size - this.end
      }
      visit(frame.body, this.end)
      this.end = frame.end
    }
    return 0
  }

  /** Gives the frames from an offset on, one at each call, as long as it is called before {@link end}; `undefined` where none begins. */
  reader(from: number): () => Promise<Frame | undefined> {
    return this.#reader(from, () => this.end, 2 ** 16)
  }

  /** @param pieceBytes what is read at once */
  #reader(from: number, end: () => number, pieceBytes: number): () => Promise<Frame | undefined> {
    let at = from
    let pieceAt = from
    let piece: Buffer = Buffer.alloc(0)
    const found = (): { body: Buffer; length: number } | undefined =>
      frameIn(piece, at - pieceAt, at, this.#id, this.#format)
    return async () => {
      let frame = found()
      for (let wanted = pieceBytes; frame === undefined; ) {
        const left = end() - at
        piece = await readAt(this.#file, at, Math.min(wanted, left))
        pieceAt = at
        frame = found()
        const length = bodyLength(piece, 0, at, this.#id, this.#format)
        const needed = length === undefined ? 0 : frameHeaderBytes + length
        if (frame === undefined && (needed <= wanted || wanted >= left)) return undefined
        wanted = needed
      }
      at += frame.length
      return { body: frame.body, end: at }
    }
  }

  /**
   * Writes a frame at the end and waits for the disk.
   *
   * @throws SequencerError `DISK_FULL`: nothing of it is left. After anything else the end of the file is unknown
   */
  async append(body: Uint8Array): Promise<void> {
    const start = this.end
    // A second writer cannot be, unless a lock was removed by hand: then the file has grown without us.
    const { size } = await this.#file.stat()
    if (size !== start) throw this.#format.corrupt(this.path, start, `it has ${size} bytes, ${start} were written`)
    const frame = Buffer.alloc(frameHeaderBytes + body.length)
    frame.set(this.#id)
    frame.writeBigUInt64BE(BigInt(start), 8)
    frame.writeUInt32BE(body.length, 16)
    frame.set(body, frameHeaderBytes)
    frame.writeUInt32BE(crc32(body, crc32(frame.subarray(0, 20))), 20)
    try {
      await writeAt(this.#file, frame, start)
    } catch (error) {
      const full = diskIsFull(this.path, error)
      if (full === undefined) throw error
      await this.#file.truncate(start)
      throw full
    }
    await this.#file.datasync()
    this.end = start + frame.length
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  /** Only the last frame can be torn: one frame's worth of bytes at most, and no sound frame among them. */
  async #cut(offset: number, size: number): Promise<void> {
    const rest = size - offset
    const { corrupt, maxBodyBytes } = this.#format
    if (rest > frameHeaderBytes + maxBodyBytes) throw corrupt(this.path, offset, `${rest} unreadable bytes follow`)
    const bytes = await readAt(this.#file, offset, rest)
    for (let at = bytes.indexOf(this.#id, 1); at !== -1; at = bytes.indexOf(this.#id, at + 1)) {
      if (frameIn(bytes, at, offset + at, this.#id, this.#format) !== undefined) {
        throw corrupt(this.path, offset, `a damaged frame before the sound one at byte ${offset + at}`)
      }
    }
    await this.#file.truncate(offset)
    await this.#file.datasync()
  }
}

/** The id of a file whose first bytes are given. */
function checkHeader(path: string, header: Buffer, format: FrameFormat): Buffer {
  if (header.toString('latin1', 0, 8) !== format.magic) throw format.corrupt(path, 0, 'it is another kind of file')
  const version = header.readUInt32BE(8)
  if (header.readUInt32BE(20) !== crc32(header.subarray(0, 20))) throw format.corrupt(path, 20, 'the header')
  if (version !== format.version) throw format.corrupt(path, 8, `version ${version}, expected ${format.version}`)
  return header.subarray(12, 20)
}

/** All frames of a file whose content is in memory and to which nothing is added any more: whatever is not a frame is damage. */
export function* framesIn(content: Buffer, path: string, format: FrameFormat): Generator<{ body: Buffer; at: number }> {
  if (content.length < headerBytes) throw format.corrupt(path, 0, 'the header')
  const id = checkHeader(path, content.subarray(0, headerBytes), format)
  for (let at = headerBytes; at < content.length; ) {
    const frame = frameIn(content, at, at, id, format)
    if (frame === undefined) throw format.corrupt(path, at, 'a frame that was sound when it was written')
    yield { body: frame.body, at }
    at += frame.length
  }
}

/** Length of the body of a frame whose header stands at `at`, `undefined` when there is no header of this file and place. */
function bodyLength(
  bytes: Buffer,
  at: number,
  offset: number,
  id: Buffer,
  { maxBodyBytes }: FrameFormat,
): number | undefined {
  if (at + frameHeaderBytes > bytes.length) return undefined
  for (let i = 0; i < 8; i++) if (bytes[at + i] !== id[i]) return undefined
  if (bytes.readBigUInt64BE(at + 8) !== BigInt(offset)) return undefined
  const length = bytes.readUInt32BE(at + 16)
  return length <= maxBodyBytes ? length : undefined
}

/** The sound frame at `at`, which has all of its bytes here; its length with its header. */
function frameIn(
  bytes: Buffer,
  at: number,
  offset: number,
  id: Buffer,
  format: FrameFormat,
): { body: Buffer; length: number } | undefined {
  const length = bodyLength(bytes, at, offset, id, format)
  const start = at + frameHeaderBytes
  if (length === undefined || start + length > bytes.length) return undefined
  const body = bytes.subarray(start, start + length)
  if (crc32(body, crc32(bytes.subarray(at, at + 20))) !== bytes.readUInt32BE(at + 20)) return undefined
  return { body, length: frameHeaderBytes + length }
}
