import { bytesToHex } from '@l2/common'
import type { Address } from 'viem'
import { SequencerError } from '../errors.js'
import { type BatchWriter, bitAt, Cursor, invalidBatch } from './cursor.js'
import { fixedBytes, uint64 } from './singular.js'
import { parseSpanTransactions, type SpanChain, type SpanColumns, writeSpanTransactions } from './span-columns.js'
import { decodeSpanTransactions } from './span-transactions.js'
import { type BatchBlock, maxSpanBatchElements, type SpanBatch, type SpanBlock } from './types.js'

function invalidField(message: string, details: Record<string, unknown>): never {
  throw new SequencerError(message, { code: 'BATCH_FIELD_INVALID', details })
}

/** Checks that a block may follow another in a span batch. */
export function checkSpanStep(previous: BatchBlock, block: BatchBlock): void {
  const step = block.epochNumber - previous.epochNumber
  if (step !== 0n && step !== 1n) {
    invalidField(`a block of epoch ${block.epochNumber} behind one of ${previous.epochNumber}`, {
      epochNumber: block.epochNumber,
      previous: previous.epochNumber,
    })
  }
  if (block.timestamp < previous.timestamp) {
    invalidField(`a block at ${block.timestamp} behind one at ${previous.timestamp}`, {
      timestamp: block.timestamp,
      previous: previous.timestamp,
    })
  }
}

/** Whether a block's L1 origin is another than its parent's; a span's first block knows it from its place in the epoch. */
export function advancesOrigin(block: BatchBlock, previous: BatchBlock | undefined): boolean {
  return previous === undefined ? block.sequenceNumber === 0n : block.epochNumber > previous.epochNumber
}

/** The prefix of the span batch from `first` to `last`. */
export function spanPrefix(first: BatchBlock, last: BatchBlock, rollup: { genesisTimeSeconds: bigint }): SpanPrefix {
  if (first.timestamp < rollup.genesisTimeSeconds) {
    invalidField(`block time ${first.timestamp} is before genesis time ${rollup.genesisTimeSeconds}`, {
      timestamp: first.timestamp,
      genesisTimeSeconds: rollup.genesisTimeSeconds,
    })
  }
  return {
    relTimestamp: first.timestamp - rollup.genesisTimeSeconds,
    l1OriginNumber: last.epochNumber,
    parentCheck: fixedBytes(first.parentHash, 32, 'parentHash').slice(0, 20),
    l1OriginCheck: fixedBytes(last.epochHash, 32, 'epochHash').slice(0, 20),
  }
}

/**
 * The span batch of a run of blocks, in block order. Between two blocks the epoch may advance by one at most.
 *
 * @throws SequencerError `BATCH_FIELD_INVALID` for no blocks, falling timestamps, or epochs that fall or skip
 */
export function toSpanBatch(blocks: readonly BatchBlock[], rollup: { genesisTimeSeconds: bigint }): SpanBatch {
  const first = blocks[0]
  if (first === undefined) return invalidField('a span batch needs a block', { blocks: 0 })
  return {
    type: 'span',
    ...spanPrefix(first, blocks.at(-1) ?? first, rollup),
    blocks: blocks.map((block, index) => {
      const previous = blocks[index - 1]
      if (previous !== undefined) checkSpanStep(previous, block)
      const spanBlock: SpanBlock = {
        originAdvanced: advancesOrigin(block, previous),
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
  rollup: { genesisTimeSeconds: bigint; blockTimeSeconds: bigint },
): SpanBlockPosition[] {
  const positions: SpanBlockPosition[] = new Array(span.blocks.length)
  let epochNumber = span.l1OriginNumber
  for (let i = span.blocks.length - 1; i >= 0; i--) {
    const timestamp = rollup.genesisTimeSeconds + span.relTimestamp + BigInt(i) * rollup.blockTimeSeconds
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

/** A block of a span batch, its transactions taken apart. */
export type ParsedSpanBlock = { readonly originAdvanced: boolean; readonly columns: SpanColumns }

/** Takes the transactions of each block apart. */
export function parseSpanBlocks(blocks: readonly SpanBlock[], chain: SpanChain): ParsedSpanBlock[] {
  return blocks.map(({ originAdvanced, transactions }) => ({
    originAdvanced,
    columns: parseSpanTransactions(transactions, chain),
  }))
}

/** Room for what {@link writeSpanPayload} writes, a prefix included, so that the writer does not grow. */
export function spanCapacity(blocks: readonly ParsedSpanBlock[]): number {
  let bytes = 128
  for (const { columns } of blocks) bytes += 6 + columns.maxBytes
  return bytes
}

/** Writes what {@link readSpanPayload} reads. */
export function writeSpanPayload(writer: BatchWriter, blocks: readonly ParsedSpanBlock[]): void {
  if (blocks.length === 0) invalidField('a span batch needs a block', { blocks: 0 })
  const columns = blocks.map(block => block.columns)
  const count = columns.reduce((sum, block) => sum + block.types.length, 0)
  if (blocks.length > maxSpanBatchElements || count > maxSpanBatchElements) {
    invalidField(`a span batch holds ${maxSpanBatchElements} blocks and transactions`, { blocks: blocks.length, count })
  }
  writer.uvarint(blocks.length)
  const origins = writer.openBits(blocks.length)
  blocks.forEach((block, i) => {
    if (block.originAdvanced) writer.setBit(origins, i)
  })
  for (const block of columns) writer.uvarint(block.types.length)
  writeSpanTransactions(writer, columns)
}

/** What a span batch says besides its blocks. */
export type SpanPrefix = Omit<SpanBatch, 'type' | 'blocks'>

/** The content of a type 1 batch, behind its type byte; with fee recipients, one per block, that of the draft type 2. */
export function writeSpanContent(
  writer: BatchWriter,
  prefix: SpanPrefix,
  blocks: readonly ParsedSpanBlock[],
  feeRecipients?: readonly (Address | undefined)[],
): void {
  writer.uvarint(uint64(prefix.relTimestamp, 'relTimestamp'))
  writer.uvarint(uint64(prefix.l1OriginNumber, 'l1OriginNumber'))
  for (const field of ['parentCheck', 'l1OriginCheck'] as const) {
    if (prefix[field].length !== 20)
      invalidField(`"${field}" expected 20 bytes, got ${prefix[field].length}`, { field })
    writer.raw(prefix[field])
  }
  writeSpanPayload(writer, blocks)
  if (feeRecipients === undefined) return
  const indices = new Map<string, number>()
  for (const address of feeRecipients) {
    if (address === undefined) invalidField('every block of the draft type 2 needs a fee recipient', { type: 2 })
    const key = address!.toLowerCase()
    const index = indices.get(key) ?? indices.size
    indices.set(key, index)
    writer.uvarint(index)
  }
  for (const address of indices.keys()) writer.raw(fixedBytes(address, 20, 'feeRecipient'))
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
