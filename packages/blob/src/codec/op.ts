import { bytesPerBlob } from '../constants.js'
import { BlobError } from '../errors.js'
import { checkBlobLength } from '../internal/check.js'
import { isZero } from '../internal/zero.js'
import type { BlobDecoder, BlobEncoder, StreamBlobCodec } from './codec.js'

/** Bytes that one blob carries in the OP codec: (4 × 31 + 3) × 1024 less the version and a 24-bit length. */
export const opBytesPerBlob = 130_044

const header = 4

/**
 * One blob of at most 130 044 bytes in the OP Stack's blob encoding, version 0.
 *
 * Source: OP Stack specification, Ecotone, "Blob encoding".
 *
 * @throws BlobError `DATA_TOO_LARGE`
 */
export function encodeOpBlob(data: Uint8Array): Uint8Array {
  if (data.length > opBytesPerBlob) {
    throw new BlobError(`data: expected at most ${opBytesPerBlob} bytes for one blob, got ${data.length}`, {
      code: 'DATA_TOO_LARGE',
      details: { length: data.length, max: opBytesPerBlob },
    })
  }
  const blob = new Uint8Array(bytesPerBlob)
  blob[1] = data.length >> 16
  blob[2] = data.length >> 8
  blob[3] = data.length
  blob.set(data, header)
  // The header and the data now lie as one run at the start. A round takes 127 bytes of it to 128 bytes of the blob, so the rounds
  // are moved apart from the last to the first, in place.
  for (let round = Math.ceil((header + data.length) / 127) - 1; round >= 0; round--) {
    const to = round * 128
    const from = round * 127
    blob.copyWithin(to + 1, from, from + 127)
    // Bytes 31, 63 and 95 of the round fall on the first bytes of its field elements, which hold 6 bits each: shared among four.
    const x = blob[to + 32]!
    const y = blob[to + 64]!
    const z = blob[to + 96]!
    blob[to] = x & 0x3f
    blob[to + 32] = (y & 0x0f) | ((x & 0xc0) >> 2)
    blob[to + 64] = z & 0x3f
    blob[to + 96] = ((z & 0xc0) >> 2) | ((y & 0xf0) >> 4)
  }
  return blob
}

/**
 * The data of one blob in the OP codec. Strict: what the encoder would not have written is refused, but for the two highest bits of the blob's first
 * byte, which op-node does not look at, nor does derivation.
 *
 * @throws BlobError `BLOB_LENGTH`, `CODEC_VERSION`, `CODEC_LENGTH`, `FIELD_ELEMENT`, `CODEC_PADDING`
 */
export function decodeOpBlob(blob: Uint8Array, index = 0): Uint8Array {
  const length = checkHeader(blob, index)
  const room = new Uint8Array(header + length + slack)
  decodeInto(room, 0, blob, index)
  return room.subarray(header, header + length)
}

/** Rounds are moved together in place: what is decoded last stands this far to the right of where it ends up, at most. */
const slack = 1024 + 128

/** The length that a blob states. */
function checkHeader(blob: Uint8Array, index: number): number {
  checkBlobLength(blob, index)
  if (blob[1] !== 0) {
    throw new BlobError(`blob ${index}: encoding version expected 0, got ${blob[1]}`, {
      code: 'CODEC_VERSION',
      details: { index, version: blob[1] },
    })
  }
  const length = (blob[2]! << 16) | (blob[3]! << 8) | blob[4]!
  if (length > opBytesPerBlob) {
    throw new BlobError(`blob ${index}: length expected at most ${opBytesPerBlob}, got ${length}`, {
      code: 'CODEC_LENGTH',
      details: { index, length, max: opBytesPerBlob },
    })
  }
  return length
}

