import { keccak256, stringToHex } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Court, openCourt, stepUntil } from '../../test/claims.js'
import { accounts } from '../testing/dev-l1.js'
import { createChallenger } from './challenger.js'
import type { ChallengerEvent, ChallengerOptions } from './options.js'

const [, , liar, honest, other] = accounts
const lie = keccak256(stringToHex('a lie'))

let court: Court
beforeAll(async () => {
  court = await openCourt()
})
afterAll(async () => {
  await court?.[Symbol.asyncDispose]()
})

function challenge(of: { safe?: bigint; derived?: () => bigint; options?: Partial<ChallengerOptions> } = {}) {
  const events: ChallengerEvent[] = []
  const challenger = createChallenger(
    { factory: court.factory, confirmations: 0n, gamesPerRound: 8, ...of.options },
    {
      l1: court.reader,
      sender: court.sender(honest),
      outputs: court.chain,
      derivedL1: of.derived ?? (() => 1_000_000n),
      safeAt: () => of.safe ?? 100n,
      header: court.chain.header,
      onEvent: event => void events.push(event),
    },
  )
  const of_ = (type: ChallengerEvent['type']) => events.filter(event => event.type === type)
  return { challenger, events, eventsOf: of_ }
}

describe('createChallenger', () => {
  it('attacks a lie, wins its bond, and leaves a true root alone, which it has decided too', async () => {
    const before = await court.balance(honest.address)
    const { challenger, eventsOf } = challenge()
    const truth = court.chain.output(10n).root
    const right = await court.create(other, truth, 10n)
    const wrong = await court.create(liar, lie, 11n)
    await stepUntil(challenger, async () => (await court.claims(wrong)) === 2)
    expect(challenger.status.judged).toEqual({ true: 1, false: 1 })
    for (let round = 0; round < 6; round++) await challenger.step()
    expect([await court.claims(right), await court.claims(wrong)]).toEqual([1, 2])
    await court.l1.pass(2001)
    await stepUntil(challenger, async () => (await court.status(right)) !== 'in-progress')
    await stepUntil(challenger, async () => (await court.status(wrong)) !== 'in-progress')
    expect(await court.status(right)).toBe('defender-wins')
    expect(await court.status(wrong)).toBe('challenger-wins')
    await court.l1.pass(501)
    await stepUntil(challenger, () => challenger.status.lowest === 2n)
    expect(eventsOf('decided')).toHaveLength(2)
    // The liar's bond is more than all gas.
    expect((await court.balance(honest.address)) > before).toBe(true)
    expect(challenger.status).toMatchObject({ moves: 1, lost: 0, alarms: [] })
  })

  it('finds games of before its start, and answers whoever attacks a true root, down the tree', async () => {
    const truth = court.chain.output(20n).root
    const game = await court.create(other, truth, 20n)
    await court.move(liar, game, 0, lie)
    const { challenger } = challenge()
    await stepUntil(challenger, async () => (await court.claims(game)) === 3)
    await court.move(liar, game, 2, keccak256(stringToHex('another lie')))
    await stepUntil(challenger, async () => (await court.claims(game)) === 4 + 1)
    // A right value in a wrong place: what is right of it is claimed.
    await court.move(liar, game, 0, truth)
    await stepUntil(challenger, async () => (await court.claims(game)) === 7)
    await court.l1.pass(3001)
    await stepUntil(challenger, async () => (await court.status(game)) !== 'in-progress')
    expect(await court.status(game)).toBe('defender-wins')
    await court.l1.pass(501)
    await stepUntil(challenger, () => challenger.status.lowest === 3n)
    expect(challenger.status.lost).toBe(0)
  })

  it('takes a block that was not safe for a lie, and proves the number of a true root that is of another block', async () => {
    const { challenger, eventsOf } = challenge({ safe: 50n })
    const early = await court.create(liar, court.chain.output(60n).root, 60n)
    const renamed = await court.create(liar, court.chain.output(50n).root, 70n)
    await stepUntil(challenger, async () => (await court.claims(early)) === 2)
    await stepUntil(challenger, () => eventsOf('sent').length === 2)
    await court.l1.pass(2001)
    for (const game of [early, renamed]) {
      await stepUntil(challenger, async () => (await court.status(game)) !== 'in-progress')
      expect(await court.status(game)).toBe('challenger-wins')
    }
    expect(await court.claims(renamed)).toBe(1)
  })

  it('judges nothing before derivation has come so far, says so, and then does', async () => {
    let derived = 0n
    const { challenger } = challenge({ derived: () => derived })
    const game = await court.create(liar, lie, 80n)
    for (let round = 0; round < 3; round++) await challenger.step()
    expect(await court.claims(game)).toBe(1)
    expect(challenger.status.alarms).toMatchObject([{ type: 'unjudged' }])
    derived = 1_000_000n
    await stepUntil(challenger, async () => (await court.claims(game)) === 2)
    await challenger.step()
    expect(challenger.status.alarms).toEqual([])
    await court.l1.pass(2001)
    await stepUntil(challenger, async () => (await court.status(game)) === 'challenger-wins')
  })

  it('says that its bond is not there, and goes on when it is', async () => {
    const poor = await court.balance(honest.address)
    await court.l1.test.setBalance({ address: honest.address, value: 1000n })
    const game = await court.create(liar, lie, 81n)
    const { challenger } = challenge()
    await stepUntil(challenger, () => challenger.status.alarms.some(({ type }) => type === 'funds'))
    expect(await court.claims(game)).toBe(1)
    await court.l1.test.setBalance({ address: honest.address, value: poor })
    await stepUntil(challenger, async () => (await court.claims(game)) === 2)
    await challenger.step()
    expect(challenger.status.alarms).toEqual([])
    await court.l1.pass(2001)
    await stepUntil(challenger, async () => (await court.status(game)) === 'challenger-wins')
  })
})
