import { maxBlobPayloadBytes } from '../channel/frame.js'

const blobBytes = 131_072

/**
 * What a batcher put into a blob, or `undefined` when the blob is not in the OP codec, in which case derivation passes over it. Accepts what
 * op-node accepts: the two high bits of the very first field element are not looked at, those of all others must be clear.
 * Source: OP specs, Ecotone, "Blob encoding".
 */
export function decodeBlobPayload(blob: Uint8Array): Uint8Array | undefined {
  if (blob.length !== blobBytes || blob[1] !== 0) return undefined
  const length = (blob[2]! << 16) | (blob[3]! << 8) | blob[4]!
  if (length > maxBlobPayloadBytes) return undefined
  // A round of 128 blob bytes holds 127: 31 of each element, and three made of the 6 bits that each element's first byte carries.
  const rounds = Math.ceil((4 + length) / 127)
  const out = new Uint8Array(rounds * 127)
  for (let round = 0; round < rounds; round++) {
    const from = round * 128
    const to = round * 127
    const a = blob[from]!
    const b = blob[from + 32]!
    const c = blob[from + 64]!
    const d = blob[from + 96]!
    if (((round === 0 ? 0 : a) | b | c | d) & 0xc0) return undefined
    out.set(blob.subarray(from + 1, from + 32), to)
    out[to + 31] = (a & 0x3f) | ((b & 0x30) << 2)
    out.set(blob.subarray(from + 33, from + 64), to + 32)
    out[to + 63] = (b & 0x0f) | ((d & 0x0f) << 4)
    out.set(blob.subarray(from + 65, from + 96), to + 64)
    out[to + 95] = (c & 0x3f) | ((d & 0x30) << 2)
    out.set(blob.subarray(from + 97, from + 128), to + 96)
  }
  for (let i = 4 + length; i < out.length; i++) if (out[i] !== 0) return undefined
  for (let i = rounds * 128; i < blobBytes; i++) if (blob[i] !== 0) return undefined
  return out.subarray(4, 4 + length)
}
