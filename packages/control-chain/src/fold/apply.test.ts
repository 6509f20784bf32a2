import type { Hash } from 'viem'
import { describe, expect, it } from 'vitest'
import { defaultParameters } from '../parameters.js'
import { applyControlBlock } from './apply.js'
import type { ControlBlock, ControlTransaction } from './block.js'
import { type LeaderPlan, leaderAt } from './leaders.js'
import {
  type ControlState,
  createControlState,
  forgetSettled,
  keptSettledBlocks,
  membersOf,
  scheduleMembers,
} from './state.js'

const hash = (n: number): Hash => `0x${n.toString(16).padStart(64, '0')}`
const block = (n: number) => ({ height: BigInt(n), hash: hash(n) })
const genesis = block(0)
const place = { epochId: 0n, term: 0, height: 1n }
const plan: LeaderPlan = {
  slotAt: height => ({ start: height - (height % 5n), end: height - (height % 5n) + 4n, leader: 1 }),
  fallback: (_, view, isExcluded) => [1, 2, 3, 4].filter(id => !isExcluded(id))[view % 3]!,
}
const created = (powers: readonly bigint[] = [1n, 1n, 1n, 1n]): ControlState =>
  createControlState({
    chainId: 901n,
    genesis,
    members: powers.map((power, index) => ({ id: index + 1, power })),
    parameters: defaultParameters,
  })
const next = (state: ControlState, change: Partial<ControlBlock> = {}) =>
  applyControlBlock(state, { height: state.height + 1n, lists: [], transactions: [], ...change }, plan)
const lists = (state: ControlState, operators: readonly number[], hashes: readonly number[], from = 0) =>
  operators.map(operator => ({
    operator,
    list: { view: state.view, atHeight: state.height, base: block(from), hashes: hashes.map(hash) },
  }))
const silent = (state: ControlState, operators: readonly number[]): ControlTransaction[] =>
  operators.map(operator => ({
    type: 'termVote',
    operator,
    sequence: state.height,
    view: state.view,
    cause: { type: 'silent' },
  }))

