import type { Address } from 'viem'
import { SequencerError } from '../errors.js'
import { BatchWriter, invalidBatch } from './cursor.js'
import { decodeSingularContent, encodeSingularContent } from './singular.js'
import {
  decodeSpanContent,
  type ParsedSpanBlock,
  parseSpanBlocks,
  type SpanPrefix,
  spanCapacity,
  writeSpanContent,
} from './span.js'
import { spanChain } from './span-columns.js'
import type { Batch, BatchRollup } from './types.js'

const singularType = 0
const spanType = 1
const draftSpanType = 2

/**
 * The bytes of a batch, its type byte first: what one RLP string of a channel holds.
 *
 * Canonical: shortest numbers, no unused bits. A span batch whose blocks name fee recipients becomes the draft type 2.
 *
 * @throws SequencerError `BATCH_TRANSACTION_UNSUPPORTED` when a transaction has no span form; `BATCH_FIELD_INVALID` for values beyond their field
 * @example
 * ```ts
 * import { decodeBatch, encodeBatch } from '@l2/sequencer-core/batch'
 *
 * const bytes = encodeBatch(
 *   {
 *     type: 'singular',
 *     parentHash: `0x${'01'.repeat(32)}`,
 *     epochNumber: 100n,
 *     epochHash: `0x${'02'.repeat(32)}`,
 *     timestamp: 1_700_000_000n,
 *     transactions: [],
 *   },
 *   { chainId: 10n },
 * )
 * console.log(bytes.length) // 76
 * console.log(decodeBatch(bytes, { chainId: 10n }).type) // singular
 * ```
 */
export function encodeBatch(batch: Batch, rollup: BatchRollup): Uint8Array {
  const draft = batch.type === 'span' && batch.blocks.some(block => block.feeRecipient !== undefined)
  if (draft && rollup.draftFeeRecipients !== true) {
    throw new SequencerError('fee recipients need the draft span type, which is off', {
      code: 'BATCH_FIELD_INVALID',
      details: { field: 'feeRecipient' },
    })
  }
  if (batch.type === 'singular') {
    const content = encodeSingularContent(batch)
    const bytes = new Uint8Array(1 + content.length)
    bytes[0] = singularType
    bytes.set(content, 1)
    return bytes
  }
  return encodeParsedSpan(
    batch,
    parseSpanBlocks(batch.blocks, spanChain(rollup.chainId)),
    draft ? batch.blocks.map(block => block.feeRecipient) : undefined,
  )
}

/** {@link encodeBatch} of a span whose transactions are taken apart already. */
export function encodeParsedSpan(
  prefix: SpanPrefix,
  blocks: readonly ParsedSpanBlock[],
  feeRecipients?: readonly (Address | undefined)[],
): Uint8Array {
  const writer = new BatchWriter(spanCapacity(blocks))
  writer.byte(feeRecipients === undefined ? spanType : draftSpanType)
  writeSpanContent(writer, prefix, blocks, feeRecipients)
  return writer.finish()
}

/**
 * Reads one batch. Accepts what op-node accepts: numbers longer than needed, bytes behind the batch (ignored).
 * Refuses what op-node refuses, some of which kona takes: short bit lists, bits beyond a list's length. Transactions of singular batches
 * are opaque here; those of span batches are rebuilt for `rollup.chainId`.
 *
 * Transactions are views: of `bytes` for a singular batch, of shared arrays for a span batch.
 *
 * @throws SequencerError `BATCH_INVALID` or `RLP_INVALID` for bytes that are no batch; `BATCH_UNDERIVABLE` for a span batch whose transactions cannot
 * be rebuilt, which readers pass over
 */
export function decodeBatch(bytes: Uint8Array, rollup: BatchRollup): Batch {
  const type = bytes[0]
  if (type === undefined) invalidBatch('no bytes', 0)
  if (type === singularType) return decodeSingularContent(bytes, 1)
  if (type === spanType) return decodeSpanContent(bytes, 1, rollup.chainId, false)
  if (type === draftSpanType && rollup.draftFeeRecipients === true) {
    return decodeSpanContent(bytes, 1, rollup.chainId, true)
  }
  return invalidBatch(`type ${type}`, 0)
}
