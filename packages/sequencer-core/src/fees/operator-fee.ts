/** Operator fee parameters as the L1-info transaction carries them. */
export type OperatorFeeParameters = {
  /** u32; millionths of a wei per gas under Isthmus, hundreds of wei per gas under Jovian. */
  scalar: bigint
  /** u64, wei per transaction. */
  constant: bigint
}

/**
 * Operator fee in wei for `gas`: Isthmus `gas · scalar / 10⁶ + constant`, Jovian `gas · scalar · 100 + constant`. Charged on the gas limit
 * before execution, refunded down to the gas used; deposits are exempt.
 *
 * Source: OP specs, Isthmus and Jovian, "Operator fee".
 *
 * @example
 * ```ts
 * import { operatorFee } from '@l2/sequencer-core/fees'
 *
 * console.log(operatorFee(21_000n, { scalar: 5n, constant: 7n }, 'isthmus')) // 7n
 * console.log(operatorFee(21_000n, { scalar: 5n, constant: 7n }, 'jovian')) // 10500007n
 * ```
 */
export function operatorFee(gas: bigint, parameters: OperatorFeeParameters, fork: 'isthmus' | 'jovian'): bigint {
  const { scalar, constant } = parameters
  return fork === 'jovian' ? gas * scalar * 100n + constant : (gas * scalar) / 1_000_000n + constant
}