describe('a control block', () => {
  it('settles what more than two thirds of all stake name, and no less', () => {
    const state = created()
    expect(next(state, { lists: lists(state, [1, 2], [1, 2]) }).state.milestone).toEqual(genesis)
    const { state: after, events } = next(state, { lists: lists(state, [1, 2, 3], [1, 2]) })
    expect(events).toEqual([{ type: 'settled', blocks: [block(1), block(2)] }])
    expect(after.milestone).toEqual(block(2))
    // Exactly two thirds are not more than two thirds.
    const thirds = created([1n, 1n, 1n])
    expect(next(thirds, { lists: lists(thirds, [1, 2], [1]) }).state.milestone).toEqual(genesis)
  })

  it('remembers so many settled blocks, and no more however long the chain', () => {
    let state = created()
    for (let height = 0; height < Number(keptSettledBlocks) + 64; height += 16) {
      const hashes = Array.from({ length: 16 }, (_, index) => height + 1 + index)
      state = next(state, { lists: lists(state, [1, 2, 3], hashes, height) }).state
    }
    const heights = [...state.settled].map(([height]) => height)
    expect(heights).toHaveLength(Number(keptSettledBlocks))
    expect(heights.at(-1)).toBe(state.milestone.height)
    expect(heights[0]).toBe(state.milestone.height - keptSettledBlocks + 1n)
  })

  it('counts the latest list of each, also over several blocks, and drops older ones and strangers', () => {
    let { state } = next(created())
    state = next(state, { lists: lists(state, [1], [1]) }).state
    state = next(state, { lists: lists(state, [2, 9], [1]) }).state
    const old = lists(created(), [1], [99])
    state = next(state, { lists: [...old, ...lists(state, [3], [1])] }).state
    expect(state.milestone).toEqual(block(1))
  })

  it('ends a term where more than one third agree, with the next leader of the seed', () => {
    let { state } = next(created(), { lists: lists(created(), [1, 2], [1]) })
    const ended = next(state, { transactions: silent(state, [2, 3, 4]) })
    state = ended.state
    expect(ended.events).toEqual([
      { type: 'termEnded', view: 1, start: block(1), cause: 'silent', failed: 1, leader: 3, missed: true },
    ])
    expect([0n, 1n, 2n, 4n, 5n].map(height => leaderAt(state, plan, height))).toEqual([1, 1, 3, 3, 1])
    expect([state.lists.size, state.votes.size, state.failures]).toEqual([0, 0, 1])
  })

  it('takes a withdrawn, an expired and a replayed vote for nothing', () => {
    const voted = next(created(), { transactions: silent(created(), [1, 2]) }).state
    const withdrawn = next(voted, {
      transactions: [{ type: 'termVote', operator: 2, sequence: 9n, view: 0 }, ...silent(voted, [3])],
    }).state
    expect(withdrawn.view).toBe(0)
    let aged = voted
    for (let i = 0; i < defaultParameters.voteLifetimeBlocks; i++) aged = next(aged).state
    expect(next(aged, { transactions: silent(aged, [3]) }).state.view).toBe(0)
    const replayed = next(voted, { transactions: silent(created(), [1, 2]) }).state
    expect(replayed.votes.get(1)?.height).toBe(1n)
    expect(next(voted, { transactions: silent(voted, [3]) }).state.view).toBe(1)
  })

  it('lets the leader stay when L1 took its head back: nobody missed a turn', () => {
    const state = created()
    const votes = silent(state, [2, 3, 4]).map((vote, index) => ({
      ...vote,
      ...(index < 2 ? { cause: { type: 'l1' } as const } : {}),
    }))
    expect(next(state, { transactions: votes }).events).toEqual([
      { type: 'termEnded', view: 1, start: genesis, cause: 'l1', failed: 1, leader: 1, missed: false },
    ])
  })

  it('takes settled blocks back only to one block that more than two thirds name, and only to a settled one', () => {
    const { state } = next(created(), { lists: lists(created(), [1, 2, 3], [1, 2, 3]) })
    const rollback = (to: ReturnType<typeof block>, operators: readonly number[]) =>
      silent(state, operators).map(vote => ({ ...vote, cause: { type: 'rollback', to } as const }))
    expect(next(state, { transactions: [...rollback(block(1), [1, 2]), ...rollback(block(2), [3])] }).events).toEqual(
      [],
    )
    const { state: after, events } = next(state, { transactions: rollback(block(1), [1, 2, 3]) })
    expect(events[0]).toEqual({ type: 'settledRevoked', blocks: [block(3), block(2)], era: 1 })
    expect([after.milestone, after.start, after.view]).toEqual([block(1), block(1), 1])
    const strange = next(state, { transactions: rollback({ height: 1n, hash: hash(77) }, [1, 2, 3]) }).state
    expect(strange.milestone).toEqual(block(3))
    const forgotten = next(forgetSettled(state, 2n), { transactions: rollback(block(1), [1, 2, 3]) }).state
    expect(forgotten.milestone).toEqual(block(3))
  })

  it('bars whoever signed twice at once, ends the term, and never bars a third of the stake', () => {
    const fault = (accused: number): ControlTransaction => ({
      type: 'equivocation',
      accused,
      evidence: hash(accused),
      place,
    })
    const first = next(created(), { transactions: [fault(1), fault(1)] })
    expect(first.events.map(({ type }) => type)).toEqual(['jailed', 'termEnded', 'membersChanged'])
    expect(leaderAt(first.state, plan, 1n)).not.toBe(1)
    const second = next(first.state, { transactions: [fault(2)] })
    expect(second.events).toEqual([])
    expect([...second.state.jailed].map(([id]) => id)).toEqual([1])
  })

  it('bars the leader whose header more than two thirds call invalid', () => {
    const state = created()
    const votes = silent(state, [2, 3, 4]).map(vote => ({
      ...vote,
      cause: { type: 'invalid', header: block(1) } as const,
    }))
    expect(next(state, { transactions: votes }).events).toMatchObject([
      { type: 'jailed', operator: 1, reason: 'invalid' },
      { type: 'termEnded', cause: 'invalid', missed: true },
      { type: 'membersChanged', fromHeight: 3n, members: [{ id: 2 }, { id: 3 }, { id: 4 }] },
    ])
  })

  it('takes the mark of L1 that more than two thirds name', () => {
    const state = created()
    const l1 = { number: 8n, hash: hash(8), timestamp: 96n, prevRandao: hash(9), poolRoot: hash(10) }
    const named = lists(state, [1, 2, 3], []).map(({ operator, list }) => ({ operator, list: { ...list, l1 } }))
    expect(next(state, { lists: named.slice(0, 2) }).state.l1).toBeUndefined()
    expect(next(state, { lists: named }).state.l1).toEqual(l1)
  })

  it('changes its members at the height that was set', () => {
    let state = scheduleMembers(created(), { fromHeight: 2n, members: [{ id: 7, power: 1n }] })
    state = next(state).state
    expect(membersOf(state)).toHaveLength(4)
    state = next(state).state
    expect(membersOf(state)).toEqual([{ id: 7, power: 1n }])
    expect(state.sets).toHaveLength(1)
    expect(next(state, { lists: lists(state, [7], [1]) }).state.milestone).toEqual(block(1))
  })

  it('that does not follow is refused, and the state is the one before', () => {
    const state = created()
    const before = structuredClone({ ...state, settled: [...state.settled] })
    expect(() => next(state, { height: 2n })).toThrow(expect.objectContaining({ code: 'HEIGHT_INVALID' }))
    next(state, { lists: lists(state, [1, 2, 3], [1]), transactions: silent(state, [1, 2, 3]) })
    expect({ ...state, settled: [...state.settled] }).toMatchObject({ height: before.height, view: before.view })
    expect([...state.settled]).toEqual(before.settled)
  })

  it('gives the same state whatever the order in which lists came', () => {
    const state = created([3n, 2n, 2n, 1n])
    const named = [...lists(state, [1, 3], [1, 2]), ...lists(state, [2, 4], [1, 5])]
    const [a, b] = [next(state, { lists: named }), next(state, { lists: [...named].reverse() })]
    expect([...a.state.lists]).toEqual([...b.state.lists])
    expect(a.events).toEqual(b.events)
  })

  it.each([
    ['nobody', []],
    [
      'one twice',
      [
        { id: 1, power: 1n },
        { id: 1, power: 1n },
      ],
    ],
    ['one without stake', [{ id: 1, power: 0n }]],
  ])('cannot begin with %s', (_, members) => {
    expect(() => createControlState({ chainId: 1n, genesis, members, parameters: defaultParameters })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    )
  })
})
