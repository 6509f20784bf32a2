import { OrderedMap } from '@l2/common'
import { type OperatorList, readTransaction, type TermCause } from '@l2/control-chain'
import { describe, expect, it } from 'vitest'
import { accounts, addressOf, domain, stateOf, word } from './testdata.js'
import { createVoting, type Standing } from './voting.js'

const keys = { operatorOf: (signer: string) => (signer.toLowerCase() === addressOf(1) ? 1 : undefined) }
const emptyList: OperatorList = { view: 0, atHeight: 100n, base: { height: 0n, hash: word(0) }, hashes: [] }

/** Operator 1, whose clock is set by hand; `sent` is what reached the control chain. */
function world() {
  const time = { nowMs: 1_000_000, sinceBlockMs: 100 }
  const state = { now: stateOf(), refusal: undefined as string | undefined }
  const sent: ReturnType<typeof readTransaction>[] = []
  const voting = createVoting({
    operator: 1,
    domain,
    sign: digest => accounts[0]!.sign({ hash: digest }),
    chain: () => ({
      state: () => state.now,
      status: { sinceBlockMs: time.sinceBlockMs } as never,
      async submit(bytes) {
        if (state.refusal !== undefined) throw refused(state.refusal)
        sent.push(readTransaction(bytes, { domain, keys, window: 64 }))
      },
    }),
    patience: { silenceMs: 2_000, maxSilenceMs: 30_000, repeatMs: 2_000 },
    say: () => {},
    nowMs: () => time.nowMs,
  })
  const calm: Standing = {
    head: { height: 0n, hash: word(0) },
    ...{ catchingUp: false, originDropped: false, rollbackTo: undefined, invalidHeader: undefined },
  }
  /** Rounds of a loop that runs, for a while. */
  const pass = async (ms: number, standing: Partial<Standing> = {}, list = emptyList): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 500) {
      time.nowMs += 500
      await voting.step(state.now, { ...calm, ...standing }, list)
    }
  }
  const causes = (): (TermCause | undefined)[] =>
    sent.splice(0).map(read => {
      if (!read.ok || read.transaction.type !== 'termVote') throw new Error('no vote')
      return read.transaction.cause
    })
  return { voting, state, time, sent, pass, causes }
}
function refused(code: string): Error {
  return Object.assign(new Error(code), { [Symbol.for('@l2/error')]: true, code, recovery: 'retry' })
}

describe('an operator', () => {
  it('votes against a leader that is silent for too long, once until it may be lost', async () => {
    const { pass, causes, voting } = world()
    await pass(2_000)
    expect(causes()).toEqual([])
    await pass(1_500)
    expect(causes()).toEqual([{ type: 'silent' }])
    voting.progress()
  })

  it('begins to wait anew with every block', async () => {
    const { pass, causes, voting, time } = world()
    await pass(500)
    for (let block = 0; block < 6; block++) {
      await pass(1_500)
      voting.progress()
    }
    expect(causes()).toEqual([])
    expect(time.nowMs).toBeGreaterThan(1_009_000)
  })

  it('holds against nobody that it slept, that the control chain stood, or that it is behind', async () => {
    const { pass, causes, time } = world()
    await pass(500)
    time.nowMs += 60_000
    await pass(1_500)
    expect(causes()).toEqual([])
    time.sinceBlockMs = 10_000
    await pass(10_000)
    time.sinceBlockMs = 100
    await pass(1_500)
    expect(causes()).toEqual([])
    await pass(30_000, { catchingUp: true })
    expect(causes()).toEqual([])
  })

  it('says of what it executed that it is invalid, and of L1 that it dropped the head, at once', async () => {
    const { pass, causes, state } = world()
    const header = { height: 1n, hash: word(7) }
    await pass(500, { invalidHeader: header })
    expect(causes()).toEqual([{ type: 'invalid', header }])
    state.now = stateOf({ view: 1 })
    await pass(500, { originDropped: true })
    expect(causes()).toEqual([{ type: 'l1' }])
  })

  it('votes again where the control chain did not take it, with a higher number each time', async () => {
    const { pass, sent, state } = world()
    state.refusal = 'CHAIN_UNAVAILABLE'
    await pass(4_000)
    expect(sent).toEqual([])
    state.refusal = undefined
    await pass(500)
    state.now = stateOf({ view: 1 })
    await pass(5_000)
    const numbers = sent.map(read =>
      read.ok && 'sequence' in read.transaction ? read.transaction.sequence : undefined,
    )
    expect(numbers.length).toBeGreaterThan(1)
    expect([...numbers].sort((a, b) => (a! < b! ? -1 : 1))).toEqual(numbers)
    expect(new Set(numbers).size).toBe(numbers.length)
    state.refusal = 'SOMETHING_ELSE'
    state.now = stateOf({ view: 2 })
    await expect(pass(5_000)).rejects.toMatchObject({ code: 'SOMETHING_ELSE' })
  })

  it('sends its list itself where proposers leave it out, and not again before that may be seen', async () => {
    const { pass, sent, state } = world()
    const list = { ...emptyList, hashes: [word(1)] }
    state.now = { ...stateOf(), listedAtHeight: OrderedMap.from([[1, 99n]] as const) }
    await pass(500, {}, list)
    expect(sent).toEqual([])
    state.now = { ...stateOf(), listedAtHeight: OrderedMap.from([[1, 1n]] as const) }
    await pass(1_000, {}, list)
    expect(sent.map(read => read.ok && read.transaction.type)).toEqual(['list'])
  })
})
