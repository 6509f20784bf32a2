import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAuthority } from '@l2/common/testing'
import { afterAll, expect, it } from 'vitest'
import { openPostgres } from './database.js'
import type { PostgresOptions } from './options.js'
import { postgresBinaries, spawnPostgres } from './process.js'

const folder = mkdtempSync(join(tmpdir(), 'pgt-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const binaries = postgresBinaries()
const authority = binaries === undefined || process.platform !== 'linux' ? undefined : createAuthority(folder)
if (authority === undefined) process.stderr.write('no PostgreSQL or no openssl here: TLS to it is not tested\n')

// Starts programs: spawnPostgres. On addresses of its own, so that its port is free.
const addressOf = (part: number): string => `127.${part}.${(process.pid >> 8) & 255}.${process.pid & 255}`
const [host, elsewhere] = [addressOf(77), addressOf(78)]

it.skipIf(authority === undefined)(
  'a database is asked through TLS, by the name and the authority that it shows, and by nothing less',
  async () => {
    const { certFile, keyFile } = authority!.issue(host)
    const settings = {
      listen_addresses: `${host},${elsewhere}`,
      ssl: 'on',
      ssl_cert_file: certFile,
      ssl_key_file: keyFile,
    }
    const server = await spawnPostgres({ binaries: binaries!, folder: join(folder, 'pg'), settings })
    try {
      const options = (change: Partial<PostgresOptions>): PostgresOptions => ({
        ...{ ...server.database, host, timeoutMs: 60_000 },
        ...change,
      })
      const database = await openPostgres(options({ tls: { caFile: authority!.caFile } }))
      const connection = database.connect()
      const [row] = await connection.query('select ssl, version from pg_stat_ssl where pid = pg_backend_pid()')
      expect(row).toMatchObject({ ssl: true, version: expect.stringMatching(/^TLSv1\.[23]$/) })
      await database.close()

      const refusal = (change: Partial<PostgresOptions>) =>
        openPostgres(options(change)).then(
          async opened => await opened.close(),
          (error: Error) => error.message.split('\n', 1)[0],
        )
      // Of an authority that nobody knows, of another one, and shown by somebody with another name.
      expect(await refusal({ tls: {} })).toMatch(/cannot be reached: .*certificate/)
      const other = createAuthority(folder, 'other')!
      expect(await refusal({ tls: { caFile: other.caFile } })).toMatch(/cannot be reached: .*certificate/)
      expect(await refusal({ host: elsewhere, tls: { caFile: authority!.caFile } })).toMatch(
        /does not match certificate/,
      )
      expect(await refusal({ host: 'db.example.org' })).toMatch(/through TLS only/)
    } finally {
      await server.close()
    }
  },
)
