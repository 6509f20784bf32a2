import { isL2Error } from '@l2/common'
import { SequencerError } from '../errors.js'
import { encodeRlp, itemEnd, readItem, uintEnd } from '../rlp/rlp.js'
import type { BatchWriter } from './cursor.js'
import { checkTail, postExecType, protectedV } from './span-checks.js'

function unsupported(index: number, reason: string): never {
  throw new SequencerError(`transaction ${index} cannot be put into a span batch: ${reason}`, {
    code: 'BATCH_TRANSACTION_UNSUPPORTED',
    details: { index, reason },
  })
}

function sameBytes(a: Uint8Array, start: number, end: number, b: Uint8Array): boolean {
  if (end - start !== b.length) return false
  for (let i = 0; i < b.length; i++) if (a[start + i] !== b[i]) return false
  return true
}

/** What stays the same from transaction to transaction. */
export type SpanChain = { readonly id: Uint8Array; readonly v: readonly [Uint8Array, Uint8Array] }

export function spanChain(chainId: bigint): SpanChain {
  return { id: encodeRlp(chainId), v: protectedV(chainId) }
}

/** Slots of one transaction's row in {@link SpanColumns}: where the items lie that the span columns are made of. */
const width = 8
const atNonce = 0
const atGas = 1
const atTo = 2
const atValue = 3
const atFees = 4
const atData = 5
const atR = 6
const atS = 7

/** Transactions taken apart, ready to be written as columns. */
export type SpanColumns = {
  readonly transactions: readonly Uint8Array[]
  readonly starts: Uint32Array
  readonly ends: Uint32Array
  readonly types: Uint8Array
  readonly parities: Uint8Array
  /** Of each legacy transaction, whether it carries the chain id. */
  readonly guarded: readonly boolean[]
  /** At most as many bytes as the columns take. */
  readonly maxBytes: number
}

const noColumns: SpanColumns = {
  transactions: [],
  starts: new Uint32Array(),
  ends: new Uint32Array(),
  types: new Uint8Array(),
  parities: new Uint8Array(),
  guarded: [],
  maxBytes: 0,
}

/**
 * Takes transactions apart for the columns of a span batch.
 *
 * @throws SequencerError `BATCH_TRANSACTION_UNSUPPORTED` for what has no place there: other chain ids, blob and deposit transactions, malformed bytes
 */
export function parseSpanTransactions(transactions: readonly Uint8Array[], chain: SpanChain): SpanColumns {
  const count = transactions.length
  if (count === 0) return noColumns
  const columns = {
    transactions,
    starts: new Uint32Array(width * count),
    ends: new Uint32Array(width * count),
    types: new Uint8Array(count),
    parities: new Uint8Array(count),
    guarded: [] as boolean[],
    maxBytes: 0,
  }
  for (let i = 0; i < count; i++) {
    try {
      parseTransaction(columns, i, chain)
    } catch (error) {
      // What the decoder would refuse, so that no batch leaves here that condemns its channel.
      if (isL2Error(error, 'RLP_INVALID') || isL2Error(error, 'BATCH_INVALID')) unsupported(i, error.shortMessage)
      throw error
    }
  }
  return columns
}

type OpenColumns = { -readonly [Key in keyof SpanColumns]: SpanColumns[Key] } & { guarded: boolean[] }

/** Notes where the payload of a number lies and returns the end of the item. */
function noteUint(columns: OpenColumns, raw: Uint8Array, at: number, end: number, slot: number, max: number): number {
  const next = uintEnd(raw, at, end, max)
  columns.starts[slot] = raw[at]! < 0x80 ? at : at + 1
  columns.ends[slot] = next
  return next
}

/** A post-exec transaction has no more than its list; its place in the other columns is empty. */
function parsePostExec(columns: OpenColumns, index: number, raw: Uint8Array): void {
  const { list, end } = readItem(raw, 1)
  if (!list || end !== raw.length) unsupported(index, 'its bytes are not one list')
  const row = width * index
  columns.starts[row + atData] = 1
  columns.ends[row + atData] = end
  columns.types[index] = postExecType
  columns.maxBytes += raw.length + 90
}

