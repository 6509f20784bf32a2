import { seededRandom, testSeed } from '@l2/common/testing'
import { expect, it } from 'vitest'
import { target } from '../soak/staking.soak.js'

it.each(target.cases)('rewards of the work, penalties of the fault, every wei somewhere: $name', ({ run }) => {
  const seed = testSeed()
  expect(run(seededRandom(seed), 6000), `seed ${seed}`).toContain('6000 commands')
})
