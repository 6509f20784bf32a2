// Engines against anvil, in one run: transactions a second by CPU, the cost of an empty block as accounts grow, opening as blocks grow, bytes on disk.
//
//   pnpm bench engine        L2_BENCH_ENGINES=anvil,wasm for some of the engines, L2_BENCH_FEW=1 without the million
//
// A long history of the WASM engine is made up (longer.ts), the native engine's is built block for block and shorter.
// CPU is user and system time of this process, its threads and the programs it started. Which engines: those that are there (`pnpm build:engine --native`,
// `node scripts/go.mjs`).
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAnvilEngine, createEngineApi, newRollup, opGenesis } from '@l2/sequencer-core'
import { encodeL1InfoDeposit } from '@l2/sequencer-core/derivation'
import type { ExecutedBlock, ExecutionEngine, PayloadAttributes } from '@l2/sequencer-core/engine'
import { anvilBinary, spawnAnvil, spawnOpGeth } from '@l2/sequencer-core/node'
import { type Address, type Hash, type Hex, hexToBytes } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { goProgram } from '../../../scripts/go.mjs'
import { createOpEngine, findEngineFile } from '../src/node/index.js'
import { lengthenChain } from './longer.js'

const folder = mkdtempSync(join(tmpdir(), 'l2-bench-'))
const zeroHash: Hash = `0x${'00'.repeat(32)}`
const gasLimit = 30_000_000n
const blockTime = 2n
const genesisTimeSeconds = 1_700_000_000n
/** Leaves out the million accounts, which take most of the time. */
const fewAccounts = process.env['L2_BENCH_FEW'] === '1'
const longHistory = { wasm: 100_000, native: 10_000 }
/** V8 compiles the engine for good while it works: an empty block of a worker that has just started costs several times what it does later, at any size. */
const warmEmptyBlocks = 300
/** The same transfers again and again, in blocks beside each other on the genesis: V8 takes thousands of transactions until it has compiled the engine for good. */
const warmBlocks = 40
const measuredBlocks = 40
const perBlock = 500

// --- the chain

const senders = Array.from({ length: 100 }, (_, index) =>
  privateKeyToAccount(`0x${(index + 1).toString(16).padStart(64, '0')}`),
)
const filler: Address = '0x00000000000000000000000000000000000f111e'
/** Sends a wei each to as many fresh addresses as word 1 says, counted up from word 0. */
const fill: Hex = `0x${[
  '600035806020350190', // end, i
  '5b81811015602157', // 9: leave to 0x21 unless i < end
  '5f5f5f5f6001855ff150', // call(0, i, 1, 0, 0, 0, 0)
  '600101600956', // i + 1, again
  '5b00',
].join('')}`

function alloc(accounts: number) {
  const funded = Object.fromEntries(senders.map(({ address }) => [address, { balance: 10n ** 21n }]))
  const others = Object.fromEntries(
    Array.from({ length: accounts }, (_, index) => [
      `0x${(index + 0x1000_0000).toString(16).padStart(40, '0')}`,
      { balance: 10n ** 18n },
    ]),
  )
  return { ...others, ...funded, [filler]: { code: fill, balance: 10n ** 18n } }
}

function genesisFile(name: string, accounts: number, family: 'op' | 'plain'): string {
  const path = join(folder, `${name}-${accounts}-${family}.json`)
  const genesis = opGenesis({ chainId: 901n, timestamp: genesisTimeSeconds, gasLimit, alloc: alloc(accounts) })
  if (family === 'plain') {
    // Without the OP Stack's upgrades, and before Prague, which wants system contracts.
    const ofOp = /^(bedrock|regolith|canyon|ecotone|fjord|granite|holocene|isthmus|jovian|prague|optimism)/
    const config = Object.fromEntries(Object.entries(genesis.config).filter(([key]) => !ofOp.test(key)))
    const blobSchedule = { cancun: { target: 3, max: 6, baseFeeUpdateFraction: 3_338_477 } }
    writeFileSync(path, JSON.stringify({ ...genesis, extraData: '0x', config: { ...config, blobSchedule } }))
  } else writeFileSync(path, JSON.stringify(genesis))
  return path
}

