import { seededRandom, testSeed } from '@l2/common/testing'
import { describe, expect, test } from 'vitest'
import { target } from '../soak/lst.soak.js'

/** The short form of `pnpm soak lst`; another run with L2_SEED. */
const seed = testSeed(20_261_129)
const operations = { liveness: 900, wealth: 800, attack: 500, with: 500 }

describe(`random use of every preset, profile and kind of exit, seed ${seed}`, () => {
  for (const { name, run } of target.cases)
    test(name, async () => {
      const count = operations[name.split(' ')[0] as keyof typeof operations]
      expect(await run(seededRandom(seed), count)).toMatch(/^\d+ operations/)
    })
})
