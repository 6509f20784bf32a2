import { codeOf, runs } from '@l2/common/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { delegationOf } from '../delegation/delegation.js'
import { applyPool, createPool } from '../pool/apply.js'
import { auditPool } from '../pool/audit.js'
import type { PoolCommand, SequencerPoolEvent } from '../pool/commands.js'
import type { PoolOptions } from '../pool/config.js'
import { electionWeights, jailedForever, sequencerOf } from '../pool/sequencer.js'
import type { PoolState } from '../pool/types.js'
import { type OffenceKind, offenceRules, penaltyBps, penaltyWei, splitSlash } from './penalty.js'
import { reportCommitment } from './reports.js'

const account = (n: number) => `0x${n.toString(16).padStart(40, '0')}` as const
const word = (n: number) => `0x${n.toString(16).padStart(64, '0')}` as const
const admin = account(0xad)
const metis = 10n ** 18n
const day = 86_400n
const now = 100n * day

function world(stakes: bigint[], options: Partial<PoolOptions> = {}): PoolState {
  let state = createPool({ admin, ...options })
  const run = (command: object) => {
    state = applyPool(state, { by: admin, atSeconds: 1n, ...command } as PoolCommand).state
  }
  for (const [index, stake] of stakes.entries()) {
    run({ type: 'setWhitelist', owner: account(index + 1), allowed: true })
    run({ type: 'lock', by: account(index + 1), signer: account(1000 + index), amountWei: stake * metis })
  }
  for (let epoch = 1n; epoch <= 5n; epoch++) run({ type: 'advanceEpoch', epoch })
  return state
}

function play(state: PoolState, commands: readonly object[]): { state: PoolState; events: SequencerPoolEvent[] } {
  const events: SequencerPoolEvent[] = []
  for (const command of commands) {
    const result = applyPool(state, { by: admin, atSeconds: state.atSeconds, ...command } as PoolCommand)
    state = result.state
    events.push(...result.events)
  }
  return { state, events }
}

const admit = (id: number, kind: OffenceKind, n: number, offenceAtSeconds = now, offenceEpoch = 5n) => ({
  type: 'admitOffence',
  atSeconds: now,
  offence: { kind, id, evidenceId: word(n), evidenceHash: word(n + 1000), offenceEpoch, offenceAtSeconds },
})
const execute = (n: number, atSeconds = now + 6n * day) => ({ type: 'executeCase', evidenceId: word(n), atSeconds })
const lost = (events: SequencerPoolEvent[], id?: number): bigint =>
  events.reduce(
    (sum, event) =>
      event.type === 'Slashed' && (id === undefined || event.id === id)
        ? sum + event.operatorWei + event.delegatorsWei
        : sum,
    0n,
  )
