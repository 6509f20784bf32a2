import { isL2Error } from '@l2/common'
import { SequencerError } from '../errors.js'
import { encodeRlp, itemEnd, type RlpItem, readItem, uintEnd, writeHeader } from '../rlp/rlp.js'
import { type BatchWriter, bitAt, type Cursor, countBits, invalidBatch, underivableBatch } from './cursor.js'

/** Rebuilt transactions are views of arrays of this size, bytes: large enough to be few, small enough that one kept does not keep many. */
const outputChunk = 1 << 17
const none: Uint8Array = new Uint8Array()

/** Post-exec transactions: unsigned, made by the sequencer from Lagoon on. Source: op-node v1.19.6, `op-core/types/post_exec_tx.go`. */
const postExecType = 0x7d

/** The longest `tx_datas` item that is read, bytes. Source: op-node, `MaxSpanBatchElementCount` used as a stream limit. */
const maxItemBytes = 10_000_000

function unsupported(index: number, reason: string): never {
  throw new SequencerError(`transaction ${index} cannot be put into a span batch: ${reason}`, {
    code: 'BATCH_TRANSACTION_UNSUPPORTED',
    details: { index, reason },
  })
}

/** RLP of the signature's `v` of legacy transactions, by parity. */
type ProtectedV = readonly [Uint8Array, Uint8Array]

function protectedV(chainId: bigint): ProtectedV {
  return [encodeRlp(2n * chainId + 35n), encodeRlp(2n * chainId + 36n)]
}

function sameBytes(a: Uint8Array, start: number, end: number, b: Uint8Array): boolean {
  if (end - start !== b.length) return false
  for (let i = 0; i < b.length; i++) if (a[start + i] !== b[i]) return false
  return true
}

/** A short copy without the cost of a view. */
function copy(out: Uint8Array, at: number, source: Uint8Array, start: number, end: number): number {
  const length = end - start
  if (length < 48) for (let i = 0; i < length; i++) out[at + i] = source[start + i]!
  else out.set(source.subarray(start, end), at)
  return at + length
}

function uintBytes(high: number, low: number): number {
  if (high !== 0) return 8 - (Math.clz32(high) >> 3)
  return low === 0 ? 0 : 4 - (Math.clz32(low) >> 3)
}

/** Bytes of a 64-bit number in RLP. */
function uintLength(high: number, low: number): number {
  return high === 0 && low < 0x80 ? 1 : 1 + uintBytes(high, low)
}

function writeUint(out: Uint8Array, at: number, high: number, low: number): number {
  if (high === 0 && low < 0x80) {
    out[at] = low === 0 ? 0x80 : low
    return at + 1
  }
  const length = uintBytes(high, low)
  out[at] = 0x80 + length
  for (let i = length - 1; i >= 0; i--) {
    const byte = length - 1 - i
    out[at + 1 + i] = byte < 4 ? low >>> (8 * byte) : high >>> (8 * (byte - 4))
  }
  return at + 1 + length
}

/** First offset of a 32-byte number that is not zero. */
function skipZeros(bytes: Uint8Array, start: number): number {
  let at = start
  while (at < start + 32 && bytes[at] === 0) at++
  return at
}

function wordLength(bytes: Uint8Array, start: number): number {
  if (bytes[start] !== 0) return 33
  const first = skipZeros(bytes, start)
  const used = start + 32 - first
  return used === 1 && bytes[first]! < 0x80 ? 1 : 1 + used
}

function writeWord(out: Uint8Array, at: number, bytes: Uint8Array, start: number): number {
  if (bytes[start] !== 0) {
    out[at] = 0xa0
    for (let i = 0; i < 32; i++) out[at + 1 + i] = bytes[start + i]!
    return at + 33
  }
  const first = skipZeros(bytes, start)
  const used = start + 32 - first
  if (used === 1 && bytes[first]! < 0x80) {
    out[at] = bytes[first]!
    return at + 1
  }
  out[at] = 0x80 + used
  return copy(out, at + 1, bytes, first, start + 32)
}

function checkFixed(bytes: Uint8Array, offset: number, end: number, length: number, what: string): number {
  const next = itemEnd(bytes, offset, end)
  if (bytes[offset] !== 0x80 + length) invalidBatch(`${what} is not ${length} bytes`, offset)
  return next
}

function checkList(bytes: Uint8Array, offset: number, end: number, what: string): RlpItem {
  const list = readItem(bytes, offset, end)
  if (!list.list) invalidBatch(`${what} is not a list`, list.start)
  return list
}

