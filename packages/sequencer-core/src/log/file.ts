import { createHash, randomBytes } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { resolve } from 'node:path'
import { crc32 } from 'node:zlib'
import { lockFile, type ProcessLock } from '@l2/common/node'
import type { Hash } from 'viem'
import { SequencerError } from '../errors.js'
import { openOrCreate, readAt, syncFolderOf, writeAt } from '../internal/files.js'
import { createMutex } from '../internal/mutex.js'
import { createFollowers } from './followers.js'
import {
  acquireLease,
  checkAppend,
  checkFence,
  emptyLogState,
  encodeEntryPrefix,
  type Lease,
  type LogEntry,
  type LogHead,
  type LogState,
  logClosed,
  maxLogPayloadBytes,
  type NewLogEntry,
  type ReadLogOptions,
  releaseLease,
  renewLease,
  type SequencerLog,
} from './log.js'

// The file is a header and then frames. A frame is what one write and one fdatasync bring to disk: one or more records. The next frame is
// written only after that sync, so a crash can damage the last frame and no other, and a damaged frame with a sound one behind it is decay.
//
//   header  magic 8 · version u32 · file id 8 · crc32 u32
//   frame   file id 8 · own offset u64 · body length u32 · crc32 u32 over all of it · body
//   record  kind u8 · length u32 · fence: epoch u64, holder | entry: epoch u64, seq u64, previous hash 32, payload
//
// The file id is random: a payload cannot imitate a frame, which recovery would otherwise find inside a torn one.

const magic = Buffer.from('L2SEQLOG')
const version = 1
const headerBytes = 24
const frameHeaderBytes = 24
const recordHeaderBytes = 5
const entryPrefixBytes = 48
const kindFence = 0
const kindEntry = 1
const maxHolderBytes = 256
/** Appends that wait for the disk share a frame up to this size. */
const groupBytes = 4 * 2 ** 20
const maxBodyBytes = groupBytes + maxLogPayloadBytes + recordHeaderBytes + entryPrefixBytes
/** Entries between two places that the index remembers. */
const indexStride = 64n

/** Options of {@link openFileLog}. */
export type FileLogOptions = {
  /** Created when absent; its folder must exist. A socket `<path>.lock` beside it marks it as open. */
  path: string
  /** Monotonic milliseconds, for the ends of leases. Defaults to `performance.now`. */
  monotonicMs?: (() => number) | undefined
}

/** What opening a log found. */
export type FileLogRecovery = {
  /** Bytes of an unfinished, never acknowledged write that were cut off. */
  readonly tornBytes: number
}

/** A {@link SequencerLog} in one file. */
export interface FileLog extends SequencerLog {
  readonly recovery: FileLogRecovery
}

type ParsedRecord = { type: 'fence'; epoch: bigint } | { type: 'entry'; entry: LogEntry }

function corrupt(path: string, offset: number, reason: string): SequencerError {
  return new SequencerError(`the log is damaged at byte ${offset}: ${reason}`, {
    code: 'LOG_CORRUPT',
    details: { path, offset, reason },
  })
}

function hashOf(prefix: Uint8Array, payload: Uint8Array): Hash {
  return `0x${createHash('sha256').update(prefix).update(payload).digest('hex')}`
}

function encodeRecord(kind: number, ...parts: readonly Uint8Array[]): Uint8Array[] {
  const head = Buffer.alloc(recordHeaderBytes)
  head.writeUInt8(kind)
  head.writeUInt32BE(
    parts.reduce((sum, part) => sum + part.length, 0),
    1,
  )
  return [head, ...parts]
}

function encodeFrame(fileId: Uint8Array, offset: number, body: Uint8Array): Buffer {
  const frame = Buffer.alloc(frameHeaderBytes + body.length)
  frame.set(fileId)
  frame.writeBigUInt64BE(BigInt(offset), 8)
  frame.writeUInt32BE(body.length, 16)
  frame.set(body, frameHeaderBytes)
  frame.writeUInt32BE(crc32(body, crc32(frame.subarray(0, 20))), 20)
  return frame
}

/** Length of the body of a frame whose header stands at `at`, `undefined` when there is no header of this file and place. */
function frameBodyLength(bytes: Buffer, at: number, fileId: Uint8Array, offset: number): number | undefined {
  if (at + frameHeaderBytes > bytes.length) return undefined
  for (let i = 0; i < 8; i++) if (bytes[at + i] !== fileId[i]) return undefined
  if (bytes.readBigUInt64BE(at + 8) !== BigInt(offset)) return undefined
  const length = bytes.readUInt32BE(at + 16)
  return length <= maxBodyBytes ? length : undefined
}