describe('penalty', () => {
  it.each([
    [4, 1, 500],
    [9, 1, 500],
    [9, 2, 500 + 3750],
    [9, 3, 500 + 7500],
    [9, 4, 10_000],
    [20, 3, 500 + 3157],
    [4, 2, 10_000],
  ])('equal stakes, n = %i, %i offenders: %i bps', (n, m, bps) => {
    expect(
      penaltyBps({
        kind: 'EQUIVOCATION_BLOCK',
        stakeWei: metis,
        totalWei: BigInt(n) * metis,
        offendersWei: BigInt(m) * metis,
        repetition: 1,
      }),
    ).toBe(bps)
  })
  it('doubles repeated service faults up to the cap, and forgives the first downtime', () => {
    const of = (kind: OffenceKind, repetition: number) =>
      penaltyBps({ kind, stakeWei: 1n, totalWei: 9n, offendersWei: 9n, repetition })
    expect([1, 2, 3, 4, 5, 9].map(k => of('CENSORSHIP_FORCED', k))).toEqual([100, 200, 400, 800, 1000, 1000])
    expect([1, 2, 3].map(k => of('DOWNTIME', k))).toEqual([0, 1, 1])
    const shared = (excessOfflineBps: number) =>
      penaltyBps({ kind: 'DOWNTIME', stakeWei: 1n, totalWei: 9n, offendersWei: 1n, repetition: 2, excessOfflineBps })
    expect([0, 100, 3333, 10_000].map(shared)).toEqual([1, 4, 127, 128])
  })
  it('never falls when others offend more, never leaves 0 … 10000, and a self-report never pays', () => {
    const kinds = Object.keys(offenceRules) as OffenceKind[]
    const amount = fc.bigInt({ min: 0n, max: 10n ** 24n })
    fc.assert(
      fc.property(
        fc.constantFrom(...kinds),
        amount,
        amount,
        amount,
        amount,
        fc.integer({ min: 1, max: 20 }),
        (kind, own, rest, a, b, repetition) => {
          const base = { kind, stakeWei: own, totalWei: own + rest, repetition }
          const [less, more] = a < b ? [a, b] : [b, a]
          const small = penaltyBps({ ...base, offendersWei: own + less })
          const large = penaltyBps({ ...base, offendersWei: own + more })
          expect(small <= large && small >= 0 && large <= 10_000).toBe(true)
          const slash = penaltyWei(large, own)
          expect(slash <= own).toBe(true)
          const split = splitSlash(kind, slash, true)
          expect(split.reporterWei + split.treasuryWei + split.burntWei).toBe(slash)
          expect(slash === 0n || split.reporterWei < slash).toBe(true)
        },
      ),
    )
    for (const [kind, rule] of Object.entries(offenceRules)) {
      expect(rule.reporterBps + rule.treasuryBps).toBeLessThanOrEqual(10_000)
      if (kind !== 'INVALID_STATE_ROOT') expect(rule.reporterBps).toBeLessThanOrEqual(1000)
    }
  })
})

