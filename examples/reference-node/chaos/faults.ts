import { readdirSync, readFileSync } from 'node:fs'
import type { SmallDisk, seededRandom } from '@l2/common/testing'
import type { OperatorProcess } from '../src/operators/network.js'
import { signTwice } from './double-header.js'
import type { Links } from './proxy.js'
import { ask, type Watch } from './watch.js'

export type Chaos = {
  readonly operators: readonly OperatorProcess[]
  readonly l1Url: string
  readonly links: Links
  readonly watch: Watch
  /** Of the one operator whose home lies on a disk of its own, where this machine lets us have one. */
  readonly disk: { readonly operator: number; readonly disk: SmallDisk } | undefined
  readonly random: ReturnType<typeof seededRandom>
  readonly say: (line: string) => void
}

/** What a fault measured: a span, against what it may be at most. */
export type Figure = { readonly what: string; readonly ms: number }

/** One kind of fault: does its harm, waits for what must come after it, and answers what it measured. */
export type Fault = {
  readonly name: string
  /** How often it comes up beside the others. */
  readonly weight: number
  /** Done once, after all others: it costs an operator for good, and of four no further one may be down then. */
  readonly last?: boolean
  readonly run: (chaos: Chaos) => Promise<readonly Figure[]>
}

export const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** Waits for something, and how long that took. @throws Error after `mostMs` */
export async function spanUntil(what: string, mostMs: number, is: () => boolean): Promise<number> {
  const from = performance.now()
  while (!is()) {
    if (performance.now() - from > mostMs) throw new Error(`not within ${mostMs / 1000} s: ${what}`)
    await sleep(50)
  }
  return performance.now() - from
}

/** Who leads, by the word of most who answer. */
function leaderOf({ watch, operators }: Chaos): OperatorProcess {
  const votes = new Map<number, number>()
  for (const { leader } of watch.views().values()) if (leader !== null) votes.set(leader, (votes.get(leader) ?? 0) + 1)
  const [id] = [...votes].sort((a, b) => b[1] - a[1])[0] ?? []
  const found = operators.find(operator => operator.id === id)
  if (found === undefined) throw new Error('nobody leads')
  return found
}

/** Programs that an operator has started, by their parent. */
function childrenOf(pid: number): { pid: number; name: string }[] {
  return readdirSync('/proc').flatMap(entry => {
    if (!/^\d+$/.test(entry)) return []
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8')
      const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
      return parent === pid ? [{ pid: Number(entry), name }] : []
    } catch {
      return []
    }
  })
}

/** How long nobody may build and nothing may settle after a fault that leaves more than two thirds: bounds of a hang, not of a promise. */
const hangMs = 60_000

/** How long a block may have been on its way when its leader fell silent: it is not the next one. */
const inFlightMs = 500

/** From now until somebody else has a block that the silent leader has not made. */
async function nextBlock(chaos: Chaos, without: readonly number[]): Promise<number> {
  const { watch } = chaos
  const from = performance.now()
  await sleep(inFlightMs)
  const head = watch.head(without)
  await spanUntil('the next block', hangMs, () => watch.head(without) > head)
  return performance.now() - from
}

async function settlesAgain({ watch }: Chaos, what: string): Promise<number> {
  const milestone = watch.milestone()
  return await spanUntil(what, hangMs, () => watch.milestone() > milestone)
}

/** Begins a program again and waits until it answers and has what the others have settled. */
async function comesBack({ watch }: Chaos, operator: OperatorProcess): Promise<void> {
  operator.start()
  const now = [...watch.views().values()].reduce(
    (most, { controlHeight }) => (controlHeight > most ? controlHeight : most),
    0n,
  )
  await spanUntil(`operator ${operator.id} is back`, 2 * hangMs, () => {
    // That it answers is not enough: it has control blocks that were made since.
    return (watch.views().get(operator.id)?.controlHeight ?? 0n) > now + 1n
  })
}

const killLeader: Fault = {
  name: 'leader killed',
  weight: 4,
  async run(chaos) {
    const leader = leaderOf(chaos)
    await leader.signal('SIGKILL')
    const ms = await nextBlock(chaos, [leader.id])
    await comesBack(chaos, leader)
    return [{ what: 'leader killed → next block', ms }]
  },
}

const freezeLeader: Fault = {
  name: 'leader stopped and thawed',
  weight: 3,
  async run(chaos) {
    const leader = leaderOf(chaos)
    await leader.signal('SIGSTOP')
    try {
      return [{ what: 'leader stopped → next block', ms: await nextBlock(chaos, [leader.id]) }]
    } finally {
      await leader.signal('SIGCONT')
    }
  },
}

const cutLeader: Fault = {
  name: 'leader cut off from the others',
  weight: 2,
  async run(chaos) {
    const { links } = chaos
    const leader = leaderOf(chaos)
    links.isolate(leader.id)
    try {
      const milestone = chaos.watch.milestone()
      const ms = await spanUntil(
        'a settled block of the others',
        hangMs,
        () => chaos.watch.milestone() > milestone + 4n,
      )
      return [{ what: 'leader cut off → four more settled', ms }]
    } finally {
      links.heal()
    }
  },
}

