import { concatBytes } from '@l2/common'
import { compress, uncompress } from 'snappyjs'

/** Big-endian, of a number that fits. */
export function uint(value: number | bigint, length: 1 | 2 | 4 | 8): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value))
  return bytes.subarray(8 - length)
}

export type Reader = {
  /** The next so many bytes. @throws RangeError when there are fewer */
  take(length: number): Uint8Array
  uint(length: 1 | 2 | 4): number
  u64(): bigint
  left(): number
}

export function reader(bytes: Uint8Array): Reader {
  let at = 0
  const take = (length: number): Uint8Array => {
    if (length > bytes.length - at) throw new RangeError('the message ends early')
    at += length
    return bytes.subarray(at - length, at)
  }
  return {
    take,
    uint: length => take(length).reduce((sum, byte) => sum * 256 + byte, 0),
    u64: () => take(8).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n),
    left: () => bytes.length - at,
  }
}

/** What `decode` makes of bytes to the last of them; `undefined` for whatever it does not understand. */
export function readAll<T>(bytes: Uint8Array, decode: (read: Reader) => T | undefined): T | undefined {
  try {
    const read = reader(bytes)
    const value = decode(read)
    return read.left() === 0 ? value : undefined
  } catch {
    return undefined
  }
}

/** Bytes that a payload of so many bytes may have compressed: snappy's own bound. */
export const packedBound = (length: number): number => 32 + length + Math.ceil(length / 6)

/** A payload on a wire: its length and that of what follows, u32 each, then a snappy block. */
export function packPayload(payload: Uint8Array): Uint8Array {
  const packed = compress(payload)
  return concatBytes(uint(payload.length, 4), uint(packed.length, 4), packed)
}

/** @throws RangeError for one that is empty, too long, or not of the length it says; nothing is decompressed before its length is known. */
export function unpackPayload(read: Reader, maxBytes: number): Uint8Array {
  const [length, packedLength] = [read.uint(4), read.uint(4)]
  if (length === 0 || length > maxBytes) throw new RangeError(`a payload of ${length} bytes`)
  const packed = read.take(packedLength)
  const plain = uncompress(packed, length)
  if (plain.length !== length) throw new RangeError('a payload of another length than it says')
  // A copy: what is kept must not hold the whole message.
  return plain
}