describe('slash algebra', () => {
  const offence = fc.record({
    id: fc.integer({ min: 1, max: 5 }),
    kind: fc.constantFrom<OffenceKind>(
      'EQUIVOCATION_BLOCK',
      'EQUIVOCATION_BATCH',
      'ATTESTED_INVALID',
      'INVALID_STATE_ROOT',
      'CENSORSHIP_FORCED',
      'ORDERING',
      'DOWNTIME',
    ),
    daysAgo: fc.integer({ min: 0, max: 13 }),
  })
  it('the total does not depend on the order of arrival nor of execution', () => {
    const start = world([20_000n, 30_000n, 40_000n, 50_000n, 60_000n])
    fc.assert(
      fc.property(
        fc.array(offence, { minLength: 1, maxLength: 7 }),
        fc.infiniteStream(fc.nat()),
        (offences, stream) => {
          const cases = offences.map(({ id, kind, daysAgo }, n) => ({
            n: n + 1,
            id,
            kind,
            atSeconds: now - BigInt(daysAgo) * day,
          }))
          const shuffled = <T>(list: readonly T[]): T[] =>
            list
              .map(item => [stream.next().value, item] as const)
              .sort((a, b) => a[0] - b[0])
              .map(([, item]) => item)
          const total = (arrival: typeof cases, execution: typeof cases) => {
            const { state, events } = play(start, [
              ...arrival.map(({ n, id, kind, atSeconds }) => admit(id, kind, n, atSeconds)),
              ...execution.map(({ n }) => execute(n)),
            ])
            expect(auditPool(state).problems).toEqual([])
            return [1, 2, 3, 4, 5].map(id => {
              const sequencer = sequencerOf(state, id)
              const left = sequencer.amountWei + sequencer.unlocking.reduce((sum, { amountWei }) => sum + amountWei, 0n)
              expect(lost(events, id) + left).toBe(BigInt(10_000 + id * 10_000) * metis)
              return lost(events, id)
            })
          }
          expect(total(shuffled(cases), shuffled(cases))).toEqual(total(cases, cases))
        },
      ),
      { numRuns: runs({ suite: 60, soak: 1_200 }) },
    )
  })
  it('is idempotent, within a span only the worst counts, and never more than there is', () => {
    const start = world([20_000n, 20_000n, 20_000n, 20_000n])
    const admitted = play(start, [admit(1, 'EQUIVOCATION_BLOCK', 1)]).state
    expect(codeOf(() => play(admitted, [admit(1, 'EQUIVOCATION_BLOCK', 1)]))).toBe('CASE_DUPLICATE')
    const twice = play(admitted, [admit(1, 'EQUIVOCATION_BLOCK', 2), execute(1), execute(2)])
    expect(lost(twice.events)).toBe(1000n * metis)
    const worse = play(admitted, [admit(1, 'INVALID_STATE_ROOT', 2), execute(1), execute(2)])
    expect(lost(worse.events)).toBe(20_000n * metis)
    expect(codeOf(() => play(twice.state, [execute(1)]))).toBe('CASE_STAGE')
  })
  it('leaving after the offence saves nothing, leaving before it does', () => {
    const slashed = (before: object[], between: object[]) => {
      const { events } = play(world([60_000n, 60_000n, 60_000n, 60_000n]), [
        ...before,
        { type: 'advanceEpoch', epoch: 6n, atSeconds: now },
        ...between,
        admit(1, 'ATTESTED_INVALID', 1, now, 6n),
        execute(1),
      ])
      return lost(events)
    }
    const withdraw = { type: 'withdraw', by: account(1), id: 1, amountWei: 40_000n * metis }
    expect(slashed([], [])).toBe(6000n * metis)
    expect(slashed([], [withdraw])).toBe(6000n * metis)
    expect(slashed([], [{ type: 'unlock', by: account(1), id: 1 }])).toBe(6000n * metis)
    expect(slashed([withdraw], [])).toBe(2000n * metis)
  })
  it('delegators lose after the operator’s tranche, pro rata, and redeeming shares with them', () => {
    const build = (firstLossBps: number, delegatorsSlashable = true) =>
      play(world([20_000n, 80_000n, 80_000n, 80_000n], { firstLossBps, delegatorsSlashable }), [
        { type: 'delegate', by: account(50), id: 1, amountWei: 20_000n * metis },
        { type: 'delegate', by: account(51), id: 1, amountWei: 20_000n * metis },
        { type: 'advanceEpoch', epoch: 6n, atSeconds: now },
        admit(1, 'ATTESTED_INVALID', 1, now, 6n),
        { type: 'undelegate', by: account(51), id: 1, shares: 20_000n * metis },
        execute(1),
      ])
    const parts = (events: SequencerPoolEvent[]) =>
      events.flatMap(e => (e.type === 'Slashed' ? [[e.operatorWei / metis, e.delegatorsWei / metis]] : []))
    expect(parts(build(10_000).events)).toEqual([[6000n, 0n]])
    expect(parts(build(0).events)).toEqual([[2000n, 4000n]])
    expect(parts(build(1000).events)).toEqual([[3241n, 2758n]])
    expect(parts(build(0, false).events)).toEqual([[6000n, 0n]])
    const after = build(0)
    expect(auditPool(after.state).problems).toEqual([])
    expect(
      codeOf(() =>
        play(after.state, [{ type: 'claimDelegation', by: account(51), id: 1, atSeconds: now + 20n * day }]),
      ),
    ).toBe('NOTHING_TO_CLAIM')
    const paid = play(after.state, [{ type: 'claimDelegation', by: account(51), id: 1, atSeconds: now + 22n * day }])
    expect(paid.events).toMatchObject([{ amountWei: 18_000n * metis }])
  })
})

