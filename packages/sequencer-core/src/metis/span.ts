import { bytesToHex } from '@l2/common'
import type { Address } from 'viem'
import { BatchWriter, bitAt, Cursor, countBits, invalidBatch } from '../batch/cursor.js'
import { fixedBytes, uint64 } from '../batch/singular.js'
import { parseSpanBlocks, readSpanPayload, spanCapacity, writeSpanPayload } from '../batch/span.js'
import { spanChain } from '../batch/span-columns.js'
import type { SpanBlock } from '../batch/types.js'
import { type ChannelReader, type ChannelStreamOptions, openBatchStream } from '../channel/batch-stream.js'
import { SequencerError } from '../errors.js'
import { encodeRlp, readItem, readList, readString, readUint } from '../rlp/rlp.js'

/** The sequencer's signature on a transaction it ordered. */
export type MetisSequencerSignature = {
  /** r ‖ s. */
  readonly rs: Uint8Array
  readonly yParity: 0 | 1
}

/** A transaction in Metis' span batch. */
export type MetisTransaction =
  | {
      readonly type: 'sequencer'
      /** EIP-2718 bytes. */
      readonly raw: Uint8Array
      /** `undefined` is written as zeros. */
      readonly signature: MetisSequencerSignature | undefined
    }
  | {
      readonly type: 'queue'
      readonly queueIndex: bigint
      readonly gasLimit: bigint
      /** `undefined` creates a contract. Value and calldata are not in the batch; they come from L1. */
      readonly to: Address | undefined
      /** Who enqueued it on L1; `undefined` only where {@link MetisBugs.originsByTransactionIndex} reads past the list. */
      readonly l1TxOrigin: Address | undefined
    }

export type MetisSpanBlock = {
  /** The first block's is always set. */
  readonly originAdvanced: boolean
  readonly transactions: readonly MetisTransaction[]
}

/**
 * Metis' span batch: the OP Stack's with another prefix, enqueued transactions inside, and columns behind the end. It has the same type byte and
 * misreads as an OP batch, so a chain's profile chooses the decoder, never the bytes.
 */
export type MetisSpanBatch = {
  readonly type: 'metis-span'
  /** Seconds; absolute, not relative to genesis. */
  readonly timestamp: bigint
  /** L1 origin number of the last block. */
  readonly l1OriginNumber: bigint
  readonly l2StartBlock: bigint
  /** First 20 bytes of the parent hash of the first block. */
  readonly parentCheck: Uint8Array
  /** First 20 bytes of the hash of the last block's L1 origin. */
  readonly l1OriginCheck: Uint8Array
  readonly blocks: readonly MetisSpanBlock[]
}

/**
 * Defects of mvm (79c12367, December 2024) that its data or its readers have, each to be copied by name. All off by default: then the bytes are read as the
 * format means them.
 */
export type MetisBugs = {
  /** Its numbers have 32 bits, with shifts that wrap: nonces, gas limits and timestamps from 2^31 on come out as mvm reads them. */
  readonly uint32Varints?: boolean
  /** It writes 27 or 28 where the parity bit of a batch of one typed transaction belongs; read them as 0 and 1. */
  readonly parityFromV?: boolean
  /** It inverts the sequencer's parity for legacy transactions whose signature says 0 or 1. */
  readonly invertedSequencerParity?: boolean
  /** It takes the L1 origin of an enqueued transaction by the transaction's index in the batch instead of its place among the enqueued ones. */
  readonly originsByTransactionIndex?: boolean
  /** It gives every block the first block's timestamp, see {@link metisBlockPositions}. */
  readonly firstTimestampForAll?: boolean
}

/** Options of the Metis decoders. */
export type MetisRollup = { readonly chainId: bigint; readonly bugs?: MetisBugs | undefined }

const spanType = 1

function invalidField(message: string, details: Record<string, unknown>): never {
  throw new SequencerError(message, { code: 'BATCH_FIELD_INVALID', details })
}

/** The unsigned legacy transaction that stands for an enqueued one in the columns: no value, price or data, zero signature, protected. */
function queuePlaceholder(transaction: MetisTransaction & { type: 'queue' }, chainId: bigint): Uint8Array {
  const { queueIndex, gasLimit, to } = transaction
  const none = new Uint8Array()
  const address = to === undefined ? none : fixedBytes(to, 20, 'to')
  uint64(queueIndex, 'queueIndex')
  uint64(gasLimit, 'gasLimit')
  return encodeRlp([queueIndex, 0n, gasLimit, address, 0n, none, 2n * chainId + 35n, 0n, 0n])
}

