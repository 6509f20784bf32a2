import type { ExecutedBlock, ExecutionReceipt } from '@l2/sequencer-core/engine'
import type { Transaction } from '@l2/sequencer-core/transaction'

/** Fees of one block, wei. */
export type BlockFees = { baseFees: bigint; priorityFees: bigint }

/** What the users' transactions of a block paid. `receipts` are those of the whole block: deposits come first and pay nothing. */
export function blockFees(
  { baseFeePerGas }: Pick<ExecutedBlock, 'baseFeePerGas'>,
  transactions: readonly Pick<Transaction, 'maxFeePerGas' | 'maxPriorityFeePerGas'>[],
  receipts: readonly Pick<ExecutionReceipt, 'gasUsed'>[],
): BlockFees {
  const fees = { baseFees: 0n, priorityFees: 0n }
  const deposits = receipts.length - transactions.length
  for (const [index, { maxFeePerGas, maxPriorityFeePerGas }] of transactions.entries()) {
    const { gasUsed } = receipts[deposits + index]!
    const room = maxFeePerGas - baseFeePerGas
    fees.baseFees += gasUsed * baseFeePerGas
    fees.priorityFees += gasUsed * (room < maxPriorityFeePerGas ? room : maxPriorityFeePerGas)
  }
  return fees
}
