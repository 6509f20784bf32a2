import { runs, seededRandom, testSeed } from '@l2/common/testing'
import { expect, it } from 'vitest'
import { failover } from '../../soak/failover.js'
import { postgresBinaries } from './index.js'

const rounds = runs({ suite: 4, soak: 50 })

// Starts programs: spawnPostgres.
it.skipIf(postgresBinaries() === undefined)(
  `loses nothing acknowledged and signs nothing twice over ${rounds} replacements of a machine`,
  async () => {
    const { takeoverMs, blocks } = await failover(seededRandom(testSeed(41)), rounds)
    expect(takeoverMs).toHaveLength(rounds)
    expect(blocks).toBeGreaterThan(rounds)
  },
)