describe('rules that end', () => {
  it.each<[OffenceKind, number, bigint[]]>([
    ['ORDERING', 43, [200n, 200n, 200n, 200n]],
    ['ORDERING', 8, [200n, 400n, 800n, 1600n, 1600n]],
    ['CENSORSHIP_FORCED', 43, [200n, 200n, 200n]],
    ['MISSED_REVEAL', 8, [20n, 20n, 20n, 20n]],
    // The first downtime of thirty days costs nothing but the jail.
    ['DOWNTIME', 8, [0n, 2n, 2n, 2n, 2n]],
  ])('%s every %i days: every conviction of another time is paid for', (kind, every, wanted) => {
    let state = world([20_000n, 20_000n, 20_000n])
    let atSeconds = now
    for (const [index, wei] of wanted.entries()) {
      atSeconds += (BigInt(every) - 3n) * day
      const offence = {
        kind,
        id: 1,
        evidenceId: word(index + 1),
        evidenceHash: word(9),
        offenceEpoch: 5n,
        offenceAtSeconds: atSeconds,
      }
      const executed = { ...execute(index + 1), atSeconds: atSeconds + 3n * day }
      const played = play(state, [{ type: 'admitOffence', atSeconds, offence }, executed])
      expect([index, lost(played.events)]).toEqual([index, wei * metis])
      atSeconds += 3n * day
      state = played.state
    }
  })
  it('two proofs of one fault count once, of one time the worst, and what others add is paid once', () => {
    const start = world(new Array(9).fill(20_000n))
    const cases = [
      admit(1, 'EQUIVOCATION_BLOCK', 1, now),
      admit(1, 'EQUIVOCATION_BATCH', 2, now),
      admit(1, 'EQUIVOCATION_BLOCK', 3, now - 60n),
      admit(2, 'EQUIVOCATION_BLOCK', 4, now),
    ]
    const { events } = play(start, [...cases, ...[1, 2, 3, 4].map(n => execute(n))])
    // 5 % for each of two times, and 37.5 % because another did it as well.
    expect(lost(events, 1)).toBe((20_000n * (500n + 500n + 3750n) * metis) / 10_000n)
    expect(lost(events, 2)).toBe((20_000n * 4250n * metis) / 10_000n)
  })
  it('cases are forgotten when nothing can come of them any more', () => {
    let state = world([20_000n, 20_000n, 20_000n])
    for (let n = 1; n <= 40; n++) {
      const atSeconds = now + BigInt(n) * 10n * day
      const offence = {
        kind: 'ORDERING',
        id: 1,
        evidenceId: word(n),
        evidenceHash: word(n),
        offenceEpoch: 5n,
        offenceAtSeconds: atSeconds,
      }
      state = play(state, [
        { type: 'admitOffence', atSeconds, offence },
        { ...execute(n), atSeconds: atSeconds + 3n * day },
      ]).state
    }
    expect(state.cases.size).toBeLessThan(12)
    expect(sequencerOf(state, 1).caseIds).toHaveLength(state.cases.size)
  })
})

