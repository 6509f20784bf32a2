import { isL2Error } from '@l2/common'
import type { SequencerError } from '../errors.js'
import { encodeRlp, itemEnd, uintEnd, writeHeader } from '../rlp/rlp.js'
import { type Bits, bitAt, type Cursor, countBits, invalidBatch, underivableBatch } from './cursor.js'
import { checkTail, postExecType, protectedV } from './span-checks.js'

/** Rebuilt transactions are views of arrays of this size, bytes: large enough to be few, small enough that one kept does not keep many. */
const outputChunk = 1 << 17
const none: Uint8Array = new Uint8Array()

/** The longest `tx_datas` item that is read, bytes. Source: op-node, `MaxSpanBatchElementCount` used as a stream limit. */
const maxItemBytes = 10_000_000

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

/** The items of `tx_datas`, as places in the batch. */
type Items = {
  readonly types: Uint8Array
  /** Per transaction: start of `value`, start of the fees, start of the calldata, end. */
  readonly places: Uint32Array
  readonly legacyCount: number
  /** Of all of them together. */
  readonly itemBytes: number
  /** What is wrong with the first that is no transaction. */
  readonly underivable: SequencerError | undefined
}

/** The columns of a span batch beside its items. */
type Columns = {
  readonly creations: Bits
  readonly parities: Bits
  /** Where the signatures begin. */
  readonly signatures: number
  /** Where the recipients begin. */
  readonly recipients: number
  /** Per transaction: nonce and gas limit, each as two halves. */
  readonly numbers: Uint32Array
  /** Of each legacy transaction, whether it carries the chain id. */
  readonly guarded: Bits
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
  const signatures = cursor.skip(64 * count, 'tx_sigs')
  const recipients = cursor.skip(20 * (count - countBits(creations)), 'tx_tos')

  const items = readItems(cursor, count, creations)

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
  const guarded = cursor.bits(items.legacyCount, 'protected_bits')
  if (items.underivable !== undefined) throw items.underivable
  return rebuild(bytes, items, { creations, parities, signatures, recipients, numbers, guarded }, chainId)
}

function readItems(cursor: Cursor, count: number, creations: Bits): Items {
  const { bytes } = cursor
  const types = new Uint8Array(count)
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
  return { types, places, legacyCount, itemBytes, underivable }
}

/** The signed transactions that columns were made of. */
function rebuild(bytes: Uint8Array, items: Items, columns: Columns, chainId: bigint): Uint8Array[] {
  const { types, places } = items
  const { creations, parities, numbers, guarded } = columns
  const count = types.length
  let { itemBytes } = items
  let { signatures: signature, recipients: to } = columns
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
