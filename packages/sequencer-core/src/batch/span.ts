import { bytesToHex, concatBytes } from '@l2/common'
import type { Address } from 'viem'
import { SequencerError } from '../errors.js'
import { BatchWriter, bitAt, Cursor, invalidBatch } from './cursor.js'
import { fixedBytes, uint64 } from './singular.js'
import { decodeSpanTransactions, encodeSpanTransactions } from './span-transactions.js'
import { type BatchBlock, maxSpanBatchElements, type SpanBatch, type SpanBlock } from './types.js'

function invalidField(message: string, details: Record<string, unknown>): never {
  throw new SequencerError(message, { code: 'BATCH_FIELD_INVALID', details })
}

/**
 * The span batch of a run of blocks, in block order. Between two blocks the epoch may advance by one at most.
 *
 * @throws SequencerError `BATCH_FIELD_INVALID` for no blocks, falling timestamps, or epochs that fall or skip
 */
export function toSpanBatch(blocks: readonly BatchBlock[], rollup: { genesisTime: bigint }): SpanBatch {
  const first = blocks[0]
  const last = blocks.at(-1)
  if (first === undefined || last === undefined) invalidField('a span batch needs a block', { blocks: 0 })
  if (first!.timestamp < rollup.genesisTime) {
    invalidField(`block time ${first!.timestamp} is before genesis time ${rollup.genesisTime}`, { index: 0 })
  }
  return {
    type: 'span',
    relTimestamp: first!.timestamp - rollup.genesisTime,
    l1OriginNumber: last!.epochNumber,
    parentCheck: fixedBytes(first!.parentHash, 32, 'parentHash').slice(0, 20),
    l1OriginCheck: fixedBytes(last!.epochHash, 32, 'epochHash').slice(0, 20),
    blocks: blocks.map((block, index) => {
      const previous = blocks[index - 1]
      if (previous !== undefined) {
        const step = block.epochNumber - previous.epochNumber
        if (step !== 0n && step !== 1n) {
          invalidField(
            `block ${index} is of epoch ${block.epochNumber}, the block before it of ${previous.epochNumber}`,
            { index },
          )
        }
        if (block.timestamp < previous.timestamp)
          invalidField(`block ${index} is older than the block before it`, { index })
      }
      const spanBlock: SpanBlock = {
        originAdvanced: previous === undefined ? block.sequenceNumber === 0n : block.epochNumber > previous.epochNumber,
        transactions: block.transactions,
      }
      return block.feeRecipient === undefined ? spanBlock : { ...spanBlock, feeRecipient: block.feeRecipient }
    }),
  }
}

/** Where a block of a span batch stands. */
export type SpanBlockPosition = {
  /** Seconds. */
  readonly timestamp: bigint
  /** Number of its L1 origin; negative when the batch declares more advances than its last origin allows. */
  readonly epochNumber: bigint
}

/** Timestamps and L1 origins of the blocks of a span batch, which it only implies. */
export function spanBlockPositions(
  span: SpanBatch,
  rollup: { genesisTime: bigint; blockTimeSeconds: bigint },
): SpanBlockPosition[] {
  const positions: SpanBlockPosition[] = new Array(span.blocks.length)
  let epochNumber = span.l1OriginNumber
  for (let i = span.blocks.length - 1; i >= 0; i--) {
    const timestamp = rollup.genesisTime + span.relTimestamp + BigInt(i) * rollup.blockTimeSeconds
    positions[i] = { timestamp, epochNumber }
    if (span.blocks[i]!.originAdvanced) epochNumber--
  }
  return positions
}

/** What a span batch of any dialect says between its prefix and its end. */
export type SpanPayload = { blocks: SpanBlock[]; transactions: Uint8Array[] }

/** Reads from `block_count` to `protected_bits`, which every span format has in common. */
export function readSpanPayload(cursor: Cursor, chainId: bigint): SpanPayload {
  const blockCount = cursor.count('block_count', maxSpanBatchElements)
  if (blockCount === 0) invalidBatch('no blocks', cursor.offset)
  // A block takes a count of one byte at least.
  if (blockCount > cursor.left) invalidBatch(`${blockCount} blocks in ${cursor.left} bytes`, cursor.offset)
  const origins = cursor.bits(blockCount, 'origin_bits')
  const counts = new Uint32Array(blockCount)
  let total = 0
  for (let i = 0; i < blockCount; i++) {
    const count = cursor.count('block_tx_counts', maxSpanBatchElements)
    counts[i] = count
    total += count
    if (total > maxSpanBatchElements) {
      invalidBatch(`more than ${maxSpanBatchElements} transactions`, cursor.offset)
    }
  }
  const transactions = decodeSpanTransactions(cursor, total, chainId)
  const blocks: SpanBlock[] = new Array(blockCount)
  let at = 0
  for (let i = 0; i < blockCount; i++) {
    const end = at + counts[i]!
    blocks[i] = { originAdvanced: bitAt(origins, i) === 1, transactions: transactions.slice(at, end) }
    at = end
  }
  return { blocks, transactions }
}

