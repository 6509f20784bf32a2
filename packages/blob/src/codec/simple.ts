import { bytesPerBlob, fieldElementsPerBlob } from '../constants.js'
import { BlobError } from '../errors.js'
import { checkBlobLength } from '../internal/check.js'
import { lastNonZero } from '../internal/zero.js'
import type { BlobDecoder, BlobEncoder, StreamBlobCodec } from './codec.js'

/** Bytes that one full blob carries in the simple codec: 31 a field element. */
export const simpleBytesPerBlob = 31 * fieldElementsPerBlob

const terminator = 0x80

const viewOf = ({ buffer, byteOffset, length }: Uint8Array): DataView => new DataView(buffer, byteOffset, length)

/** Copies 32 bytes. For so few, four at a time are faster than a call of `set` or `copyWithin`. */
function copy32(to: DataView, at: number, from: DataView, offset: number): void {
  to.setUint32(at, from.getUint32(offset))
  to.setUint32(at + 4, from.getUint32(offset + 4))
  to.setUint32(at + 8, from.getUint32(offset + 8))
  to.setUint32(at + 12, from.getUint32(offset + 12))
  to.setUint32(at + 16, from.getUint32(offset + 16))
  to.setUint32(at + 20, from.getUint32(offset + 20))
  to.setUint32(at + 24, from.getUint32(offset + 24))
  to.setUint32(at + 28, from.getUint32(offset + 28))
}

/** Spreads at most 126 976 bytes over the field elements of one blob, 31 each, the first byte left zero. */
function spread(data: Uint8Array): Uint8Array {
  const blob = new Uint8Array(bytesPerBlob)
  const elements = Math.floor(data.length / 31)
  // All but the first element are copied with the byte before them, which is then cleared.
  blob.set(data.subarray(0, 31), 1)
  const from = viewOf(data)
  const to = viewOf(blob)
  for (let element = 1; element < elements; element++) {
    copy32(to, element * 32, from, element * 31 - 1)
    blob[element * 32] = 0
  }
  const rest = data.subarray(elements * 31)
  if (elements > 0 && rest.length > 0) blob.set(rest, elements * 32 + 1)
  return blob
}

/** Spreads what does not fill a blob, and ends it. */
function spreadLast(data: Uint8Array): Uint8Array {
  const blob = spread(data)
  blob[Math.floor(data.length / 31) * 32 + 1 + (data.length % 31)] = terminator
  return blob
}

/** Writes the 126 976 bytes of a blob to `data` from `at` on. */
function gatherInto(data: Uint8Array, at: number, blob: Uint8Array, index: number): void {
  checkBlobLength(blob, index)
  const from = viewOf(blob)
  const to = viewOf(data)
  let first = blob[0]!
  // Each element is copied with the first byte of the next, which the next overwrites.
  for (let element = 0; element < fieldElementsPerBlob - 1; element++) {
    copy32(to, at + element * 31, from, element * 32 + 1)
    first |= blob[(element + 1) * 32]!
  }
  data.set(blob.subarray(bytesPerBlob - 31), at + simpleBytesPerBlob - 31)
  if (first !== 0) throw notZero(blob, index)
}

function notZero(blob: Uint8Array, index: number): BlobError {
  let fieldElement = 0
  while (blob[fieldElement * 32] === 0) fieldElement++
  return new BlobError(`blob ${index}: first byte of field element ${fieldElement} must be zero`, {
    code: 'CODEC_PADDING',
    details: { index, fieldElement },
  })
}

function withoutTerminator(data: Uint8Array, index: number): Uint8Array {
  const end = lastNonZero(data)
  if (end < 0 || data[end] !== terminator) {
    throw new BlobError(`blob ${index}: the last byte that is not zero must be the terminator 0x80`, {
      code: 'CODEC_TERMINATOR',
      details: { index, position: end, value: data[end] },
    })
  }
  return data.subarray(0, end)
}

function encoder(): BlobEncoder {
  const held = new Uint8Array(simpleBytesPerBlob)
  let length = 0
  return {
    push(chunk) {
      const blobs: Uint8Array[] = []
      let offset = 0
      while (offset < chunk.length) {
        const taken = chunk.subarray(offset, offset + simpleBytesPerBlob - length)
        const whole = length === 0 && taken.length === simpleBytesPerBlob
        offset += taken.length
        if (whole) {
          blobs.push(spread(taken))
          continue
        }
        held.set(taken, length)
        length += taken.length
        if (length === simpleBytesPerBlob) {
          blobs.push(spread(held))
          length = 0
        }
      }
      return blobs
    },
    end: () => [spreadLast(held.subarray(0, length))],
  }
}

function decoder(): BlobDecoder {
  let held: Uint8Array = new Uint8Array()
  let index = 0
  return {
    push(blob) {
      const full = held
      held = new Uint8Array(simpleBytesPerBlob)
      gatherInto(held, 0, blob, index++)
      return full
    },
    end() {
      if (index === 0) throw noBlobs()
      return withoutTerminator(held, index - 1)
    },
  }
}

function noBlobs(): BlobError {
  return new BlobError('blobs: expected at least one, got none', { code: 'CODEC_EMPTY' })
}

/**
 * The codec of viem's `toBlobs` and `fromBlobs`: 31 bytes a field element and one 0x80 after the last byte of data. The blobs belong
 * together: none can be decoded alone. Data of exactly k × 126 976 bytes take k + 1 blobs, because the terminator needs room.
 *
 * Stricter than viem in reading: the first byte of every field element must be zero and a terminator must be there.
 *
 * @example
 * ```ts
 * import { simpleCodec } from '@l2/blob'
 * import { fromBlobs } from 'viem'
 *
 * const blobs = simpleCodec.encode(Uint8Array.of(1, 2, 3))
 * console.log(fromBlobs({ blobs, to: 'bytes' })) // Uint8Array(3) [ 1, 2, 3 ]
 * ```
 */
export const simpleCodec: StreamBlobCodec = {
  id: 'simple',
  maxBytes: blobs => Math.max(0, blobs * simpleBytesPerBlob - 1),
  blobCount: bytes => Math.floor(bytes / simpleBytesPerBlob) + 1,
  encode(data) {
    const blobs: Uint8Array[] = []
    let offset = 0
    for (; offset + simpleBytesPerBlob <= data.length; offset += simpleBytesPerBlob) {
      blobs.push(spread(data.subarray(offset, offset + simpleBytesPerBlob)))
    }
    return [...blobs, spreadLast(data.subarray(offset))]
  },
  decode(blobs) {
    if (blobs.length === 0) throw noBlobs()
    // A copy that crosses from one element to the next reaches no further than the last element of its blob.
    const data = new Uint8Array(blobs.length * simpleBytesPerBlob)
    for (const [index, blob] of blobs.entries()) gatherInto(data, index * simpleBytesPerBlob, blob, index)
    const last = (blobs.length - 1) * simpleBytesPerBlob
    return data.subarray(0, last + withoutTerminator(data.subarray(last), blobs.length - 1).length)
  },
  encoder,
  decoder,
}