const rollup = newRollup({
  l1ChainId: 900n,
  l2ChainId: 901n,
  genesis: {
    l1: { number: 1n, hash: zeroHash },
    l2: { number: 0n, hash: zeroHash },
    l2TimeSeconds: genesisTimeSeconds,
  },
  batcher: senders[0]!.address,
  batchInbox: senders[0]!.address,
  depositContract: senders[0]!.address,
  systemConfigContract: senders[0]!.address,
})
const l1 = { number: 1n, hash: zeroHash, parentHash: zeroHash, timestamp: 0n, mixHash: zeroHash }
const origin = { ...l1, baseFeePerGas: 1n, blobBaseFee: 1n, parentBeaconBlockRoot: zeroHash }

function attributesOf(
  parent: ExecutedBlock,
  list: readonly Uint8Array[],
  subject: Subject,
  limit = gasLimit,
): PayloadAttributes {
  const timestamp = parent.timestamp + blockTime
  const info = encodeL1InfoDeposit(rollup, rollup.genesis.systemConfig, origin, parent.number, timestamp)
  const transactions = [info, ...list]
  return {
    timestamp,
    prevRandao: zeroHash,
    suggestedFeeRecipient: '0x4200000000000000000000000000000000000011',
    withdrawals: [],
    parentBeaconBlockRoot: zeroHash,
    transactions,
    noTxPool: true,
    gasLimit: limit,
    eip1559Params: '0x0000000000000000',
    minBaseFee: 0n,
    ...(subject.handsOver
      ? { senders: transactions.map((_, index) => (index === 0 ? undefined : senderOf(index - 1))) }
      : {}),
  }
}
const senderOf = (index: number): Address => senders[index % senders.length]!.address

const transfers = await Promise.all(
  Array.from({ length: perBlock }, async (_, index) => {
    const raw = await senders[index % senders.length]!.signTransaction({
      type: 'eip1559',
      chainId: 901,
      nonce: Math.floor(index / senders.length),
      gas: 21_000n,
      maxFeePerGas: 50_000_000_000n,
      maxPriorityFeePerGas: 1n,
      value: 1n,
      to: `0x${(index + 0x777777).toString(16).padStart(40, '2')}`,
    })
    return hexToBytes(raw)
  }),
)

// --- engines

type Subject = {
  readonly name: string
  readonly handsOver: boolean
  readonly isOurs: boolean
  /** With so many accounts in its genesis; the folder may hold what an earlier start left. */
  start(genesisAccounts: number, path: string): Promise<{ engine: ExecutionEngine; close(): Promise<void> }>
}

const anvil: Subject = {
  name: 'anvil',
  handsOver: false,
  isOurs: false,
  async start(accounts) {
    const genesisPath = genesisFile('anvil', accounts, 'plain')
    const child = await spawnAnvil({
      ...{
        binary: anvilBinary(new URL('../../sequencer-core/package.json', import.meta.url)) ?? '',
        chainId: 901n,
        genesisPath,
        maxStates: 32,
      },
      startTimeoutMs: 300_000,
    })
    return { engine: await createAnvilEngine({ url: child.url, timeoutMs: 600_000 }), close: () => child.close() }
  },
}
const opEngine = (name: string, kind: 'wasm' | 'native', file: string, handsOver: boolean): Subject => ({
  name,
  handsOver,
  isOurs: true,
  async start(accounts, path) {
    const genesis = readFileSync(genesisFile('op', accounts, 'op'), 'utf8')
    const history = { states: 0, bodies: 0 }
    const engine = await createOpEngine({ genesis, engine: kind, file, store: { path }, history })
    return { engine, close: () => engine.close() }
  },
})
const opGeth = (binary: string): Subject => ({
  name: 'op-geth, Engine API',
  handsOver: false,
  isOurs: false,
  async start(accounts, dataDir) {
    const genesisPath = genesisFile('op', accounts, 'op')
    const geth = await spawnOpGeth({ binary, dataDir, genesisPath, chainId: 901n, states: 0 })
    const { engineUrl, rpcUrl, jwtSecret } = geth
    return {
      engine: await createEngineApi({ engineUrl, rpcUrl, jwtSecret, mode: 'op-stack' }),
      close: () => geth.close(),
    }
  },
})
const wanted = process.env['L2_BENCH_ENGINES']?.split(',')
const has = (key: string): boolean => wanted === undefined || wanted.includes(key)
const subjects: [key: string, subject: Subject][] = []
if (has('anvil')) subjects.push(['anvil', anvil])
const wasm = has('wasm') ? await findEngineFile('wasm') : undefined
if (wasm !== undefined) {
  subjects.push(['wasm', opEngine('op-engine (WASM), senders handed over', 'wasm', wasm, true)])
  subjects.push(['wasm-recovering', opEngine('op-engine (WASM), recovering them', 'wasm', wasm, false)])
}
const native = has('native') ? await findEngineFile('native') : undefined
if (native !== undefined) {
  subjects.push(['native', opEngine('op-engine (native), senders handed over', 'native', native, true)])
}
const binary = has('op-geth') ? goProgram('op-geth', { build: false }) : undefined
if (binary !== undefined) subjects.push(['op-geth', opGeth(binary)])

