import { concatBytes } from '@l2/common'
import type { Hash } from 'viem'
import type { ExecutedBlock } from '../engine/engine.js'
import { SequencerError } from '../errors.js'
import { decodeDeposit, isDeposit } from './deposit.js'
import { isForkActive } from './fork-schedule.js'
import { decodeL1Info, type L1Info } from './l1-info.js'
import type { BlockId, RollupConfig } from './rollup-config.js'
import type { SystemConfig } from './system-config.js'
import { addedUpgradeGas, keptUpgradeGas } from './upgrade-gas.js'
import { readUintBe, sameHex, uintBe } from './words.js'

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

function l1InfoOf(block: Pick<ExecutedBlock, 'number' | 'hash' | 'transactions'>): L1Info {
  const first = block.transactions[0]
  if (first !== undefined && isDeposit(first)) return decodeL1Info(decodeDeposit(first).data)
  throw new SequencerError(`block ${block.number} does not begin with an L1-info deposit`, {
    code: 'L1_INFO_INVALID',
    details: { number: block.number, hash: block.hash },
  })
}

/**
 * What derivation refers to a block by, read from its L1-info deposit.
 *
 * @throws SequencerError `L1_INFO_INVALID`, `DEPOSIT_INVALID`, `RLP_INVALID`
 */
export function l2BlockRef(
  block: Pick<ExecutedBlock, 'number' | 'hash' | 'parentHash' | 'timestamp' | 'transactions'>,
  config: RollupConfig,
): L2BlockRef {
  const { number, hash, parentHash, timestamp } = block
  if (number === config.genesis.l2.number) return { ...genesisBlockRef(config), hash, parentHash }
  const info = l1InfoOf(block)
  const l1Origin = { number: info.number, hash: info.hash }
  return { number, hash, parentHash, timestamp, l1Origin, sequenceNumber: info.sequenceNumber }
}

/** What a block's header keeps of the system config from Holocene on. */
export type ExtraData = {
  /** u32 */
  readonly denominator: bigint
  /** u32 */
  readonly elasticity: bigint
  /** Wei, from Jovian; `undefined` before. */
  readonly minBaseFee: bigint | undefined
}

/** Header `extraData`: version 0 with 9 bytes from Holocene, version 1 with 17 from Jovian. Source: OP specs, Holocene and Jovian. */
export function encodeExtraData({ denominator, elasticity, minBaseFee }: ExtraData): Uint8Array {
  const parameters = [uintBe(denominator, 4), uintBe(elasticity, 4)]
  if (minBaseFee === undefined) return concatBytes(Uint8Array.of(0), ...parameters)
  return concatBytes(Uint8Array.of(1), ...parameters, uintBe(minBaseFee, 8))
}

/**
 * Reads a header's `extraData`.
 *
 * @throws SequencerError `DERIVATION_INPUT_INVALID`
 */
export function decodeExtraData(bytes: Uint8Array): ExtraData {
  const version = bytes[0]
  const denominator = bytes.length < 9 ? 0n : readUintBe(bytes, 1, 5)
  const elasticity = bytes.length < 9 ? 0n : readUintBe(bytes, 5, 9)
  if (
    denominator === 0n ||
    elasticity === 0n ||
    !((version === 0 && bytes.length === 9) || (version === 1 && bytes.length === 17))
  ) {
    throw new SequencerError(`extraData of ${bytes.length} bytes, version ${version}, is none of Holocene or Jovian`, {
      code: 'DERIVATION_INPUT_INVALID',
      details: { extraData: bytes.subarray(0, 64) },
    })
  }
  const minBaseFee = version === 1 ? readUintBe(bytes, 9, 17) : undefined
  return { denominator, elasticity, minBaseFee }
}

/**
 * The system config as a block carries it, read from the block alone: its L1-info deposit, its gas limit, and from Holocene on its header's
 * `extraData`. What a node without a checkpoint starts from.
 *
 * @throws SequencerError `L1_INFO_INVALID`, `DEPOSIT_INVALID`, `RLP_INVALID`, `DERIVATION_INPUT_INVALID`
 */
export function systemConfigOfBlock(
  block: Pick<ExecutedBlock, 'number' | 'hash' | 'timestamp' | 'gasLimit' | 'transactions'> & {
    readonly extraData: Uint8Array
  },
  config: RollupConfig,
): SystemConfig {
  const { genesis, forks } = config
  if (block.number === genesis.l2.number && sameHex(block.hash, genesis.l2.hash)) return genesis.systemConfig
  const info = l1InfoOf(block)
  const extra = isForkActive(forks, 'holocene', block.timestamp) ? decodeExtraData(block.extraData) : undefined
  const gasLimit = block.gasLimit - addedUpgradeGas(config, block.timestamp) + keptUpgradeGas(config, block.timestamp)
  if (gasLimit < 0n) {
    throw new SequencerError(`block ${block.number} has less gas than the upgrade that it activates adds`, {
      code: 'DERIVATION_INPUT_INVALID',
      details: { number: block.number, gasLimit: block.gasLimit },
    })
  }
  const packed = info.layout !== 'bedrock'
  const operatorFee = info.layout === 'isthmus' || info.layout === 'jovian'
  return {
    batcher: info.batcher,
    overhead: packed ? 0n : info.overhead,
    scalar: packed ? (1n << 248n) | (info.blobBaseFeeScalar << 32n) | info.baseFeeScalar : info.scalar,
    gasLimit,
    eip1559Denominator: extra?.denominator ?? 0n,
    eip1559Elasticity: extra?.elasticity ?? 0n,
    operatorFeeScalar: operatorFee ? info.operatorFeeScalar : 0n,
    operatorFeeConstant: operatorFee ? info.operatorFeeConstant : 0n,
    minBaseFee: extra?.minBaseFee ?? 0n,
    daFootprintGasScalar: info.layout === 'jovian' ? info.daFootprintGasScalar : 0n,
  }
}
