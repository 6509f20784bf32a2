import { type ForkName, forkNames, isForkActivationBlock } from './fork-schedule.js'
import type { RollupConfig } from './rollup-config.js'

/**
 * Gas that an upgrade's activation block has on top of the chain's gas limit, so that its transactions need not fit into that. The sum of
 * the gas limits in the upgrade's bundle; Lagoon's also holds the two wrapper deposits, whether they are there or not.
 * Source: `op-core/nuts/bundles` and `UpgradeGas` of op-node v1.19.6.
 */
const upgradeGas: { readonly [fork in ForkName]?: bigint } = { karst: 55_370_657n, lagoon: 60_653_172n }

function activatedAt({ forks, blockTimeSeconds }: RollupConfig, timestamp: bigint): ForkName[] {
  return forkNames.filter(fork => fork in upgradeGas && isForkActivationBlock(forks, fork, timestamp, blockTimeSeconds))
}

/** What the block at `timestamp` (seconds) has above the system config's gas limit; not 0 only where an upgrade becomes active. */
export function addedUpgradeGas(rollup: RollupConfig, timestamp: bigint): bigint {
  return activatedAt(rollup, timestamp).reduce((gas, fork) => gas + upgradeGas[fork]!, 0n)
}

/**
 * The part of {@link addedUpgradeGas} that stays in the gas limit afterwards: Karst's, on chains that keep it. Where several upgrades share a
 * block, op-node and kona take back the first one's gas and no other.
 */
export function keptUpgradeGas(rollup: RollupConfig, timestamp: bigint): bigint {
  const added = addedUpgradeGas(rollup, timestamp)
  const [first] = activatedAt(rollup, timestamp)
  if (first === undefined || (first === 'karst' && rollup.keepKarstUpgradeGas === true)) return added
  return added - upgradeGas[first]!
}