/** Fills the row of one transaction. */
function parseTransaction(columns: OpenColumns, index: number, chain: SpanChain): void {
  const { starts, ends } = columns
  const raw = columns.transactions[index]!
  const first = raw[0]
  if (first === undefined) unsupported(index, 'it is empty')
  const type = first! >= 0xc0 ? 0 : first!
  if (type === postExecType) {
    parsePostExec(columns, index, raw)
    return
  }
  if (type !== 0 && type !== 1 && type !== 2 && type !== 4) unsupported(index, `type ${type}`)
  const { list, start, end } = readItem(raw, type === 0 ? 0 : 1)
  if (!list || end !== raw.length) unsupported(index, 'its bytes are not one list')
  const row = width * index
  const maxUint = type === 4 ? 32 : Number.POSITIVE_INFINITY
  let at = start
  if (type !== 0) {
    at = itemEnd(raw, start, end)
    if (!sameBytes(raw, start, at, chain.id)) unsupported(index, 'it is signed for another chain')
  }
  at = noteUint(columns, raw, at, end, row + atNonce, 8)
  // Fees, value, calldata and lists are copied with their headers.
  starts[row + atFees] = at
  at = uintEnd(raw, at, end, maxUint)
  if (type >= 2) at = uintEnd(raw, at, end, maxUint)
  ends[row + atFees] = at
  at = noteUint(columns, raw, at, end, row + atGas, 8)
  const to = at
  at = itemEnd(raw, to, end)
  if (raw[to] !== 0x94 && (raw[to] !== 0x80 || type === 4)) unsupported(index, '`to` is no address')
  starts[row + atTo] = to + 1
  ends[row + atTo] = at
  starts[row + atValue] = at
  at = uintEnd(raw, at, end, maxUint)
  ends[row + atValue] = at
  starts[row + atData] = at
  at = checkTail(raw, type, at, end)
  ends[row + atData] = at

  const v = at
  at = itemEnd(raw, v, end)
  const vByte = at === v + 1 ? raw[v]! : -1
  let parity = -1
  if (type !== 0) parity = vByte === 0x80 ? 0 : vByte === 1 ? 1 : -1
  else if (vByte === 27 || vByte === 28) parity = vByte - 27
  else if (sameBytes(raw, v, at, chain.v[0])) parity = 0
  else if (sameBytes(raw, v, at, chain.v[1])) parity = 1
  if (parity < 0) unsupported(index, type === 0 ? 'it is signed for another chain' : 'its parity is above 1')
  columns.types[index] = type
  columns.parities[index] = parity
  if (type === 0) columns.guarded.push(vByte !== 27 && vByte !== 28)
  at = noteUint(columns, raw, at, end, row + atR, 32)
  at = noteUint(columns, raw, at, end, row + atS, 32)
  if (at !== end) unsupported(index, 'it has too many fields')
  columns.maxBytes += raw.length + 90
}

/** Writes the transaction columns of a span batch, block after block. */
export function writeSpanTransactions(writer: BatchWriter, blocks: readonly SpanColumns[]): void {
  let count = 0
  let legacyCount = 0
  for (const block of blocks) {
    count += block.types.length
    legacyCount += block.guarded.length
  }
  const creations = writer.openBits(count)
  const parities = writer.openBits(count)
  let ordinal = 0
  for (const block of blocks) {
    for (let i = 0; i < block.types.length; i++, ordinal++) {
      const slot = width * i + atTo
      if (block.ends[slot] === block.starts[slot]) writer.setBit(creations, ordinal)
      if (block.parities[i] === 1) writer.setBit(parities, ordinal)
    }
  }
  for (const { transactions, starts, ends, types } of blocks) {
    for (let i = 0; i < types.length; i++) {
      const row = width * i
      writer.padded(transactions[i]!, starts[row + atR]!, ends[row + atR]!, 32)
      writer.padded(transactions[i]!, starts[row + atS]!, ends[row + atS]!, 32)
    }
  }
  for (const { transactions, starts, ends, types } of blocks) {
    for (let i = 0; i < types.length; i++) {
      writer.raw(transactions[i]!, starts[width * i + atTo]!, ends[width * i + atTo]!)
    }
  }
  for (const { transactions, starts, ends, types } of blocks) {
    for (let i = 0; i < types.length; i++) {
      const raw = transactions[i]!
      const row = width * i
      const value = starts[row + atValue]!
      const valueEnd = ends[row + atValue]!
      const fees = starts[row + atFees]!
      const feesEnd = ends[row + atFees]!
      const data = starts[row + atData]!
      const dataEnd = ends[row + atData]!
      if (types[i] !== 0) writer.byte(types[i]!)
      if (types[i] === postExecType) {
        writer.raw(raw, data, dataEnd)
        continue
      }
      writer.listHeader(valueEnd - value + feesEnd - fees + dataEnd - data)
      writer.raw(raw, value, valueEnd)
      writer.raw(raw, fees, feesEnd)
      writer.raw(raw, data, dataEnd)
    }
  }
  for (const slot of [atNonce, atGas]) {
    for (const { transactions, starts, ends, types } of blocks) {
      for (let i = 0; i < types.length; i++) {
        writer.uvarintOf(transactions[i]!, starts[width * i + slot]!, ends[width * i + slot]!)
      }
    }
  }
  const protections = writer.openBits(legacyCount)
  ordinal = 0
  for (const { guarded } of blocks) {
    for (const bit of guarded) {
      if (bit) writer.setBit(protections, ordinal)
      ordinal++
    }
  }
}
