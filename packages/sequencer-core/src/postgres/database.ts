import { isL2Error } from '@l2/common'
import type { Client } from 'pg'
import { SequencerError } from '../errors.js'
import { type ClientOptions, type PostgresOptions, readPostgresOptions } from './options.js'

/** A row as the server gives it. */
// biome-ignore lint/suspicious/noExplicitAny: as `pg` types it; its own types are not asked of who has no `pg`.
export type Row = Record<string, any>

/** One connection, made when it is needed and made anew when it is lost. Statements take effect in the order of the calls. */
export interface PostgresConnection {
  /**
   * One statement, which is a transaction of its own. When it rejects, it may have taken effect all the same.
   *
   * @throws SequencerError `DATABASE_UNAVAILABLE` (retry), `DATABASE_UNSAFE`, `DATABASE_OPTIONS`, `DISK_FULL` (retry)
   */
  query(text: string, values?: readonly unknown[]): Promise<Row[]>
  close(): Promise<void>
}

/** A PostgreSQL that keeps what it acknowledges, see {@link openPostgres}. */
export interface PostgresDatabase extends AsyncDisposable {
  /** Of the tables. */
  readonly schema: string
  /** Whether the server, as it is now, keeps what it acknowledges. @throws what {@link openPostgres} throws */
  check(): Promise<void>
  connect(): PostgresConnection
  /** Ends every connection. Idempotent. */
  close(): Promise<void>
}

/** The oldest line that is still maintained. */
const oldestVersion = 140_000

const checkStatement = `
select current_setting('server_version_num')::int as version, pg_is_in_recovery() as is_standby,
  current_setting('fsync') as fsync, current_setting('full_page_writes') as pages,
  current_setting('synchronous_commit') as commit, current_setting('synchronous_standby_names') <> '' as is_synchronous,
  (select rolsuper from pg_roles where rolname = current_user) as is_superuser,
  (select count(*) from pg_stat_replication where application_name not in ('pg_basebackup', 'pg_receivewal'))::int as standbys,
  (select count(*) from pg_stat_replication
    where sync_state = 'async' and application_name not in ('pg_basebackup', 'pg_receivewal'))::int as asynchronous`

export function unavailable(reason: string, cause?: unknown): SequencerError {
  return new SequencerError(`the database cannot be reached: ${reason}`, {
    code: 'DATABASE_UNAVAILABLE',
    recovery: 'retry',
    cause,
  })
}

function unsafe(reason: string, advice?: string): SequencerError {
  return new SequencerError(`nothing can be promised with this database: ${reason}`, {
    code: 'DATABASE_UNSAFE',
    meta: advice === undefined ? [] : [`try: ${advice}`],
  })
}

function judge(row: Row): void {
  if (row['version'] < oldestVersion) throw unsafe(`its version is ${row['version']}`, 'PostgreSQL 14 or later')
  if (row['is_standby']) throw unavailable('it is a standby, and nobody has promoted it')
  if (row['is_superuser']) throw unsafe('the role is a superuser', 'a role of its own, which owns the schema')
  if (row['fsync'] !== 'on') throw unsafe('it does not wait for the disk', 'fsync = on')
  if (row['pages'] !== 'on') throw unsafe('a loss of power may tear its pages', 'full_page_writes = on')
  if (row['commit'] !== 'on') throw unsafe('it acknowledges before it has written', 'synchronous_commit = on')
  // Who becomes the primary in its place would not have what was acknowledged last, the watermark of a key among it.
  if (row['asynchronous'] > 0 || (row['standbys'] > 0 && !row['is_synchronous'])) {
    throw unsafe('it has an asynchronous standby', 'name every standby in synchronous_standby_names')
  }
}

function translate(error: unknown): SequencerError {
  if (isL2Error(error)) return error as SequencerError
  const { code = '', message } = error as { code?: string; message: string }
  if (code === '53100') {
    return new SequencerError('the disk of the database is full', {
      code: 'DISK_FULL',
      recovery: 'retry',
      cause: error,
    })
  }
  // Of the login and of rights; the message names the role and never the password.
  if (/^(28|42501|3D000)/.test(code)) {
    return new SequencerError(`the database refuses the role: ${message}`, { code: 'DATABASE_OPTIONS', cause: error })
  }
  if (/^(22|23|42)/.test(code)) return unsafe(`it has other tables: ${message}`)
  return unavailable(message, error)
}

/** What all connections of a database share. */
type Setting = { readonly config: ClientOptions; readonly timeoutMs: number }

async function within<T>(ms: number, what: string, task: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unavailable(`${what} took longer than ${ms} ms`)), ms)
  })
  return await Promise.race([task, late]).finally(() => clearTimeout(timer))
}

/** Ends it without a word to the server, which may not be there. */
function drop(client: Client): void {
  const { connection } = client as unknown as { connection: { stream: { destroy(): void } } }
  connection.stream.destroy()
}

class Connection implements PostgresConnection {
  readonly #setting: Setting
  #client: Promise<Client> | undefined
  #closed = false

  constructor(setting: Setting) {
    this.#setting = setting
  }

