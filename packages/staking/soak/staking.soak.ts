import type { Random, SoakTarget } from '@l2/common/testing'
import { fairness } from './fairness.js'

/** Rewards of the work and penalties of the fault, against the reference that keeps every deposit by itself. */
export const target: SoakTarget = {
  cases: [0, 2500, 10_000].map(firstLossBps => ({
    name: `first loss ${firstLossBps}`,
    run: (random: Random, operations: number) => fairness(random, operations, { firstLossBps }),
  })),
}
