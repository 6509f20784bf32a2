import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import { bytesToHex, hexToBytes } from '@l2/common'
import type { Hash } from 'viem'
import { SequencerError } from '../errors.js'
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

/** "L2 mempool journal, version 1". */
const magic = Uint8Array.of(0x4c, 0x32, 0x4d, 0x50, 0x4a, 0, 0, 1)
const headerBytes = 8
/** A record is no longer than a transaction with its condition may be. */
const maxRecordBytes = 4 * 1024 * 1024

function bigintSafe(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? { bigint: value.toString() } : value
}

function bigintBack(_: string, value: unknown): unknown {
  const text = (value as { bigint?: unknown } | null)?.bigint
  return typeof text === 'string' ? BigInt(text) : value
}

/** length (u32) ‖ crc32 of the payload (u32) ‖ payload, big-endian. */
function frame(payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(headerBytes + payload.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, payload.length)
  view.setUint32(4, crc32(payload))
  bytes.set(payload, headerBytes)
  return bytes
}

/** kind (0: counter, 1: add, 2: remove) ‖ fields. */
function encodeRecord(record: JournalRecord): Uint8Array {
  if (record.kind === 'remove') return frame(Uint8Array.of(2, ...hexToBytes(record.hash)!))
  const { transaction, arrival, arrivedAtMs, readyAtMs, isPrivate, mayRevert, condition } = record.entry
  const json =
    condition === undefined ? new Uint8Array() : new TextEncoder().encode(JSON.stringify(condition, bigintSafe))
  const payload = new Uint8Array(30 + json.length + transaction.raw.length)
  const view = new DataView(payload.buffer)
  payload[0] = 1
  payload[1] = (isPrivate ? 1 : 0) | (mayRevert ? 2 : 0)
  view.setFloat64(2, arrival)
  view.setFloat64(10, arrivedAtMs)
  view.setFloat64(18, readyAtMs)
  view.setUint32(26, json.length)
  payload.set(json, 30)
  payload.set(transaction.raw, 30 + json.length)
  return frame(payload)
}

function encodeCounter(nextArrival: number): Uint8Array {
  const payload = new Uint8Array(9)
  new DataView(payload.buffer).setFloat64(1, nextArrival)
  return frame(payload)
}

function readAdd(payload: Uint8Array): JournaledTransaction {
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

/** Everything up to the first record that is not whole. `hashOf` finds what a removal means. */
function readJournal(
  bytes: Uint8Array,
  hashOf: (raw: Uint8Array) => Hash,
): { live: JournaledTransaction[]; nextArrival: number; validBytes: number } {
  const live = new Map<Hash, JournaledTransaction>()
  let nextArrival = 0
  let offset = magic.length
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  while (offset + headerBytes <= bytes.length) {
    const length = view.getUint32(offset)
    const end = offset + headerBytes + length
    // Sectors that the file system gave but nobody wrote are zeros: an empty record is no record.
    if (length === 0 || length > maxRecordBytes || end > bytes.length) break
    const payload = bytes.subarray(offset + headerBytes, end)
    if (crc32(payload) !== view.getUint32(offset + 4)) break
    if (payload[0] === 1) {
      const entry = readAdd(payload)
      nextArrival = Math.max(nextArrival, entry.arrival + 1)
      live.set(hashOf(entry.raw), entry)
    } else if (payload[0] === 2) {
      live.delete(bytesToHex(payload.subarray(1)))
    } else {
      nextArrival = Math.max(nextArrival, new DataView(payload.buffer, payload.byteOffset).getFloat64(1))
    }
    offset = end
  }
  return { live: [...live.values()], nextArrival, validBytes: offset }
}

/** Makes a rename or a new file itself durable. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(dirname(path), 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

async function writeAll(file: FileHandle, parts: readonly Uint8Array[]): Promise<number> {
  const bytes = Buffer.concat(parts)
  let offset = 0
  while (offset < bytes.length) offset += (await file.write(bytes, offset, bytes.length - offset)).bytesWritten
  return bytes.length
}

/**
 * A {@link MempoolJournal} in an append-only file. Appends that come together share one fsync; a torn tail is cut off when the file is opened;
 * compaction writes a new file beside it and renames.
 *
 * @param options.path of the file, made where absent; its directory must exist. One process at a time.
 * @param options.hashOf keccak-256 of a raw transaction, as hex
 * @throws SequencerError `JOURNAL_FAILED` when the file cannot be opened or is something else
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
    const existing = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    const isBegun = existing !== undefined && existing.length >= magic.length
    if (isBegun && !magic.every((byte, i) => existing[i] === byte))
      throw new SequencerError('the file is no mempool journal', { code: 'JOURNAL_FAILED' })
    const found = isBegun
      ? readJournal(existing, options.hashOf)
      : { live: [], nextArrival: 0, validBytes: magic.length }
    const file = await open(path, isBegun ? 'r+' : 'w')
    if (!isBegun) await writeAll(file, [magic])
    else await file.truncate(found.validBytes)
    await file.sync()
    await syncDirectory(path)
    await file.close()
    return {
      journal: new AppendFile(path, await open(path, 'a'), found.validBytes),
      recovered: found.live,
      nextArrival: found.nextArrival,
      discardedBytes: isBegun ? existing.length - found.validBytes : 0,
    }
  } catch (error) {
    throw failed(error)
  }
}

function failed(cause: unknown): SequencerError {
  if (cause instanceof SequencerError) return cause
  return new SequencerError('the mempool journal failed', { code: 'JOURNAL_FAILED', recovery: 'reset', cause })
}

type Waiter = { parts: Uint8Array[]; resolve: () => void; reject: (error: unknown) => void }

class AppendFile implements MempoolJournal {
  byteLength: number
  readonly #path: string
  #file: FileHandle
  #waiting: Waiter[] = []
  /** The one writer: every write, sync and rename is behind the one before it. */
  #tail: Promise<void> = Promise.resolve()
  #isScheduled = false
  #isClosed = false
  /** After a failed write the end of the file is unknown: only opening it again finds out. */
  #failure: SequencerError | undefined

  constructor(path: string, file: FileHandle, byteLength: number) {
    this.#path = path
    this.#file = file
    this.byteLength = byteLength
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
      const next = `${this.#path}.new`
      const file = await open(next, 'w')
      const parts = [magic, encodeCounter(nextArrival), ...entries.map(entry => encodeRecord({ kind: 'add', entry }))]
      const byteLength = await writeAll(file, parts)
      await file.sync()
      await file.close()
      await rename(next, this.#path)
      await syncDirectory(this.#path)
      await this.#file.close()
      this.#file = await open(this.#path, 'a')
      this.byteLength = byteLength
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
      this.#failure ??= failed(cause)
    })
    return turn.catch(cause => {
      throw failed(cause)
    })
  }

  async #flush(): Promise<void> {
    this.#isScheduled = false
    const waiters = this.#waiting
    this.#waiting = []
    try {
      if (this.#failure !== undefined) throw this.#failure
      this.byteLength += await writeAll(
        this.#file,
        waiters.flatMap(waiter => waiter.parts),
      )
      await this.#file.datasync()
    } catch (cause) {
      this.#failure ??= failed(cause)
      for (const waiter of waiters) waiter.reject(this.#failure)
      return
    }
    for (const waiter of waiters) waiter.resolve()
  }
}
