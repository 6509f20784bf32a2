import type { Random, SoakTarget } from '@l2/common/testing'
import { poolDifferential } from '../test/pool-world.js'

/** Each contract against its reducer, on anvil: the same random commands, the whole state compared after every step. */
export const target: SoakTarget = {
  cases: (['blocks', 'batches'] as const).flatMap(rewardSource =>
    [2500, 10_000].map(firstLossBps => ({
      name: `SequencerPool, ${rewardSource}, first loss ${firstLossBps}`,
      run: (random: Random, operations: number) =>
        poolDifferential(random, operations, { rewardSource, firstLossBps, maxSeats: 4 }),
    })),
  ),
}