// --- measuring

/** User and system time, ms: of this process with its threads, and of all its descendants. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  const stats = readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(name => {
      try {
        const text = readFileSync(`/proc/${name}/stat`, 'latin1')
        const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
        return [{ pid: Number(name), parent: Number(fields[1]), ms: 10 * (Number(fields[11]) + Number(fields[12])) }]
      } catch {
        return []
      }
    })
  const ours = new Set([process.pid])
  for (let size = 0; size < ours.size; ) {
    size = ours.size
    for (const { pid, parent } of stats) if (ours.has(parent)) ours.add(pid)
  }
  ours.delete(process.pid)
  return (user + system) / 1000 + stats.filter(({ pid }) => ours.has(pid)).reduce((sum, { ms }) => sum + ms, 0)
}

const bytesOf = (path: string): number =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath ?? entry.path, entry.name)).size, 0)

/** Builds and adopts blocks on the head. */
async function grow(
  engine: ExecutionEngine,
  subject: Subject,
  blocks: readonly (readonly Uint8Array[])[],
  limit?: bigint,
) {
  let parent = (await engine.block('latest'))!
  for (const list of blocks) {
    parent = await engine.build(parent.hash, attributesOf(parent, list, subject, limit))
    await engine.setHead({ head: parent.hash, safe: zeroHash, finalized: zeroHash })
  }
}
const empty = (count: number): Uint8Array[][] => Array.from({ length: count }, () => [])

async function emptyBlockMs(engine: ExecutionEngine, subject: Subject, count: number): Promise<number> {
  await grow(engine, subject, empty(subject.isOurs ? warmEmptyBlocks : Math.max(1, count >> 2)))
  const before = cpuMs()
  await grow(engine, subject, empty(count))
  return (cpuMs() - before) / count
}

const round = (value: number | undefined, digits = 1) => (value === undefined ? '–' : value.toFixed(digits))
console.log(
  '| engine | tx/s by CPU | to anvil | empty block, CPU ms: 10 | 20,000 | 10^6 accounts | 10^6 to 10 | bytes an empty block | a transaction |',
)
console.log('|---|---|---|---|---|---|---|---|---|')
let anvilPerSecond: number | undefined
let started = 0
for (const [key, subject] of subjects) {
  const isOnDisk = key !== 'anvil'
  const path = join(folder, String(started++))
  const small = await subject.start(10, path)
  const genesis = (await small.engine.block('latest'))!
  const beside = async (count: number, from: number): Promise<void> => {
    for (let index = from; index < from + count; index++) {
      const attributes = attributesOf(genesis, transfers, subject)
      await small.engine.build(genesis.hash, { ...attributes, timestamp: genesis.timestamp + BigInt(1 + index) })
    }
  }
  await beside(warmBlocks, 0)
  const before = cpuMs()
  await beside(measuredBlocks, warmBlocks)
  const perSecond = (measuredBlocks * perBlock * 1000) / (cpuMs() - before)
  await small.close()

  // What is on disk is looked at when the engine has put it there.
  const sizes: number[] = []
  const fresh = join(folder, String(started++))
  for (const list of [[], [transfers], empty(400)]) {
    const { engine, close } = await subject.start(10, fresh)
    await grow(engine, subject, list)
    await close()
    if (isOnDisk) sizes.push(bytesOf(fresh))
  }
  const [atStart, withTransfers, withEmpty] = sizes
  const txBytes = isOnDisk ? (withTransfers! - atStart!) / perBlock : undefined
  const emptyBytes = isOnDisk ? (withEmpty! - withTransfers!) / 400 : undefined

  const again = await subject.start(10, fresh)
  const at10 = await emptyBlockMs(again.engine, subject, 100)
  await again.close()
  const middle = await subject.start(20_000, join(folder, String(started++)))
  const at20k = await emptyBlockMs(middle.engine, subject, 60)
  await middle.close()

  const at1m =
    fewAccounts || key === 'wasm-recovering' || key === 'op-geth' ? undefined : await atAMillion(key, subject)
  if (key === 'anvil') anvilPerSecond = perSecond
  const cells = [
    round(perSecond, 0),
    round(anvilPerSecond === undefined ? undefined : perSecond / anvilPerSecond, 2),
    ...[at10, at20k, at1m, at1m === undefined ? undefined : at1m / at10].map(value => round(value)),
    ...[emptyBytes, txBytes].map(value => round(value, 0)),
  ]
  console.log(`| ${subject.name} | ${cells.join(' | ')} |`)
}