/** Writes a blob's header and data to `room` from `at` on, using up to `slack` bytes behind them; returns where the data end. */
function decodeInto(room: Uint8Array, at: number, blob: Uint8Array, index: number): number {
  const end = header + checkHeader(blob, index)
  const rounds = Math.ceil(end / 127)
  room.set(rounds === 1024 ? blob : blob.subarray(0, rounds * 128), at)
  for (let round = 0; round < rounds; round++) {
    const from = at + round * 128
    const to = at + round * 127
    const a = room[from]!
    const b = room[from + 32]!
    const c = room[from + 64]!
    const d = room[from + 96]!
    if (((round === 0 ? 0 : a) | b | c | d) & 0xc0) throw highBits(blob, round, index)
    room.copyWithin(to, from + 1, from + 128)
    room[to + 31] = (a & 0x3f) | ((b & 0x30) << 2)
    room[to + 63] = (b & 0x0f) | ((d & 0x0f) << 4)
    room[to + 95] = (c & 0x3f) | ((d & 0x30) << 2)
  }
  if (!isZero(room, at + end, at + rounds * 127) || !isZero(blob, rounds * 128, bytesPerBlob)) {
    throw new BlobError(`blob ${index}: bytes after its ${end - header} bytes of data must be zero`, {
      code: 'CODEC_PADDING',
      details: { index, length: end - header },
    })
  }
  return at + end
}

function highBits(blob: Uint8Array, round: number, index: number): BlobError {
  const inRound = [0, 32, 64, 96].findIndex(offset => round + offset > 0 && blob[round * 128 + offset]! & 0xc0)
  const fieldElement = round * 4 + inRound
  return new BlobError(`blob ${index}: field element ${fieldElement} must have its two highest bits clear`, {
    code: 'FIELD_ELEMENT',
    details: { index, fieldElement },
  })
}

function encoder(): BlobEncoder {
  const held = new Uint8Array(opBytesPerBlob)
  let length = 0
  let made = 0
  return {
    push(chunk) {
      const blobs: Uint8Array[] = []
      let offset = 0
      while (offset < chunk.length) {
        // A chunk that holds a whole blob is encoded from where it is.
        if (length === 0 && chunk.length - offset >= opBytesPerBlob) {
          blobs.push(encodeOpBlob(chunk.subarray(offset, offset + opBytesPerBlob)))
          offset += opBytesPerBlob
          continue
        }
        const taken = chunk.subarray(offset, offset + opBytesPerBlob - length)
        held.set(taken, length)
        length += taken.length
        offset += taken.length
        if (length === opBytesPerBlob) {
          blobs.push(encodeOpBlob(held))
          length = 0
        }
      }
      made += blobs.length
      return blobs
    },
    end: () => (length > 0 || made === 0 ? [encodeOpBlob(held.subarray(0, length))] : []),
  }
}

function decoder(): BlobDecoder {
  let index = 0
  return {
    push: blob => decodeOpBlob(blob, index++),
    end: () => {
      if (index === 0) throw noBlobs()
      return new Uint8Array()
    },
  }
}

function noBlobs(): BlobError {
  return new BlobError('blobs: expected at least one, got none', { code: 'CODEC_EMPTY' })
}

/**
 * The blob codec of the OP Stack, version 0: 130 044 bytes a blob, each blob with its own version and length, decoded strictly.
 * Data over several blobs are cut into full blobs; blobs that others filled less (one frame each, as batchers do) are joined as well.
 *
 * Source: OP Stack specification, Ecotone, "Blob encoding".
 *
 * @example
 * ```ts
 * import { opCodec } from '@l2/blob'
 *
 * const blobs = opCodec.encode(new TextEncoder().encode('to be posted'))
 * console.log(blobs.length, new TextDecoder().decode(opCodec.decode(blobs))) // 1 to be posted
 * console.log(opCodec.maxBytes(6)) // 780264
 * ```
 */
export const opCodec: StreamBlobCodec = {
  id: 'op',
  maxBytes: blobs => blobs * opBytesPerBlob,
  blobCount: bytes => Math.max(1, Math.ceil(bytes / opBytesPerBlob)),
  encode(data) {
    const blobs: Uint8Array[] = []
    for (let offset = 0; offset < data.length || offset === 0; offset += opBytesPerBlob) {
      blobs.push(encodeOpBlob(data.subarray(offset, offset + opBytesPerBlob)))
    }
    return blobs
  },
  decode(blobs) {
    if (blobs.length === 0) throw noBlobs()
    let length = 0
    for (const [index, blob] of blobs.entries()) length += checkHeader(blob, index)
    const room = new Uint8Array(header + length + slack)
    // Each header comes to stand on the end of the data before it, which is put back.
    const covered = new Uint8Array(header)
    let end = header
    for (const [index, blob] of blobs.entries()) {
      const at = end - header
      covered.set(room.subarray(at, end))
      end = decodeInto(room, at, blob, index)
      room.set(covered, at)
    }
    return room.subarray(header, end)
  },
  encoder,
  decoder,
}
