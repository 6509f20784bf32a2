import { fastLzSize } from './fastlz.js'

/** Zero and non-zero bytes of a signed transaction priced as calldata (EIP-2028): 4 and 16 gas. */
export function rollupDataGas(transaction: Uint8Array): bigint {
  let zeros = 0
  for (const byte of transaction) if (byte === 0) zeros++
  return BigInt(4 * zeros + 16 * (transaction.length - zeros))
}

/** Fee parameters of Bedrock and Regolith. */
export type BedrockFeeParameters = {
  l1BaseFeeWei: bigint
  /** Gas added to every transaction. */
  overhead: bigint
  /** Millionths. */
  scalar: bigint
  /** Before Regolith 68 non-zero bytes stand for the signature that the measured bytes did not have. */
  preRegolith?: boolean | undefined
}

/**
 * L1 data fee of Bedrock and Regolith in wei: `(calldata gas + overhead) · L1 base fee · scalar / 10⁶`.
 *
 * Source: OP specs, "L1-Cost fees".
 *
 * @example
 * ```ts
 * import { l1FeeBedrock } from '@l2/sequencer-core/fees'
 *
 * const fee = l1FeeBedrock(Uint8Array.of(0, 0, 1, 2, 3), { l1BaseFeeWei: 1_000_000n, overhead: 50n, scalar: 1_000_000n })
 * console.log(fee) // 106000000n
 * ```
 */
export function l1FeeBedrock(transaction: Uint8Array, parameters: BedrockFeeParameters): bigint {
  const { l1BaseFeeWei, overhead, scalar, preRegolith } = parameters
  const gas = rollupDataGas(transaction) + (preRegolith === true ? 68n * 16n : 0n)
  return ((gas + overhead) * l1BaseFeeWei * scalar) / 1_000_000n
}

/** Fee parameters from Ecotone on: what the L1-info transaction carries. */
export type ScalarFeeParameters = {
  l1BaseFeeWei: bigint
  l1BlobBaseFeeWei: bigint
  /** Millionths. */
  baseFeeScalar: bigint
  /** Millionths. */
  blobBaseFeeScalar: bigint
}

const weightedPrice = (p: ScalarFeeParameters): bigint =>
  16n * p.baseFeeScalar * p.l1BaseFeeWei + p.blobBaseFeeScalar * p.l1BlobBaseFeeWei

/**
 * L1 data fee of Ecotone in wei: calldata gas at the weighted price of L1 gas and blob gas.
 *
 * Source: OP specs, Ecotone, "Ecotone L1-Cost fee changes".
 */
export function l1FeeEcotone(transaction: Uint8Array, parameters: ScalarFeeParameters): bigint {
  return l1FeeEcotoneOfGas(rollupDataGas(transaction), parameters)
}

/** {@link l1FeeEcotone} where the calldata gas is known already. */
export function l1FeeEcotoneOfGas(gas: bigint, parameters: ScalarFeeParameters): bigint {
  return (gas * weightedPrice(parameters)) / 16_000_000n
}

const minTransactionSizeScaled = 100_000_000n
const intercept = -42_585_600n
const fastLzCoefficient = 836_500n

/**
 * What a transaction adds to a batch, estimated from its FastLZ size by Fjord's regression: millionths of a byte, at least 100 bytes.
 *
 * Source: OP specs, Fjord, "Fees".
 */
export function estimatedSizeScaled(fastLz: number): bigint {
  const scaled = intercept + fastLzCoefficient * BigInt(fastLz)
  return scaled > minTransactionSizeScaled ? scaled : minTransactionSizeScaled
}

/**
 * Estimated bytes that a signed transaction adds to a batch: the measure of data-availability limits and of the DA footprint.
 *
 * @example
 * ```ts
 * import { estimatedDaBytes } from '@l2/sequencer-core/fees'
 *
 * console.log(estimatedDaBytes(new Uint8Array(40))) // 100n
 * ```
 */
export function estimatedDaBytes(transaction: Uint8Array): bigint {
  return estimatedSizeScaled(fastLzSize(transaction)) / 1_000_000n
}

/**
 * L1 data fee from Fjord on, in wei, of a whole signed transaction. Deposits pay none: do not ask for them.
 *
 * Source: OP specs, Fjord, "Fees".
 *
 * @example
 * ```ts
 * import { l1FeeFjord } from '@l2/sequencer-core/fees'
 *
 * const fee = l1FeeFjord(Uint8Array.of(0, 0, 1, 2, 3), {
 *   l1BaseFeeWei: 2_000_000n,
 *   l1BlobBaseFeeWei: 3_000_000n,
 *   baseFeeScalar: 20n,
 *   blobBaseFeeScalar: 15n,
 * })
 * console.log(fee) // 68500n
 * ```
 */
export function l1FeeFjord(transaction: Uint8Array, parameters: ScalarFeeParameters): bigint {
  return l1FeeFjordOfSize(fastLzSize(transaction), parameters)
}

/** {@link l1FeeFjord} where the FastLZ size is known already. */
export function l1FeeFjordOfSize(fastLz: number, parameters: ScalarFeeParameters): bigint {
  return (estimatedSizeScaled(fastLz) * weightedPrice(parameters)) / 1_000_000_000_000n
}

/**
 * The most that {@link l1FeeFjord} can be for an unsigned transaction of `unsignedLength` bytes: its worst-case FastLZ size, with 68
 * bytes for the signature. Equal to `getL1FeeUpperBound` of the gas price oracle contract.
 */
export function l1FeeFjordUpperBound(unsignedLength: number, parameters: ScalarFeeParameters): bigint {
  const length = unsignedLength + 68
  return l1FeeFjordOfSize(length + Math.floor(length / 255) + 16, parameters)
}
