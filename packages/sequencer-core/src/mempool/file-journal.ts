import { rename, rm } from 'node:fs/promises'
import { bytesToHex, hexToBytes, isL2Error } from '@l2/common'
import type { Hash } from 'viem'
import { SequencerError, type SequencerErrorCode } from '../errors.js'
import { syncFolderOf } from '../internal/files.js'
import { FrameFile, type FrameFormat } from '../internal/frame-file.js'
import type { JournaledTransaction, JournalRecord, MempoolJournal } from './journal.js'
import type { PooledTransaction, TransactionCondition } from './types.js'

/** What {@link openFileJournal} found. */
export type FileJournal = {
  readonly journal: MempoolJournal
  /** In the order in which they were written; for `restoreMempool`. */
  readonly recovered: readonly JournaledTransaction[]
  /** For `createMempool(options, { firstArrival })`. */
  readonly nextArrival: number
  /** Bytes behind the last whole record that were cut off: what a crash left half-written, never acknowledged. */
  readonly discardedBytes: number
}

/** A record is no longer than a transaction with its condition may be. */
const maxRecordBytes = 4 * 1024 * 1024
/** Records that wait for the disk share a frame up to this size. */
const groupBytes = 4 * 1024 * 1024
const recordHeaderBytes = 4

const format: FrameFormat = {
  magic: 'L2MEMPOL',
  version: 2,
  maxBodyBytes: groupBytes + recordHeaderBytes + maxRecordBytes,
  corrupt: (path, offset, reason) =>
    new SequencerError(`the mempool journal ${path} is damaged at byte ${offset}: ${reason}`, {
      code: 'JOURNAL_CORRUPT',
      meta: [
        'try: put back a copy, or remove the file: then what waits in it is forgotten, though it was acknowledged',
      ],
      details: { path, offset, reason },
    }),
}

function bigintSafe(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? { bigint: value.toString() } : value
}

function bigintBack(_: string, value: unknown): unknown {
  const text = (value as { bigint?: unknown } | null)?.bigint
  return typeof text === 'string' ? BigInt(text) : value
}

/** length u32 ‖ kind u8 (0: counter, 1: add, 2: remove) ‖ fields, big-endian. */
function record(payloadBytes: number, kind: number): { bytes: Uint8Array; payload: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(recordHeaderBytes + payloadBytes)
  new DataView(bytes.buffer).setUint32(0, payloadBytes)
  const payload = bytes.subarray(recordHeaderBytes)
  payload[0] = kind
  return { bytes, payload, view: new DataView(bytes.buffer, recordHeaderBytes) }
}

function encodeRecord(entryOrHash: JournalRecord): Uint8Array {
  if (entryOrHash.type === 'remove') {
    const removal = record(33, 2)
    removal.payload.set(hexToBytes(entryOrHash.hash)!, 1)
    return removal.bytes
  }
  const { transaction, arrival, arrivedAtMs, readyAtMs, isPrivate, mayRevert, condition } = entryOrHash.entry
  const json =
    condition === undefined ? new Uint8Array() : new TextEncoder().encode(JSON.stringify(condition, bigintSafe))
  const { bytes, payload, view } = record(30 + json.length + transaction.raw.length, 1)
  payload[1] = (isPrivate ? 1 : 0) | (mayRevert ? 2 : 0)
  view.setFloat64(2, arrival)
  view.setFloat64(10, arrivedAtMs)
  view.setFloat64(18, readyAtMs)
  view.setUint32(26, json.length)
  payload.set(json, 30)
  payload.set(transaction.raw, 30 + json.length)
  return bytes
}

function encodeCounter(nextArrival: number): Uint8Array {
  const { bytes, view } = record(9, 0)
  view.setFloat64(1, nextArrival)
  return bytes
}

function readAdd(payload: Buffer): JournaledTransaction {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
  const jsonEnd = 30 + view.getUint32(26)
  const json = new TextDecoder().decode(payload.subarray(30, jsonEnd))
  return {
    raw: payload.slice(jsonEnd),
    arrival: view.getFloat64(2),
    arrivedAtMs: view.getFloat64(10),
    readyAtMs: view.getFloat64(18),
    isPrivate: (payload[1]! & 1) !== 0,
    mayRevert: (payload[1]! & 2) !== 0,
    condition: json === '' ? undefined : (JSON.parse(json, bigintBack) as TransactionCondition),
  }
}

