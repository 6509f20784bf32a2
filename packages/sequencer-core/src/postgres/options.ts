import { readFileSync, statSync } from 'node:fs'
import * as z from 'zod/mini'
import { SequencerError } from '../errors.js'
import { checkOptions } from '../internal/options.js'

/** Where a database is, and as whom it is used. */
export type PostgresOptions = {
  /** A name, an address, or the folder of the server's Unix socket. */
  host: string
  /** Defaults to 5432. */
  port?: number | undefined
  database: string
  /** A role of its own: it owns the schema and is no superuser. */
  user: string
  /** A file that holds the password and that nobody else may read. Absent where the server asks for none. */
  passwordFile?: string | undefined
  /** Wanted off this machine: the server's certificate is checked, its name included. */
  tls?: { /** PEM. Absent: the authorities that Node knows. */ caFile?: string | undefined } | undefined
  /** Of the tables, which are made when they are absent. Defaults to `l2`. */
  schema?: string | undefined
  /** Milliseconds until a connection, and the answer to a statement, is given up. Defaults to 5 000. */
  timeoutMs?: number | undefined
}

const optionsSchema = /* @__PURE__ */ (() =>
  z.object({
    host: z.string().check(z.minLength(1), z.maxLength(255)),
    port: z.optional(z.number().check(z.int(), z.minimum(1), z.maximum(65_535))),
    database: z.string().check(z.minLength(1), z.maxLength(63)),
    user: z.string().check(z.minLength(1), z.maxLength(63)),
    passwordFile: z.optional(z.string().check(z.minLength(1))),
    tls: z.optional(z.object({ caFile: z.optional(z.string().check(z.minLength(1))) })),
    schema: z.optional(z.string().check(z.regex(/^[a-z_][a-z0-9_]{0,62}$/))),
    timeoutMs: z.optional(z.number().check(z.positive(), z.maximum(60_000))),
  }))()

function invalid(message: string, cause?: unknown): SequencerError {
  return new SequencerError(message, { code: 'DATABASE_OPTIONS', cause })
}

/** This machine: what is sent there nobody else hears. */
function isLocal(host: string): boolean {
  return host.startsWith('/') || host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

function readPassword(path: string): string {
  try {
    const { mode } = statSync(path)
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw invalid(`others may read ${path}: its mode must be 0600`)
    }
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    throw (error as { code?: string }).code === 'DATABASE_OPTIONS' ? error : invalid(`cannot read ${path}`, error)
  }
}

function readAuthority(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw invalid(`cannot read ${path}`, cause)
  }
}

/** What `pg` wants, in words of our own: who imports a type of this entry need not have the types of `pg`. */
export type ClientOptions = {
  host: string
  port: number
  database: string
  user: string
  password: string
  ssl: false | { rejectUnauthorized: true; ca?: string }
  connectionTimeoutMillis: number
  keepAlive: boolean
  application_name: string
  options: string
}

/** What `pg` wants. @throws SequencerError `DATABASE_OPTIONS` */
export function readPostgresOptions(options: PostgresOptions): {
  config: ClientOptions
  schema: string
  timeoutMs: number
} {
  const checked = checkOptions(optionsSchema, options, 'the database', 'DATABASE_OPTIONS')
  const { host, port = 5432, database, user, passwordFile, tls, schema = 'l2', timeoutMs = 5_000 } = checked
  if (tls === undefined && !isLocal(host)) {
    throw invalid(`${host} is another machine: a password and blocks go there through TLS only`)
  }
  return {
    config: {
      host,
      port,
      database,
      user,
      // An empty one keeps `pg` from looking into the environment.
      password: passwordFile === undefined ? '' : readPassword(passwordFile),
      ssl:
        tls === undefined
          ? false
          : { rejectUnauthorized: true, ...(tls.caFile === undefined ? {} : { ca: readAuthority(tls.caFile) }) },
      connectionTimeoutMillis: timeoutMs,
      keepAlive: true,
      application_name: 'l2',
      // A transaction that waits for its standby must not be taken for one that has it.
      options: '-c synchronous_commit=on -c statement_timeout=0',
    },
    schema,
    timeoutMs,
  }
}
