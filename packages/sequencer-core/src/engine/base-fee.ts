import type { Hex } from 'viem'
import { SequencerError } from '../errors.js'

/** The two numbers of EIP-1559. */
export type Eip1559Parameters = { readonly denominator: bigint; readonly elasticity: bigint }

/** OP Mainnet's since Canyon. */
export const defaultEip1559Parameters: Eip1559Parameters = { denominator: 250n, elasticity: 6n }

/**
 * The parameters of payload attributes: eight bytes, denominator and elasticity as u32. Absent or all zero means: the chain's own.
 * Source: OP specs, Holocene, "Dynamic EIP-1559 parameters".
 *
 * @throws SequencerError `ENGINE_ATTRIBUTES`
 */
export function readEip1559Parameters(bytes: Hex | undefined, chain: Eip1559Parameters): Eip1559Parameters {
  if (bytes === undefined) return chain
  if (!/^0x[0-9a-fA-F]{16}$/.test(bytes)) {
    throw new SequencerError(`eip1559Params must be 8 bytes, got ${bytes.slice(0, 34)}`, {
      code: 'ENGINE_ATTRIBUTES',
      details: { field: 'eip1559Params' },
    })
  }
  const denominator = BigInt(bytes.slice(0, 10))
  const elasticity = BigInt(`0x${bytes.slice(10)}`)
  if (denominator === 0n && elasticity === 0n) return chain
  if (denominator === 0n || elasticity === 0n) {
    throw new SequencerError(`eip1559Params ${bytes} has a zero beside a number`, {
      code: 'ENGINE_ATTRIBUTES',
      details: { field: 'eip1559Params' },
    })
  }
  return { denominator, elasticity }
}

/**
 * Base fee of the block after `parent`, in wei, never below `minBaseFee` (Jovian). The parameters are the parent's, as its header carries them.
 * Source: EIP-1559; OP specs, Holocene and Jovian.
 *
 * @example
 * ```ts
 * import { nextBaseFeePerGas } from '@l2/sequencer-core'
 *
 * const parent = { gasLimit: 30_000_000n, gasUsed: 5_000_000n, baseFeePerGas: 1_000_000_000n }
 * console.log(nextBaseFeePerGas(parent)) // 1000000000n
 * console.log(nextBaseFeePerGas({ ...parent, gasUsed: 30_000_000n })) // 1020000000n
 * ```
 */
export function nextBaseFeePerGas(
  parent: { readonly gasLimit: bigint; readonly gasUsed: bigint; readonly baseFeePerGas: bigint },
  parameters: Eip1559Parameters = defaultEip1559Parameters,
  minBaseFee: bigint = 0n,
): bigint {
  const { baseFeePerGas, gasUsed } = parent
  const target = parent.gasLimit / parameters.elasticity
  let next = baseFeePerGas
  if (target > 0n && gasUsed > target) {
    const delta = (baseFeePerGas * (gasUsed - target)) / target / parameters.denominator
    next = baseFeePerGas + (delta > 1n ? delta : 1n)
  } else if (target > 0n) {
    next = baseFeePerGas - (baseFeePerGas * (target - gasUsed)) / target / parameters.denominator
  }
  return next > minBaseFee ? next : minBaseFee
}
