import { SequencerError } from '../errors.js'

/**
 * RLP over bytes without building trees: a decoder walks item headers and slices what it wants, an encoder writes into one array.
 * Only canonical encodings are accepted, as Ethereum requires (shortest length, no leading zeros, single bytes bare).
 * Source: Ethereum yellow paper, appendix B.
 */
export type RlpItem = {
  readonly list: boolean
  /** Offset of the first payload byte. */
  readonly start: number
  /** Offset behind the last payload byte, which is where the next item begins. */
  readonly end: number
}

function invalid(reason: string, offset: number): never {
  throw new SequencerError(`invalid RLP at byte ${offset}: ${reason}`, {
    code: 'RLP_INVALID',
    details: { reason, offset },
  })
}

/**
 * Reads the header of the item at `offset` and checks that the item fits before `end`.
 *
 * @throws SequencerError `RLP_INVALID`
 */
export function readItem(bytes: Uint8Array, offset: number, end: number = bytes.length): RlpItem {
  if (offset >= end) invalid('no item', offset)
  const prefix = bytes[offset]!
  if (prefix < 0x80) return { list: false, start: offset, end: offset + 1 }
  const list = prefix >= 0xc0
  const short = prefix - (list ? 0xc0 : 0x80)
  let start = offset + 1
  let length = short
  if (short > 55) {
    const lengthBytes = short - 55
    // Six length bytes reach 2^48, far beyond any input: more are refused before the number loses precision.
    if (lengthBytes > 6) invalid('length of more than 6 bytes', offset)
    if (start + lengthBytes > end) invalid('cut inside a length', offset)
    if (bytes[start] === 0) invalid('length with a leading zero', offset)
    length = 0
    for (let i = 0; i < lengthBytes; i++) length = length * 256 + bytes[start + i]!
    if (length < 56) invalid('long form of a short length', offset)
    start += lengthBytes
  }
  if (length > end - start) invalid(`item of ${length} bytes with ${end - start} left`, offset)
  if (!list && short === 1 && bytes[start]! < 0x80) invalid('single byte with a prefix', offset)
  return { list, start, end: start + length }
}

/**
 * Checks the item at `offset` as {@link readItem} does and returns where it ends, without making an object of it: for loops over many small items.
 *
 * @throws SequencerError `RLP_INVALID`
 */
export function itemEnd(bytes: Uint8Array, offset: number, end: number): number {
  if (offset < end) {
    const prefix = bytes[offset]!
    if (prefix < 0x80) return offset + 1
    const short = prefix - (prefix < 0xc0 ? 0x80 : 0xc0)
    if (short <= 55) {
      if (offset + 1 + short <= end && (prefix !== 0x81 || bytes[offset + 1]! >= 0x80)) return offset + 1 + short
    } else if (short <= 57 && offset + 2 < end) {
      // Lengths of one and two bytes, the rest is rare.
      const length = short === 56 ? bytes[offset + 1]! : bytes[offset + 1]! * 256 + bytes[offset + 2]!
      const next = offset + short - 54 + length
      if (length >= (short === 56 ? 56 : 256) && next <= end) return next
    }
  }
  return readItem(bytes, offset, end).end
}

/**
 * Like {@link itemEnd} for an unsigned integer of at most `maxBytes` bytes, which must not begin with a zero.
 *
 * @throws SequencerError `RLP_INVALID`
 */
export function uintEnd(bytes: Uint8Array, offset: number, end: number, maxBytes: number): number {
  const next = itemEnd(bytes, offset, end)
  const prefix = bytes[offset]!
  if (prefix >= 0xc0) invalid('an integer expected', offset)
  if (prefix === 0) invalid('integer with a leading zero', offset)
  if (prefix > 0x80) {
    const start = prefix <= 0xb7 ? offset + 1 : readItem(bytes, offset, end).start
    if (bytes[start] === 0) invalid('integer with a leading zero', offset)
    if (next - start > maxBytes) invalid(`integer of ${next - start} bytes, at most ${maxBytes}`, offset)
  }
  return next
}