/** Writes what {@link readSpanPayload} reads. */
export function writeSpanPayload(writer: BatchWriter, blocks: readonly SpanBlock[], chainId: bigint): void {
  const transactions: Uint8Array[] = []
  for (const block of blocks) for (const transaction of block.transactions) transactions.push(transaction)
  if (blocks.length === 0) invalidField('a span batch needs a block', { blocks: 0 })
  if (blocks.length > maxSpanBatchElements || transactions.length > maxSpanBatchElements) {
    invalidField(`a span batch holds ${maxSpanBatchElements} blocks and transactions`, { blocks: blocks.length })
  }
  writer.uvarint(blocks.length)
  writer.bits(blocks.length, i => blocks[i]!.originAdvanced)
  for (const block of blocks) writer.uvarint(block.transactions.length)
  encodeSpanTransactions(writer, transactions, chainId)
}

/** Room for a batch of these transactions, so that the writer rarely grows. */
export function spanCapacity(blocks: readonly SpanBlock[]): number {
  let bytes = 128
  for (const block of blocks) {
    bytes += 4
    for (const transaction of block.transactions) bytes += transaction.length + 16
  }
  return bytes
}

/** The content of a type 1 batch, or of the draft type 2, behind its type byte. */
export function encodeSpanContent(batch: SpanBatch, chainId: bigint, withFeeRecipients: boolean): Uint8Array {
  const writer = new BatchWriter(spanCapacity(batch.blocks))
  writer.uvarint(uint64(batch.relTimestamp, 'relTimestamp'))
  writer.uvarint(uint64(batch.l1OriginNumber, 'l1OriginNumber'))
  for (const field of ['parentCheck', 'l1OriginCheck'] as const) {
    if (batch[field].length !== 20) invalidField(`"${field}" expected 20 bytes, got ${batch[field].length}`, { field })
    writer.raw(batch[field])
  }
  writeSpanPayload(writer, batch.blocks, chainId)
  if (!withFeeRecipients) return writer.finish()
  const indices = new Map<Address, number>()
  for (const { feeRecipient } of batch.blocks) {
    if (feeRecipient === undefined) invalidField('every block of the draft type 2 needs a fee recipient', { type: 2 })
    const key = feeRecipient!.toLowerCase() as Address
    const index = indices.get(key) ?? indices.size
    indices.set(key, index)
    writer.uvarint(index)
  }
  return concatBytes(writer.finish(), ...[...indices.keys()].map(address => fixedBytes(address, 20, 'feeRecipient')))
}

/** Bytes behind the last column are ignored, as op-node does. */
export function decodeSpanContent(
  bytes: Uint8Array,
  offset: number,
  chainId: bigint,
  withFeeRecipients: boolean,
): SpanBatch {
  const cursor = new Cursor(bytes, offset)
  const relTimestamp = cursor.uint64('rel_timestamp')
  const l1OriginNumber = cursor.uint64('l1_origin_num')
  const parentCheck = cursor.take(20, 'parent_check')
  const l1OriginCheck = cursor.take(20, 'l1_origin_check')
  const { blocks } = readSpanPayload(cursor, chainId)
  const batch = { type: 'span' as const, relTimestamp, l1OriginNumber, parentCheck, l1OriginCheck }
  if (!withFeeRecipients) return { ...batch, blocks }
  const indices = blocks.map(() => cursor.count('fee_recipients_idxs', blocks.length - 1))
  const size = indices.reduce((max, index) => Math.max(max, index + 1), 0)
  const start = cursor.skip(20 * size, 'fee_recipients_set')
  return {
    ...batch,
    blocks: blocks.map((block, i) => {
      const at = start + 20 * indices[i]!
      return { ...block, feeRecipient: bytesToHex(bytes.subarray(at, at + 20)) }
    }),
  }
}