/**
 * The bytes of a Metis span batch, type byte first, as Metis' readers take them and without mvm's writing defects: 64-bit numbers, parities
 * of typed transactions, sequencer parities as signed, absent signatures.
 *
 * @throws SequencerError `BATCH_TRANSACTION_UNSUPPORTED` or `BATCH_FIELD_INVALID`
 */
export function encodeMetisSpanBatch(batch: MetisSpanBatch, rollup: { chainId: bigint }): Uint8Array {
  if (batch.blocks[0]?.originAdvanced !== true) {
    invalidField('a Metis span begins with a new L1 origin', { field: 'originAdvanced' })
  }
  const blocks: SpanBlock[] = batch.blocks.map(({ originAdvanced, transactions }) => ({
    originAdvanced,
    transactions: transactions.map(each => (each.type === 'queue' ? queuePlaceholder(each, rollup.chainId) : each.raw)),
  }))
  const transactions = batch.blocks.flatMap(block => block.transactions)
  const parsed = parseSpanBlocks(blocks, spanChain(rollup.chainId))
  const writer = new BatchWriter(spanCapacity(parsed) + 90 * transactions.length)
  writer.byte(spanType)
  writer.uvarint(uint64(batch.timestamp, 'timestamp'))
  writer.uvarint(uint64(batch.l1OriginNumber, 'l1OriginNumber'))
  writer.uvarint(uint64(batch.l2StartBlock, 'l2StartBlock'))
  for (const field of ['parentCheck', 'l1OriginCheck'] as const) {
    if (batch[field].length !== 20) invalidField(`"${field}" expected 20 bytes, got ${batch[field].length}`, { field })
    writer.raw(batch[field])
  }
  writeSpanPayload(writer, parsed)
  const queued = writer.openBits(transactions.length)
  const parities = writer.openBits(transactions.length)
  transactions.forEach((each, i) => {
    if (each.type === 'queue') writer.setBit(queued, i)
    else if (each.signature?.yParity === 1) writer.setBit(parities, i)
  })
  for (const each of transactions) {
    const rs = each.type === 'sequencer' ? each.signature?.rs : undefined
    if (rs === undefined) writer.zeros(64)
    else if (rs.length !== 64) invalidField(`sequencer signature of ${rs.length} bytes`, { field: 'rs' })
    else writer.raw(rs)
  }
  for (const each of transactions) {
    if (each.type === 'queue') writer.raw(fixedBytes(each.l1TxOrigin ?? '', 20, 'l1TxOrigin'))
  }
  return writer.finish()
}

/** A cursor with mvm's way of reading numbers. */
class MvmCursor extends Cursor {
  override uvarint(what: string): void {
    const start = this.offset
    super.uvarint(what)
    let value = 0
    for (let i = start, shift = 0; i < this.offset; i++, shift += 7) value |= (this.bytes[i]! & 0x7f) << (shift & 31)
    this.high = 0
    this.low = value >>> 0
  }
}

/** Where the parity bits of a batch of one transaction lie, behind the prefix at which `cursor` stands. */
function singleParityOffset(cursor: Cursor): number | undefined {
  const ahead = new Cursor(cursor.bytes, cursor.offset)
  const blocks = ahead.count('block_count', cursor.bytes.length)
  ahead.bits(blocks, 'origin_bits')
  let count = 0
  for (let i = 0; i < blocks; i++) count += ahead.count('block_tx_counts', cursor.bytes.length)
  return count === 1 ? ahead.offset + 1 : undefined
}

/**
 * Reads a Metis span batch.
 *
 * @throws SequencerError `BATCH_INVALID` or `RLP_INVALID`
 */
