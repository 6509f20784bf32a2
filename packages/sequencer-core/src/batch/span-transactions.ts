import { isL2Error } from '@l2/common'
import { SequencerError } from '../errors.js'
import { encodeRlp, type RlpItem, readItem, writeHeader } from '../rlp/rlp.js'
import { type BatchWriter, bitAt, type Cursor, countBits, invalidBatch } from './cursor.js'

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

function headerBytes(length: number): number {
  return length < 56 ? 1 : length < 0x100 ? 2 : length < 0x10000 ? 3 : length < 0x1000000 ? 4 : 5
}

/** First offset of a 32-byte number that is not zero. */
function skipZeros(bytes: Uint8Array, start: number): number {
  let at = start
  while (at < start + 32 && bytes[at] === 0) at++
  return at
}

function wordLength(bytes: Uint8Array, start: number): number {
  const first = skipZeros(bytes, start)
  const used = start + 32 - first
  return used === 1 && bytes[first]! < 0x80 ? 1 : 1 + used
}

function writeWord(out: Uint8Array, at: number, bytes: Uint8Array, start: number): number {
  const first = skipZeros(bytes, start)
  const used = start + 32 - first
  if (used === 1 && bytes[first]! < 0x80) {
    out[at] = bytes[first]!
    return at + 1
  }
  out[at] = 0x80 + used
  return copy(out, at + 1, bytes, first, start + 32)
}

/** Checks an integer of `tx_datas`: canonical, and for type 4 at most 32 bytes, as the geth types behind op-node demand. */
function checkUint(bytes: Uint8Array, item: RlpItem, maxBytes: number, what: string): void {
  if (item.list) invalidBatch(`${what} is a list`, item.start)
  const length = item.end - item.start
  if (length > 0 && bytes[item.start] === 0) invalidBatch(`${what} has a leading zero`, item.start)
  if (length > maxBytes) invalidBatch(`${what} of ${length} bytes, at most ${maxBytes}`, item.start)
}

