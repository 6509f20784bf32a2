import { bytesToHex, hexToBytes, isL2Error } from '@l2/common'
import type { Hash } from 'viem'
import { SequencerError } from '../errors.js'
import { createFollowers } from '../log/followers.js'
import {
  acquireLease,
  checkAppend,
  checkFence,
  emptyLogHash,
  encodeEntryPrefix,
  type Lease,
  type LogEntry,
  type LogHead,
  type LogState,
  logClosed,
  maxLogPayloadBytes,
  type NewLogEntry,
  type ReadLogOptions,
  type SequencerLog,
} from '../log/log.js'
import type { PostgresConnection, PostgresDatabase, Row } from './database.js'
import { sha256 } from './hash.js'

/** Options of {@link openPostgresLog}. */
export type PostgresLogOptions = {
  /** Of the log: a database may hold several. */
  name: string
  /** Milliseconds between two looks of a reader that follows entries of another machine. Defaults to 50. */
  pollMs?: number | undefined
  /** Monotonic milliseconds of the ends of leases. Absent: the server's clock, which all machines share. */
  monotonicMs?: (() => number) | undefined
}

/** Appends that wait for the server share a statement up to this size. */
const groupBytes = 4 * 2 ** 20
const groupEntries = 64
/** Of one look at entries. */
const pageBytes = 4 * 2 ** 20
const pageEntries = 64

type Waiting = {
  readonly entry: LogEntry
  done(entry: LogEntry): void
  fail(error: unknown): void
}

const serverClock = `(extract(epoch from clock_timestamp()) * 1000)::double precision`

/**
 * A {@link SequencerLog} in PostgreSQL, for the two machines of one operator. Fence, place and hash chain are the
 * condition of one `UPDATE`, and the entry is inserted by the same statement or not at all; so whoever was paused is
 * refused by the row that it wants to change, whatever its own clock says. Appends that wait share a statement.
 *
 * An append that rejects with `DATABASE_UNAVAILABLE` may have been stored: the same one may be appended again. While the
 * database is away nothing is acknowledged.
 *
 * @throws SequencerError `DATABASE_UNAVAILABLE`, `DATABASE_UNSAFE`, `DATABASE_OPTIONS`, here and from every method
 */
export async function openPostgresLog(
  options: PostgresLogOptions,
  dependencies: { database: PostgresDatabase },
): Promise<SequencerLog> {
  const { database } = dependencies
  // A long append must not keep a lease from being renewed, nor a reader an append.
  const [appending, leasing, reading] = [database.connect(), database.connect(), database.connect()]
  await leasing.query(
    `insert into ${database.schema}.log_head (log, epoch, seq, hash) values ($1, 0, 0, $2) on conflict do nothing`,
    [options.name, hexToBytes(emptyLogHash)],
  )
  return new PostgresLog(options, database, { appending, leasing, reading })
}

