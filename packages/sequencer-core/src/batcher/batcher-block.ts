import { isDeposit } from '../derivation/deposit.js'
import type { L2BlockRef } from '../derivation/l2.js'
import type { BatcherBlock } from './ports.js'

/**
 * A block as the batcher posts it: with its users' transactions and without its deposits, which L1 carries already.
 *
 * @param transactions all that the block holds, raw
 *
 * @example
 * ```ts
 * import { toBatcherBlock } from '@l2/sequencer-core/batcher'
 *
 * const hash = (byte: string) => `0x${byte.repeat(32)}` as const
 * const block = toBatcherBlock(
 *   {
 *     number: 5n, hash: hash('b5'), parentHash: hash('b4'), timestamp: 1010n,
 *     l1Origin: { number: 7n, hash: hash('a7') }, sequenceNumber: 1n,
 *   },
 *   [Uint8Array.of(0x7e, 0xc0), Uint8Array.of(0x02, 0xc0)],
 * )
 * console.log(block.epochNumber, block.transactions.length) // 7n 1
 * ```
 */
export function toBatcherBlock(block: L2BlockRef, transactions: readonly Uint8Array[]): BatcherBlock {
  const { number, hash, parentHash, timestamp, l1Origin, sequenceNumber } = block
  return {
    number,
    hash,
    parentHash,
    timestamp,
    epochNumber: l1Origin.number,
    epochHash: l1Origin.hash,
    sequenceNumber,
    transactions: transactions.filter(raw => !isDeposit(raw)),
  }
}
