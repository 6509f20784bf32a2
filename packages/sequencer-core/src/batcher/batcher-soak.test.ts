import { runs } from '@l2/common/testing'
import { describe, expect, it } from 'vitest'
import { simulateBatcher } from './testdata/simulation.js'

describe('the batcher on an L1 that misbehaves', () => {
  it.each([1, 2, 3, 4, 5])(
    'every block is derived exactly once and nothing is late, seeds %i modulo 5',
    async start => {
      for (let seed = start; seed <= runs({ suite: 5, soak: 1_000 }); seed += 5) {
        const { problems, submissions } = await simulateBatcher(seed)
        expect({ seed, problems }).toEqual({ seed, problems: [] })
        expect(submissions).toBeGreaterThan(5)
      }
    },
  )

  it.each([1, 2, 3])(
    'pays once for each block when its node lags and reads L1 again, seeds %i modulo 3',
    async start => {
      let rereads = 0
      for (let seed = start; seed <= runs({ suite: 6, soak: 999 }); seed += 3) {
        const { problems, paidRatio, faults } = await simulateBatcher(seed, { calm: true })
        expect({ seed, problems }).toEqual({ seed, problems: [] })
        const once = paidRatio <= 1.01 && paidRatio >= 0.99
        expect({ seed, ratio: once ? 'once' : paidRatio }).toEqual({ seed, ratio: 'once' })
        expect(faults.lag).toBeGreaterThan(10)
        rereads += faults.reread
      }
      expect(rereads).toBeGreaterThan(0)
    },
  )

  it.each([1, 2, 3])(
    'pays once for each block while its sequencers take turns and do not answer, seeds %i modulo 3',
    async start => {
      for (let seed = start; seed <= runs({ suite: 6, soak: 999 }); seed += 3) {
        const { problems, paidRatio, faults } = await simulateBatcher(seed, { calm: true, turns: true })
        expect({ seed, problems }).toEqual({ seed, problems: [] })
        const once = paidRatio <= 1.01 && paidRatio >= 0.99
        expect({ seed, ratio: once ? 'once' : paidRatio }).toEqual({ seed, ratio: 'once' })
        expect(faults.turn).toBeGreaterThan(2)
        expect(faults.deaf).toBeGreaterThan(5)
      }
    },
  )

  it('runs the same from the same seed', async () => {
    expect(await simulateBatcher(7)).toEqual(await simulateBatcher(7))
  })
})
