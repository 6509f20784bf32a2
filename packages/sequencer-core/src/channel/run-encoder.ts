import { concatBytes } from '@l2/common'
import { encodeBatch, encodeParsedSpan } from '../batch/batch.js'
import { fixedBytes, toSingularBatch } from '../batch/singular.js'
import { advancesOrigin, checkSpanStep, spanPrefix } from '../batch/span.js'
import { parseSpanTransactions, type SpanColumns, spanChain } from '../batch/span-columns.js'
import type { BatchBlock } from '../batch/types.js'
import { SequencerError } from '../errors.js'
import { encodeRlp } from '../rlp/rlp.js'

/** A block that waits to be compressed, ready to be written. */
export type RunBlock = {
  readonly block: BatchBlock
  /** Singular: its batch. Span: `undefined`, the run is encoded as one. */
  readonly bytes: Uint8Array | undefined
  readonly columns: SpanColumns | undefined
  /** Bytes it adds to the batch stream, at most. */
  readonly maxBytes: number
}

/** Of a channel, what its batches are made by. */
type Settings = {
  readonly chainId: bigint
  readonly genesisTimeSeconds: bigint
  readonly blockTimeSeconds: bigint
  readonly batchType: 'span' | 'singular'
  readonly draftFeeRecipients: boolean
}

/** Makes batches of runs of blocks that follow each other. */
export function createRunEncoder(settings: Settings) {
  const { batchType, draftFeeRecipients, blockTimeSeconds } = settings
  const chain = spanChain(settings.chainId)

  return {
    /** Takes a block apart and refuses what cannot be encoded, or does not follow the one before it. */
    prepare(block: BatchBlock, previous: BatchBlock | undefined): RunBlock {
      if (previous !== undefined) {
        checkSpanStep(previous, block)
        if (block.timestamp !== previous.timestamp + blockTimeSeconds) {
          throw new SequencerError(
            `block at ${block.timestamp} does not follow the one at ${previous.timestamp} by ${blockTimeSeconds} s`,
            { code: 'BATCH_FIELD_INVALID', details: { timestamp: block.timestamp, previous: previous.timestamp } },
          )
        }
      }
      if (batchType === 'singular') {
        const bytes = encodeRlp(encodeBatch(toSingularBatch(block), settings))
        return { block, bytes, columns: undefined, maxBytes: bytes.length }
      }
      spanPrefix(block, block, settings)
      if (draftFeeRecipients) fixedBytes(block.feeRecipient ?? '', 20, 'feeRecipient')
      const columns = parseSpanTransactions(block.transactions, chain)
      return { block, bytes: undefined, columns, maxBytes: columns.maxBytes + (draftFeeRecipients ? 26 : 6) }
    },

    /** The batch stream's bytes of a run: one span batch, or a singular one for each block. */
    encode(items: readonly RunBlock[]): Uint8Array {
      if (batchType === 'singular') return concatBytes(...items.map(item => item.bytes!))
      const batch = encodeParsedSpan(
        spanPrefix(items[0]!.block, items.at(-1)!.block, settings),
        items.map(({ block, columns }, i) => ({
          originAdvanced: advancesOrigin(block, items[i - 1]?.block),
          columns: columns!,
        })),
        draftFeeRecipients ? items.map(({ block }) => block.feeRecipient) : undefined,
      )
      return encodeRlp(batch)
    },
  }
}