export function decodeMetisSpanBatch(bytes: Uint8Array, rollup: MetisRollup): MetisSpanBatch {
  const bugs = rollup.bugs ?? {}
  if (bytes[0] !== spanType) invalidBatch(`type ${bytes[0]}`, 0)
  let cursor = bugs.uint32Varints === true ? new MvmCursor(bytes, 1) : new Cursor(bytes, 1)
  const prefix = {
    type: 'metis-span' as const,
    timestamp: cursor.uint64('l1_timestamp'),
    l1OriginNumber: cursor.uint64('l1_origin_num'),
    l2StartBlock: cursor.uint64('l2_start_block'),
    parentCheck: cursor.take(20, 'parent_check'),
    l1OriginCheck: cursor.take(20, 'l1_origin_check'),
  }
  if (bugs.parityFromV === true) {
    const at = singleParityOffset(cursor)
    const v = at === undefined ? undefined : bytes[at]
    if (at !== undefined && (v === 27 || v === 28)) {
      const mended = bytes.slice()
      mended[at] = v - 27
      const { offset } = cursor
      cursor = bugs.uint32Varints === true ? new MvmCursor(mended, offset) : new Cursor(mended, offset)
    }
  }
  const { blocks, transactions } = readSpanPayload(cursor, rollup.chainId)
  const count = transactions.length
  const queued = cursor.bits(count, 'queue_origin_bits')
  const parities = cursor.bits(count, 'seq_y_parity_bits')
  const signatures = cursor.skip(64 * count, 'sequencer signatures')
  const queueCount = countBits(queued)
  const origins = cursor.skip(20 * queueCount, 'l1 transaction origins')
  const source = cursor.bytes
  let index = 0
  let ordinal = 0
  return {
    ...prefix,
    blocks: blocks.map(block => ({
      originAdvanced: block.originAdvanced,
      transactions: block.transactions.map((raw): MetisTransaction => {
        const i = index++
        if (bitAt(queued, i) === 0) {
          const rs = source.slice(signatures + 64 * i, signatures + 64 * (i + 1))
          const inverted = bugs.invertedSequencerParity === true && raw[0]! >= 0xc0
          const yParity = (bitAt(parities, i) ^ (inverted ? 1 : 0)) as 0 | 1
          const absent = rs.every(byte => byte === 0)
          return { type: 'sequencer', raw, signature: absent ? undefined : { rs, yParity } }
        }
        const place = bugs.originsByTransactionIndex === true ? i : ordinal
        ordinal++
        const at = origins + 20 * place
        return queueTransaction(raw, place < queueCount ? bytesToHex(source.subarray(at, at + 20)) : undefined)
      }),
    })),
  }
}

/** Reads an enqueued transaction back from its placeholder. */
function queueTransaction(raw: Uint8Array, l1TxOrigin: Address | undefined): MetisTransaction {
  if (raw[0]! < 0xc0) invalidBatch('an enqueued transaction that is not legacy', 0)
  const [nonce, price, gas, to, value, data, , r, s] = readList(raw, readItem(raw, 0))
  const signed = readString(raw, r!).length + readString(raw, s!).length > 0
  if (signed || readString(raw, value!).length + readString(raw, price!).length + readString(raw, data!).length > 0) {
    invalidBatch('an enqueued transaction with fields that L1 has', 0)
  }
  const address = readString(raw, to!)
  return {
    type: 'queue',
    queueIndex: readUint(raw, nonce!, 8),
    gasLimit: readUint(raw, gas!, 8),
    to: address.length === 0 ? undefined : bytesToHex(address),
    l1TxOrigin,
  }
}

/**
 * Numbers, timestamps and L1 origins of the blocks of a span.
 *
 * The format has the first timestamp only. `blockTimeSeconds` says how the others follow, unless {@link MetisBugs.firstTimestampForAll} gives all
 * of them the first, as mvm's reader does. Origins step by one, so a chain that skips L1 blocks has to end its span at each skip.
 */
export function metisBlockPositions(
  span: MetisSpanBatch,
  rollup: { readonly blockTimeSeconds: bigint; readonly bugs?: MetisBugs | undefined },
): { readonly number: bigint; readonly timestamp: bigint; readonly epochNumber: bigint }[] {
  const step = rollup.bugs?.firstTimestampForAll === true ? 0n : rollup.blockTimeSeconds
  let epochNumber = span.l1OriginNumber
  for (const block of span.blocks.slice(1)) if (block.originAdvanced) epochNumber--
  return span.blocks.map((block, i) => {
    if (i > 0 && block.originAdvanced) epochNumber++
    const index = BigInt(i)
    return { number: span.l2StartBlock + index, timestamp: span.timestamp + step * index, epochNumber }
  })
}

/**
 * Opens a channel of Metis batches, whose frames and compression are the OP Stack's. See `openChannel` for how it ends.
 *
 * @throws SequencerError `COMPRESSION_UNAVAILABLE`
 */
export function openMetisChannel(
  channel: Uint8Array,
  options: MetisRollup & ChannelStreamOptions,
): ChannelReader<MetisSpanBatch> {
  return openBatchStream(channel, options, bytes => decodeMetisSpanBatch(bytes, options))
}
