import { concatBytes, isL2Error } from '@l2/common'
import type { FuzzTarget } from '@l2/common/testing'
import { configCarriedByBlock } from '../src/derivation/config-changes.ts'
import { isForkActive } from '../src/derivation/fork-schedule.ts'
import { l1InfoFor } from '../src/derivation/l1-info.ts'
import {
  applyConfigUpdate,
  configUpdateTopic,
  decodeConfigUpdate,
  encodeConfigUpdate,
  type SystemConfigUpdate,
} from '../src/derivation/system-config.ts'
import { createL1Simulator, simulatedAccount } from '../src/testing/l1-simulator.ts'
import { simulatedRollup } from '../src/testing/l2-simulator.ts'

const config = simulatedRollup()
const origin = createL1Simulator({ config, sign: false }).head
const zero = `0x${'00'.repeat(32)}` as const

/** The first byte is the update's type, the rest the log's data. What is read can be applied, and fits into the L1-info deposit. */
export const target: FuzzTarget = {
  corpus: () => {
    const updates: SystemConfigUpdate[] = [
      { type: 'batcher', batcher: simulatedAccount(3).address },
      { type: 'fee-scalars', overhead: 1n, scalar: (1n << 248n) | (5n << 32n) | 7n },
      { type: 'gas-limit', gasLimit: 30_000_000n },
      { type: 'unsafe-block-signer', signer: simulatedAccount(4).address },
      { type: 'eip1559', denominator: 250n, elasticity: 6n },
      { type: 'operator-fee', scalar: 1n, constant: 2n },
      { type: 'min-base-fee', minBaseFee: 9n },
      { type: 'da-footprint', gasScalar: 400n },
    ]
    return updates.map((update, type) => concatBytes(Uint8Array.of(type), encodeConfigUpdate(update).data))
  },
  run(input) {
    const type = input[0] ?? 0
    const log = {
      address: config.systemConfigContract,
      topics: [configUpdateTopic, zero, `0x${type.toString(16).padStart(64, '0')}`] as const,
      data: input.subarray(1),
      logIndex: 0,
    }
    let update: SystemConfigUpdate
    try {
      update = decodeConfigUpdate(log)
    } catch (error) {
      if (!isL2Error(error, 'SYSTEM_CONFIG_LOG_INVALID')) throw error
      return
    }
    const applied = applyConfigUpdate(config.genesis.systemConfig, update, config.forks, 1000n)
    const carried = configCarriedByBlock(applied, 1002n, config)
    if (!isForkActive(config.forks, 'jovian', 1002n))
      throw new Error('the configuration is not what this target is about')
    l1InfoFor(config, carried, origin, 0n, 1002n)
  },
}
