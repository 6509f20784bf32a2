import { codeOf } from '@l2/common/testing'
import fc from 'fast-check'
import type { Hex } from 'viem'
import { describe, expect, it } from 'vitest'
import {
  createSchedule,
  decodeSchedule,
  encodeSchedule,
  leaderAt,
  leaderSchedule,
  nextTerm,
  planEpoch,
  reselect,
  type Schedule,
  slotOf,
} from './schedule.js'

const account = (n: number) => `0x${n.toString(16).padStart(40, '0')}` as const
const seed: Hex = '0x3a75830c266277df588c1c64213909c4ad1d5d221c8baf930bb5257e1b697245'
const candidates = [20_000n, 40_000n, 100_000n, 20_000n].map((weight, i) => ({
  id: i + 1,
  weight,
  signer: account(i + 1),
}))
const planned = (epochs: number, options = {}): Schedule => {
  let schedule = createSchedule({ slotBlocks: 10n, firstHeight: 100n, ...options })
  for (let epoch = 0n; epoch < epochs; epoch++) schedule = planEpoch(schedule, { epoch, seed, candidates })
  return schedule
}

describe('schedule', () => {
  it('gives every height one leader, and none where nothing is planned', () => {
    const schedule = planned(2, { slotsPerEpoch: 3 })
    expect(leaderAt(schedule, 99n)).toBeUndefined()
    expect(leaderAt(schedule, 160n)).toBeUndefined()
    expect(slotOf(schedule, 135n)).toEqual({ epoch: 1n, slot: 0, start: 130n, end: 139n })
    // Slots 0, 1, 2 of the golden seed.
    expect([100n, 110n, 120n].map(height => leaderAt(schedule, height)?.id)).toEqual([3, 1, 1])
    expect(leaderAt(schedule, 109n)).toEqual({ sequencer: account(3), id: 3, epoch: 0n, term: 0 })
  })
  it('replaces a leader from a height on, by the fallback of the seed, until the slot ends', () => {
    let schedule = planned(2)
    expect(nextTerm(schedule, 104n)).toMatchObject({ id: 4, term: 1 })
    schedule = reselect(schedule, { height: 104n, term: 1 })
    schedule = reselect(schedule, { height: 106n, term: 2 })
    expect([100n, 103n, 104n, 105n, 106n, 109n].map(height => leaderAt(schedule, height)?.id)).toEqual([
      3, 3, 4, 4, 2, 2,
    ])
    // The epoch already elected stands.
    expect(leaderAt(schedule, 110n)).toMatchObject({ id: 3, epoch: 1n, term: 0 })
    expect(codeOf(() => reselect(schedule, { height: 107n, term: 2 }))).toBe('EPOCH_INVALID')
    expect(codeOf(() => reselect(schedule, { height: 105n, term: 3 }))).toBe('EPOCH_INVALID')
    expect(codeOf(() => reselect(schedule, { height: 999n, term: 3 }))).toBe('EPOCH_UNKNOWN')
    schedule = reselect(schedule, { height: 107n, term: 3 })
    expect(leaderAt(schedule, 107n)?.id).toBe(1)
    // Everybody has failed once: a new round begins with everybody in it.
    schedule = reselect(schedule, { height: 108n, term: 4 })
    expect([1, 2, 3, 4]).toContain(leaderAt(schedule, 108n)?.id)
  })
  it('any crashes below a third leave a leader who lives, whoever crashes', () => {
    fc.assert(
      fc.property(fc.subarray([1, 2, 3, 4], { maxLength: 3 }), fc.nat({ max: 17 }), (down, epoch) => {
        let schedule = planned(epoch + 1)
        const height = 100n + BigInt(epoch) * 10n
        let terms = 0
        while (down.includes(leaderAt(schedule, height)!.id)) schedule = reselect(schedule, { height, term: ++terms })
        // Nobody is tried twice before everybody was: as many time-outs as are down, at most.
        expect(terms).toBeLessThanOrEqual(down.length)
      }),
    )
  })
  it('skips the jailed', () => {
    const schedule = planned(1)
    expect(nextTerm(schedule, 100n, id => id === 4).id).not.toBe(4)
    expect(nextTerm(schedule, 100n, () => true).id).toBe(4)
  })
  it('systematic epochs keep the exact shares', () => {
    const schedule = planned(1, { slotsPerEpoch: 18, mode: 'systematic' })
    const ids = Array.from({ length: 18 }, (_, slot) => leaderAt(schedule, 100n + BigInt(slot) * 10n)!.id)
    expect(ids).toEqual([2, 3, 3, 4, 3, 1, 3, 3, 3, 2, 3, 3, 4, 1, 2, 2, 3, 3])
  })
  it('forgets old epochs, begins where it is told, survives JSON', () => {
    const schedule = reselect(planned(5, { keepEpochs: 3, firstEpoch: 0n }), { height: 135n, term: 1 })
    expect(leaderAt(schedule, 115n)).toBeUndefined()
    expect(leaderAt(schedule, 125n)?.epoch).toBe(2n)
    const back = decodeSchedule(encodeSchedule(schedule))
    expect(back).toEqual(schedule)
    const later = planEpoch(createSchedule({ firstEpoch: 3n, slotBlocks: 10n }), { epoch: 3n, seed, candidates })
    expect(leaderAt(later, 0n)?.epoch).toBe(3n)
    expect(leaderSchedule(() => schedule).leaderAt(135n)).toEqual({
      sequencer: leaderAt(schedule, 135n)!.sequencer,
      epoch: 3n,
      term: 1,
    })
    for (const bad of [
      '',
      '{}',
      encodeSchedule(schedule).replace('"term":1', '"term":2'),
      encodeSchedule(schedule).replace(/"id":\d+\}\]/, '"id":99}]'),
    ]) {
      expect(codeOf(() => decodeSchedule(bad))).toBe('SNAPSHOT_INVALID')
    }
  })
  it('refuses gaps, empty sets and bad options', () => {
    expect(codeOf(() => planEpoch(planned(2), { epoch: 3n, seed, candidates }))).toBe('EPOCH_INVALID')
    expect(codeOf(() => planEpoch(planned(2), { epoch: 2n, seed, candidates: [] }))).toBe('ELECTION_EMPTY')
    expect(codeOf(() => planEpoch(planned(2), { epoch: 2n, seed: '0x1', candidates }))).toBe('INPUT_INVALID')
    for (const bad of [
      { slotBlocks: 0n },
      { slotsPerEpoch: 0 },
      { firstHeight: -1n },
      { mode: 'x' as 'weighted' },
      { keepEpochs: 1 },
    ]) {
      expect(codeOf(() => createSchedule(bad))).toBe('CONFIG_INVALID')
    }
  })
})
