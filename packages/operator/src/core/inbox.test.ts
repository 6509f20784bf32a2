import { seededRandom, testSeed } from '@l2/common/testing'
import { readTransaction } from '@l2/control-chain'
import { nobleRecovery } from '@l2/sequencer-core/transaction'
import { describe, expect, it } from 'vitest'
import { createInbox, type Inbox } from './inbox.js'
import { addressOf, domain, received, signed, stateOf, word } from './testdata.js'

/** Operator 2 leads everything in epoch 3; `accused` is what was told of two headers. */
function world(state = stateOf()): { inbox: Inbox; accused: [number, Uint8Array][]; set(next: typeof state): void } {
  const accused: [number, Uint8Array][] = []
  const operators = new Map([1, 2, 3, 4].map(id => [addressOf(id) as string, id]))
  const inbox = createInbox({
    ...{ domain, recovery: nobleRecovery, state: () => state, head: () => 0n },
    leaderAt: () => ({ id: 2, sequencer: addressOf(2), epoch: 3n, term: state.view }),
    operatorOf: signer => operators.get(signer),
    onEquivocation: (...told) => void accused.push(told),
    onHeader: () => {},
  })
  return {
    ...{ inbox, accused },
    set(next) {
      state = next
    },
  }
}

describe('headers of others', () => {
  it('are kept where the leader of the term signed them, in the order in which they came', async () => {
    const { inbox } = world()
    const [two, one, three] = [await signed(2, 2), await signed(2, 1), await signed(2, 3)].map(received)
    for (const header of [two!, one!, three!]) expect(inbox.take(header)).toBe('accept')
    expect(inbox.at(2n)).toEqual([two])
    expect([inbox.lowestAbove(0n), inbox.lowestAbove(1n), inbox.lowestAbove(3n)]).toEqual([1n, 2n, undefined])
    inbox.drop(two!)
    expect(inbox.at(2n)).toEqual([])
    inbox.forget(stateOf(), 1n)
    expect([inbox.at(1n), inbox.at(3n)]).toEqual([[], [three]])
    inbox.forget(stateOf({ milestone: 3 }), 1n)
    expect(inbox.at(3n)).toEqual([])
  })

  it('are refused from strangers, and left from operators who do not lead, from other terms and far heights', async () => {
    const { inbox } = world(stateOf({ milestone: 10, view: 4 }))
    const at = (height: number, operator = 2, change = {}) => signed(operator, height, { term: 4, ...change })
    expect(inbox.take(received(await at(11, 5)))).toBe('reject')
    const stranger = { ...received(await at(11)), signature: `0x${'00'.repeat(65)}` as const }
    expect(inbox.take(stranger)).toBe('reject')
    for (const left of [
      at(11, 3),
      at(11, 2, { term: 3 }),
      at(11, 2, { term: 7 }),
      at(11, 2, { epochId: 4n }),
      at(10),
      at(100_000),
    ]) {
      expect(inbox.take(received(await left))).toBe('ignore')
    }
    expect(inbox.take(received(await at(11)))).toBe('accept')
    // Of a term that is known elsewhere already: whoever leads it is not known here.
    expect(inbox.take(received(await at(12, 3, { term: 6 })))).toBe('accept')
    expect(inbox.at(12n)).toEqual([])
  })

  it('wait in a bounded number, however many their leader signs', async () => {
    const { inbox } = world()
    const headers = await Promise.all(Array.from({ length: 132 }, (_, n) => signed(2, 1, { timestamp: BigInt(n) })))
    const verdicts = headers.map(header => inbox.take(received(header)))
    expect(verdicts.filter(verdict => verdict === 'accept')).toHaveLength(128)
    expect(inbox.at(1n)).toHaveLength(128)
    // One that waits already comes once more.
    expect(inbox.take(received(headers[0]!))).toBe('accept')
  })

  it('of any bits are answered, and nothing is thrown', async () => {
    const random = seededRandom(testSeed(61))
    const { inbox } = world()
    const good = received(await signed(2, 1))
    for (let i = 0; i < 50; i++) {
      const signature = `0x${Buffer.from(random.bytes(random.below(80))).toString('hex')}` as const
      const verdict = inbox.take({ ...good, signature, id: word(random.below(2 ** 31)) })
      expect(verdict, `L2_SEED=${random.seed}`).toBe('reject')
    }
  })
})

describe('two headers at one place', () => {
  it('are told of with a transaction that convicts, also where one of them is late or from a past leader', async () => {
    const { inbox, accused, set } = world()
    const [a, b] = [await signed(3, 1), await signed(3, 1, { stateRoot: word(77) })]
    expect(inbox.take(received(a))).toBe('ignore')
    expect(accused).toEqual([])
    set(stateOf({ milestone: 20, view: 1 }))
    inbox.take(received(b))
    expect(accused.map(([who]) => who)).toEqual([3])
    const keys = { operatorOf: (signer: string) => (signer.toLowerCase() === addressOf(3) ? 3 : undefined) }
    const read = readTransaction(accused[0]![1], { domain, keys, window: 64 })
    expect(read).toMatchObject({ ok: true, transaction: { type: 'equivocation', accused: 3 } })
  })

  it('are no fault when they are one header, whoever signed it anew', async () => {
    const { inbox, accused } = world()
    const header = await signed(2, 1)
    expect(inbox.note(header, addressOf(2))).toBe(true)
    // A signature may be made twice, and in two forms.
    expect(inbox.note({ ...header, signature: `0x${'11'.repeat(65)}` }, addressOf(2))).toBe(true)
    // One place in another term is another place.
    expect(inbox.note(await signed(2, 1, { term: 1, stateRoot: word(9) }), addressOf(2))).toBe(true)
    expect(accused).toEqual([])
    expect(inbox.note(await signed(2, 1, { stateRoot: word(9) }), addressOf(2))).toBe(false)
    expect(accused).toHaveLength(1)
  })
})
