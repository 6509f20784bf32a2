import { expect, it } from 'vitest'
import { blockFees } from './fees.js'

it('blockFees: base fee and the tip that there was room for, deposits passed over', () => {
  const transactions = [
    { maxFeePerGas: 100n, maxPriorityFeePerGas: 3n },
    { maxFeePerGas: 11n, maxPriorityFeePerGas: 3n },
    // A legacy transaction: its gas price is both.
    { maxFeePerGas: 20n, maxPriorityFeePerGas: 20n },
  ]
  const receipts = [{ gasUsed: 50_000n }, { gasUsed: 1n }, { gasUsed: 10n }, { gasUsed: 100n }]
  expect(blockFees({ baseFeePerGas: 10n }, transactions, receipts)).toEqual({
    baseFees: 1110n,
    priorityFees: 3n + 10n + 1000n,
  })
  expect(blockFees({ baseFeePerGas: 10n }, [], [])).toEqual({ baseFees: 0n, priorityFees: 0n })
})
