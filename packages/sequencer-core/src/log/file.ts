import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { isL2Error } from '@l2/common'
import { lockFile, type ProcessLock } from '@l2/common/node'
import type { Hash } from 'viem'
import { SequencerError } from '../errors.js'
import { FrameFile, type FrameFormat, firstFrame } from '../internal/frame-file.js'
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

// A file of frames; the body of a frame is one or more records.
//
//   record  kind u8 · length u32 · fence: epoch u64, holder | entry: epoch u64, seq u64, previous hash 32, payload

const recordHeaderBytes = 5
const entryPrefixBytes = 48
const kindFence = 0
const kindEntry = 1
const maxHolderBytes = 256
/** Appends that wait for the disk share a frame up to this size. */
const groupBytes = 4 * 2 ** 20
/** Entries between two places that the index remembers. */
const indexStride = 64n

const format: FrameFormat = {
  magic: 'L2SEQLOG',
  version: 1,
  maxBodyBytes: groupBytes + maxLogPayloadBytes + recordHeaderBytes + entryPrefixBytes,
  corrupt,
}

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
  return new SequencerError(`the log ${path} is damaged at byte ${offset}: ${reason}`, {
    code: 'LOG_CORRUPT',
    meta: ['try: put back a copy that was made after its last block; cutting it off would forget what was promised'],
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
 * crash tore is cut off: it was never acknowledged. Damage anywhere else is refused, because cutting there would forget promises. Where there is
 * no room on the disk, an append fails with `DISK_FULL` (retry): the log ends where it ended, and the same entry may be appended again.
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
  let file: FrameFile | undefined
  try {
    file = await FrameFile.open(path, format)
    const log = new LogFile(file, lock, options.monotonicMs ?? (() => performance.now()))
    await log.recover()
    return log
  } catch (error) {
    await file?.close()
    await lock.release()
    throw isL2Error(error) ? error : logClosed(error)
  }
}

type Waiting = {
  parts: Uint8Array[]
  bytes: number
  /** The log's head once it is on disk. */
  head: LogHead
  done(): void
  fail(error: unknown): void
}

class LogFile implements FileLog {
  recovery: FileLogRecovery = { tornBytes: 0 }
  readonly #file: FrameFile
  readonly #lock: ProcessLock
  readonly #now: () => number
  readonly #followers = createFollowers()
  readonly #exclusive = createMutex()
  /** What has been promised to the disk; {@link #durable} is what the disk has promised to us. */
  #state: LogState = emptyLogState
  #durable: LogHead = emptyLogState.head
  /** Every so many entries, where a frame begins: to start reading near a sequence number. */
  readonly #index: { seq: bigint; offset: number }[] = []
  #queue: Waiting[] = []
  #writing: Promise<void> | undefined
  #failure: SequencerError | undefined
  #closing: Promise<void> | undefined

  constructor(file: FrameFile, lock: ProcessLock, now: () => number) {
    this.#file = file
    this.#lock = lock
    this.#now = now
  }

  /** Walks all frames, checks the chain, and cuts off a torn last one. */
  async recover(): Promise<void> {
    const { path } = this.#file
    const tornBytes = await this.#file.recover((body, offset) => {
      for (const record of parseBody(body, path, offset)) {
        const { head } = this.#state
        if (record.type === 'fence') {
          if (record.epoch <= head.epoch) throw corrupt(path, offset, 'an epoch that does not rise')
          this.#state = { head: { ...head, epoch: record.epoch }, lease: undefined }
        } else {
          const { seq, epoch, prevHash, hash } = record.entry
          if (seq !== head.seq + 1n || prevHash !== head.hash || epoch !== head.epoch) {
            throw corrupt(path, offset, `entry ${seq} does not follow entry ${head.seq}`)
          }
          this.#remember(seq, offset)
          this.#state = { ...this.#state, head: { ...head, seq, hash } }
        }
      }
    })
    this.recovery = { tornBytes }
    this.#durable = this.#state.head
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
      await this.#write(encodeRecord(kindFence, fence, name), this.#state.head)
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
      // Where that one found no room, this one is the first.
      return this.#durable.seq >= entry.seq ? appended : this.append(entry)
    }
    this.#state = { ...this.#state, head: { ...this.#state.head, seq: entry.seq, hash } }
    await this.#write(encodeRecord(kindEntry, prefix, entry.payload), this.#state.head)
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
      if (offset >= this.#file.end) {
        if (!follow) return
        await this.#followers.wait(signal)
        continue
      }
      let frame: { body: Buffer; end: number } | undefined
      try {
        frame = await this.#file.read(offset)
      } catch (error) {
        // The file was closed under this read, which is an end and not a failure.
        if (this.#closing !== undefined) return
        throw error
      }
      if (frame === undefined) throw corrupt(this.#file.path, offset, 'a frame that was sound when the log was opened')
      for (const record of parseBody(frame.body, this.#file.path, offset)) {
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
    return this.#index[low - 1]?.offset ?? firstFrame
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

  #write(parts: Uint8Array[], head: LogHead): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({
        parts,
        bytes: parts.reduce((sum, part) => sum + part.length, 0),
        head,
        done: resolve,
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
      const start = this.#file.end
      try {
        await this.#file.append(Buffer.concat(group.flatMap(waiting => waiting.parts)))
      } catch (error) {
        const failed = [...group, ...this.#queue]
        this.#queue = []
        if (isL2Error(error, 'DISK_FULL')) {
          // Nothing of it is on disk, and what was to follow it cannot either: the log ends where it ended.
          const { lease } = this.#state
          this.#state = { head: this.#durable, lease: lease?.epoch === this.#durable.epoch ? lease : undefined }
          for (const waiting of failed) waiting.fail(error)
          continue
        }
        // After a failed sync nobody knows what the disk has: nothing more is promised through this object.
        this.#failure = logClosed(error)
        for (const waiting of failed) waiting.fail(this.#failure)
        return
      }
      const before = this.#durable.seq
      this.#durable = group.at(-1)!.head
      for (const waiting of group) waiting.done()
      if (this.#durable.seq > before) this.#remember(before + 1n, start)
      this.#followers.notify()
    }
  }
}
