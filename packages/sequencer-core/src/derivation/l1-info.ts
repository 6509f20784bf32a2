import { bytesToHex, concatBytes } from '@l2/common'
import type { Address, Hash } from 'viem'
import { SequencerError } from '../errors.js'
import { type DepositTransaction, depositSourceHash, encodeDeposit } from './deposit.js'
import { type ForkName, isForkActivationBlock, isForkActive } from './fork-schedule.js'
import type { L1Header } from './l1.js'
import { blobFeeOf, cancunUpdateFraction } from './l1-blob-fee.js'
import type { RollupConfig } from './rollup-config.js'
import { ecotoneScalars, type SystemConfig } from './system-config.js'
import { addressAt, readUintBe, uintBe, unhex } from './words.js'

/** Who sends the L1-info deposit. */
export const l1InfoDepositor: Address = '0xdeaddeaddeaddeaddeaddeaddeaddeaddead0001'
/** The predeploy that keeps what the deposit says. */
export const l1BlockPredeploy: Address = '0x4200000000000000000000000000000000000015'

/** What the first transaction of every L2 block says about its L1 origin. Source: OP specs, "L1 attributes deposited transaction". */
export type L1Info = {
  readonly number: bigint
  /** Seconds. */
  readonly timestamp: bigint
  /** Wei. */
  readonly baseFeePerGas: bigint
  readonly hash: Hash
  readonly sequenceNumber: bigint
  readonly batcher: Address
} & (
  | { readonly layout: 'bedrock'; readonly overhead: bigint; readonly scalar: bigint }
  | ({ readonly layout: 'ecotone' } & EcotoneL1Info)
  | ({ readonly layout: 'isthmus' } & EcotoneL1Info & IsthmusL1Info)
  | ({ readonly layout: 'jovian' } & EcotoneL1Info & IsthmusL1Info & { readonly daFootprintGasScalar: bigint })
)

export type EcotoneL1Info = {
  /** u32 */
  readonly baseFeeScalar: bigint
  /** u32 */
  readonly blobBaseFeeScalar: bigint
  /** Wei. */
  readonly blobBaseFee: bigint
}
export type IsthmusL1Info = {
  /** u32 */
  readonly operatorFeeScalar: bigint
  /** u64 */
  readonly operatorFeeConstant: bigint
}

const layouts = {
  bedrock: { selector: 0x015d8eb9, length: 260 },
  ecotone: { selector: 0x440a5e20, length: 164 },
  isthmus: { selector: 0x098999be, length: 176 },
  jovian: { selector: 0x3db6be2b, length: 178 },
} as const

/** Calldata of the L1-info deposit. */
export function encodeL1Info(info: L1Info): Uint8Array {
  const selector = uintBe(BigInt(layouts[info.layout].selector), 4)
  const batcher = concatBytes(new Uint8Array(12), unhex(info.batcher, 20))
  if (info.layout === 'bedrock') {
    return concatBytes(
      selector,
      uintBe(info.number, 32),
      uintBe(info.timestamp, 32),
      uintBe(info.baseFeePerGas, 32),
      unhex(info.hash, 32),
      uintBe(info.sequenceNumber, 32),
      batcher,
      uintBe(info.overhead, 32),
      uintBe(info.scalar, 32),
    )
  }
  return concatBytes(
    selector,
    uintBe(info.baseFeeScalar, 4),
    uintBe(info.blobBaseFeeScalar, 4),
    uintBe(info.sequenceNumber, 8),
    uintBe(info.timestamp, 8),
    uintBe(info.number, 8),
    uintBe(info.baseFeePerGas, 32),
    uintBe(info.blobBaseFee, 32),
    unhex(info.hash, 32),
    batcher,
    ...(info.layout === 'ecotone' ? [] : [uintBe(info.operatorFeeScalar, 4), uintBe(info.operatorFeeConstant, 8)]),
    ...(info.layout === 'jovian' ? [uintBe(info.daFootprintGasScalar, 2)] : []),
  )
}

function invalid(reason: string): never {
  throw new SequencerError(`invalid L1-info calldata: ${reason}`, { code: 'L1_INFO_INVALID', details: { reason } })
}

/**
 * Reads the calldata of an L1-info deposit of any fork.
 *
 * @throws SequencerError `L1_INFO_INVALID`
 *
 * @example
 * ```ts
 * import { decodeL1Info, encodeL1Info } from '@l2/sequencer-core/derivation'
 *
 * const data = encodeL1Info({
 *   layout: 'ecotone', number: 19_655_712n, timestamp: 1_713_121_139n, baseFeePerGas: 10_445_852_825n, blobBaseFee: 1n,
 *   hash: `0x${'1c'.repeat(32)}`, sequenceNumber: 5n, batcher: '0x6887246668a3b87f54deb3b94ba47a6f63f32985',
 *   baseFeeScalar: 1368n, blobBaseFeeScalar: 810_949n,
 * })
 * console.log(data.length, decodeL1Info(data).layout) // 164 ecotone
 * ```
 */