function checkAccessList(bytes: Uint8Array, offset: number, end: number): number {
  const list = checkList(bytes, offset, end, 'access list')
  for (let at = list.start; at < list.end; ) {
    const entry = checkList(bytes, at, list.end, 'access list entry')
    const keys = checkList(bytes, checkFixed(bytes, entry.start, entry.end, 20, 'address'), entry.end, 'storage keys')
    for (let key = keys.start; key < keys.end; ) key = checkFixed(bytes, key, keys.end, 32, 'storage key')
    if (keys.end !== entry.end) invalidBatch('access list entry of more than two items', keys.end)
    at = entry.end
  }
  return list.end
}

/** Chain id, address (0: not a number), nonce, parity, r, s: bytes at most. */
const authorizationFields = [32, 0, 8, 1, 32, 32]

function checkAuthorizations(bytes: Uint8Array, offset: number, end: number): number {
  const list = checkList(bytes, offset, end, 'authorization list')
  for (let at = list.start; at < list.end; ) {
    const tuple = checkList(bytes, at, list.end, 'authorization')
    let field = tuple.start
    for (const size of authorizationFields) {
      if (size === 0) field = checkFixed(bytes, field, tuple.end, 20, 'authorization address')
      else field = uintEnd(bytes, field, tuple.end, size)
    }
    if (field !== tuple.end) invalidBatch('authorization of more than six items', field)
    at = tuple.end
  }
  return list.end
}

/** Checks what follows the numbers of an item, calldata and lists, and returns where it ends. */
function checkTail(bytes: Uint8Array, type: number, offset: number, end: number): number {
  let at = itemEnd(bytes, offset, end)
  if (bytes[offset]! >= 0xc0) invalidBatch('calldata is a list', offset)
  // Most access lists are empty.
  if (type >= 1) at = at < end && bytes[at] === 0xc0 ? at + 1 : checkAccessList(bytes, at, end)
  if (type === 4) at = checkAuthorizations(bytes, at, end)
  return at
}

/**
 * Reads the transaction columns of a span batch and rebuilds the signed transactions, as views of a few arrays.
 *
 * `chainId` is not in the batch: what it rebuilds is signed for that chain. As op-node does, in two steps: bytes that do not make up the columns
 * are no batch (`BATCH_INVALID`, `RLP_INVALID`); columns with an item that is no transaction, by the checks of geth's decoder, are a batch that
 * cannot be derived (`BATCH_UNDERIVABLE`): unknown types, types 3 and 0x7e among them. Post-exec items (0x7d) are taken as they are.
 *
 * @throws SequencerError `BATCH_INVALID`, `RLP_INVALID`, `BATCH_UNDERIVABLE`
 */
