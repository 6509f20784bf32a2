// Does a batch count? Random batches upon random chains, judged by op-node's checks and by ours.
import { seededRandom, testSeed } from '@l2/common/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkRequest, judged, randomCheck } from './checks.js'
import { hasOracle, type Oracle, share, startOracle } from './oracle.js'

const seed = testSeed(1)
let oracle: Oracle
beforeAll(() => {
  if (hasOracle) oracle = startOracle()
})
afterAll(() => oracle?.close())

describe.skipIf(!hasOracle)('checks of batches against op-node', () => {
  it('the same verdict', { timeout: 900_000 }, async () => {
    const counts: Record<string, number> = {}
    for (let i = 0; i < share(3_000, 100); i++) {
      const check = randomCheck(seededRandom(seed * 15_485_863 + i))
      const mine = judged(check)
      const answer = await oracle.ask(checkRequest(check))
      const theirs = answer.err === undefined ? (answer.verdict ?? answer) : 'no batch'
      // What op-node accepts as a whole, and drops when it takes the first new block out of it, is dropped here at once.
      const later = mine.why === 'epoch-too-old' && theirs === 'accept'
      expect({ i, ...mine, theirs }).toEqual({ i, ...mine, theirs: later ? 'accept' : mine.verdict })
      counts[theirs] = (counts[theirs] ?? 0) + 1
    }
    expect(Object.keys(counts)).toEqual(expect.arrayContaining(['accept', 'drop', 'undecided']))
  })
})
