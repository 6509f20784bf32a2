import { childrenOf } from './children.js'
import { comesBack, type Fault, hangMs, leaderOf, nextBlock, settlesAgain, sleep, spanUntil } from './fault.js'
import { liars } from './liars.js'
import { ask } from './watch.js'

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

const hushLeader: Fault = {
  name: 'leader not heard, and hears nobody',
  weight: 2,
  async run(chaos) {
    const { links, watch } = chaos
    const leader = leaderOf(chaos)
    links.hush(leader.id)
    try {
      const milestone = watch.milestone()
      const ms = await spanUntil('a settled block of the others', hangMs, () => watch.milestone() > milestone + 4n)
      return [{ what: 'leader not heard → four more settled', ms }]
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

export const faults: readonly Fault[] = [
  killLeader,
  freezeLeader,
  cutLeader,
  hushLeader,
  late,
  killPart,
  twoDown,
  diskFull,
  reorg,
  ...liars,
]