export function decodeL1Info(data: Uint8Array): L1Info {
  if (data.length < 4) invalid(`${data.length} bytes`)
  const selector = Number(readUintBe(data, 0, 4))
  const layout = (Object.keys(layouts) as (keyof typeof layouts)[]).find(name => layouts[name].selector === selector)
  if (layout === undefined) invalid(`unknown selector ${bytesToHex(data.subarray(0, 4))}`)
  if (data.length !== layouts[layout].length) {
    invalid(`${layout} expected ${layouts[layout].length} bytes, got ${data.length}`)
  }
  if (layout === 'bedrock') {
    const uint64 = (start: number): bigint => {
      const value = readUintBe(data, start, start + 32)
      if (value >> 64n !== 0n) invalid('value above 64 bits')
      return value
    }
    return {
      layout,
      number: uint64(4),
      timestamp: uint64(36),
      baseFeePerGas: readUintBe(data, 68, 100),
      hash: bytesToHex(data.subarray(100, 132)),
      sequenceNumber: uint64(132),
      // Bytes above the address are a version of the batcher hash that does not exist yet; op-node ignores them.
      batcher: addressAt(data, 164),
      overhead: readUintBe(data, 196, 228),
      scalar: readUintBe(data, 228, 260),
    }
  }
  const common = {
    baseFeeScalar: readUintBe(data, 4, 8),
    blobBaseFeeScalar: readUintBe(data, 8, 12),
    sequenceNumber: readUintBe(data, 12, 20),
    timestamp: readUintBe(data, 20, 28),
    number: readUintBe(data, 28, 36),
    baseFeePerGas: readUintBe(data, 36, 68),
    blobBaseFee: readUintBe(data, 68, 100),
    hash: bytesToHex(data.subarray(100, 132)),
    batcher: addressAt(data, 132),
  }
  if (layout === 'ecotone') return { layout, ...common }
  const operatorFee = {
    operatorFeeScalar: readUintBe(data, 164, 168),
    operatorFeeConstant: readUintBe(data, 168, 176),
  }
  if (layout === 'isthmus') return { layout, ...common, ...operatorFee }
  return { layout, ...common, ...operatorFee, daFootprintGasScalar: readUintBe(data, 176, 178) }
}

/**
 * The layout that the L2 block at `timestamp` uses. The first block under an upgrade still uses the one before, because the upgraded
 * predeploy is installed by that very block.
 */
function layoutAt(rollup: RollupConfig, timestamp: bigint): L1Info['layout'] {
  const since = (fork: ForkName): boolean =>
    isForkActive(rollup.forks, fork, timestamp) &&
    !isForkActivationBlock(rollup.forks, fork, timestamp, rollup.blockTimeSeconds)
  if (since('jovian')) return 'jovian'
  if (since('isthmus')) return 'isthmus'
  return since('ecotone') ? 'ecotone' : 'bedrock'
}

/** The blob base fee that an L1-info deposit states, wei. */
function statedBlobBaseFee(rollup: RollupConfig, origin: L1Header): bigint {
  const { pectraBlobScheduleTimeSeconds } = rollup
  if (pectraBlobScheduleTimeSeconds === undefined || origin.timestamp >= pectraBlobScheduleTimeSeconds)
    return origin.blobBaseFee ?? 1n
  if (origin.excessBlobGas !== undefined) return blobFeeOf(origin.excessBlobGas, cancunUpdateFraction)
  if (origin.blobBaseFee === undefined) return 1n
  throw new SequencerError(`L1 block ${origin.number} needs "excessBlobGas", which its source left out`, {
    code: 'DERIVATION_INPUT_INVALID',
    details: { number: origin.number },
  })
}

/** What the L2 block at `timestamp` (seconds) says about its L1 origin. */
export function l1InfoFor(
  rollup: RollupConfig,
  systemConfig: SystemConfig,
  origin: L1Header,
  sequenceNumber: bigint,
  timestamp: bigint,
): L1Info {
  const common = {
    number: origin.number,
    timestamp: origin.timestamp,
    baseFeePerGas: origin.baseFeePerGas,
    hash: origin.hash,
    sequenceNumber,
    batcher: systemConfig.batcher,
  }
  const layout = layoutAt(rollup, timestamp)
  if (layout === 'bedrock') {
    return { layout, ...common, overhead: systemConfig.overhead, scalar: systemConfig.scalar }
  }
  const ecotone = { ...common, ...ecotoneScalars(systemConfig.scalar), blobBaseFee: statedBlobBaseFee(rollup, origin) }
  if (layout === 'ecotone') return { layout, ...ecotone }
  const isthmus = {
    ...ecotone,
    operatorFeeScalar: systemConfig.operatorFeeScalar,
    operatorFeeConstant: systemConfig.operatorFeeConstant,
  }
  if (layout === 'isthmus') return { layout, ...isthmus }
  return { layout, ...isthmus, daFootprintGasScalar: systemConfig.daFootprintGasScalar || 400n }
}

/** The L1-info deposit of an L2 block, as a transaction. */
export function l1InfoDeposit(
  rollup: RollupConfig,
  systemConfig: SystemConfig,
  origin: L1Header,
  sequenceNumber: bigint,
  timestamp: bigint,
): DepositTransaction {
  const regolith = isForkActive(rollup.forks, 'regolith', timestamp)
  return {
    sourceHash: depositSourceHash({ type: 'l1-info', l1BlockHash: origin.hash, sequenceNumber }),
    from: l1InfoDepositor,
    to: l1BlockPredeploy,
    mint: 0n,
    value: 0n,
    gas: regolith ? 1_000_000n : 150_000_000n,
    isSystemTransaction: !regolith,
    data: encodeL1Info(l1InfoFor(rollup, systemConfig, origin, sequenceNumber, timestamp)),
  }
}

/** {@link l1InfoDeposit} as it stands in the block. */
export function encodeL1InfoDeposit(
  rollup: RollupConfig,
  systemConfig: SystemConfig,
  origin: L1Header,
  sequenceNumber: bigint,
  timestamp: bigint,
): Uint8Array {
  return encodeDeposit(l1InfoDeposit(rollup, systemConfig, origin, sequenceNumber, timestamp))
}
