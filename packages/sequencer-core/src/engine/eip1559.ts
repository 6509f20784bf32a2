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
