import { isDeposit } from '../derivation/deposit.js'
import { isForkActive } from '../derivation/fork-schedule.js'
import type { RollupConfig } from '../derivation/rollup-config.js'
import type { SystemConfig } from '../derivation/system-config.js'
import type { ExecutedBlock } from '../engine/engine.js'
import { nextBaseFee } from '../fees/base-fee.js'
import { daFootprint, defaultDaFootprintGasScalar } from '../fees/da-footprint.js'
import type { PoolHead } from './types.js'

/** What {@link poolHeadAfter} needs besides the block. */
export type PoolHeadContext = {
  readonly rollup: Pick<RollupConfig, 'eip1559' | 'forks'>
  /** As the block carries it, see `configCarriedByBlock` of `@l2/sequencer-core/derivation`. */
  readonly systemConfig: SystemConfig
  /** Whether the engine lets the DA footprint move the base fee and bound the block, from Jovian on. Default true; anvil does not. */
  readonly metersData?: boolean | undefined
}

/**
 * What a pool and a builder have to know when a block has become the head: where the chain stands, and the gas limit, room for data and base fee of the next block.
 *
 * @example
 * ```ts
 * import { createMempool } from '@l2/sequencer-core'
 * import { poolHeadAfter } from '@l2/sequencer-core/mempool'
 * import { createHashEngine, simulatedRollup } from '@l2/sequencer-core/testing'
 *
 * const rollup = simulatedRollup()
 * const parent = (await createHashEngine({ config: rollup }).block('latest'))!
 * const head = poolHeadAfter(parent, { rollup, systemConfig: rollup.genesis.systemConfig })
 * const pool = createMempool()
 * pool.setHead({ ...head, nowMs: 0, included: [], accounts: [] })
 * console.log(pool.head.baseFeePerGas, pool.head.gasLimit) // 1n 30000000n
 * ```
 */
export function poolHeadAfter(block: ExecutedBlock, context: PoolHeadContext): PoolHead {
  const { rollup, systemConfig, metersData = true } = context
  const { number, timestamp, baseFeePerGas, gasUsed } = block
  const isActive = (fork: 'canyon' | 'jovian') => isForkActive(rollup.forks, fork, timestamp)
  const scalar = systemConfig.daFootprintGasScalar || defaultDaFootprintGasScalar
  const isMetered = metersData && isActive('jovian')
  let gasMetered = gasUsed
  if (isMetered) {
    const users = block.transactions.filter(raw => !isDeposit(raw))
    const footprint = daFootprint(users, scalar)
    if (footprint > gasUsed) gasMetered = footprint
  }
  return {
    number,
    timestamp,
    gasLimit: systemConfig.gasLimit,
    maxDaBytes: isMetered ? systemConfig.gasLimit / scalar : undefined,
    baseFeePerGas: nextBaseFee({
      parentBaseFeeWei: baseFeePerGas,
      parentGasLimit: block.gasLimit,
      parentGasMetered: gasMetered,
      denominator:
        systemConfig.eip1559Denominator || rollup.eip1559[isActive('canyon') ? 'denominatorCanyon' : 'denominator'],
      elasticity: systemConfig.eip1559Elasticity || rollup.eip1559.elasticity,
      minBaseFeeWei: isActive('jovian') ? systemConfig.minBaseFee : undefined,
    }),
  }
}
