import { runs, seededRandom, testSeed } from '@l2/common/testing'
import { describe, expect, it } from 'vitest'
import { poolDifferential } from './pool-world.js'

describe('SequencerPool beside its reducer, on anvil', () => {
  it.each([
    { rewardSource: 'blocks', firstLossBps: 2500 },
    { rewardSource: 'batches', firstLossBps: 10_000 },
  ] as const)(
    'has the same state, events and refusals after every random command: $rewardSource',
    async options => {
      const seed = testSeed()
      const operations = runs({ suite: 150, soak: 5_000 })
      const line = await poolDifferential(seededRandom(seed), operations, { ...options, maxSeats: 4 })
      expect(line, `seed ${seed}`).toContain(`${operations} commands`)
    },
    3_600_000,
  )
})
