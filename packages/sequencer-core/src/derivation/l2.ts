import type { Hash } from 'viem'
import type { BlockId, RollupConfig } from './rollup-config.js'

/** An L2 block as derivation refers to it. */
export type L2BlockRef = {
  readonly number: bigint
  readonly hash: Hash
  readonly parentHash: Hash
  /** Seconds. */
  readonly timestamp: bigint
  readonly l1Origin: BlockId
  /** How many blocks of the same L1 origin came before it. */
  readonly sequenceNumber: bigint
}

/** The genesis block of a chain. */
export function genesisBlockRef(config: RollupConfig): L2BlockRef {
  return {
    ...config.genesis.l2,
    parentHash: `0x${'00'.repeat(32)}`,
    timestamp: config.genesis.l2TimeSeconds,
    l1Origin: config.genesis.l1,
    sequenceNumber: 0n,
  }
}
