import { describe, expect, it } from 'vitest'
import { simulateBatcher } from './testdata/simulation.js'

describe('the batcher on an L1 that misbehaves', () => {
  it.each([1, 2, 3, 4, 5])(
    'every block is derived exactly once and nothing is late, seeds %i modulo 5',
    async start => {
      for (let seed = start; seed <= 25; seed += 5) {
        const { problems, submissions } = await simulateBatcher(seed)
        expect({ seed, problems }).toEqual({ seed, problems: [] })
        expect(submissions).toBeGreaterThan(5)
      }
    },
  )

  it('runs the same from the same seed', async () => {
    expect(await simulateBatcher(7)).toEqual(await simulateBatcher(7))
  })
})
