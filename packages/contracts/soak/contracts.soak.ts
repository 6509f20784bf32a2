import type { Random, SoakTarget } from '@l2/common/testing'
import { splitterDifferential } from '../test/fee-splitter-world.js'
import { liquidDifferential } from '../test/liquid-world.js'
import { poolDifferential } from '../test/pool-world.js'
import { verifierDifferential } from '../test/verifier-world.js'

/** Each contract against its reducer, on anvil: the same random commands, the whole state compared after every step. */
export const target: SoakTarget = {
  cases: [
    ...(['blocks', 'batches'] as const).flatMap(rewardSource =>
      [2500, 10_000].map(firstLossBps => ({
        name: `SequencerPool, ${rewardSource}, first loss ${firstLossBps}`,
        run: (random: Random, operations: number) =>
          poolDifferential(random, operations, { rewardSource, firstLossBps, maxSeats: 4 }),
      })),
    ),
    ...(['ether', 'token'] as const).map(kind => ({
      name: `FeeSplitter of ${kind}`,
      run: (random: Random, operations: number) => splitterDifferential(random, operations, kind),
    })),
    { name: 'EquivocationVerifier', run: verifierDifferential },
    { name: 'LiquidVault', run: (random: Random, operations: number) => liquidDifferential(random, operations) },
  ],
}