/** What a journal holds, as its frames are read. */
class Found {
  readonly live = new Map<Hash, JournaledTransaction>()
  nextArrival = 0
  readonly #path: string
  readonly #hashOf: (raw: Uint8Array) => Hash

  constructor(path: string, hashOf: (raw: Uint8Array) => Hash) {
    this.#path = path
    this.#hashOf = hashOf
  }

  frame(body: Buffer, offset: number): void {
    for (let at = 0; at < body.length; ) {
      const end = at + recordHeaderBytes <= body.length ? at + recordHeaderBytes + body.readUInt32BE(at) : 0
      if (end <= at + recordHeaderBytes || end > body.length)
        throw format.corrupt(this.#path, offset, 'a record is cut')
      const payload = body.subarray(at + recordHeaderBytes, end)
      at = end
      if (payload[0] === 1) {
        const entry = readAdd(payload)
        this.nextArrival = Math.max(this.nextArrival, entry.arrival + 1)
        // What the hash of a removal means.
        this.live.set(this.#hashOf(entry.raw), entry)
      } else if (payload[0] === 2) {
        this.live.delete(bytesToHex(payload.subarray(1)))
      } else {
        this.nextArrival = Math.max(this.nextArrival, payload.readDoubleBE(1))
      }
    }
  }
}

/** As many frames as it takes. */
async function appendAll(file: FrameFile, parts: readonly Uint8Array[]): Promise<void> {
  for (let next = 0; next < parts.length; ) {
    const body: Uint8Array[] = []
    for (let bytes = 0; next < parts.length && bytes < groupBytes; next++) {
      body.push(parts[next]!)
      bytes += parts[next]!.length
    }
    await file.append(Buffer.concat(body))
  }
}

/**
 * A {@link MempoolJournal} in an append-only file. Appends that come together share one fsync; a torn tail is cut off when the file is opened,
 * damage anywhere else is refused; compaction writes a new file beside it and renames. Where there is no room on the disk, an append fails with
 * `DISK_FULL` (retry), and the next one may succeed.
 *
 * @param options.path of the file, made where absent; its directory must exist. One process at a time.
 * @param options.hashOf keccak-256 of a raw transaction, as hex
 * @throws SequencerError `JOURNAL_CORRUPT`, `DISK_FULL`, `JOURNAL_FAILED` when the system refuses the file
 *
 * @example
 * ```ts
 * import { createMempool } from '@l2/sequencer-core'
 * import { createDurableMempool, restoreMempool } from '@l2/sequencer-core/mempool'
 * import { decodeTransaction } from '@l2/sequencer-core/transaction'
 * import { openFileJournal } from '@l2/sequencer-core/node'
 * import { mkdtemp, rm } from 'node:fs/promises'
 * import { tmpdir } from 'node:os'
 * import { hexToBytes, keccak256 } from 'viem'
 * import { privateKeyToAccount } from 'viem/accounts'
 *
 * const directory = await mkdtemp(`${tmpdir()}/journal-`)
 * const account = { nonce: 0n, balanceWei: 10n ** 18n, delegated: false }
 * const open = async () => {
 *   const { journal, recovered, nextArrival } = await openFileJournal({ path: `${directory}/mempool`, hashOf: keccak256 })
 *   const pool = createMempool({}, { firstArrival: nextArrival })
 *   await restoreMempool(pool, recovered, { nowMs: 0, decode: decodeTransaction, accountOf: () => account })
 *   return { journal, mempool: createDurableMempool(pool, journal) }
 * }
 * const alice = privateKeyToAccount(`0x${'01'.repeat(32)}`)
 * const raw = await alice.signTransaction({ chainId: 10, gas: 21_000n, gasPrice: 1n, to: alice.address })
 * const first = await open()
 * await first.mempool.submit(decodeTransaction(hexToBytes(raw)), { nowMs: 0, account })
 * await first.journal.close()
 * const second = await open()
 * console.log(second.mempool.pool.pendingCount) // 1
 * await second.journal.close()
 * await rm(directory, { recursive: true })
 * ```
 */
export async function openFileJournal(options: {
  path: string
  hashOf: (raw: Uint8Array) => Hash
}): Promise<FileJournal> {
  const { path } = options
  try {
    await rm(`${path}.new`, { force: true })
    const file = await FrameFile.open(path, format)
    const found = new Found(path, options.hashOf)
    const discardedBytes = await file
      .recover((body, offset) => found.frame(body, offset))
      .catch(async error => {
        await file.close()
        throw error
      })
    return {
      journal: new AppendFile(file),
      recovered: [...found.live.values()],
      nextArrival: found.nextArrival,
      discardedBytes,
    }
  } catch (error) {
    throw failed(error)
  }
}

function failed(cause: unknown): SequencerError {
  if (isL2Error<SequencerErrorCode>(cause)) return cause
  return new SequencerError('the mempool journal failed', { code: 'JOURNAL_FAILED', recovery: 'reset', cause })
}

type Waiter = { parts: Uint8Array[]; resolve: () => void; reject: (error: unknown) => void }

class AppendFile implements MempoolJournal {
  #file: FrameFile
  #waiting: Waiter[] = []
  /** The one writer: every write, sync and rename is behind the one before it. */
  #tail: Promise<void> = Promise.resolve()
  #isScheduled = false
  #isClosed = false
  /** After a failed write the end of the file is unknown: only opening it again finds out. */
  #failure: SequencerError | undefined

  constructor(file: FrameFile) {
    this.#file = file
  }

  get byteLength(): number {
    return this.#file.end
  }

  append(records: readonly JournalRecord[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ parts: records.map(encodeRecord), resolve, reject })
      if (this.#isScheduled) return
      this.#isScheduled = true
      void this.#inTurn(() => this.#flush())
    })
  }

