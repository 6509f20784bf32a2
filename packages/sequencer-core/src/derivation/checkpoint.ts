import type { L2BlockRef } from './l2.js'
import { genesisBlockRef } from './l2.js'
import { type BlockId, channelTimeoutBlocks, type RollupConfig } from './rollup-config.js'
import type { SystemConfig } from './system-config.js'

/**
 * A place from which derivation goes on exactly as if it had never stopped: plain data of constant size. It names the L1 block read last
 * and the L2 head that came of everything up to it. Frames of channels still open then are not in it: they are read from L1 again, from the
 * block after `warm.after` on, and channels that complete up to `l1` are passed over because their batches are in `head` already.
 */
export type DerivationCheckpoint = {
  /** Everything up to and including this L1 block is accounted for in `head`. */
  readonly l1: BlockId
  readonly head: L2BlockRef
  /** The system config as `head` carries it. */
  readonly systemConfig: SystemConfig
  readonly warm: {
    /** No channel was open after this L1 block, and nothing attested that was not posted. */
    readonly after: BlockId
    /** The system config as of that L1 block, which says who may post batches. */
    readonly systemConfig: SystemConfig
  }
}

/** Where a chain begins. */
export function genesisCheckpoint(config: RollupConfig): DerivationCheckpoint {
  const { l1, systemConfig } = config.genesis
  return { l1, head: genesisBlockRef(config), systemConfig, warm: { after: l1, systemConfig } }
}

/**
 * The L1 block number that `warm.after` of a start without a checkpoint must not be above: a channel timeout before the head's origin, so
 * that every channel still open there is read whole; and where a committee attests, its window before that. Source: OP
 * specs, "Resetting the pipeline".
 *
 * To start from any safe block: `{ l1: head.l1Origin, head, systemConfig, warm: { after, systemConfig: … } }`.
 */
export function coldStartL1Number(config: RollupConfig, head: L2BlockRef, headOriginTimestamp: bigint): bigint {
  const attested = config.committee?.windowBlocks ?? 0n
  const number = head.l1Origin.number - channelTimeoutBlocks(config, headOriginTimestamp) - attested - 1n
  return number > config.genesis.l1.number ? number : config.genesis.l1.number
}