/** An engine of ours is filled by a contract in blocks of a billion gas, and opened again; anvil takes them from its genesis file. */
async function atAMillion(key: string, subject: Subject): Promise<number> {
  const path = join(folder, String(started++))
  if (key === 'anvil') {
    const { engine, close } = await subject.start(1_000_000, path)
    const ms = await emptyBlockMs(engine, subject, 3)
    await close()
    return ms
  }
  const first = await subject.start(10, path)
  const perFill = 25_000
  const limit = 1_000_000_000n
  for (let made = 0; made < 1_000_000; made += perFill) {
    const raw = await senders[0]!.signTransaction({
      type: 'eip1559',
      chainId: 901,
      nonce: made / perFill,
      gas: limit - 5_000_000n,
      maxFeePerGas: 100_000_000_000n,
      maxPriorityFeePerGas: 0n,
      to: filler,
      data: `0x${(0x9000_0000 + made).toString(16).padStart(64, '0')}${perFill.toString(16).padStart(64, '0')}`,
    })
    await grow(first.engine, subject, [[hexToBytes(raw)]], limit)
  }
  const [{ balanceWei } = { balanceWei: 0n }] = await first.engine.accounts!([
    `0x${(0x9000_0000 + 999_999).toString(16).padStart(40, '0')}`,
  ])
  if (balanceWei !== 1n) throw new Error('the accounts were not made')
  await first.close()
  const again = await subject.start(10, path)
  const ms = await emptyBlockMs(again.engine, subject, 60)
  await again.close()
  return ms
}

/** CPU and wall of opening a store of so many blocks, the best of five. */
async function openingMs(subject: Subject, path: string, head = 1000n): Promise<{ cpu: number; wall: number }> {
  const tries: { cpu: number; wall: number }[] = []
  for (let round = 0; round < 5; round++) {
    const [cpu, wall] = [cpuMs(), performance.now()]
    const { engine, close } = await subject.start(10, path)
    const latest = await engine.block('latest')
    if (latest?.number !== head) throw new Error(`the store was opened at ${latest?.number}`)
    tries.push({ cpu: cpuMs() - cpu, wall: performance.now() - wall })
    await close()
  }
  const least = (key: 'cpu' | 'wall') => Math.min(...tries.map(each => each[key]))
  return { cpu: least('cpu'), wall: least('wall') }
}

for (const [key, subject] of subjects) {
  if (key !== 'wasm' && key !== 'native') continue
  const path = join(folder, `opening-${key}`)
  const blocks = longHistory[key]
  const first = await subject.start(10, path)
  await grow(first.engine, subject, empty(1000))
  await first.close()
  const short = await openingMs(subject, path)
  if (key === 'wasm') await lengthenChain(path, blocks)
  else {
    const second = await subject.start(10, path)
    await grow(second.engine, subject, empty(blocks - 1000))
    await second.close()
  }
  const long = await openingMs(subject, path, BigInt(blocks))
  console.log(
    `${subject.name}: opening at 1,000 blocks ${round(short.cpu)} ms CPU, ${round(short.wall)} ms; at ${blocks} blocks ${round(long.cpu)} ms CPU, ${round(long.wall)} ms: ${round(long.cpu / short.cpu, 2)} and ${round(long.wall / short.wall, 2)} times`,
  )
}
rmSync(folder, { recursive: true, force: true })