function frameIsSound(bytes: Buffer, at: number, bodyLength: number): boolean {
  const end = at + frameHeaderBytes + bodyLength
  if (end > bytes.length) return false
  const sum = crc32(bytes.subarray(at + frameHeaderBytes, end), crc32(bytes.subarray(at, at + 20)))
  return sum === bytes.readUInt32BE(at + 20)
}

function* parseBody(body: Buffer, path: string, offset: number): Generator<ParsedRecord> {
  let at = 0
  while (at < body.length) {
    if (at + recordHeaderBytes > body.length) throw corrupt(path, offset, 'record cut')
    const kind = body.readUInt8(at)
    const length = body.readUInt32BE(at + 1)
    const start = at + recordHeaderBytes
    at = start + length
    if (at > body.length) throw corrupt(path, offset, 'record cut')
    if (kind === kindFence && length >= 8) yield { type: 'fence', epoch: body.readBigUInt64BE(start) }
    else if (kind === kindEntry && length >= entryPrefixBytes) {
      const prefix = body.subarray(start, start + entryPrefixBytes)
      const payload = Uint8Array.prototype.slice.call(body, start + entryPrefixBytes, at)
      yield {
        type: 'entry',
        entry: {
          epoch: body.readBigUInt64BE(start),
          seq: body.readBigUInt64BE(start + 8),
          prevHash: `0x${body.toString('hex', start + 16, start + entryPrefixBytes)}`,
          payload: new Uint8Array(payload),
          hash: hashOf(prefix, payload),
        },
      }
    } else throw corrupt(path, offset, `record of kind ${kind} with ${length} bytes`)
  }
}

/**
 * Opens or creates a log in one file. An append is acknowledged after `fdatasync`; appends that wait for the disk share one. A write that a
 * crash tore is cut off: it was never acknowledged. Damage anywhere else is refused, because cutting there would forget promises.
 *
 * @throws SequencerError `LOG_LOCKED` (retry) when another process has it open, `LOG_CORRUPT`, `LOG_CLOSED` when the system refuses the file
 *
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { emptyLogHash } from '@l2/sequencer-core/block'
 * import { openFileLog } from '@l2/sequencer-core/node'
 *
 * const path = join(mkdtempSync(join(tmpdir(), 'log-')), 'blocks.log')
 * const log = await openFileLog({ path })
 * const { epoch } = await log.acquire('node-1', 10_000)
 * await log.append({ epoch, seq: 1n, prevHash: emptyLogHash, payload: new TextEncoder().encode('block 1') })
 * await log.close()
 *
 * const again = await openFileLog({ path })
 * console.log((await again.head()).seq) // 1n
 * await again.close()
 * ```
 */
export async function openFileLog(options: FileLogOptions): Promise<FileLog> {
  const path = resolve(options.path)
  const lock = await lockFile(path).catch((cause: unknown) => {
    throw logClosed(cause)
  })
  if (lock === undefined) {
    throw new SequencerError('another process has the log open', {
      code: 'LOG_LOCKED',
      recovery: 'retry',
      details: { path },
    })
  }
  let file: FileHandle | undefined
  try {
    file = await openOrCreate(path)
    const fileId = await readHeader(file, path)
    const log = new LogFile(path, file, fileId, lock, options.monotonicMs ?? (() => performance.now()))
    await log.recover()
    return log
  } catch (error) {
    await file?.close()
    await lock.release()
    throw error instanceof SequencerError ? error : logClosed(error)
  }
}

/** The file's id. A file that ends inside its header never held an entry: its header is written anew. */
async function readHeader(file: FileHandle, path: string): Promise<Buffer> {
  const header = await readAt(file, 0, headerBytes)
  if (header.length < headerBytes) {
    const fresh = Buffer.alloc(headerBytes)
    fresh.set(magic)
    fresh.writeUInt32BE(version, 8)
    fresh.set(randomBytes(8), 12)
    fresh.writeUInt32BE(crc32(fresh.subarray(0, 20)), 20)
    await writeAt(file, fresh, 0)
    await file.datasync()
    await syncFolderOf(path)
    return fresh.subarray(12, 20)
  }
  if (!header.subarray(0, 8).equals(magic)) throw corrupt(path, 0, 'not a sequencer log')
  if (header.readUInt32BE(8) !== version)
    throw corrupt(path, 8, `version ${header.readUInt32BE(8)}, expected ${version}`)
  if (header.readUInt32BE(20) !== crc32(header.subarray(0, 20))) throw corrupt(path, 20, 'checksum of the header')
  return header.subarray(12, 20)
}