class PostgresLog implements SequencerLog {
  readonly #name: string
  readonly #pollMs: number
  readonly #now: (() => number) | undefined
  readonly #database: PostgresDatabase
  readonly #appending: PostgresConnection
  readonly #leasing: PostgresConnection
  readonly #reading: PostgresConnection
  readonly #followers = createFollowers()
  #queue: Waiting[] = []
  #writing: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(
    options: PostgresLogOptions,
    database: PostgresDatabase,
    connections: { appending: PostgresConnection; leasing: PostgresConnection; reading: PostgresConnection },
  ) {
    this.#name = options.name
    this.#pollMs = options.pollMs ?? 50
    this.#now = options.monotonicMs
    this.#database = database
    this.#appending = connections.appending
    this.#leasing = connections.leasing
    this.#reading = connections.reading
  }

  #open(): void {
    if (this.#closing !== undefined) throw logClosed()
  }

  /** The table of heads, and the clock of leases, as SQL; the clock's parameter is the last one. */
  get #heads(): string {
    return `${this.#database.schema}.log_head`
  }

  #clock(position: number): { sql: string; values: number[] } {
    return this.#now === undefined
      ? { sql: serverClock, values: [] }
      : { sql: `$${position}::double precision`, values: [this.#now()] }
  }

  async #state(connection: PostgresConnection): Promise<LogState & { nowMs: number }> {
    const clock = this.#clock(2)
    const [row] = await connection.query(
      `select epoch, seq, hash, holder, ends_at_ms, ${clock.sql} as now_ms from ${this.#heads} where log = $1`,
      [this.#name, ...clock.values],
    )
    if (row === undefined) throw corrupt(this.#name, 'its head is gone')
    const head = { seq: BigInt(row['seq']), hash: bytesToHex(row['hash']), epoch: BigInt(row['epoch']) }
    const holder = row['holder'] as string | null
    const lease = holder === null ? undefined : { epoch: head.epoch, holder, endsAtMs: row['ends_at_ms'] as number }
    return { head, lease, nowMs: row['now_ms'] }
  }

  async acquire(holder: string, ttlMs: number): Promise<Lease> {
    this.#open()
    await this.#database.check()
    for (;;) {
      const clock = this.#clock(4)
      const [row] = await this.#leasing.query(
        `update ${this.#heads} set epoch = epoch + 1, holder = $2, ends_at_ms = ${clock.sql} + $3::double precision
         where log = $1 and (holder is null or holder = $2 or ends_at_ms <= ${clock.sql}) returning epoch`,
        [this.#name, holder, ttlMs, ...clock.values],
      )
      if (row !== undefined) return { epoch: BigInt(row['epoch']), holder, ttlMs }
      const state = await this.#state(this.#leasing)
      // Says who holds it; where it has run out meanwhile, the statement has another try.
      acquireLease(state, holder, ttlMs, state.nowMs)
    }
  }

  async renew(lease: Lease): Promise<Lease> {
    this.#open()
    await this.#database.check()
    const clock = this.#clock(5)
    const rows = await this.#leasing.query(
      `update ${this.#heads} set holder = $3, ends_at_ms = ${clock.sql} + $4::double precision
       where log = $1 and epoch = $2::numeric returning 1`,
      [this.#name, String(lease.epoch), lease.holder, lease.ttlMs, ...clock.values],
    )
    if (rows.length === 0) checkFence(await this.#state(this.#leasing), lease.epoch)
    return lease
  }

  async release(lease: Lease): Promise<void> {
    if (this.#closing !== undefined) return
    await this.#leasing.query(
      `update ${this.#heads} set holder = null, ends_at_ms = 0 where log = $1 and epoch = $2::numeric`,
      [this.#name, String(lease.epoch)],
    )
  }

  async append(entry: NewLogEntry): Promise<LogEntry> {
    this.#open()
    if (entry.payload.length > maxLogPayloadBytes) {
      throw new SequencerError(`payload of ${entry.payload.length} bytes, at most ${maxLogPayloadBytes}`, {
        code: 'LOG_TOO_LARGE',
        details: { bytes: entry.payload.length, limit: maxLogPayloadBytes },
      })
    }
    // Copied: it may wait, and the caller's buffer is the caller's.
    const payload = entry.payload.slice()
    const hash = sha256(encodeEntryPrefix(entry), payload)
    return await new Promise<LogEntry>((done, fail) => {
      this.#queue.push({ entry: { ...entry, payload, hash }, done, fail })
      this.#writing ??= this.#drain()
    })
  }

  /** One statement after the other, each with what has queued up meanwhile and follows itself. */
  async #drain(): Promise<void> {
    await Promise.resolve()
    while (this.#queue.length > 0) {
      const group = this.#takeGroup()
      try {
        if (await this.#store(group.map(({ entry }) => entry))) {
          for (const { entry, done } of group) done(entry)
          this.#followers.notify()
        } else {
          // One of them does not follow: which one, each is told by itself.
          for (const { entry, done, fail } of group) await this.#storeOne(entry).then(() => done(entry), fail)
        }
      } catch (error) {
        for (const { fail } of group) fail(error)
      }
    }
    // In the same breath as the last look at the queue: what comes next begins anew.
    this.#writing = undefined
  }

  #takeGroup(): Waiting[] {
    const group = [this.#queue.shift()!]
    let bytes = group[0]!.entry.payload.length
    for (let next = this.#queue[0]; next !== undefined && group.length < groupEntries; next = this.#queue[0]) {
      const last = group.at(-1)!.entry
      const { seq, epoch, prevHash, payload } = next.entry
      const follows = seq === last.seq + 1n && prevHash === last.hash && epoch === last.epoch
      if (!follows || bytes + payload.length > groupBytes) break
      bytes += payload.length
      group.push(this.#queue.shift()!)
    }
    return group
  }

  /** All of them, which follow one another, or none. */
  async #store(entries: readonly LogEntry[]): Promise<boolean> {
    const [first, last] = [entries[0]!, entries.at(-1)!]
    const { schema } = this.#database
    const [row] = await this.#appending.query(
      `with moved as (
         update ${schema}.log_head set seq = $4::numeric, hash = $6
         where log = $1 and epoch = $2::numeric and seq + 1 = $3::numeric and hash = $5 returning 1),
       stored as (
         insert into ${schema}.log_entry (log, seq, epoch, prev_hash, hash, payload)
         select $1, e.seq, $2::numeric, e.prev_hash, e.hash, e.payload
         from moved, unnest($7::numeric[], $8::bytea[], $9::bytea[], $10::bytea[]) e(seq, prev_hash, hash, payload)
         returning 1)
       select count(*)::int as stored from stored`,
      [
        this.#name,
        String(first.epoch),
        String(first.seq),
        String(last.seq),
        bytesOf(first.prevHash),
        bytesOf(last.hash),
        entries.map(({ seq }) => String(seq)),
        entries.map(({ prevHash }) => bytesOf(prevHash)),
        entries.map(({ hash }) => bytesOf(hash)),
        entries.map(({ payload }) => Buffer.from(payload.buffer, payload.byteOffset, payload.length)),
      ],
    )
    return row!['stored'] === entries.length
  }

  async #storeOne(entry: LogEntry): Promise<void> {
    for (;;) {
      if (await this.#store([entry])) return this.#followers.notify()
      // Throws why not. `append` only where the head has moved to before this entry since: once more.
      if (checkAppend(await this.#state(this.#appending), entry, entry.hash) === 'repeat') return
    }
  }

  async head(): Promise<LogHead> {
    this.#open()
    await this.#writing
    return (await this.#state(this.#leasing)).head
  }

  async *read(seq: bigint, { signal, follow = false }: ReadLogOptions = {}): AsyncIterable<LogEntry> {
    let next = seq < 1n ? 1n : seq
    for (;;) {
      signal?.throwIfAborted()
      if (this.#closing !== undefined) return
      const rows = await this.#page(next)
      if (rows === undefined) return
      for (const row of rows) {
        const entry = readEntry(row, this.#name)
        next = entry.seq + 1n
        yield entry
      }
      if (rows.length > 0) continue
      if (!follow) return
      await this.#news(signal)
    }
  }

  /** `undefined` when the log was closed under it, which is an end and no failure. */
  async #page(from: bigint): Promise<Row[] | undefined> {
    try {
      return await this.#reading.query(
        `select seq, epoch, prev_hash, hash, payload from (
           select *, sum(octet_length(payload)) over (order by seq) - octet_length(payload) as before
           from (select * from ${this.#database.schema}.log_entry where log = $1 and seq >= $2::numeric
                 order by seq limit ${pageEntries}) page) counted
         where before < ${pageBytes} order by seq`,
        [this.#name, String(from)],
      )
    } catch (error) {
      if (this.#closing !== undefined && isL2Error(error, 'DATABASE_UNAVAILABLE')) return undefined
      throw error
    }
  }

  /** Until an append of this machine's, or until one of another's may be there. */
  async #news(signal: AbortSignal | undefined): Promise<void> {
    const stop = new AbortController()
    const timer = setTimeout(() => stop.abort(), this.#pollMs)
    const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal])
    try {
      await this.#followers.wait(either)
    } catch {
      signal?.throwIfAborted()
    } finally {
      clearTimeout(timer)
    }
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.#writing
      this.#followers.notify()
      await Promise.all([this.#appending.close(), this.#leasing.close(), this.#reading.close()])
    })()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function bytesOf(hash: Hash): Buffer {
  return Buffer.from(hash.slice(2), 'hex')
}

function corrupt(name: string, reason: string): SequencerError {
  return new SequencerError(`the log ${name} of the database is damaged: ${reason}`, {
    code: 'LOG_CORRUPT',
    details: { name, reason },
  })
}

function readEntry(row: Row, name: string): LogEntry {
  const entry = {
    epoch: BigInt(row['epoch']),
    seq: BigInt(row['seq']),
    prevHash: bytesToHex(row['prev_hash']),
    payload: new Uint8Array(row['payload']),
  }
  const hash = sha256(encodeEntryPrefix(entry), entry.payload)
  if (hash !== bytesToHex(row['hash'])) throw corrupt(name, `entry ${entry.seq} is not what was appended`)
  return { ...entry, hash }
}