describe('stake of the fault', () => {
  const views = (state: PoolState, ...delegators: number[]) =>
    delegators.map(n => {
      const { assetsWei, redeemingWei } = delegationOf(state, 1, account(n))
      return (assetsWei + redeemingWei) / metis
    })
  const invalid = admit(1, 'INVALID_STATE_ROOT', 1, now, 8n)
  const epochs = (from: bigint, to: bigint) =>
    Array.from({ length: Number(to - from) + 1 }, (_, i) => ({ type: 'advanceEpoch', epoch: from + BigInt(i) }))
  it('who left before does not pay, who left after does, who came after does not, in proportion', () => {
    const { state, events } = play(world([20_000n, 80_000n], { firstLossBps: 0 }), [
      { type: 'delegate', by: account(50), id: 1, amountWei: 20_000n * metis },
      { type: 'delegate', by: account(51), id: 1, amountWei: 20_000n * metis },
      { type: 'delegate', by: account(52), id: 1, amountWei: 10_000n * metis },
      { type: 'undelegate', by: account(50), id: 1, shares: 20_000n * metis },
      ...epochs(6n, 8n),
      { type: 'undelegate', by: account(51), id: 1, shares: 5000n * metis, atSeconds: now },
      ...epochs(9n, 9n),
      { type: 'delegate', by: account(53), id: 1, amountWei: 7000n * metis },
      { type: 'relock', by: account(1), id: 1, amountWei: 3000n * metis, lockReward: false },
      invalid,
    ])
    expect(events.at(-2)).toMatchObject({ type: 'OffenceAdmitted', mostWei: 50_000n * metis })
    const done = play(state, [execute(1)])
    expect(lost(done.events)).toBe(50_000n * metis)
    // All of it from those who were in: 20,000 of the operator, 20,000 and 10,000 of two delegators.
    expect(views(done.state, 50, 51, 52, 53)).toEqual([20_000n, 0n, 0n, 7000n])
    const left = sequencerOf(done.state, 1)
    expect(left.unlocking.reduce((sum, { amountWei }) => sum + amountWei, left.amountWei)).toBe(3000n * metis)
    const slashed = done.events.find(({ type }) => type === 'Slashed')
    expect(slashed).toMatchObject({ operatorWei: 20_000n * metis, unlockingWei: 0n, redeemingWei: 5000n * metis })
    expect(auditPool(done.state).problems).toEqual([])
  })
  it('a part of it is taken in proportion, too: nobody pays for who has left', () => {
    const half = admit(1, 'ATTESTED_INVALID', 1, now, 8n)
    const { state } = play(world([20_000n, 80_000n], { firstLossBps: 0 }), [
      { type: 'delegate', by: account(50), id: 1, amountWei: 40_000n * metis },
      { type: 'delegate', by: account(51), id: 1, amountWei: 20_000n * metis },
      ...epochs(6n, 7n),
      { type: 'undelegate', by: account(50), id: 1, shares: 40_000n * metis, atSeconds: now },
      ...epochs(8n, 8n),
      half,
      execute(1),
    ])
    // A tenth of the 40,000 that were in: each its tenth.
    expect(views(state, 50, 51)).toEqual([40_000n, 18_000n])
  })
  it('is told apart for as long as a loss waits for its weights to be paid, however old the fault', () => {
    const { state } = play(world([20_000n, 80_000n], { firstLossBps: 0 }), [
      { type: 'fund', amountWei: 1000n * metis },
      { type: 'delegate', by: account(50), id: 1, amountWei: 20_000n * metis },
      ...epochs(6n, 6n),
      { type: 'delegate', by: account(50), id: 1, amountWei: 30_000n * metis },
      ...epochs(7n, 10n),
      { type: 'accrueBlock', height: 1n, signer: account(1000), atSeconds: now },
      admit(1, 'CENSORSHIP_FORCED', 1, now, 5n),
      execute(1),
    ])
    const [before] = views(state, 50)
    // Nobody leads for two months: the loss stays open, and both deposits become older than every fault that can be
    // brought forward.
    const later = play(state, [
      ...epochs(11n, 40n).map((command, i) => ({ ...command, atSeconds: now + (6n + 2n * BigInt(i)) * day })),
      { type: 'undelegate', by: account(50), id: 1, shares: 10n },
    ]).state
    expect([before, ...views(later, 50)]).toEqual([49_800n, 49_800n])
    expect(auditPool(later).problems).toEqual([])
  })
  it('an operator that gave up its seat and still leads answers with what it was elected with', () => {
    const leaving = play(world([60_000n, 60_000n, 60_000n]), [
      { type: 'unlock', by: account(1), id: 1, atSeconds: now },
      ...epochs(6n, 7n),
    ]).state
    expect(electionWeights(leaving, 7n).map(({ id }) => id)).toEqual([1, 2, 3])
    const { events } = play(leaving, [admit(1, 'EQUIVOCATION_BLOCK', 1, now, 7n), execute(1)])
    expect(lost(events)).toBe(3000n * metis)
    expect(events.find(({ type }) => type === 'Slashed')).toMatchObject({ unlockingWei: 3000n * metis })
    // A part that left before is another matter: what stays answers.
    const part = play(world([60_000n, 60_000n, 60_000n]), [
      { type: 'withdraw', by: account(1), id: 1, amountWei: 40_000n * metis, atSeconds: now },
      ...epochs(6n, 7n),
      admit(1, 'EQUIVOCATION_BLOCK', 1, now, 7n),
      execute(1),
    ])
    expect(lost(part.events)).toBe(1000n * metis)
  })
  it('an open case says what it can cost: trivial downtime its own, a safety fault everything, and those convicted before', () => {
    const start = world([20_000n, 20_000n, 20_000n, 20_000n], { firstLossBps: 5000 })
    const delegated = play(start, [
      { type: 'delegate', by: account(50), id: 1, amountWei: 10_000n * metis },
      { type: 'advanceEpoch', epoch: 6n, atSeconds: now },
    ]).state
    const open = (state: PoolState, kind: OffenceKind, id: number, n: number) =>
      play(state, [admit(id, kind, n, now, 6n)]).events[0]
    const sides = (mostWei: bigint, mostOperatorWei: bigint, mostDelegatorsWei: bigint) => ({
      mostWei: mostWei * metis,
      mostOperatorWei: mostOperatorWei * metis,
      mostDelegatorsWei: mostDelegatorsWei * metis,
    })
    expect(open(delegated, 'DOWNTIME', 1, 1)).toMatchObject({ ...sides(3n, 3n, 3n), correlated: [] })
    expect(open(delegated, 'ORDERING', 1, 1)).toMatchObject(sides(3000n, 3000n, 3000n))
    expect(open(delegated, 'EQUIVOCATION_BLOCK', 1, 1)).toMatchObject(sides(30_000n, 20_000n, 10_000n))
    const convicted = play(delegated, [admit(1, 'EQUIVOCATION_BLOCK', 1, now, 6n), execute(1)]).state
    const second = { ...admit(2, 'EQUIVOCATION_BLOCK', 2, now, 6n), atSeconds: now + 7n * day }
    const later = play(convicted, [second])
    expect(later.events[0]).toMatchObject({
      ...sides(20_000n, 20_000n, 0n),
      correlated: [{ id: 1, ...sides(28_500n, 18_500n, 10_000n) }],
    })
    // What may still be asked of it does not leave meanwhile.
    const exit = { type: 'claim', by: account(1), id: 1, atSeconds: now + 40n * day }
    expect(codeOf(() => play(later.state, [exit]))).toBe('EXIT_FROZEN')
    const both = play(later.state, [execute(2, now + 13n * day)])
    expect(lost(both.events, 1) > 0n).toBe(true)
    expect(codeOf(() => play(both.state, [exit]))).toBe('none')
  })
})

