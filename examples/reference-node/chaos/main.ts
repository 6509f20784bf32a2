// npm run chaos -- --operators 4 --seed N --for 120s: operators on one machine with users at their doors, and everything that can happen to them; then a table of
// what it took, and whether what is promised was kept. The order of faults follows from the seed; what happens meanwhile is real. --only TEXT: the faults with it
// in their name, again and again; --keep: the homes stay, to be looked at; --times: missed times count.
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { mountSmallDisk, seededRandom } from '@l2/common/testing'
import { createParts } from '@l2/node'
import { startOperatorNetwork } from '../src/operators/network.js'
import { startTraffic } from '../src/traffic/traffic.js'
import { type Chaos, type Fault, type Figure, spanUntil } from './fault.js'
import { faults } from './faults.js'
import { createLinks, type Links } from './proxy.js'
import { openReceipts } from './receipts.js'
import { openWatch } from './watch.js'

const { values } = parseArgs({
  args: process.argv.slice(2).filter(argument => argument !== '--'),
  options: {
    operators: { type: 'string', default: '4' },
    seed: { type: 'string', default: '1' },
    for: { type: 'string', default: '120s' },
    times: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    keep: { type: 'boolean', default: false },
  },
})

/**
 * What is promised on a machine of its own: the median and the worst of a figure, milliseconds. Where it is missed the table says so, and the run fails with
 * `--times` alone: on a machine that others use it tells of them.
 */
const promised: Readonly<Record<string, { median?: number; worst: number }>> = {
  'leader killed → next block': { median: 5_000, worst: 15_000 },
  'leader stopped → next block': { median: 5_000, worst: 15_000 },
  'two down, started → settles': { worst: 15_000 },
}

const startMs = 180_000
const chainId = 901
/** Transactions of all users together. */
const perSecond = 4
const diskBytes = 512 << 20

/** Operators reach each other through links that can be held up: each has the others' addresses in its own genesis. */
async function lead(homes: readonly string[], links: Links): Promise<void> {
  type Entry = { id: number; cometAddress: string; gossipAddresses: string[] }
  for (const [index, home] of homes.entries()) {
    const path = join(home, 'genesis.json')
    const genesis = JSON.parse(readFileSync(path, 'utf8')) as { operators: Entry[] }
    for (const entry of genesis.operators) {
      if (entry.id === index + 1) continue
      const [node, host, port] = entry.cometAddress.split(/[@:]/) as [string, string, string]
      const comet = await links.open(index + 1, entry.id, { host, port: Number(port) })
      entry.cometAddress = `${node}@127.0.0.1:${comet.port}`
      entry.gossipAddresses = await Promise.all(
        entry.gossipAddresses.map(async address => {
          const [, , to, , gossipPort] = address.split('/') as [string, string, string, string, string]
          const link = await links.open(index + 1, entry.id, { host: to, port: Number(gossipPort) })
          return `/ip4/127.0.0.1/tcp/${link.port}`
        }),
      )
    }
    writeFileSync(path, JSON.stringify(genesis))
  }
}

/** Ctrl-C: no further fault; one that comes later does not wait for what was begun. A terminal gives it to the whole group, so that it comes twice. */
let interrupted = false
let interruptedAt = 0
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (interrupted && performance.now() - interruptedAt > 1_000) process.exit(130)
    if (!interrupted) interruptedAt = performance.now()
    interrupted = true
  })
}

/** Puts a home on a disk of its own, which can be filled; only root of Linux may. */
function ownDisk(home: string): ReturnType<typeof mountSmallDisk> {
  const disk = mountSmallDisk(diskBytes)
  if (disk === undefined) return undefined
  cpSync(home, join(disk.path, 'home'), { recursive: true })
  rmSync(home, { recursive: true })
  symlinkSync(join(disk.path, 'home'), home)
  return disk
}

