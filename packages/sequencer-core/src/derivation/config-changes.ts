import type { SequencerError } from '../errors.js'
import { isForkActivationBlock, isForkActive } from './fork-schedule.js'
import type { L1Log } from './l1.js'
import type { RollupConfig } from './rollup-config.js'
import {
  applyConfigUpdate,
  configUpdateTopic,
  decodeConfigUpdate,
  ecotoneScalars,
  type SystemConfig,
  type SystemConfigUpdate,
} from './system-config.js'
import { keptUpgradeGas } from './upgrade-gas.js'
import { sameHex } from './words.js'

/**
 * A system config after an L1 block: every `ConfigUpdate` of the chain's contract, in log order. An unreadable one is skipped, as the
 * specification says, and handed to `onInvalid`; a caller that prefers op-node's way throws there.
 */
export function applyConfigLogs(
  config: SystemConfig,
  logs: readonly L1Log[],
  rollup: RollupConfig,
  l1TimeSeconds: bigint,
  onInvalid: (error: SequencerError) => void = () => {},
): SystemConfig {
  let result = config
  for (const log of logs) {
    if (!sameHex(log.address, rollup.systemConfigContract)) continue
    if (log.topics.length === 0 || !sameHex(log.topics[0]!, configUpdateTopic)) continue
    let update: SystemConfigUpdate
    try {
      update = decodeConfigUpdate(log)
    } catch (error) {
      onInvalid(error as SequencerError)
      continue
    }
    result = applyConfigUpdate(result, update, rollup.forks, l1TimeSeconds)
  }
  return result
}

/**
 * What a node that knows only the L2 block at `timestamp` can tell about the system config: fields that the block's L1-info deposit and
 * header do not carry yet fall back to zero, and EIP-1559 parameters become the ones in effect. Carrying the config from block to block
 * through this function gives what op-node reads back from each parent block.
 */
export function configCarriedByBlock(config: SystemConfig, timestamp: bigint, rollup: RollupConfig): SystemConfig {
  const { forks, blockTimeSeconds } = rollup
  const since = (fork: 'ecotone' | 'isthmus' | 'jovian'): boolean =>
    isForkActive(forks, fork, timestamp) && !isForkActivationBlock(forks, fork, timestamp, blockTimeSeconds)
  const holocene = isForkActive(forks, 'holocene', timestamp)
  const defaults = config.eip1559Denominator === 0n
  const scalars = ecotoneScalars(config.scalar)
  return {
    batcher: config.batcher,
    overhead: since('ecotone') ? 0n : config.overhead,
    scalar: since('ecotone')
      ? (1n << 248n) | (scalars.blobBaseFeeScalar << 32n) | scalars.baseFeeScalar
      : config.scalar,
    gasLimit: config.gasLimit + keptUpgradeGas(rollup, timestamp),
    eip1559Denominator: !holocene ? 0n : defaults ? rollup.eip1559.denominatorCanyon : config.eip1559Denominator,
    eip1559Elasticity: !holocene ? 0n : defaults ? rollup.eip1559.elasticity : config.eip1559Elasticity,
    operatorFeeScalar: since('isthmus') ? config.operatorFeeScalar : 0n,
    operatorFeeConstant: since('isthmus') ? config.operatorFeeConstant : 0n,
    minBaseFee: isForkActive(forks, 'jovian', timestamp) ? config.minBaseFee : 0n,
    daFootprintGasScalar: since('jovian') ? config.daFootprintGasScalar || 400n : 0n,
  }
}