type Waiting = { parts: Uint8Array[]; bytes: number; done(): void; fail(error: unknown): void }

class LogFile implements FileLog {
  recovery: FileLogRecovery = { tornBytes: 0 }
  readonly #path: string
  readonly #file: FileHandle
  readonly #fileId: Buffer
  readonly #lock: ProcessLock
  readonly #now: () => number
  readonly #followers = createFollowers()
  readonly #exclusive = createMutex()
  /** What has been promised to the disk; {@link #durable} is what the disk has promised to us. */
  #state: LogState = emptyLogState
  #durable: { seq: bigint; end: number } = { seq: 0n, end: headerBytes }
  /** Every so many entries, where a frame begins: to start reading near a sequence number. */
  readonly #index: { seq: bigint; offset: number }[] = []
  #queue: Waiting[] = []
  #writing: Promise<void> | undefined
  #failure: SequencerError | undefined
  #closing: Promise<void> | undefined

  constructor(path: string, file: FileHandle, fileId: Buffer, lock: ProcessLock, now: () => number) {
    this.#path = path
    this.#file = file
    this.#fileId = fileId
    this.#lock = lock
    this.#now = now
  }

  /** Walks all frames, checks the chain, and cuts off a torn last one. */
  async recover(): Promise<void> {
    const { size } = await this.#file.stat()
    let offset = headerBytes
    while (offset < size) {
      const frame = await this.#readFrame(offset)
      if (frame === undefined) {
        await this.#cut(offset, size)
        break
      }
      for (const record of parseBody(frame.body, this.#path, offset)) {
        const { head } = this.#state
        if (record.type === 'fence') {
          if (record.epoch <= head.epoch) throw corrupt(this.#path, offset, 'an epoch that does not rise')
          this.#state = { head: { ...head, epoch: record.epoch }, lease: undefined }
        } else {
          const { seq, epoch, prevHash, hash } = record.entry
          if (seq !== head.seq + 1n || prevHash !== head.hash || epoch !== head.epoch) {
            throw corrupt(this.#path, offset, `entry ${seq} does not follow entry ${head.seq}`)
          }
          this.#remember(seq, offset)
          this.#state = { ...this.#state, head: { ...head, seq, hash } }
        }
      }
      offset = frame.end
    }
    this.#durable = { seq: this.#state.head.seq, end: offset }
  }

  async #readFrame(offset: number): Promise<{ body: Buffer; end: number } | undefined> {
    const header = await readAt(this.#file, offset, frameHeaderBytes)
    const length = frameBodyLength(header, 0, this.#fileId, offset)
    if (length === undefined) return undefined
    const bytes = await readAt(this.#file, offset, frameHeaderBytes + length)
    if (!frameIsSound(bytes, 0, length)) return undefined
    return { body: bytes.subarray(frameHeaderBytes), end: offset + bytes.length }
  }

  /** Only the last frame can be torn: one frame's worth of bytes at most, and no sound frame among them. */
  async #cut(offset: number, size: number): Promise<void> {
    const rest = size - offset
    if (rest > frameHeaderBytes + maxBodyBytes) throw corrupt(this.#path, offset, `${rest} unreadable bytes follow`)
    const bytes = await readAt(this.#file, offset, rest)
    for (let at = bytes.indexOf(this.#fileId, 1); at !== -1; at = bytes.indexOf(this.#fileId, at + 1)) {
      const length = frameBodyLength(bytes, at, this.#fileId, offset + at)
      if (length !== undefined && frameIsSound(bytes, at, length)) {
        throw corrupt(this.#path, offset, `a damaged frame before the sound one at byte ${offset + at}`)
      }
    }
    await this.#file.truncate(offset)
    await this.#file.datasync()
    this.recovery = { tornBytes: rest }
  }

  #remember(seq: bigint, offset: number): void {
    const last = this.#index.at(-1)
    if (last === undefined || seq >= last.seq + indexStride) this.#index.push({ seq, offset })
  }

  #open(): void {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#closing !== undefined) throw logClosed()
  }

  acquire(holder: string, ttlMs: number): Promise<Lease> {
    return this.#exclusive(async () => {
      this.#open()
      const name = new TextEncoder().encode(holder).subarray(0, maxHolderBytes)
      this.#state = acquireLease(this.#state, holder, ttlMs, this.#now())
      const { epoch } = this.#state.head
      const fence = Buffer.alloc(8)
      fence.writeBigUInt64BE(epoch)
      await this.#write(encodeRecord(kindFence, fence, name))
      return { epoch, holder, ttlMs }
    })
  }

  async renew(lease: Lease): Promise<Lease> {
    this.#open()
    this.#state = renewLease(this.#state, lease, this.#now())
    return lease
  }

  async release(lease: Lease): Promise<void> {
    this.#state = releaseLease(this.#state, lease)
  }

  async append(entry: NewLogEntry): Promise<LogEntry> {
    this.#open()
    checkFence(this.#state, entry.epoch)
    const prefix = encodeEntryPrefix(entry)
    const hash = hashOf(prefix, entry.payload)
    const verdict = checkAppend(this.#state, entry, hash)
    const appended: LogEntry = { ...entry, hash }
    if (verdict === 'repeat') {
      // Its first writer may still be waiting for the disk.
      await this.#flushed()
      return appended
    }
    this.#state = { ...this.#state, head: { ...this.#state.head, seq: entry.seq, hash } }
    await this.#write(encodeRecord(kindEntry, prefix, entry.payload), entry.seq)
    return appended
  }

  async head(): Promise<LogHead> {
    this.#open()
    await this.#flushed()
    return this.#state.head
  }

  async *read(seq: bigint, { signal, follow = false }: ReadLogOptions = {}): AsyncIterable<LogEntry> {
    let next = seq < 1n ? 1n : seq
    let offset = this.#frameBefore(next)
    for (;;) {
      signal?.throwIfAborted()
      if (this.#failure !== undefined) throw this.#failure
      if (this.#closing !== undefined) return
      if (offset >= this.#durable.end) {
        if (!follow) return
        await this.#followers.wait(signal)
        continue
      }
      let frame: { body: Buffer; end: number } | undefined
      try {
        frame = await this.#readFrame(offset)
      } catch (error) {
        // The file was closed under this read, which is an end and not a failure.
        if (this.#closing !== undefined) return
        throw error
      }
      if (frame === undefined) throw corrupt(this.#path, offset, 'a frame that was sound when the log was opened')
      for (const record of parseBody(frame.body, this.#path, offset)) {
        if (record.type !== 'entry' || record.entry.seq < next) continue
        next = record.entry.seq + 1n
        yield record.entry
      }
      offset = frame.end
    }
  }

  #frameBefore(seq: bigint): number {
    let low = 0
    let high = this.#index.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#index[middle]!.seq <= seq) low = middle + 1
      else high = middle
    }
    return this.#index[low - 1]?.offset ?? headerBytes
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.#flushed().catch(() => undefined)
      this.#followers.notify()
      await this.#file.close()
      await this.#lock.release()
    })()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #flushed(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing
    if (this.#failure !== undefined) throw this.#failure
  }

  #write(parts: Uint8Array[], seq?: bigint): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({
        parts,
        bytes: parts.reduce((sum, part) => sum + part.length, 0),
        done: () => {
          if (seq !== undefined) this.#durable.seq = seq
          resolve()
        },
        fail: reject,
      })
      this.#writing ??= this.#drain().finally(() => {
        this.#writing = undefined
      })
    })
  }

  /** One frame after the other, each with what has queued up meanwhile. */
  async #drain(): Promise<void> {
    // One turn later, so that appends made together share the first frame too.
    await Promise.resolve()
    while (this.#queue.length > 0) {
      const group: Waiting[] = []
      let bytes = 0
      do {
        const waiting = this.#queue.shift()!
        group.push(waiting)
        bytes += waiting.bytes
      } while (this.#queue.length > 0 && bytes + this.#queue[0]!.bytes <= groupBytes)
      const start = this.#durable.end
      try {
        // A second writer cannot be, unless the lock was removed by hand: then the file has grown without us.
        const { size } = await this.#file.stat()
        if (size !== start) throw corrupt(this.#path, start, `the file has ${size} bytes, we wrote ${start}`)
        const body = Buffer.concat(group.flatMap(waiting => waiting.parts))
        const frame = encodeFrame(this.#fileId, start, body)
        await writeAt(this.#file, frame, start)
        await this.#file.datasync()
        this.#durable.end = start + frame.length
      } catch (error) {
        // After a failed sync nobody knows what the disk has: nothing more is promised through this object.
        this.#failure = logClosed(error)
        for (const waiting of [...group, ...this.#queue]) waiting.fail(this.#failure)
        this.#queue = []
        return
      }
      const before = this.#durable.seq
      for (const waiting of group) waiting.done()
      if (this.#durable.seq > before) this.#remember(before + 1n, start)
      this.#followers.notify()
    }
  }
}