export function decodeSpanTransactions(cursor: Cursor, count: number, chainId: bigint): Uint8Array[] {
  const { bytes } = cursor
  // Each transaction has a signature of 64 bytes: a count beyond that is a lie, found before anything is allocated for it.
  if (count * 64 > cursor.left) invalidBatch(`${count} transactions in ${cursor.left} bytes`, cursor.offset)
  const creations = cursor.bits(count, 'contract_creation_bits')
  const parities = cursor.bits(count, 'y_parity_bits')
  let signature = cursor.skip(64 * count, 'tx_sigs')
  let to = cursor.skip(20 * (count - countBits(creations)), 'tx_tos')

  const types = new Uint8Array(count)
  // Per transaction: start of `value`, start of the fees, start of the calldata, end.
  const places = new Uint32Array(4 * count)
  let legacyCount = 0
  let itemBytes = 0
  let underivable: SequencerError | undefined
  for (let i = 0; i < count; i++) {
    const first = bytes[cursor.offset]
    if (first === undefined) invalidBatch('tx_datas is cut', cursor.offset)
    let at = cursor.offset
    const type = first! <= 0x7f ? first! : 0
    if (first! <= 0x7f) at++
    // A type byte of 0 is no transaction, and counts among the legacy ones all the same.
    if (type === 0) legacyCount++
    const end = itemEnd(bytes, at, bytes.length)
    const header = bytes[at]!
    if (header < 0xc0) invalidBatch('tx_datas item is not a list', at)
    const start = at + (header <= 0xf7 ? 1 : header - 0xf6)
    if (end - start > maxItemBytes) invalidBatch(`tx_datas item of more than ${maxItemBytes} bytes`, at)
    types[i] = type
    cursor.offset = end
    if (type === postExecType) {
      places[4 * i] = at
      places[4 * i + 3] = end
      itemBytes += end - at
      continue
    }
    try {
      if (first! <= 0x7f && type !== 1 && type !== 2 && type !== 4) invalidBatch(`transaction type ${type}`, at)
      const maxUint = type === 4 ? 32 : Number.POSITIVE_INFINITY
      const fees = uintEnd(bytes, start, end, maxUint)
      let data = uintEnd(bytes, fees, end, maxUint)
      if (type >= 2) data = uintEnd(bytes, data, end, maxUint)
      const last = checkTail(bytes, type, data, end)
      if (type === 4 && bitAt(creations, i) === 1) invalidBatch('type 4 transaction without `to`', at)
      if (last !== end) invalidBatch('tx_datas item with too many fields', last)
      places[4 * i] = start
      places[4 * i + 1] = fees
      places[4 * i + 2] = data
      places[4 * i + 3] = end
      itemBytes += end - start
    } catch (error) {
      if (!isL2Error(error)) throw error
      // Whatever else is wrong with the batch comes first: it decides whether the channel goes on.
      underivable ??= underivableBatch(error.message, at, error)
    }
  }

  // Nonces, then gas limits, each as two halves.
  const numbers = new Uint32Array(4 * count)
  for (let i = 0; i < count; i++) {
    cursor.uvarint('tx_nonces')
    numbers[4 * i] = cursor.high
    numbers[4 * i + 1] = cursor.low
  }
  for (let i = 0; i < count; i++) {
    cursor.uvarint('tx_gases')
    numbers[4 * i + 2] = cursor.high
    numbers[4 * i + 3] = cursor.low
  }
  const guarded = cursor.bits(legacyCount, 'protected_bits')
  if (underivable !== undefined) throw underivable

  const chain = encodeRlp(chainId)
  const vs = protectedV(chainId)
  // Header 5, type 1, nonce and gas 9 each, `to` 21, signature 66, and what the chain id takes.
  const room = 111 + chain.length + vs[1].length
  let out = none
  let at = 0
  const transactions: Uint8Array[] = new Array(count)
  let legacy = 0
  for (let i = 0; i < count; i++) {
    const type = types[i]!
    const parity = bitAt(parities, i)
    const creation = bitAt(creations, i)
    const v = type === 0 && bitAt(guarded, legacy++) === 1 ? vs[parity]! : undefined
    const row = 4 * i
    const valueStart = places[row]!
    const feeStart = places[row + 1]!
    const dataStart = places[row + 2]!
    const dataEnd = places[row + 3]!
    if (out.length - at < dataEnd - valueStart + room) {
      out = new Uint8Array(Math.max(Math.min(outputChunk, itemBytes + (count - i) * room), dataEnd - valueStart + room))
      at = 0
    }
    itemBytes -= dataEnd - valueStart
    const begin = at
    if (type === postExecType) {
      // Unsigned: what the other columns say of it is not looked at, but they hold its place.
      out[at++] = type
      at = copy(out, at, bytes, valueStart, dataEnd)
      if (creation === 0) to += 20
      signature += 64
      transactions[i] = out.subarray(begin, at)
      continue
    }
    const nonceHigh = numbers[row]!
    const nonceLow = numbers[row + 1]!
    const gasHigh = numbers[row + 2]!
    const gasLow = numbers[row + 3]!
    const length =
      dataEnd -
      valueStart +
      uintLength(nonceHigh, nonceLow) +
      uintLength(gasHigh, gasLow) +
      (creation === 1 ? 1 : 21) +
      wordLength(bytes, signature) +
      wordLength(bytes, signature + 32) +
      (v === undefined ? 1 : v.length) +
      (type === 0 ? 0 : chain.length)
    if (type !== 0) out[at++] = type
    at = writeHeader(out, at, length, true)
    if (type !== 0) at = copy(out, at, chain, 0, chain.length)
    at = writeUint(out, at, nonceHigh, nonceLow)
    at = copy(out, at, bytes, feeStart, dataStart)
    at = writeUint(out, at, gasHigh, gasLow)
    if (creation === 1) out[at++] = 0x80
    else {
      out[at++] = 0x94
      at = copy(out, at, bytes, to, to + 20)
      to += 20
    }
    at = copy(out, at, bytes, valueStart, feeStart)
    at = copy(out, at, bytes, dataStart, dataEnd)
    if (v !== undefined) at = copy(out, at, v, 0, v.length)
    else if (type === 0) out[at++] = 27 + parity
    else out[at++] = parity === 0 ? 0x80 : 1
    at = writeWord(out, at, bytes, signature)
    at = writeWord(out, at, bytes, signature + 32)
    signature += 64
    transactions[i] = out.subarray(begin, at)
  }
  return transactions
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

/** What stays the same from transaction to transaction. */
export type SpanChain = { readonly id: Uint8Array; readonly v: readonly [Uint8Array, Uint8Array] }

export function spanChain(chainId: bigint): SpanChain {
  return { id: encodeRlp(chainId), v: protectedV(chainId) }
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