const late: Fault = {
  name: 'everything late',
  weight: 2,
  async run(chaos) {
    const ms = 100 + chaos.random.below(300)
    chaos.say(`  every byte ${ms} ms late`)
    chaos.links.delay(ms)
    try {
      return [{ what: 'late by 100 … 400 ms → settles', ms: await settlesAgain(chaos, 'a settled block, late') }]
    } finally {
      chaos.links.heal()
    }
  },
}

const killPart: Fault = {
  name: 'a program of an operator killed',
  weight: 3,
  async run(chaos) {
    const operator = chaos.random.pick(chaos.operators.filter(({ isRunning }) => isRunning))
    const children = childrenOf(operator.pid!)
    if (children.length === 0) throw new Error(`operator ${operator.id} runs nothing`)
    const child = chaos.random.pick(children)
    chaos.say(`  ${child.name} of operator ${operator.id}`)
    process.kill(child.pid, 'SIGKILL')
    const ms = await settlesAgain(chaos, `a settled block after ${child.name} was killed`)
    await comesBack(chaos, operator)
    return [{ what: 'a part killed → settles', ms }]
  },
}

const twoDown: Fault = {
  name: 'two of four down',
  weight: 2,
  async run(chaos) {
    const { operators, watch } = chaos
    // As many as hold a third or more.
    const down = operators.slice(0, Math.ceil(operators.length / 3))
    await Promise.all(down.map(operator => operator.signal('SIGKILL')))
    // What was voted for before they died may still come.
    await sleep(2_000)
    const milestone = watch.milestone()
    await sleep(4_000)
    if (watch.milestone() > milestone) throw new Error('a block is settled without more than two thirds')
    const from = performance.now()
    await Promise.all(down.map(operator => comesBack(chaos, operator)))
    const up = performance.now() - from
    await spanUntil('a settled block', hangMs, () => watch.milestone() > milestone)
    return [
      { what: 'two down, started → both answer', ms: up },
      { what: 'two down, started → settles', ms: performance.now() - from },
    ]
  },
}

const diskFull: Fault = {
  name: 'a disk full',
  weight: 2,
  async run(chaos) {
    if (chaos.disk === undefined) {
      chaos.say('  not here: no disk can be mounted')
      return []
    }
    const { disk, operator: id } = chaos.disk
    const operator = chaos.operators.find(one => one.id === id)!
    disk.fill()
    try {
      return [{ what: 'one disk full → settles', ms: await settlesAgain(chaos, 'a settled block of the others') }]
    } finally {
      disk.free()
      await comesBack(chaos, operator)
    }
  },
}

const reorg: Fault = {
  name: 'L1 takes blocks back',
  weight: 3,
  async run(chaos) {
    const depth = chaos.random.pick([1, 3, 20])
    chaos.say(`  ${depth} blocks`)
    const { watch } = chaos
    const take = async (): Promise<number> => {
      const milestone = watch.milestone()
      await ask(chaos.l1Url, 'anvil_reorg', [depth, []])
      // What was on its way when L1 went back may still settle: eight blocks more are of the new branch.
      return await spanUntil('eight more settled blocks everywhere', hangMs, () =>
        [...watch.views().values()].every(view => view.milestone.number > milestone + 8n),
      )
    }
    // One block deep, named blocks have a confirmation: nothing that is settled may go. Deeper, the operators revoke it.
    const ms = depth === 1 ? await take() : await watch.whileRevoking(take)
    return [{ what: `L1 reorg of ${depth} → eight more settled`, ms }]
  },
}

const twoHeaders: Fault = {
  name: 'an operator signs two headers',
  weight: 1,
  last: true,
  async run(chaos) {
    const { operators, watch, random } = chaos
    const liar = random.pick(operators)
    const witness = operators.find(({ id }) => id !== liar.id)!
    const highest = () =>
      [...watch.views().values()].reduce((most, { controlHeight }) => (controlHeight > most ? controlHeight : most), 0n)
    const from = highest()
    await signTwice(liar, witness, [...watch.views().values()][0]?.term ?? 0)
    convicted.add(liar.id)
    const ms = await spanUntil(`operator ${liar.id} is jailed`, hangMs, () =>
      [...watch.views()].every(([id, view]) => id === liar.id || view.jailed.includes(liar.id)),
    )
    const blocks = highest() - from
    chaos.say(`  operator ${liar.id}, jailed ${blocks} control blocks later as seen from outside`)
    return [
      { what: 'two headers → jailed everywhere', ms },
      { what: 'jailed → settles', ms: await settlesAgain(chaos, 'a settled block without the liar') },
    ]
  },
}

/** Whom this run has made guilty: nobody else may ever be jailed. */
export const convicted = new Set<number>()

export const faults: readonly Fault[] = [
  killLeader,
  freezeLeader,
  cutLeader,
  late,
  killPart,
  twoDown,
  diskFull,
  reorg,
  twoHeaders,
]
