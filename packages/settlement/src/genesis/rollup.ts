import { type NewRollup, newRollup, type RollupConfig } from '@l2/sequencer-core/derivation'
import type { Hash } from 'viem'
import type { Settlement } from '../deploy/deploy.js'

/** Options of {@link settlementRollup}: the chain ids, what was deployed, its L2 genesis block, and what `newRollup` takes beside them. */
export type SettlementRollupOptions = Omit<
  NewRollup,
  'genesis' | 'batcher' | 'batchInbox' | 'depositContract' | 'systemConfigContract' | 'gasLimit'
> & {
  settlement: Settlement
  /** Block 0 of the L2, as the engine has it; the timestamp in seconds. */
  l2Genesis: { hash: Hash; timestamp: bigint }
}

/** The configuration of a rollup that begins with what was deployed on L1: its addresses, and the system configuration as the contract has it. */
export function settlementRollup(options: SettlementRollupOptions): RollupConfig {
  const { settlement, l2Genesis, ...chain } = options
  const { addresses, batchInbox, l1Origin, systemConfig } = settlement
  const rollup = newRollup({
    ...chain,
    genesis: {
      l1: { number: l1Origin.number, hash: l1Origin.hash },
      l2: { number: 0n, hash: l2Genesis.hash },
      l2TimeSeconds: l2Genesis.timestamp,
    },
    batcher: systemConfig.batcher,
    batchInbox,
    depositContract: addresses.optimismPortal,
    systemConfigContract: addresses.systemConfig,
  })
  return { ...rollup, genesis: { ...rollup.genesis, systemConfig } }
}
