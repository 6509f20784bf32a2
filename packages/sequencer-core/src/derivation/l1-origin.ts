import { forkNames, isForkActivationBlock } from './fork-schedule.js'
import type { L1BlockRef } from './l1.js'
import type { L2BlockRef } from './l2.js'
import { maxSequencerDriftSeconds, type RollupConfig } from './rollup-config.js'

/** What a sequencer builds its next block on. */
export type OriginChoice<Block extends L1BlockRef = L1BlockRef> =
  | {
      readonly type: 'build'
      readonly origin: Block
      /** The block must carry no transaction of users: it is too far ahead of its L1 origin, or installs a network upgrade. */
      readonly noTxPool: boolean
    }
  /** Too far ahead to go on without knowing whether the next L1 block could be adopted: wait for it. */
  | { readonly type: 'wait-for-l1' }

/**
 * Chooses the L1 origin of the block after `parent`: the next L1 block as soon as it exists and is not younger than the L2 block, the
 * same one until then. `next` is the L1 block after `current`, `undefined` while the sequencer does not know it (or keeps its distance from L1's
 * head on purpose). Deriving the result accepts what this allows, and nothing a sequencer builds this way is dropped for its origin or drift.
 * Source: OP specs, "Sequencing epochs"; op-node's origin selector.
 *
 * @example
 * ```ts
 * import { rollupPresets } from '@l2/sequencer-core'
 * import { genesisBlockRef, nextOrigin } from '@l2/sequencer-core/derivation'
 *
 * const config = rollupPresets.opMainnet
 * const parent = genesisBlockRef(config)
 * const hash = (n: number) => `0x${n.toString(16).padStart(64, '0')}` as const
 * const current = { number: 17_422_590n, hash: parent.l1Origin.hash, parentHash: hash(0), timestamp: parent.timestamp }
 * const next = { number: 17_422_591n, hash: hash(1), parentHash: current.hash, timestamp: parent.timestamp + 12n }
 * const choice = nextOrigin(config, parent, current, next)
 * console.log(choice.type === 'build' && choice.origin.number) // 17422590n
 * ```
 */
export function nextOrigin<Block extends L1BlockRef>(
  config: RollupConfig,
  parent: L2BlockRef,
  current: Block,
  next: Block | undefined,
): OriginChoice<Block> {
  const timestamp = parent.timestamp + config.blockTimeSeconds
  const exceeds = (origin: L1BlockRef): boolean =>
    timestamp > origin.timestamp + maxSequencerDriftSeconds(config, origin.timestamp)
  if (next === undefined && exceeds(current)) return { type: 'wait-for-l1' }
  const origin = next !== undefined && timestamp >= next.timestamp ? next : current
  const upgrade = forkNames.some(fork => isForkActivationBlock(config.forks, fork, timestamp, config.blockTimeSeconds))
  return { type: 'build', origin, noTxPool: upgrade || exceeds(origin) }
}
