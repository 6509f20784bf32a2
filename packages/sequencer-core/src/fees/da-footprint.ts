import { estimatedDaBytes } from './l1-fee.js'

/** `daFootprintGasScalar` that a SystemConfig of 0 stands for. */
export const defaultDaFootprintGasScalar = 400n

/**
 * DA footprint of a block from Jovian on, in gas: estimated DA bytes of every transaction but deposits, times the scalar. It stands in the
 * header's `blobGasUsed`, must not exceed the block's gas limit, and moves the base fee like gas.
 *
 * Source: OP specs, Jovian, "DA footprint block limit".
 *
 * @example
 * ```ts
 * import { daFootprint } from '@l2/sequencer-core/fees'
 *
 * console.log(daFootprint([new Uint8Array(40), new Uint8Array(40)])) // 80000n
 * ```
 */
export function daFootprint(transactions: Iterable<Uint8Array>, scalar: bigint = defaultDaFootprintGasScalar): bigint {
  let bytes = 0n
  for (const transaction of transactions) bytes += estimatedDaBytes(transaction)
  return bytes * scalar
}