/** The items inside a list whose header was read. */
export function readList(bytes: Uint8Array, list: RlpItem, maxItems: number = Number.POSITIVE_INFINITY): RlpItem[] {
  if (!list.list) invalid('a list expected', list.start)
  const items: RlpItem[] = []
  let offset = list.start
  while (offset < list.end) {
    if (items.length >= maxItems) invalid(`more than ${maxItems} items`, offset)
    const item = readItem(bytes, offset, list.end)
    items.push(item)
    offset = item.end
  }
  return items
}

/** The payload of a string item, as a view of `bytes`. */
export function readString(bytes: Uint8Array, item: RlpItem): Uint8Array {
  if (item.list) invalid('a string expected', item.start)
  return bytes.subarray(item.start, item.end)
}

/** An unsigned integer of at most `maxBytes` bytes: big-endian, no leading zero, empty for zero. */
export function readUint(bytes: Uint8Array, item: RlpItem, maxBytes: number = 32): bigint {
  if (item.list) invalid('an integer expected', item.start)
  const length = item.end - item.start
  if (length > maxBytes) invalid(`integer of ${length} bytes, at most ${maxBytes}`, item.start)
  if (length === 0) return 0n
  if (bytes[item.start] === 0) invalid('integer with a leading zero', item.start)
  let high = 0
  if (length <= 6) {
    for (let i = item.start; i < item.end; i++) high = high * 256 + bytes[i]!
    return BigInt(high)
  }
  let value = 0n
  for (let i = item.start; i < item.end; i++) value = (value << 8n) | BigInt(bytes[i]!)
  return value
}

/** What {@link encodeRlp} takes: bytes, an unsigned integer, or a list of such. */
export type RlpValue = Uint8Array | bigint | readonly RlpValue[]

function uintLength(value: bigint): number {
  let length = 0
  for (let rest = value; rest > 0n; rest >>= 8n) length++
  return length
}

function headerLength(length: number): number {
  return length < 56 ? 1 : 1 + uintLength(BigInt(length))
}

function payloadLength(value: RlpValue): number {
  if (typeof value === 'bigint') return uintLength(value)
  if (value instanceof Uint8Array) return value.length
  let length = 0
  for (const item of value) length += itemLength(item)
  return length
}

function isBareByte(value: RlpValue): boolean {
  if (typeof value === 'bigint') return value > 0n && value < 0x80n
  return value instanceof Uint8Array && value.length === 1 && value[0]! < 0x80
}

function itemLength(value: RlpValue): number {
  if (isBareByte(value)) return 1
  const length = payloadLength(value)
  return headerLength(length) + length
}

/** Writes a string or list header at `offset` and returns the offset behind it. */
export function writeHeader(out: Uint8Array, offset: number, length: number, list: boolean): number {
  const base = list ? 0xc0 : 0x80
  if (length < 56) {
    out[offset] = base + length
    return offset + 1
  }
  const lengthBytes = headerLength(length) - 1
  out[offset] = base + 55 + lengthBytes
  let rest = length
  for (let i = lengthBytes; i > 0; i--) {
    out[offset + i] = rest % 256
    rest = Math.floor(rest / 256)
  }
  return offset + 1 + lengthBytes
}

function write(out: Uint8Array, offset: number, value: RlpValue): number {
  if (typeof value === 'bigint') {
    const length = uintLength(value)
    if (!isBareByte(value)) offset = writeHeader(out, offset, length, false)
    let rest = value
    for (let i = length - 1; i >= 0; i--) {
      out[offset + i] = Number(rest & 0xffn)
      rest >>= 8n
    }
    return offset + length
  }
  if (value instanceof Uint8Array) {
    if (!isBareByte(value)) offset = writeHeader(out, offset, value.length, false)
    out.set(value, offset)
    return offset + value.length
  }
  offset = writeHeader(out, offset, payloadLength(value), true)
  for (const item of value) offset = write(out, offset, item)
  return offset
}

/** Canonical RLP of a value. */
export function encodeRlp(value: RlpValue): Uint8Array {
  const out = new Uint8Array(itemLength(value))
  write(out, 0, value)
  return out
}