describe('jail, tombstone, freeze, veto', () => {
  const start = world([20_000n, 20_000n, 20_000n, 20_000n, 20_000n])
  it('a safety fault jails at once, freezes exits, and ends the seat when executed', () => {
    const { state } = play(start, [admit(1, 'EQUIVOCATION_BLOCK', 1)])
    expect(sequencerOf(state, 1).jailedUntilSeconds).toBe(jailedForever)
    const leaving = play(state, [{ type: 'unlock', by: account(1), id: 1 }]).state
    expect(codeOf(() => play(leaving, [{ type: 'claim', by: account(1), id: 1, atSeconds: now + 30n * day }]))).toBe(
      'EXIT_FROZEN',
    )
    expect(codeOf(() => play(state, [execute(1, now + 6n * day - 1n)]))).toBe('CASE_STAGE')
    const done = play(state, [execute(1)])
    expect(done.events.map(({ type }) => type)).toEqual(['CaseClosed', 'Slashed', 'Tombstoned', 'UnlockStarted'])
    expect(
      codeOf(() => play(done.state, [{ type: 'unjail', by: account(1), id: 1, atSeconds: now + 90n * day }])),
    ).toBe('SEQUENCER_STATUS')
    const paid = play(done.state, [{ type: 'claim', by: account(1), id: 1, atSeconds: now + 27n * day }])
    expect(paid.events[0]).toMatchObject({ type: 'StakePaid', amountWei: 19_000n * metis })
    // The owner may come back, with a new seat and a new key.
    expect(
      play(paid.state, [{ type: 'lock', by: account(1), signer: account(2000), amountWei: 20_000n * metis }]).events[0]
        ?.type,
    ).toBe('Locked')
  })
  it('a veto cancels and frees, a pause ends by itself and is one', () => {
    const { state } = play(start, [admit(1, 'EQUIVOCATION_BLOCK', 1), admit(2, 'EQUIVOCATION_BLOCK', 2)])
    const vetoed = play(state, [{ type: 'vetoCase', evidenceId: word(1) }])
    expect(sequencerOf(vetoed.state, 1)).toMatchObject({ jailedUntilSeconds: 0n, openCases: 0 })
    expect(codeOf(() => play(vetoed.state, [execute(1)]))).toBe('CASE_STAGE')
    const paused = play(vetoed.state, [
      { type: 'pauseCase', evidenceId: word(2), seconds: 3n * day, atSeconds: now + 5n * day },
    ]).state
    expect(codeOf(() => play(paused, [execute(2)]))).toBe('CASE_STAGE')
    expect(codeOf(() => play(paused, [{ type: 'pauseCase', evidenceId: word(2), seconds: 1 }]))).toBe('CASE_STAGE')
    expect(codeOf(() => play(paused, [{ type: 'pauseCase', evidenceId: word(2), seconds: 4n * day }]))).toBe(
      'CASE_STAGE',
    )
    // The vetoed one is no offender: nothing is correlated.
    expect(lost(play(paused, [execute(2, now + 8n * day)]).events)).toBe(1000n * metis)
  })
  it('downtime jails 10 minutes, doubling, and never so many that a third is gone', () => {
    let { state } = play(start, [admit(1, 'DOWNTIME', 1)])
    expect(sequencerOf(state, 1).jailedUntilSeconds).toBe(now + 600n)
    expect(codeOf(() => play(state, [{ type: 'unjail', by: account(1), id: 1, atSeconds: now + 599n }]))).toBe(
      'SEQUENCER_STATUS',
    )
    // One fifth is jailed; another would make two fifths.
    expect(sequencerOf(play(state, [admit(2, 'DOWNTIME', 2)]).state, 2).jailedUntilSeconds).toBe(0n)
    state = play(state, [{ type: 'unjail', by: account(1), id: 1, atSeconds: now + 600n }]).state
    const again = play(state, [{ ...admit(1, 'DOWNTIME', 3, now + 601n), atSeconds: now + 700n }]).state
    expect(sequencerOf(again, 1).jailedUntilSeconds).toBe(now + 700n + 1200n)
    // The first in thirty days costs nothing but the jail.
    const settled = play(again, [execute(1, now + 4n * day), execute(3, now + 4n * day)])
    expect(lost(settled.events)).toBe(2n * metis)
  })
  it('a case that is forgotten with its seat is no company for later ones', () => {
    const { state } = play(start, [
      admit(1, 'EQUIVOCATION_BLOCK', 1),
      { type: 'vetoCase', evidenceId: word(1) },
      { type: 'advanceEpoch', epoch: 6n, atSeconds: now + 100n * day },
      { ...admit(1, 'DOWNTIME', 2, now + 100n * day, 6n), atSeconds: now + 100n * day },
    ])
    expect(state.cases.has(word(1))).toBe(false)
    const later = play(state, [
      { ...admit(2, 'EQUIVOCATION_BLOCK', 3, now + 100n * day, 6n), atSeconds: now + 100n * day },
      execute(3, now + 110n * day),
    ])
    expect(lost(later.events)).toBe(1000n * metis)
  })

  it('old, future and foreign offences are refused', () => {
    expect(codeOf(() => play(start, [admit(1, 'DOWNTIME', 1, now - 14n * day - 1n)]))).toBe('OFFENCE_WINDOW')
    expect(codeOf(() => play(start, [admit(1, 'DOWNTIME', 1, now + 1n)]))).toBe('OFFENCE_WINDOW')
    expect(codeOf(() => play(start, [admit(1, 'DOWNTIME', 1, now, 6n)]))).toBe('OFFENCE_WINDOW')
    // Found by the random run: in a young pool the window reaches below zero, and a snapshot with such a case could not
    // be read back.
    const young = world([20_000n])
    const before = { ...admit(1, 'DOWNTIME', 1, -5n), atSeconds: 10n }
    expect(codeOf(() => play(young, [before]))).toBe('OFFENCE_WINDOW')
    expect(codeOf(() => play(young, [{ ...admit(1, 'DOWNTIME', 1, 5n, -1n), atSeconds: 10n }]))).toBe('OFFENCE_WINDOW')
    expect(codeOf(() => play(start, [admit(9, 'DOWNTIME', 1)]))).toBe('SEQUENCER_UNKNOWN')
    expect(codeOf(() => play(start, [admit(1, 'NONSENSE' as OffenceKind, 1)]))).toBe('INPUT_INVALID')
  })
})

