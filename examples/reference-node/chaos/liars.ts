import { signTwice } from './double-header.js'
import { signDoubleVote } from './double-vote.js'
import { type Chaos, type Fault, type Figure, hangMs, leaderOf, settlesAgain, spanUntil } from './fault.js'
import { beginToLie, beHonest } from './lies.js'

const controlHeight = ({ watch }: Chaos): bigint =>
  [...watch.views().values()].reduce((most, { controlHeight }) => (controlHeight > most ? controlHeight : most), 0n)

/** From a crime to the day when every other operator has jailed who did it. */
async function isJailed(chaos: Chaos, id: number, what: string, commit: () => Promise<void>): Promise<Figure[]> {
  const { watch, say, convicted } = chaos
  const from = controlHeight(chaos)
  convicted.add(id)
  await commit()
  const ms = await spanUntil(`operator ${id} is jailed`, hangMs, () =>
    [...watch.views()].every(([other, { jailed }]) => other === id || jailed.includes(id)),
  )
  say(`  operator ${id}, jailed ${controlHeight(chaos) - from} control blocks later as seen from outside`)
  return [
    { what: `${what} → jailed everywhere`, ms },
    { what: 'jailed → settles', ms: await settlesAgain(chaos, 'a settled block without the liar') },
  ]
}

/** Somebody who may still be convicted, and somebody else to whom the evidence is given. */
function pair({ operators, random, convicted }: Chaos) {
  const liar = random.pick(operators.filter(({ id }) => !convicted.has(id)))
  return { liar, witness: operators.find(({ id }) => id !== liar.id && !convicted.has(id))! }
}

const lyingLists: Fault = {
  name: 'an operator lies in its vote extensions',
  weight: 2,
  async run(chaos) {
    const { watch, random, operators, convicted, say } = chaos
    const liar = random.pick(operators.filter(({ id }) => !convicted.has(id)))
    say(`  operator ${liar.id}`)
    const milestone = watch.milestone()
    const height = controlHeight(chaos)
    beginToLie(liar.home, 'lists')
    try {
      // Every lie that there is, twice, and blocks that settle all the same.
      const ms = await spanUntil('eight more settled blocks in twelve control blocks of lies', hangMs, () => {
        return watch.milestone() > milestone + 8n && controlHeight(chaos) > height + 12n
      })
      return [{ what: 'lies in extensions, twelve of them → eight more settled', ms }]
    } finally {
      beHonest(liar.home)
    }
  },
}

const withheld: Fault = {
  name: 'the leader withholds its payloads',
  weight: 2,
  async run(chaos) {
    const { watch } = chaos
    const leader = leaderOf(chaos)
    const term = Math.max(...[...watch.views().values()].map(view => view.term))
    beginToLie(leader.home, 'withheld')
    try {
      const ms = await spanUntil('the next term', hangMs, () => {
        return [...watch.views()].every(([id, view]) => id === leader.id || view.term > term)
      })
      return [
        { what: 'payloads withheld → next term', ms },
        { what: 'next term → settles', ms: await settlesAgain(chaos, 'a settled block of the next leader') },
      ]
    } finally {
      beHonest(leader.home)
    }
  },
}

const falseState: Fault = {
  name: 'the leader signs a state root that is none',
  weight: 1,
  last: true,
  async run(chaos) {
    const leader = leaderOf(chaos)
    try {
      return await isJailed(chaos, leader.id, 'false state root', async () => beginToLie(leader.home, 'stateRoot'))
    } finally {
      beHonest(leader.home)
    }
  },
}

const twoHeaders: Fault = {
  name: 'an operator signs two headers',
  weight: 1,
  last: true,
  async run(chaos) {
    const { liar, witness } = pair(chaos)
    const term = [...chaos.watch.views().values()][0]?.term ?? 0
    return await isJailed(chaos, liar.id, 'two headers', () => signTwice(liar, witness, term))
  },
}

const doubleVote: Fault = {
  name: 'the twin of an operator votes for another control block',
  weight: 1,
  last: true,
  async run(chaos) {
    const { liar, witness } = pair(chaos)
    return await isJailed(chaos, liar.id, 'double vote', () => signDoubleVote(liar, witness))
  },
}

export const liars: readonly Fault[] = [lyingLists, withheld, falseState, twoHeaders, doubleVote]
