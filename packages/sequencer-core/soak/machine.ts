// One of two machines of an operator: holds the lease when it may, signs headers behind the shared guard and appends them, as fast as it can; says
// on standard output what it has signed and what was acknowledged.
import { writeSync } from 'node:fs'
import { isL2Error } from '@l2/common'
import { seededRandom } from '@l2/common/testing'
import type { Hex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { hashSequencerHeader, type SequencerHeader } from '../src/block/header.js'
import { createHeaderSigner } from '../src/block/sign.js'
import { createLeaseHolder, type LeaseHolder } from '../src/log/lease-holder.js'
import type { Lease, LogEntry, SequencerLog } from '../src/log/log.js'
import { openPostgres, type PostgresDatabase } from '../src/postgres/database.js'
import { openPostgresGuard } from '../src/postgres/guard.js'
import { openPostgresLog } from '../src/postgres/log.js'
import type { PostgresOptions } from '../src/postgres/options.js'

type Job = { name: string; seed: number; ttlMs: number; database: PostgresOptions }

const job = JSON.parse(process.argv[2]!) as Job
const random = seededRandom(job.seed)
const account = privateKeyToAccount(`0x${'77'.repeat(32)}`)
const domain = { chainId: 901n, rollup: `0x${'0f'.repeat(20)}` } as const
const logName = 'blocks'
const say = (line: string): void => void writeSync(1, `${line}\n`)
const hash = (): Hex => `0x${Buffer.from(random.bytes(32)).toString('hex')}`

const bigint = 'bigint:'
/** What the log's payload is here: the header as text, and ballast. */
const encode = (header: SequencerHeader): Uint8Array => {
  const text = JSON.stringify(header, (_, value: unknown) => (typeof value === 'bigint' ? `${bigint}${value}` : value))
  return new TextEncoder().encode(`${text}${'.'.repeat(random.below(20_000))}`)
}
const decode = (payload: Uint8Array): SequencerHeader => {
  const text = new TextDecoder().decode(payload)
  return JSON.parse(text.slice(0, text.lastIndexOf('}') + 1), (_, value: unknown) =>
    typeof value === 'string' && value.startsWith(bigint) ? BigInt(value.slice(bigint.length)) : value,
  ) as SequencerHeader
}

/** Leads until the lease is lost, or somebody else is found to lead. */
async function lead(database: PostgresDatabase, log: SequencerLog, holder: LeaseHolder, lease: Lease): Promise<void> {
  let { seq, hash: prevHash } = await log.head()
  let last: SequencerHeader | undefined
  for await (const { payload } of log.read(seq)) last = decode(payload)
  const seen =
    last === undefined
      ? []
      : [{ epoch: last.epochId, term: last.term, height: last.height, digest: hashSequencerHeader(last, domain) }]
  await using guard = await openPostgresGuard(
    { signer: account.address, chainId: domain.chainId, seen },
    { database, fence: { log: logName, lease: () => (holder.current === lease ? lease : undefined) } },
  )
  const signer = createHeaderSigner({ account, domain, guard })
  const seal = async (header: SequencerHeader, payload: Uint8Array): Promise<void> => {
    await signer.sign(header, payload)
    say(`signed ${header.height} ${hashSequencerHeader(header, domain)}`)
    const entry: LogEntry = await log.append({ epoch: lease.epoch, seq: seq + 1n, prevHash, payload })
    ;({ seq, hash: prevHash } = entry)
    say(`acknowledged ${seq} ${entry.hash}`)
  }
  const pending = await guard.pending()
  // What the other machine had signed, or was about to sign, is finished with the same content.
  if (pending?.payload !== undefined && pending.height === seq + 1n)
    await seal(decode(pending.payload), pending.payload)
  while (holder.current === lease) {
    const header: SequencerHeader = {
      epochId: 1n,
      term: 0,
      height: seq + 1n,
      parentHash: prevHash,
      txRoot: hash(),
      stateRoot: hash(),
      timestamp: 1_700_000_000n + seq,
      l1OriginNumber: 1n,
      l1OriginHash: hash(),
      forcedUpTo: 0n,
    }
    await seal(header, encode(header))
  }
}

/** Errors of a machine that is not the one any more, or whose database is away for a moment. */
const passing = new Set(['LOG_FENCED', 'LOG_CONFLICT', 'GUARD_FAILED', 'DATABASE_UNAVAILABLE'])

async function main(): Promise<void> {
  const database = await openPostgres(job.database)
  const log = await openPostgresLog({ name: logName }, { database })
  const holder = createLeaseHolder({ log, holder: job.name, ttlMs: job.ttlMs, marginMs: job.ttlMs * 0.3 })
  let lease: Lease | undefined
  let wake = (): void => {}
  void holder.run(gained => {
    lease = gained
    wake()
  }, new AbortController().signal)
  say('ready')
  for (;;) {
    while (lease === undefined) await new Promise<void>(resolve => (wake = resolve))
    const mine = lease
    await lead(database, log, holder, mine).catch((error: unknown) => {
      if (!isL2Error(error) || !passing.has(error.code)) throw error
      say(`stopped ${error.code}`)
    })
    if (lease === mine) await new Promise(resolve => setTimeout(resolve, 20))
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${job.name}: ${(error as Error).stack}\n`)
  process.exit(1)
})