describe('reports', () => {
  const start = world([20_000n, 20_000n, 20_000n])
  const commit = (by: number, salt: number, atSeconds: bigint) => ({
    type: 'commitReport',
    by: account(by),
    commitment: reportCommitment(word(1001), account(by), word(salt)),
    atSeconds,
  })
  const reveal = (by: number, salt: number) => ({
    type: 'revealReport',
    by: account(by),
    evidenceId: word(1),
    salt: word(salt),
  })
  it('pay the first who had committed, whoever submitted the evidence', () => {
    const watchers = [70, 71, 72].map(n => ({ type: 'setWatcher', watcher: account(n), allowed: true }))
    const { state } = play(start, [
      ...watchers,
      commit(70, 1, now - 20n),
      commit(71, 2, now - 10n),
      { ...admit(1, 'EQUIVOCATION_BLOCK', 1, now - 30n) },
      commit(72, 3, now),
    ])
    expect(codeOf(() => play(state, [reveal(72, 3)]))).toBe('REPORT_INVALID')
    expect(codeOf(() => play(state, [reveal(70, 2)]))).toBe('REPORT_INVALID')
    const late = play(state, [reveal(71, 2), reveal(70, 1)]).state
    expect(codeOf(() => play(late, [reveal(71, 2)]))).toBe('REPORT_INVALID')
    const { events, state: end } = play(late, [execute(1)])
    expect(events.find(({ type }) => type === 'Slashed')).toMatchObject({
      reporterWei: 50n * metis,
      treasuryWei: 250n * metis,
      burntWei: 700n * metis,
    })
    expect(auditPool(end).problems).toEqual([])
  })

  it('never go to the offender: not before the fault, not to its accounts, not to anybody who cannot be told from it', () => {
    const puppet = 70
    const honest = 71
    expect(codeOf(() => play(start, [commit(puppet, 1, now - 20n)]))).toBe('NOT_AUTHORIZED')
    const permit = (n: number, allowed = true) => ({ type: 'setWatcher', watcher: account(n), allowed })
    // Even a permitted one: nobody but the offender has evidence of what has not happened.
    const early = play(start, [
      permit(puppet),
      permit(honest),
      commit(puppet, 1, now - 100n),
      commit(honest, 2, now - 10n),
      admit(1, 'INVALID_STATE_ROOT', 1, now - 60n),
    ]).state
    expect(codeOf(() => play(early, [reveal(puppet, 1)]))).toBe('REPORT_INVALID')
    const paid = play(early, [reveal(honest, 2), execute(1)])
    expect(paid.events.find(({ type }) => type === 'Slashed')).toMatchObject({ reporterWei: 10_000n * metis })
    expect(paid.state.cases.get(word(1))!.reporter).toBe(account(honest))
    // Owners of other seats are told apart by their permits; the accused's owner, keys and recipient are not others.
    const owners = play(start, [
      permit(1),
      permit(1000),
      commit(1, 4, now - 40n),
      commit(1000, 5, now - 40n),
      commit(2, 3, now - 30n),
      admit(1, 'INVALID_STATE_ROOT', 1, now - 60n),
    ]).state
    for (const [by, salt] of [
      [1, 4],
      [1000, 5],
    ] as const) {
      expect(codeOf(() => play(owners, [reveal(by, salt)]))).toBe('REPORT_INVALID')
    }
    expect(play(owners, [reveal(2, 3)]).state.cases.get(word(1))!.reporter).toBe(account(2))
    // A permit that was withdrawn earns nothing, nor does a seat that is jailed.
    expect(codeOf(() => play(early, [permit(honest, false), reveal(honest, 2)]))).toBe('NOT_AUTHORIZED')
    const jailed = play(owners, [admit(2, 'EQUIVOCATION_BLOCK', 9)]).state
    expect(codeOf(() => play(jailed, [reveal(2, 3)]))).toBe('NOT_AUTHORIZED')
  })
  it('are as many as one account needs, and forgotten with the evidence', () => {
    const permitted = play(start, [{ type: 'setWatcher', watcher: account(70), allowed: true }]).state
    const many = play(
      permitted,
      Array.from({ length: 256 }, (_, salt) => commit(70, salt + 1, now)),
    ).state
    expect(codeOf(() => play(many, [commit(70, 999, now)]))).toBe('REPORT_INVALID')
    expect(play(many, [commit(70, 999, now + 31n * day)]).state.reports).toHaveLength(1)
  })
})
