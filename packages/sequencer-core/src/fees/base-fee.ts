import { SequencerError } from '../errors.js'

/** What decides the next block's base fee. */
export type BaseFeeInput = {
  parentBaseFeeWei: bigint
  parentGasLimit: bigint
  /** Gas used, or from Jovian the larger of gas used and DA footprint. */
  parentGasMetered: bigint
  /** How much slower than gas the base fee moves: 250 from Canyon. */
  denominator: bigint
  /** Gas limit over gas target: 6 on most OP chains. */
  elasticity: bigint
  /** From Jovian; wei. */
  minBaseFeeWei?: bigint | undefined
}

/**
 * Base fee of the next block by EIP-1559 with the parameters of Holocene's `extraData`, clamped to Jovian's minimum.
 *
 * @throws SequencerError `FEE_OPTIONS` when denominator or elasticity is not positive: a zero in `extraData` stands for the chain's own, see `readEip1559Parameters`
 *
 * Source: EIP-1559; OP specs, Holocene "Dynamic EIP-1559 parameters", Jovian "Minimum base fee".
 *
 * @example
 * ```ts
 * import { nextBaseFee } from '@l2/sequencer-core/fees'
 *
 * const parent = { parentBaseFeeWei: 1_000_000_000n, parentGasLimit: 60_000_000n, denominator: 250n, elasticity: 6n }
 * console.log(nextBaseFee({ ...parent, parentGasMetered: 20_000_000n })) // 1004000000n
 * console.log(nextBaseFee({ ...parent, parentGasMetered: 0n })) // 996000000n
 * ```
 */
export function nextBaseFee(input: BaseFeeInput): bigint {
  const { parentBaseFeeWei, parentGasLimit, parentGasMetered, denominator, elasticity } = input
  if (denominator <= 0n || elasticity <= 0n) {
    throw new SequencerError(`denominator ${denominator}, elasticity ${elasticity}: expected more than 0`, {
      code: 'FEE_OPTIONS',
      details: { denominator, elasticity },
    })
  }
  const target = parentGasLimit / elasticity
  let baseFee = parentBaseFeeWei
  if (target > 0n && parentGasMetered > target) {
    const rise = (parentBaseFeeWei * (parentGasMetered - target)) / target / denominator
    baseFee += rise > 1n ? rise : 1n
  } else if (target > 0n && parentGasMetered < target) {
    baseFee -= (parentBaseFeeWei * (target - parentGasMetered)) / target / denominator
  }
  const floor = input.minBaseFeeWei ?? 0n
  return baseFee > floor ? baseFee : floor
}