function checkFixed(bytes: Uint8Array, offset: number, end: number, length: number, what: string): number {
  const item = readItem(bytes, offset, end)
  if (item.list || item.end - item.start !== length) invalidBatch(`${what} is not ${length} bytes`, item.start)
  return item.end
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

const authorizationFields = [
  { what: 'chain id', bytes: 32 },
  { what: 'address', bytes: 0 },
  { what: 'nonce', bytes: 8 },
  { what: 'parity', bytes: 1 },
  { what: 'r', bytes: 32 },
  { what: 's', bytes: 32 },
] as const

function checkAuthorizations(bytes: Uint8Array, offset: number, end: number): number {
  const list = checkList(bytes, offset, end, 'authorization list')
  for (let at = list.start; at < list.end; ) {
    const tuple = checkList(bytes, at, list.end, 'authorization')
    let field = tuple.start
    for (const { what, bytes: size } of authorizationFields) {
      if (size === 0) field = checkFixed(bytes, field, tuple.end, 20, what)
      else {
        const item = readItem(bytes, field, tuple.end)
        checkUint(bytes, item, size, `authorization ${what}`)
        field = item.end
      }
    }
    if (field !== tuple.end) invalidBatch('authorization of more than six items', field)
    at = tuple.end
  }
  return list.end
}

/** Checks what follows the numbers of an item, calldata and lists, and returns where it ends. */
function checkTail(bytes: Uint8Array, type: number, offset: number, end: number): number {
  const data = readItem(bytes, offset, end)
  if (data.list) invalidBatch('calldata is a list', data.start)
  let at = data.end
  if (type >= 1) at = checkAccessList(bytes, at, end)
  if (type === 4) at = checkAuthorizations(bytes, at, end)
  return at
}

/**
 * Reads the transaction columns of a span batch and rebuilds the signed transactions, as views of one array.
 *
 * `chainId` is not in the batch: what it rebuilds is signed for that chain. The fields of an item are checked as geth's decoder checks them, so that
 * an item that op-node refuses is refused here, too: unknown types, types 3 and 0x7e among them, condemn the whole batch.
 *
 * @throws SequencerError `BATCH_INVALID` or `RLP_INVALID`
 */
export function decodeSpanTransactions(cursor: Cursor, count: number, chainId: bigint): Uint8Array[] {
  const { bytes } = cursor
  // Each transaction has a signature of 64 bytes: a count beyond that is a lie, found before anything is allocated for it.
  if (count * 64 > cursor.left) invalidBatch(`${count} transactions in ${cursor.left} bytes`, cursor.offset)
  const creations = cursor.bits(count, 'contract_creation_bits')
  const parities = cursor.bits(count, 'y_parity_bits')
  const signatures = cursor.skip(64 * count, 'tx_sigs')
  let to = cursor.skip(20 * (count - countBits(creations)), 'tx_tos')

  const types = new Uint8Array(count)
  // Per transaction: start of `value`, start of the fees, start of the calldata, end.
  const places = new Uint32Array(4 * count)
  let legacyCount = 0
  for (let i = 0; i < count; i++) {
    const first = bytes[cursor.offset]
    if (first === undefined) invalidBatch('tx_datas is cut', cursor.offset)
    let at = cursor.offset
    const type = first! <= 0x7f ? first! : 0
    if (first! <= 0x7f) {
      if (type !== 1 && type !== 2 && type !== 4) invalidBatch(`transaction type ${type}`, at)
      at++
    } else legacyCount++
    const item = readItem(bytes, at)
    if (!item.list) invalidBatch('tx_datas item is not a list', at)
    if (item.end - item.start > maxItemBytes) invalidBatch(`tx_datas item of more than ${maxItemBytes} bytes`, at)
    const { end } = item
    const maxUint = type === 4 ? 32 : Number.POSITIVE_INFINITY
    const value = readItem(bytes, item.start, end)
    checkUint(bytes, value, maxUint, 'value')
    let fee = readItem(bytes, value.end, end)
    checkUint(bytes, fee, maxUint, 'gas price')
    if (type >= 2) {
      fee = readItem(bytes, fee.end, end)
      checkUint(bytes, fee, maxUint, 'fee cap')
    }
    const last = checkTail(bytes, type, fee.end, end)
    if (type === 4 && bitAt(creations, i) === 1) invalidBatch('type 4 transaction without `to`', at)
    if (last !== end) invalidBatch('tx_datas item with too many fields', last)
    types[i] = type
    places[4 * i] = item.start
    places[4 * i + 1] = value.end
    places[4 * i + 2] = fee.end
    places[4 * i + 3] = end
    cursor.offset = end
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

  const chain = encodeRlp(chainId)
  const vs = protectedV(chainId)
  const payloads = new Uint32Array(count)
  let total = 0
  let legacy = 0
  for (let i = 0; i < count; i++) {
    const type = types[i]!
    const signature = signatures + 64 * i
    let length =
      places[4 * i + 3]! -
      places[4 * i]! +
      uintLength(numbers[4 * i]!, numbers[4 * i + 1]!) +
      uintLength(numbers[4 * i + 2]!, numbers[4 * i + 3]!) +
      (bitAt(creations, i) === 1 ? 1 : 21) +
      wordLength(bytes, signature) +
      wordLength(bytes, signature + 32)
    if (type === 0) length += bitAt(guarded, legacy++) === 1 ? vs[bitAt(parities, i)]!.length : 1
    else length += chain.length + 1
    payloads[i] = length
    total += headerBytes(length) + length + (type === 0 ? 0 : 1)
  }

  const out = new Uint8Array(total)
  const transactions: Uint8Array[] = new Array(count)
  let at = 0
  legacy = 0
  for (let i = 0; i < count; i++) {
    const begin = at
    const type = types[i]!
    const parity = bitAt(parities, i)
    const valueStart = places[4 * i]!
    const feeStart = places[4 * i + 1]!
    const dataStart = places[4 * i + 2]!
    if (type !== 0) out[at++] = type
    at = writeHeader(out, at, payloads[i]!, true)
    if (type !== 0) at = copy(out, at, chain, 0, chain.length)
    at = writeUint(out, at, numbers[4 * i]!, numbers[4 * i + 1]!)
    at = copy(out, at, bytes, feeStart, dataStart)
    at = writeUint(out, at, numbers[4 * i + 2]!, numbers[4 * i + 3]!)
    if (bitAt(creations, i) === 1) out[at++] = 0x80
    else {
      out[at++] = 0x94
      at = copy(out, at, bytes, to, to + 20)
      to += 20
    }
    at = copy(out, at, bytes, valueStart, feeStart)
    at = copy(out, at, bytes, dataStart, places[4 * i + 3]!)
    if (type !== 0) out[at++] = parity === 0 ? 0x80 : 1
    else if (bitAt(guarded, legacy++) === 0) out[at++] = 27 + parity
    else at = copy(out, at, vs[parity]!, 0, vs[parity]!.length)
    at = writeWord(out, at, bytes, signatures + 64 * i)
    at = writeWord(out, at, bytes, signatures + 64 * i + 32)
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
  const starts = new Uint32Array(width * count)
  const ends = new Uint32Array(width * count)
  const types = new Uint8Array(count)
  const parities = new Uint8Array(count)
  const guarded: boolean[] = []
  let maxBytes = 0
  for (let i = 0; i < count; i++) {
    try {
      const raw = transactions[i]!
      maxBytes += raw.length + 90
      const v = parseTransaction(raw, i, chain, starts, ends, types)
      parities[i] = v & 1
      if (types[i] === 0) guarded.push(v >= 2)
    } catch (error) {
      // What the decoder would refuse, so that no batch leaves here that condemns its channel.
      if (isL2Error(error, 'RLP_INVALID') || isL2Error(error, 'BATCH_INVALID')) unsupported(i, error.shortMessage)
      throw error
    }
  }
  return { transactions, starts, ends, types, parities, guarded, maxBytes }
}

/** Fills the row of one transaction and returns its parity, plus 2 when it is a legacy one that carries the chain id. */
function parseTransaction(
  raw: Uint8Array,
  index: number,
  chain: SpanChain,
  starts: Uint32Array,
  ends: Uint32Array,
  types: Uint8Array,
): number {
  const first = raw[0]
  if (first === undefined) unsupported(index, 'it is empty')
  const type = first! >= 0xc0 ? 0 : first!
  if (type !== 0 && type !== 1 && type !== 2 && type !== 4) unsupported(index, `type ${type}`)
  types[index] = type
  const list = readItem(raw, type === 0 ? 0 : 1)
  if (!list.list || list.end !== raw.length) unsupported(index, 'its bytes are not one list')
  const { end } = list
  const row = width * index
  let at = list.start
  /** An item whose payload alone is kept: a number of so many bytes at most, or an address. */
  const payload = (slot: number, maxBytes: number): void => {
    const item = readItem(raw, at, end)
    const length = item.end - item.start
    if (item.list || length > maxBytes) unsupported(index, 'a field has the wrong form')
    if (length > 0 && raw[item.start] === 0 && slot !== atTo) unsupported(index, 'a number has a leading zero')
    starts[row + slot] = item.start
    ends[row + slot] = item.end
    at = item.end
  }
  const maxUint = type === 4 ? 32 : Number.POSITIVE_INFINITY
  /** Numbers that are copied as they are, headers included. */
  const numbers = (slot: number, items: number): void => {
    starts[row + slot] = at
    for (let i = 0; i < items; i++) {
      const item = readItem(raw, at, end)
      checkUint(raw, item, maxUint, 'a number')
      at = item.end
    }
    ends[row + slot] = at
  }
  if (type !== 0) {
    const item = readItem(raw, at, end)
    if (!sameBytes(raw, at, item.end, chain.id)) unsupported(index, 'it is signed for another chain')
    at = item.end
  }
  payload(atNonce, 8)
  numbers(atFees, type >= 2 ? 2 : 1)
  payload(atGas, 8)
  payload(atTo, 20)
  const toBytes = ends[row + atTo]! - starts[row + atTo]!
  if (toBytes !== 20 && (toBytes !== 0 || type === 4)) unsupported(index, `\`to\` of ${toBytes} bytes`)
  numbers(atValue, 1)
  starts[row + atData] = at
  at = checkTail(raw, type, at, end)
  ends[row + atData] = at

  const v = readItem(raw, at, end)
  const vBytes = v.end - v.start
  const vByte = vBytes === 0 ? 0 : raw[v.start]!
  let parity = -1
  if (type !== 0) {
    if (!v.list && (vBytes === 0 || (vBytes === 1 && vByte === 1))) parity = vByte
  } else if (vBytes === 1 && (vByte === 27 || vByte === 28)) parity = vByte - 27
  else if (sameBytes(raw, at, v.end, chain.v[0])) parity = 2
  else if (sameBytes(raw, at, v.end, chain.v[1])) parity = 3
  if (parity < 0) unsupported(index, type === 0 ? 'it is signed for another chain' : 'y parity above 1')
  at = v.end
  payload(atR, 32)
  payload(atS, 32)
  if (at !== end) unsupported(index, 'it has too many fields')
  return parity
}

/** Writes the transaction columns of a span batch, block after block. */
export function writeSpanTransactions(writer: BatchWriter, blocks: readonly SpanColumns[]): void {
  let count = 0
  for (const block of blocks) count += block.types.length
  const each = (visit: (block: SpanColumns, index: number, row: number, ordinal: number) => void): void => {
    let ordinal = 0
    for (const block of blocks) {
      for (let i = 0; i < block.types.length; i++) visit(block, i, width * i, ordinal++)
    }
  }
  const creations = writer.openBits(count)
  const parities = writer.openBits(count)
  each((block, i, row, ordinal) => {
    if (block.ends[row + atTo] === block.starts[row + atTo]) writer.setBit(creations, ordinal)
    if (block.parities[i] === 1) writer.setBit(parities, ordinal)
  })
  each(({ transactions, starts, ends }, i, row) => {
    writer.padded(transactions[i]!, starts[row + atR]!, ends[row + atR]!, 32)
    writer.padded(transactions[i]!, starts[row + atS]!, ends[row + atS]!, 32)
  })
  each(({ transactions, starts, ends }, i, row) => writer.raw(transactions[i]!, starts[row + atTo]!, ends[row + atTo]!))
  each(({ transactions, starts, ends, types }, i, row) => {
    const raw = transactions[i]!
    if (types[i] !== 0) writer.byte(types[i]!)
    const value = ends[row + atValue]! - starts[row + atValue]!
    const fees = ends[row + atFees]! - starts[row + atFees]!
    writer.listHeader(value + fees + ends[row + atData]! - starts[row + atData]!)
    writer.raw(raw, starts[row + atValue]!, ends[row + atValue]!)
    writer.raw(raw, starts[row + atFees]!, ends[row + atFees]!)
    writer.raw(raw, starts[row + atData]!, ends[row + atData]!)
  })
  each(({ transactions, starts, ends }, i, row) =>
    writer.uvarintOf(transactions[i]!, starts[row + atNonce]!, ends[row + atNonce]!),
  )
  each(({ transactions, starts, ends }, i, row) =>
    writer.uvarintOf(transactions[i]!, starts[row + atGas]!, ends[row + atGas]!),
  )
  let legacy = 0
  for (const block of blocks) legacy += block.guarded.length
  const protections = writer.openBits(legacy)
  let ordinal = 0
  for (const { guarded } of blocks) {
    for (const bit of guarded) {
      if (bit) writer.setBit(protections, ordinal)
      ordinal++
    }
  }
}