  async #open(): Promise<Client> {
    const { config, timeoutMs } = this.#setting
    const { default: pg } = await import('pg').catch((cause: unknown) => {
      throw new SequencerError('the package "pg" is not installed', { code: 'DATABASE_OPTIONS', cause })
    })
    const client = new pg.Client(config)
    client.on('error', () => this.#forget(client))
    client.on('end', () => this.#forget(client))
    try {
      await within(timeoutMs, 'a connection', client.connect())
      const { rows } = await within(timeoutMs, 'a first answer', client.query(checkStatement))
      judge(rows[0])
      return client
    } catch (error) {
      drop(client)
      throw error
    }
  }

  #opened: Client | undefined
  #forget(client: Client): void {
    if (this.#opened !== client) return
    this.#opened = undefined
    this.#client = undefined
  }

  async #connected(): Promise<Client> {
    if (this.#closed) throw unavailable('the connection is closed')
    const opening = (this.#client ??= this.#open())
    try {
      this.#opened = await opening
    } catch (error) {
      if (this.#client === opening) this.#client = undefined
      throw error
    }
    if (this.#closed) drop(this.#opened)
    return this.#opened
  }

  async query(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    let client: Client | undefined
    let complaint: string | undefined
    const listen = (notice: { message?: string | undefined }): void => {
      complaint = notice.message ?? 'a notice without words'
    }
    try {
      client = await this.#connected()
      client.on('notice', listen)
      const { rows } = await within(this.#setting.timeoutMs, 'an answer', client.query(text, [...values]))
      // Somebody cancelled the wait for the standby: the server calls that a success, and warns.
      if (complaint !== undefined) throw unavailable(complaint)
      return rows
    } catch (error) {
      const translated = translate(error)
      // After anything else than a refusal nobody knows what the connection still holds.
      if (client !== undefined && translated.code === 'DATABASE_UNAVAILABLE') {
        this.#forget(client)
        drop(client)
      }
      throw translated
    } finally {
      client?.off('notice', listen)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    const client = await this.#client?.catch(() => undefined)
    if (client === undefined) return
    await within(this.#setting.timeoutMs, 'the end', client.end()).catch(() => drop(client))
  }
}

/**
 * Opens a database in which the two machines of one operator share their log and their guards. It takes none that could
 * forget what it has acknowledged: no server without fsync, none with a standby that is not synchronous, no superuser's
 * role; and off this machine no connection without TLS. Every new connection looks again, and so does every lease.
 *
 * @throws SequencerError `DATABASE_OPTIONS` for options, a password file that others may read, or a role that the server
 * refuses; `DATABASE_UNSAFE`; `DATABASE_UNAVAILABLE` (retry)
 *
 * @example
 * ```ts no-run
 * import { emptyLogHash } from '@l2/sequencer-core/block'
 * import { openPostgres, openPostgresGuard, openPostgresLog } from '@l2/sequencer-core/postgres'
 *
 * const database = await openPostgres({
 *   host: 'db.internal', database: 'operator', user: 'l2', passwordFile: '/etc/l2/password', tls: { caFile: '/etc/l2/ca.pem' },
 * })
 * const log = await openPostgresLog({ name: 'blocks' }, { database })
 * const lease = await log.acquire('machine-1', 3_000)
 * const guard = await openPostgresGuard(
 *   { signer: `0x${'01'.repeat(20)}`, chainId: 901n, seen: [] },
 *   { database, fence: { log: 'blocks', lease: () => lease } },
 * )
 * await log.append({ epoch: lease.epoch, seq: 1n, prevHash: emptyLogHash, payload: new Uint8Array(100) })
 * await guard.close()
 * await log.close()
 * await database.close()
 * ```
 */
export async function openPostgres(options: PostgresOptions): Promise<PostgresDatabase> {
  const { schema, ...setting } = readPostgresOptions(options)
  const connections = new Set<PostgresConnection>()
  const connect = (): PostgresConnection => {
    const connection = new Connection(setting)
    connections.add(connection)
    return connection
  }
  const close = async (): Promise<void> => {
    await Promise.all([...connections].map(connection => connection.close()))
  }
  const first = connect()
  const check = async (): Promise<void> => {
    const [row] = await first.query(checkStatement)
    judge(row!)
  }
  try {
    await createTables(first, schema)
  } catch (error) {
    await close()
    throw error
  }
  return { schema, check, connect, close, [Symbol.asyncDispose]: close }
}

/** Two machines may begin at the same time: an advisory lock keeps one of them waiting. */
async function createTables(connection: PostgresConnection, schema: string): Promise<void> {
  const [found] = await connection.query(`select to_regclass($1) is not null as is_there`, [`${schema}.guard`])
  if (found!['is_there']) return
  await connection.query(`do $$ begin
    perform pg_advisory_xact_lock(hashtext('l2 tables'));
    set local client_min_messages = error;
    create schema if not exists ${schema};
    create table if not exists ${schema}.log_head (
      log text primary key, epoch numeric(20) not null, seq numeric(20) not null, hash bytea not null,
      holder text, ends_at_ms double precision not null default 0);
    create table if not exists ${schema}.log_entry (
      log text not null, seq numeric(20) not null, epoch numeric(20) not null, prev_hash bytea not null,
      hash bytea not null, payload bytea not null, primary key (log, seq));
    alter table ${schema}.log_entry alter column payload set storage external;
    create table if not exists ${schema}.guard (
      identity bytea primary key, generation numeric(20) not null, epoch numeric(20) not null, term bigint not null,
      height numeric(20) not null, digest bytea not null, payload bytea);
    alter table ${schema}.guard alter column payload set storage external;
  end $$`)
}
