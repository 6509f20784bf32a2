import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { isL2Error } from '@l2/common'
import { lockFile, nextFileOf, type ProcessLock } from '@l2/common/node'
import type { Hash } from 'viem'
import { SequencerError } from '../errors.js'
import { type Frame, FrameFile, firstFrame } from '../internal/frame-file.js'
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
  type NewLogEntry,
  type ReadLogOptions,
  releaseLease,
  renewLease,
  type SequencerLog,
} from './log.js'
import { corrupt, encodeBegin, encodeEntry, encodeFence, groupBytes, hashOf, logFormat, parseBody } from './records.js'
import { openSealedLog, type SealedLog } from './sealed-log.js'

const maxHolderBytes = 256
/** Entries between two places that the index remembers. */
const indexStride = 64n
const defaultFileBytes = 16 * 2 ** 20
/** How much more is written into a file that could not be sealed until that is tried again. */
const sealAgainBytes = 2 ** 20

/** Options of {@link openFileLog}. */
export type FileLogOptions = {
  /**
   * Created when absent; its folder must exist. A socket `<path>.lock` beside it marks it as open. Older entries stand in files beside it, named by the
   * first that each has (`<path>.0000000000022001.gz`).
   */
  path: string
  /** Bytes behind which another file is begun. A start reads the newest one. Default 16 MiB. */
  fileBytes?: number | undefined
  /** Monotonic milliseconds, for the ends of leases. Defaults to `performance.now`. */
  monotonicMs?: (() => number) | undefined
}

/** What opening a log found. */
export type FileLogRecovery = {
  /** Bytes of an unfinished, never acknowledged write that were cut off. */
  readonly tornBytes: number
}

/** A {@link SequencerLog} in files. */
export interface FileLog extends SequencerLog {
  readonly recovery: FileLogRecovery
  /** The oldest entry that is kept; the next one where there is none. */
  readonly first: bigint
  /**
   * Deletes entries below one, in whole files: some of them stay. Reading what is gone throws `LOG_PRUNED`.
   */
  prune(below: bigint): void
}

