import type { Random, SoakTarget } from '@l2/common/testing'
import { splitterDifferential } from '../test/fee-splitter-world.js'

/** The contract against its reducer, on anvil: the same random commands, the whole state compared after every one. */
export const target: SoakTarget = {
  cases: (['ether', 'token'] as const).map(kind => ({
    name: `FeeSplitter of ${kind}`,
    run: (random: Random, operations: number) => splitterDifferential(random, operations, kind),
  })),
}
