import { bytesToHex, hexToBytes, isL2Error } from '@l2/common'
import type { Address } from 'viem'
import { SequencerError } from '../errors.js'
import { closedTerm, type Reservation, type SigningGuard } from '../guard/guard.js'
import { checkNotStale, checkWatermark, comparePositions, type Watermark } from '../guard/watermark.js'
import { createMutex } from '../internal/mutex.js'
import type { Lease } from '../log/log.js'
import type { PostgresConnection, PostgresDatabase, Row } from './database.js'
import { sha256 } from './hash.js'

/** Options of {@link openPostgresGuard}. */
export type PostgresGuardOptions = {
  /** The key that it guards. */
  signer: Address
  /** Of what the key signs, where that is more than one kind of thing: each has a guard of its own. */
  purpose?: string | undefined
  /** Of the chain that is signed for. */
  chainId: bigint
  /**
   * What this key is known to have signed last: its newest header in the log, in the control chain, on L1. A row that is
   * older was restored from an old copy of the database. An empty list for a key that has never signed.
   */
  seen: readonly Watermark[]
}

/** What {@link openPostgresGuard} works with. */
export type PostgresGuardDependencies = {
  database: PostgresDatabase
  /** Only the machine that holds the lease of this log signs. Without it whoever asks first. */
  fence?: { readonly log: string; lease(): Lease | undefined } | undefined
}

/** A {@link SigningGuard} in PostgreSQL, and what it takes to go on after `GUARD_STALE`. */
export interface PostgresGuard extends SigningGuard {
  /** What was wrong when it was opened; while set, {@link SigningGuard.reserve} throws it. {@link SigningGuard.skipTerm} past it clears it. */
  readonly stale: SequencerError | undefined
}

const maxPayloadBytes = 8 * 2 ** 20

/**
 * Opens the guard of one key on one chain for all machines of its operator. A reservation is one `UPDATE` under the
 * condition that the row stands below it, and that the lease is still this machine's; it is durable when it resolves.
 * When the database does not answer, nothing is signed: whether the reservation was stored, the next one finds out.
 *
 * @throws SequencerError `DATABASE_UNAVAILABLE` (retry), `DATABASE_UNSAFE`, `DATABASE_OPTIONS`. A row that is an old copy
 * does not throw here but at every reservation (`GUARD_STALE`). Reservations also throw `LOG_FENCED` for a machine whose
 * lease is over.
 */
export async function openPostgresGuard(
  options: PostgresGuardOptions,
  dependencies: PostgresGuardDependencies,
): Promise<PostgresGuard> {
  const { chainId, signer, purpose } = options
  const name = [chainId, signer.toLowerCase(), ...(purpose === undefined ? [] : [purpose])].join('/')
  const identity = hexToBytes(sha256(new TextEncoder().encode(name)))!
  const connection = dependencies.database.connect()
  await connection.query(
    `insert into ${dependencies.database.schema}.guard (identity, generation, epoch, term, height, digest)
     values ($1, 0, 0, 0, 0, $2) on conflict do nothing`,
    [identity, new Uint8Array(32)],
  )
  const guard = new GuardRow(identity, options.seen, dependencies, connection)
  await guard.refresh()
  return guard
}

function failed(reason: string, cause?: unknown): SequencerError {
  return new SequencerError(`nothing was signed: ${reason}`, {
    code: 'GUARD_FAILED',
    ...(isL2Error(cause) ? { recovery: cause.recovery } : {}),
    cause,
  })
}

function watermarkOf(row: Row): Watermark | undefined {
  if (row['generation'] === '0') return undefined
  return {
    epoch: BigInt(row['epoch']),
    term: Number(row['term']),
    height: BigInt(row['height']),
    digest: bytesToHex(row['digest']),
  }
}

class GuardRow implements PostgresGuard {
  stale: SequencerError | undefined
  readonly #identity: Uint8Array
  readonly #seen: readonly Watermark[]
  readonly #dependencies: PostgresGuardDependencies
  readonly #connection: PostgresConnection
  readonly #exclusive = createMutex()
  #watermark: Watermark | undefined
  #closing: Promise<void> | undefined

  constructor(
    identity: Uint8Array,
    seen: readonly Watermark[],
    dependencies: PostgresGuardDependencies,
    connection: PostgresConnection,
  ) {
    this.#identity = identity
    this.#seen = seen
    this.#dependencies = dependencies
    this.#connection = connection
  }