/**
 * Opens or creates a log in files of a size, of which a start reads the newest. An append is acknowledged after `fdatasync`; appends that wait for the disk share one. A write that a
 * crash tore is cut off: it was never acknowledged. Damage anywhere else is refused, because cutting there would forget promises: in the newest file
 * when it is opened, in older ones, which are packed, when they are read. Where there is
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
  let log: LogFile | undefined
  try {
    log = new LogFile(path, lock, options)
    await log.recover()
    return log
  } catch (error) {
    await log?.close()
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
  readonly #path: string
  readonly #fileBytes: number
  readonly #sealed: SealedLog
  readonly #lock: ProcessLock
  readonly #now: () => number
  readonly #followers = createFollowers()
  readonly #exclusive = createMutex()
  /** The file that is written, and the first entry in it. */
  #file: FrameFile | undefined
  #firstInFile = 1n
  #sealAt: number
  /** What has been promised to the disk; {@link #durable} is what the disk has promised to us. */
  #state: LogState = emptyLogState
  #durable: LogHead = emptyLogState.head
  /** Every so many entries of the file, where a frame begins: to start reading near a sequence number. */
  #index: { seq: bigint; offset: number }[] = []
  #queue: Waiting[] = []
  #writing: Promise<void> | undefined
  #failure: SequencerError | undefined
  #closing: Promise<void> | undefined

  constructor(path: string, lock: ProcessLock, { monotonicMs, fileBytes = defaultFileBytes }: FileLogOptions) {
    this.#path = path
    this.#lock = lock
    this.#now = monotonicMs ?? (() => performance.now())
    this.#fileBytes = fileBytes
    this.#sealAt = fileBytes
    this.#sealed = openSealedLog(path)
  }

  /** Walks all frames of the newest file, checks the chain, and cuts off a torn last one. */
  async recover(): Promise<void> {
    const path = this.#path
    const file = await FrameFile.open(path, logFormat)
    this.#file = file
    const tornBytes = await file.recover((body, offset) => {
      for (const record of parseBody(body, path, offset)) {
        const { head } = this.#state
        if (record.type === 'begin') {
          if (offset !== firstFrame || head !== emptyLogState.head)
            throw corrupt(path, offset, 'a beginning in its midst')
          this.#state = { head: record.head, lease: undefined }
          this.#firstInFile = record.head.seq + 1n
        } else if (record.type === 'fence') {
          if (record.epoch <= head.epoch) throw corrupt(path, offset, 'an epoch that does not rise')
          this.#state = { head: { ...head, epoch: record.epoch }, lease: undefined }
        } else {
          const { seq, epoch, prevHash, hash } = record.read()
          if (seq !== head.seq + 1n || prevHash !== head.hash || epoch !== head.epoch) {
            throw corrupt(path, offset, `entry ${seq} does not follow entry ${head.seq}`)
          }
          this.#remember(seq, offset)
          this.#state = { ...this.#state, head: { ...head, seq, hash } }
        }
      }
    })
    this.#sealed.endsAt(this.#firstInFile)
    this.recovery = { tornBytes }
    this.#durable = this.#state.head
  }

  get first(): bigint {
    return this.#sealed.first ?? this.#firstInFile
  }

  prune(below: bigint): void {
    this.#sealed.prune(below)
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
      await this.#write(encodeFence(epoch, name), this.#state.head)
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
    await this.#write(encodeEntry(prefix, entry.payload), this.#state.head)
    return appended
  }

  async head(): Promise<LogHead> {
    this.#open()
    await this.#flushed()
    return this.#state.head
  }

  async *read(seq: bigint, { signal, follow = false }: ReadLogOptions = {}): AsyncIterable<LogEntry> {
    let next = seq < 1n ? 1n : seq
    let before: Hash | undefined
    const follows = (entry: LogEntry): LogEntry => {
      if (before !== undefined && entry.prevHash !== before) {
        throw corrupt(this.#path, 0, `entry ${entry.seq} does not follow the one before`)
      }
      before = entry.hash
      next = entry.seq + 1n
      return entry
    }
    let file: FrameFile | undefined
    let offset = 0
    let frames = async (): Promise<Frame | undefined> => undefined
    for (;;) {
      signal?.throwIfAborted()
      if (this.#failure !== undefined) throw this.#failure
      if (this.#closing !== undefined) return
      if (this.#sealed.has(next)) {
        for (const entry of this.#sealed.entries(next)) {
          yield follows(entry)
          signal?.throwIfAborted()
          if (this.#closing !== undefined) return
        }
        continue
      }
      if (file !== this.#file) {
        file = this.#file!
        offset = this.#frameBefore(next)
        frames = file.reader(offset)
      }
      if (offset >= file!.end) {
        if (!follow) return
        await this.#followers.wait(signal)
        continue
      }
      let frame: Frame | undefined
      try {
        frame = await frames()
      } catch (error) {
        // The file was closed under this read, which is an end and not a failure, or it is sealed now.
        if (this.#closing !== undefined) return
        if (file !== this.#file) continue
        throw error
      }
      if (frame === undefined) throw corrupt(this.#path, offset, 'a frame that was sound when the log was opened')
      for (const record of parseBody(frame.body, this.#path, offset)) {
        if (record.type === 'entry' && record.seq >= next) yield follows(record.read())
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
      await this.#sealed.close()
      await this.#file?.close()
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
      const file = this.#file!
      const start = file.end
      try {
        await file.append(Buffer.concat(group.flatMap(waiting => waiting.parts)))
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
      if (file.end >= this.#sealAt) await this.#seal(file)
      if (this.#failure === undefined) continue
      for (const waiting of this.#queue) waiting.fail(this.#failure)
      this.#queue = []
      return
    }
  }

  /** Begins another file. Where there is no room for it, this one is written on. */
  async #seal(file: FrameFile): Promise<void> {
    const { epoch, seq, hash } = this.#durable
    const path = nextFileOf(this.#path)
    this.#sealAt = file.end + sealAgainBytes
    // Leases alone.
    if (seq < this.#firstInFile) return
    let following: FrameFile | undefined
    try {
      await rm(path, { force: true })
      following = await FrameFile.open(path, logFormat)
      const prefix = encodeEntryPrefix({ epoch, seq, prevHash: hash, payload: new Uint8Array() })
      await following.append(Buffer.concat(encodeBegin(prefix)))
    } catch {
      await following?.close()
      await rm(path, { force: true })
      return
    }
    try {
      this.#sealed.seal(this.#firstInFile, seq + 1n)
    } catch (error) {
      await following.close()
      this.#failure = logClosed(error)
      return
    }
    following.path = this.#path
    this.#file = following
    this.#firstInFile = seq + 1n
    this.#index = []
    this.#sealAt = this.#fileBytes
    await file.close()
  }
}
