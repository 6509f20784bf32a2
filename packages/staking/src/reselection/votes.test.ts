import { codeOf } from '@l2/common/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  castTermVote,
  openTermVotes,
  type TermDecision,
  termDecisionHash,
  termTimeoutMs,
  thresholdSigners,
} from './votes.js'

const decision: TermDecision = {
  chainId: 1088n,
  epoch: 5n,
  slot: 0,
  term: 1,
  height: 5100n,
  parentHash: `0x${'11'.repeat(32)}`,
  leader: 4,
}
describe('votes', () => {
  it('bind every field of the decision', () => {
    const changed = [
      { chainId: 1n },
      { epoch: 6n },
      { slot: 1 },
      { term: 2 },
      { height: 5101n },
      { parentHash: `0x${'12'.repeat(32)}` as const },
      { leader: 3 },
    ].map(change => termDecisionHash({ ...decision, ...change }))
    expect(new Set([termDecisionHash(decision), ...changed]).size).toBe(8)
    expect(codeOf(() => termDecisionHash({ ...decision, parentHash: '0x12' }))).toBe('INPUT_INVALID')
  })
  it('decide exactly when 3·yes > 2·total, by stake, for one decision', () => {
    const weights = fc.array(fc.bigInt({ min: 1n, max: 10n ** 24n }), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(weights, fc.infiniteStream(fc.boolean()), (list, choice) => {
        const members = list.map((weight, id) => ({ id, weight }))
        const total = list.reduce((a, b) => a + b, 0n)
        let votes = openTermVotes(members)
        let yes = 0n
        for (const { id, weight } of members) {
          const hash = choice.next().value ? termDecisionHash(decision) : termDecisionHash({ ...decision, leader: 2 })
          if (hash === termDecisionHash(decision)) yes += weight
          votes = castTermVote(votes, { id, decision: hash })
          if (votes.decided !== undefined) break
        }
        expect(votes.decided === termDecisionHash(decision)).toBe(3n * yes > 2n * total)
      }),
    )
  })
  it('two of three is not enough, and nobody votes twice', () => {
    const members = [1, 2, 3].map(id => ({ id, weight: 1n }))
    const hash = termDecisionHash(decision)
    const two = castTermVote(castTermVote(openTermVotes(members), { id: 1, decision: hash }), { id: 2, decision: hash })
    expect(two.decided).toBeUndefined()
    expect(codeOf(() => castTermVote(two, { id: 2, decision: hash }))).toBe('VOTE_INVALID')
    expect(codeOf(() => castTermVote(two, { id: 9, decision: hash }))).toBe('VOTE_INVALID')
    const three = castTermVote(two, { id: 3, decision: hash })
    expect(three.decided).toBe(hash)
    expect(codeOf(() => castTermVote(three, { id: 3, decision: hash }))).toBe('VOTE_INVALID')
    expect(codeOf(() => openTermVotes([...members, members[0]!]))).toBe('INPUT_INVALID')
  })
})

describe('liveness', () => {
  it('any crashes of less than a third of the stake still leave a quorum', () => {
    const weights = fc.array(fc.bigInt({ min: 1n, max: 10n ** 24n }), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(weights, fc.infiniteStream(fc.boolean()), (list, down) => {
        const total = list.reduce((a, b) => a + b, 0n)
        let lost = 0n
        let votes = openTermVotes(list.map((weight, id) => ({ id, weight })))
        for (const [id, weight] of list.entries()) {
          if (down.next().value && 3n * (lost + weight) < total) lost += weight
          else if (votes.decided === undefined)
            votes = castTermVote(votes, { id, decision: termDecisionHash(decision) })
        }
        expect(votes.decided).toBe(termDecisionHash(decision))
      }),
    )
  })
  it('one silent leader is replaced after 4 seconds, four in a row within a minute (Metis: 190 seconds for one)', () => {
    const waited = (crashes: number): number =>
      Array.from({ length: crashes }, (_, term) => termTimeoutMs(term)).reduce((a, b) => a + b, 0)
    expect([1, 4].map(waited)).toEqual([4000, 32_500])
  })
})

it('time-outs grow to a bound; any f < n/3 may be down for a threshold signature', () => {
  expect([0, 1, 2, 3, 100].map(term => termTimeoutMs(term))).toEqual([4000, 6000, 9000, 13_500, 60_000])
  expect(codeOf(() => termTimeoutMs(0, { baseMs: 0 }))).toBe('CONFIG_INVALID')
  for (let n = 1; n < 200; n++) expect(n - thresholdSigners(n)).toBe(Math.ceil(n / 3) - 1)
})