  async compact(live: () => { entries: readonly PooledTransaction[]; nextArrival: number }): Promise<void> {
    await this.#inTurn(async () => {
      if (this.#failure !== undefined) throw this.#failure
      // Taken now, not earlier: what was appended while we waited for our turn is in the pool as well.
      const { entries, nextArrival } = live()
      const { path } = this.#file
      const next = `${path}.new`
      try {
        await rm(next, { force: true })
        const file = await FrameFile.open(next, format)
        try {
          const adds = entries.map(entry => encodeRecord({ type: 'add', entry }))
          await appendAll(file, [encodeCounter(nextArrival), ...adds])
        } finally {
          await file.close()
        }
      } catch (error) {
        // The old file is as it was.
        await rm(next, { force: true })
        throw error
      }
      await rename(next, path)
      await syncFolderOf(path)
      const replaced = this.#file
      this.#file = await FrameFile.open(path, format)
      await this.#file.recover(() => {})
      await replaced.close()
    })
  }

  async close(): Promise<void> {
    await this.#tail
    if (this.#isClosed) return
    this.#isClosed = true
    this.#failure ??= new SequencerError('the mempool journal is closed', { code: 'JOURNAL_FAILED' })
    await this.#file.close()
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#tail.then(work)
    this.#tail = turn.catch(cause => {
      if (!isL2Error(cause, 'DISK_FULL')) this.#failure ??= failed(cause)
    })
    return turn.catch(cause => {
      throw failed(cause)
    })
  }

  async #flush(): Promise<void> {
    this.#isScheduled = false
    const waiters = this.#waiting
    this.#waiting = []
    while (waiters.length > 0) {
      const group: Waiter[] = []
      for (let bytes = 0; waiters.length > 0 && bytes < groupBytes; ) {
        const waiter = waiters.shift()!
        bytes += waiter.parts.reduce((sum, part) => sum + part.length, 0)
        group.push(waiter)
      }
      try {
        if (this.#failure !== undefined) throw this.#failure
        await this.#file.append(Buffer.concat(group.flatMap(waiter => waiter.parts)))
      } catch (cause) {
        const error = failed(cause)
        if (error.code !== 'DISK_FULL') this.#failure ??= error
        for (const waiter of group) waiter.reject(error)
        continue
      }
      for (const waiter of group) waiter.resolve()
    }
  }
}
