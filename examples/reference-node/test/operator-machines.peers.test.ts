import { runs, seededRandom, testSeed } from '@l2/common/testing'
import { postgresBinaries } from '@l2/sequencer-core/postgres'
import { expect, it } from 'vitest'
import { goProgram } from '../../../scripts/go.mjs'
import { failover } from './failover.js'

// Programs of operators on the real CometBFT and PostgreSQL, in `pnpm test:peers`.
const { L2_PEERS } = process.env
const binary = L2_PEERS === undefined ? undefined : goProgram('cometbft', { build: L2_PEERS === 'full' })
const isThere = binary !== undefined && postgresBinaries() !== undefined
if (!isThere) process.stdout.write('skipped: two machines of an operator; pnpm test:peers operator, which needs Go\n')

const rounds = runs({ suite: 2, soak: 50 })

it.skipIf(!isThere)(
  `an operator of two machines loses nothing and signs nothing twice over ${rounds} replacements`,
  async () => {
    process.env['L2_COMETBFT'] = binary
    const { takeoverMs, entries, leases } = await failover(seededRandom(testSeed(20)), rounds)
    expect(takeoverMs).toHaveLength(rounds)
    expect(leases).toBeGreaterThan(rounds)
    expect(entries).toBeGreaterThan(rounds)
  },
)
