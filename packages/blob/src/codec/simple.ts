import { concatBytes } from '@l2/common'
import { bytesPerBlob, fieldElementsPerBlob } from '../constants.js'
import { BlobError } from '../errors.js'
import { checkBlobLength } from '../internal/check.js'
import type { BlobDecoder, BlobEncoder, StreamBlobCodec } from './codec.js'

/** Bytes that one full blob carries in the simple codec: 31 a field element. */
export const simpleBytesPerBlob = 31 * fieldElementsPerBlob

const terminator = 0x80

/** Spreads at most 126 976 bytes over the field elements of one blob, 31 each, the first byte left zero. */
function spread(data: Uint8Array): Uint8Array {
  const blob = new Uint8Array(bytesPerBlob)
  blob.set(data)
  // In place from the last element to the first: every byte moves to the right.
  for (let element = Math.ceil(data.length / 31) - 1; element >= 0; element--) {
    blob.copyWithin(element * 32 + 1, element * 31, element * 31 + 31)
    blob[element * 32] = 0
  }
  return blob
}

function gather(blob: Uint8Array, index: number): Uint8Array {
  checkBlobLength(blob, index)
  const data = blob.slice()
  for (let element = 0; element < fieldElementsPerBlob; element++) {
    if (blob[element * 32] !== 0) {
      throw new BlobError(`blob ${index}: first byte of field element ${element} must be zero`, {
        code: 'CODEC_PADDING',
        details: { index, fieldElement: element },
      })
    }
    data.copyWithin(element * 31, element * 32 + 1, element * 32 + 32)
  }
  return data.subarray(0, simpleBytesPerBlob)
}

function withoutTerminator(data: Uint8Array, index: number): Uint8Array {
  let end = data.length - 1
  while (end >= 0 && data[end] === 0) end--
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
    end() {
      held[length] = terminator
      return [spread(held.subarray(0, length + 1))]
    },
  }
}

function decoder(): BlobDecoder {
  let held: Uint8Array = new Uint8Array()
  let index = 0
  return {
    push(blob) {
      const full = held
      held = gather(blob, index++)
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
    const made = encoder()
    return [...made.push(data), ...made.end()]
  },
  decode(blobs) {
    if (blobs.length === 0) throw noBlobs()
    const parts = blobs.map(gather)
    const last = parts.length - 1
    parts[last] = withoutTerminator(parts[last]!, last)
    return parts.length === 1 ? parts[0]! : concatBytes(...parts)
  },
  encoder,
  decoder,
}