  /** The newest that this machine knows of: another one may be further. */
  get watermark(): Watermark | undefined {
    return this.#watermark
  }

  get #table(): string {
    return `${this.#dependencies.database.schema}.guard`
  }

  async #row(payload: boolean): Promise<Row> {
    const [row] = await this.#connection.query(
      `select generation, epoch, term, height, digest${payload ? ', payload' : ''} from ${this.#table} where identity = $1`,
      [this.#identity],
    )
    if (row === undefined) throw failed('the row of this key is gone')
    return row
  }

  async refresh(): Promise<void> {
    const found = watermarkOf(await this.#row(false))
    const known = this.#watermark
    this.stale = undefined
    try {
      // The database was put back under this very process.
      checkNotStale(found, known === undefined ? this.#seen : [...this.#seen, known])
      this.#watermark = found
    } catch (error) {
      this.stale = error as SequencerError
      this.#watermark = known ?? found
    }
  }

  reserve(next: Reservation): Promise<'new' | 'repeat'> {
    return this.#exclusive(async () => {
      this.#checkOpen()
      const lease = this.#lease()
      const length = next.payload?.length ?? 0
      if (length > maxPayloadBytes) throw failed(`payload of ${length} bytes, at most ${maxPayloadBytes}`)
      if (this.stale !== undefined) await this.#ask(() => this.refresh())
      if (this.stale !== undefined) throw this.stale
      // What this process has signed it knows, whatever the database has become.
      checkWatermark(this.#watermark, next)
      if (await this.#ask(() => this.#move(next, lease))) {
        this.#watermark = { epoch: next.epoch, term: next.term, height: next.height, digest: next.digest }
        return 'new'
      }
      await this.#ask(() => this.refresh())
      if (this.stale !== undefined) throw this.stale
      if (checkWatermark(this.#watermark, next) === 'repeat') return 'repeat'
      throw fenced()
    })
  }

  /** The lease that is needed, `undefined` where none is. @throws SequencerError `LOG_FENCED` */
  #lease(): Lease | undefined {
    const { fence } = this.#dependencies
    const lease = fence?.lease()
    if (fence !== undefined && lease === undefined) throw fenced()
    return lease
  }

  async #move(next: Reservation, lease: Lease | undefined): Promise<boolean> {
    const { fence, database } = this.#dependencies
    const condition =
      lease === undefined
        ? ''
        : `and exists (select from ${database.schema}.log_head where log = $7 and epoch = $8::numeric)`
    const rows = await this.#connection.query(
      `update ${this.#table} set generation = generation + 1, epoch = $2::numeric, term = $3::bigint, height = $4::numeric,
         digest = $5, payload = $6::bytea
       where identity = $1 and (generation = 0 or (epoch, term, height) < ($2::numeric, $3::bigint, $4::numeric))
       ${condition} returning 1`,
      [
        this.#identity,
        String(next.epoch),
        next.term,
        String(next.height),
        hexToBytes(next.digest),
        next.payload ?? null,
        ...(lease === undefined ? [] : [fence!.log, String(lease.epoch)]),
      ],
    )
    return rows.length === 1
  }

  skipTerm(epoch: bigint, term: number): Promise<void> {
    return this.#exclusive(async () => {
      this.#checkOpen()
      const closed = closedTerm(epoch, term)
      // No signature follows from it: every machine may close a term.
      await this.#ask(() => this.#move(closed, undefined))
      if (this.#watermark !== undefined && comparePositions(closed, this.#watermark) > 0) this.#watermark = undefined
      await this.#ask(() => this.refresh())
    })
  }

  pending(): Promise<Reservation | undefined> {
    return this.#exclusive(async () => {
      this.#checkOpen()
      const row = await this.#row(true)
      const watermark = watermarkOf(row)
      const payload = row['payload'] as Uint8Array | null
      return watermark === undefined || payload === null
        ? undefined
        : { ...watermark, payload: new Uint8Array(payload) }
    })
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw failed('the guard is closed')
  }

  async #ask<T>(task: () => Promise<T>): Promise<T> {
    try {
      return await task()
    } catch (error) {
      throw isL2Error(error) && error.code.startsWith('DATABASE_') ? failed(error.shortMessage, error) : error
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#exclusive(() => this.#connection.close())
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function fenced(): SequencerError {
  return new SequencerError('nothing was signed: the lease is over, another machine signs', { code: 'LOG_FENCED' })
}