async function run(): Promise<number> {
  const seconds = Number(/^(\d+)s?$/.exec(values.for)?.[1] ?? Number.NaN)
  const count = Number(values.operators)
  if (!(seconds > 0) || !(count >= 4 && count <= 16)) {
    console.error('chaos --operators 4…16 --seed N --for 120s')
    return 2
  }
  const began = performance.now()
  const say = (line: string): void =>
    console.log(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${line}`)
  const data = mkdtempSync(join(tmpdir(), 'l2-chaos-'))
  const parts = createParts()
  const links = createLinks()
  parts.own(links)
  const random = seededRandom(Number(values.seed))
  const problems: string[] = []
  const figures: Figure[] = []
  const done = new Map<string, number>()
  const convicted: Chaos['convicted'] = new Set()
  let disk: Chaos['disk']
  try {
    say(`seed ${values.seed}: ${count} operators for ${seconds} s`)
    const network = await startOperatorNetwork(
      { data, chainId, operators: count },
      message => (values.verbose ? say(message) : undefined),
      parts,
      {
        program: ['--import=tsx', fileURLToPath(new URL('./operator.ts', import.meta.url))],
        async prepare(homes) {
          await lead(homes, links)
          const operator = 1 + random.below(count)
          const own = ownDisk(homes[operator - 1]!)
          if (own !== undefined) disk = { operator, disk: own }
        },
      },
    )
    const watch = openWatch(network.operators)
    parts.own(watch)
    const { operators, l1Url } = network
    const chaos: Chaos = { operators, l1Url, links, watch, disk, random, say, convicted }
    await spanUntil('the first settled blocks', startMs, () => {
      const ended = network.operators.find(({ isRunning }) => !isRunning)
      if (ended !== undefined) throw new Error(`operator ${ended.id} ended: ${ended.words().at(-1)}`)
      return watch.views().size === count && watch.milestone() > 5n
    })
    say(`block ${watch.milestone()} is settled`)
    let refusals = 0
    const traffic = startTraffic({
      rpcUrls: operators.map(({ rpcUrl }) => rpcUrl),
      ...{ chainId, perSecond },
      // Operators are down, and users are told so.
      onError: () => void refusals++,
    })
    parts.own({ close: traffic.stop })
    const receipts = openReceipts(traffic, operators, watch)
    parts.own(receipts)
    watch.onRevoking(receipts.forget)
    // Its first steps are at every door: nobody goes away before.
    await spanUntil('the first transactions', startMs, () => traffic.sent.size > 2 * count)

    const harm = async (fault: Fault): Promise<void> => {
      say(fault.name)
      done.set(fault.name, (done.get(fault.name) ?? 0) + 1)
      try {
        const measured = await fault.run(chaos)
        figures.push(...measured)
        for (const { what, ms } of measured) say(`  ${what}: ${(ms / 1000).toFixed(2)} s`)
      } catch (error) {
        problems.push(`${fault.name}: ${(error as Error).message}`)
        say(`  ${(error as Error).message}`)
        for (const { id, words } of operators) for (const line of words()) say(`  operator ${id}: ${line}`)
      }
      links.heal()
      for (const operator of network.operators) {
        await operator.signal('SIGCONT')
        operator.start()
      }
      await spanUntil('all are back', startMs, () => watch.views().size === count)
    }
    const end = performance.now() + seconds * 1000
    const wanted = faults.filter(({ name }) => name.includes(values.only))
    const first = wanted.filter(({ last }) => last !== true)
    while (first.length > 0 && performance.now() < end && !interrupted) await harm(pick(first, random, done))
    const last = wanted.filter(fault => fault.last === true)
    // Whoever does these is lost to the rest of the run.
    const mayGo = Math.min(last.length, Math.ceil(count / 3) - 1)
    for (let i = 0; i < mayGo && !interrupted; i++) await harm(last[(Number(values.seed) + i) % last.length]!)

    const settled = watch.milestone()
    await spanUntil('a settled block after everything', startMs, () => watch.milestone() > settled)
    await traffic.stop()
    problems.push(...(await receipts.check()))
    const compared = await watch.compare()
    for (const { jailed } of watch.views().values()) {
      for (const id of jailed) if (!convicted.has(id)) problems.push(`operator ${id} is innocent, and jailed`)
    }
    problems.push(...watch.violations)
    const users = `${traffic.sent.size} transactions were taken by ${count} doors and ${refusals} refused; ${receipts.settled} are settled`
    const missed = report({ figures, done, problems, compared, settled: watch.milestone(), users })
    if (values.times) problems.push(...missed)
  } catch (error) {
    problems.push((error as Error).message)
    console.error((error as Error).message)
  } finally {
    await parts.close()
    if (disk !== undefined && values.keep)
      cpSync(join(disk.disk.path, 'home'), join(data, 'home-on-disk'), { recursive: true })
    disk?.disk.unmount()
    if (values.keep) console.log(`kept: ${data}`)
    else rmSync(data, { recursive: true, force: true })
  }
  return problems.length === 0 ? 0 : 1
}

/** The next fault: those that have not been done come first, so that a short run has seen most. */
function pick(free: readonly Fault[], random: Chaos['random'], done: ReadonlyMap<string, number>): Fault {
  const fewest = Math.min(...free.map(({ name }) => done.get(name) ?? 0))
  const fresh = free.filter(({ name }) => (done.get(name) ?? 0) === fewest)
  const total = fresh.reduce((sum, { weight }) => sum + weight, 0)
  let at = random.below(total)
  return fresh.find(({ weight }) => (at -= weight) < 0)!
}

function report(run: {
  figures: readonly Figure[]
  done: ReadonlyMap<string, number>
  problems: string[]
  compared: number
  settled: bigint
  users: string
}): string[] {
  const missed: string[] = []
  const byWhat = new Map<string, number[]>()
  for (const { what, ms } of run.figures) byWhat.set(what, [...(byWhat.get(what) ?? []), ms])
  console.log('\n| what | times | median | worst | promised |\n| --- | ---: | ---: | ---: | --- |')
  const inSeconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`
  for (const [what, spans] of [...byWhat].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const sorted = [...spans].sort((a, b) => a - b)
    const [median, worst] = [sorted[sorted.length >> 1]!, sorted.at(-1)!]
    const promise = promised[what]
    const text =
      promise === undefined
        ? ''
        : `${promise.median === undefined ? '' : `${promise.median / 1000} s, `}${promise.worst / 1000} s at worst`
    console.log(`| ${what} | ${spans.length} | ${inSeconds(median)} | ${inSeconds(worst)} | ${text} |`)
    if (promise === undefined) continue
    if (worst > promise.worst) missed.push(`${what}: ${inSeconds(worst)} at worst`)
    if (median > (promise.median ?? Number.POSITIVE_INFINITY))
      missed.push(`${what}: ${inSeconds(median)} at the median`)
  }
  console.log(`\n${[...run.done].map(([name, times]) => `${name}: ${times}`).join(', ')}`)
  console.log(`block ${run.settled} is settled; ${run.compared} settled blocks were compared over the operators`)
  console.log(run.users)
  for (const problem of run.problems) console.log(`not kept: ${problem}`)
  for (const time of missed) console.log(`slower than promised: ${time}`)
  return missed
}

run().then(
  code => process.exit(code),
  error => {
    console.error(error)
    process.exit(1)
  },
)
