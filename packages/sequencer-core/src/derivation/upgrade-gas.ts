import { type ForkName, forkNames, isForkActivationBlock } from './fork-schedule.js'
import type { RollupConfig } from './rollup-config.js'

/**
 * Gas that an upgrade's activation block has on top of the chain's gas limit, so that its transactions need not fit into that. The sum of
 * the gas limits in the upgrade's bundle; Lagoon's also holds the two wrapper deposits, whether they are there or not.
 * Source: `op-core/nuts/bundles` and `UpgradeGas` of op-node v1.19.6.
 */
const upgradeGas: { readonly [fork in ForkName]?: bigint } = { karst: 55_370_657n, lagoon: 60_653_172n }

function gasOf(rollup: RollupConfig, timestamp: bigint, counts: (fork: ForkName) => boolean): bigint {
  let gas = 0n
  for (const fork of forkNames) {
    const added = upgradeGas[fork]
    if (added === undefined || !counts(fork)) continue
    if (isForkActivationBlock(rollup.forks, fork, timestamp, rollup.blockTimeSeconds)) gas += added
  }
  return gas
}

/** What the block at `timestamp` (seconds) has above the system config's gas limit; not 0 only where an upgrade becomes active. */
export function addedUpgradeGas(rollup: RollupConfig, timestamp: bigint): bigint {
  return gasOf(rollup, timestamp, () => true)
}

/** The part of {@link addedUpgradeGas} that stays in the gas limit afterwards: Karst's, on chains that keep it. */
export function keptUpgradeGas(rollup: RollupConfig, timestamp: bigint): bigint {
  return gasOf(rollup, timestamp, fork => fork === 'karst' && rollup.keepKarstUpgradeGas === true)
}
