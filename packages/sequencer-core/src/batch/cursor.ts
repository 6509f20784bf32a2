import { SequencerError } from '../errors.js'
import { writeHeader } from '../rlp/rlp.js'

/** Refuses batch bytes, naming the place. */
export function invalidBatch(reason: string, offset: number): never {
  throw new SequencerError(`invalid batch at byte ${offset}: ${reason}`, {
    code: 'BATCH_INVALID',
    details: { reason, offset },
  })
}

/** Refuses a batch that can be read, but whose transactions cannot be rebuilt: it is passed over, and its channel goes on. */
export function underivableBatch(reason: string, offset: number, cause?: unknown): SequencerError {
  return new SequencerError(`batch cannot be derived, at byte ${offset}: ${reason}`, {
    code: 'BATCH_UNDERIVABLE',
    cause,
    details: { reason, offset },
  })
}

/**
 * A place in batch bytes. Reads move it, short reads are errors: op-node's reading, where kona fills short bit lists with zeros.
 */
export class Cursor {
  readonly bytes: Uint8Array
  offset: number
  /** Upper and lower half of the number read last by {@link uvarint}. */
  high = 0
  low = 0

  constructor(bytes: Uint8Array, offset = 0) {
    this.bytes = bytes
    this.offset = offset
  }

  get left(): number {
    return this.bytes.length - this.offset
  }

  /** Steps over `length` bytes and returns where they begin. */
  skip(length: number, what: string): number {
    const start = this.offset
    if (length > this.bytes.length - start) {
      invalidBatch(`${what} of ${length} bytes with ${this.bytes.length - start} left`, start)
    }
    this.offset = start + length
    return start
  }

  /** A copy of the next `length` bytes. */
  take(length: number, what: string): Uint8Array {
    const start = this.skip(length, what)
    return this.bytes.slice(start, start + length)
  }

  /**
   * Reads a little-endian base-128 number of 64 bits into {@link high} and {@link low}.
   * Encodings longer than needed are accepted, as op-node does and kona does not; a tenth byte above 1 overflows.
   */
  uvarint(what: string): void {
    const { bytes } = this
    const first = bytes[this.offset]
    if (first !== undefined && first < 0x80) {
      this.offset++
      this.high = 0
      this.low = first
      return
    }
    let low = 0
    let high = 0
    let shift = 0
    for (let i = 0; i < 10; i++) {
      const byte = bytes[this.offset]
      if (byte === undefined) invalidBatch(`${what} is cut`, this.offset)
      if (i === 9 && byte! > 1) break
      this.offset++
      const bits = byte! & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else high |= bits << (shift - 32)
      if (byte! < 0x80) {
        this.high = high >>> 0
        this.low = low >>> 0
        return
      }
      shift += 7
    }
    invalidBatch(`${what} does not fit in 64 bits`, this.offset)
  }

  /** The next uvarint as a bigint. */
  uint64(what: string): bigint {
    this.uvarint(what)
    return this.high === 0 ? BigInt(this.low) : (BigInt(this.high) << 32n) | BigInt(this.low)
  }

  /** The next uvarint as a count of at most `max`. */
  count(what: string, max: number): number {
    const start = this.offset
    this.uvarint(what)
    const value = this.high * 2 ** 32 + this.low
    if (value > max) invalidBatch(`${what} is ${this.uint64Text()}, at most ${max}`, start)
    return value
  }

  /** The next bit list of `length` bits; bits beyond the length must be clear. */
  bits(length: number, what: string): Bits {
    const size = Math.ceil(length / 8)
    const start = this.skip(size, what)
    if (length % 8 !== 0 && this.bytes[start]! >> (length % 8) !== 0)
      invalidBatch(`${what} has bits beyond ${length}`, start)
    return { bytes: this.bytes, last: start + size - 1, length }
  }

  private uint64Text(): string {
    return ((BigInt(this.high) << 32n) | BigInt(this.low)).toString()
  }
}

/** A standard bit list: one big-endian integer, item 0 is the lowest bit of the last byte. */
export type Bits = { readonly bytes: Uint8Array; readonly last: number; readonly length: number }

export function bitAt(bits: Bits, index: number): number {
  return (bits.bytes[bits.last - (index >> 3)]! >> (index & 7)) & 1
}

export function countBits(bits: Bits): number {
  let count = 0
  for (let i = bits.last - Math.ceil(bits.length / 8) + 1; i <= bits.last; i++) {
    for (let byte = bits.bytes[i]!; byte !== 0; byte &= byte - 1) count++
  }
  return count
}

/** Collects the pieces of a batch; numbers as the shortest uvarint. */
export class BatchWriter {
  private bytes: Uint8Array
  offset = 0

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity)
  }

  private room(length: number): void {
    if (this.offset + length <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.offset + length))
    grown.set(this.bytes.subarray(0, this.offset))
    this.bytes = grown
  }

  byte(value: number): void {
    this.room(1)
    this.bytes[this.offset++] = value
  }

  raw(source: Uint8Array, start = 0, end: number = source.length): void {
    const length = end - start
    this.room(length)
    const { bytes, offset } = this
    if (length <= 32) for (let i = 0; i < length; i++) bytes[offset + i] = source[start + i]!
    else bytes.set(start === 0 && end === source.length ? source : source.subarray(start, end), offset)
    this.offset = offset + length
  }

  zeros(length: number): void {
    this.room(length)
    this.offset += length
  }

  /** Writes at the end of `width` bytes what stands in `source`, zeros before it. */
  padded(source: Uint8Array, start: number, end: number, width: number): void {
    this.zeros(width - (end - start))
    this.raw(source, start, end)
  }

  uvarint(value: number | bigint): void {
    this.room(10)
    if (typeof value === 'bigint') {
      while (value > BigInt(Number.MAX_SAFE_INTEGER)) {
        this.bytes[this.offset++] = Number(value & 0x7fn) | 0x80
        value >>= 7n
      }
      value = Number(value)
    }
    while (value >= 0x80) {
      this.bytes[this.offset++] = (value % 0x80) | 0x80
      value = Math.floor(value / 0x80)
    }
    this.bytes[this.offset++] = value
  }

  /** The shortest uvarint of a big-endian number of at most eight bytes. */
  uvarintOf(source: Uint8Array, start: number, end: number): void {
    if (end - start <= 6) {
      let value = 0
      for (let i = start; i < end; i++) value = value * 256 + source[i]!
      this.uvarint(value)
    } else {
      let value = 0n
      for (let i = start; i < end; i++) value = (value << 8n) | BigInt(source[i]!)
      this.uvarint(value)
    }
  }

  /** The header of an RLP list. */
  listHeader(length: number): void {
    this.room(9)
    this.offset = writeHeader(this.bytes, this.offset, length, true)
  }

  /** Leaves room for a bit list, all clear, and returns its place for {@link setBit}. */
  openBits(length: number): number {
    this.zeros(Math.ceil(length / 8))
    return this.offset - 1
  }

  setBit(last: number, index: number): void {
    this.bytes[last - (index >> 3)]! |= 1 << (index & 7)
  }

  /** What was written, not copied. */
  finish(): Uint8Array {
    return this.bytes.subarray(0, this.offset)
  }
}
