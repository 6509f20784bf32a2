import { equalBytes, isL2Error } from '@l2/common'
import type { FuzzTarget } from '@l2/common/testing'
import { type Batch, decodeBatch, encodeBatch } from '../src/batch/index.ts'
import { batchText, randomSingularBatch, randomSpanBatch } from '../src/batch/testdata/samples.ts'

const rollup = { chainId: 10n, draftFeeRecipients: true }

/** Bytes of a singular, span or draft span batch. What decodes must encode, to the same batch. */
export const target: FuzzTarget = {
  corpus: random =>
    Array.from({ length: 60 }, (_, i) => {
      if (i % 3 === 0) return encodeBatch(randomSingularBatch(random, 10n), rollup)
      const batch = randomSpanBatch(random, 10n)
      if (i % 3 === 1) return encodeBatch(batch, rollup)
      const blocks = batch.blocks.map(block => ({ ...block, feeRecipient: `0x${'0a'.repeat(20)}` as const }))
      return encodeBatch({ ...batch, blocks }, rollup)
    }),
  run(input) {
    let batch: Batch
    try {
      batch = decodeBatch(input, rollup)
    } catch (error) {
      if (isL2Error(error, 'BATCH_INVALID') || isL2Error(error, 'BATCH_UNDERIVABLE') || isL2Error(error, 'RLP_INVALID'))
        return
      throw error
    }
    const encoded = encodeBatch(batch, rollup)
    if (batchText([decodeBatch(encoded, rollup)]) !== batchText([batch])) throw new Error('not the same batch')
    if (!equalBytes(encodeBatch(decodeBatch(encoded, rollup), rollup), encoded)) throw new Error('not canonical')
  },
}
