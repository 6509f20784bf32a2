import type { Random, SoakTarget } from '@l2/common/testing'
import { joined } from './joined.js'
import { liveness } from './liveness.js'
import { attack, monotone } from './wealth.js'
import { variants } from './world.js'

/** Over every preset, both profiles and both kinds of exit. */
export const target: SoakTarget = {
  cases: variants.flatMap(variant => [
    { name: `liveness ${variant.name}`, run: (random, operations) => liveness(variant, random, operations) },
    { name: `wealth ${variant.name}`, run: (random, operations) => monotone(variant, random, operations) },
    { name: `attack ${variant.name}`, run: (random, operations) => attack(variant, random, operations) },
    ...(variant.name.endsWith('queue')
      ? [
          {
            name: `with the sequencer pool ${variant.name}`,
            run: (random: Random, operations: number) => joined(variant, random, operations),
          },
        ]
      : []),
  ]),
}
