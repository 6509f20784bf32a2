import { isL2Error } from '@l2/common'
import { codeOf, runs, seededRandom } from '@l2/common/testing'
import fc from 'fast-check'
import { fromBlobs, toBlobs } from 'viem'
import { describe, expect, it } from 'vitest'
import {
  blsModulus,
  bytesPerBlob,
  joinBlobs,
  opBytesPerBlob,
  opCodec,
  type StreamBlobCodec,
  simpleBytesPerBlob,
  simpleCodec,
  splitToBlobs,
} from '../index.js'

const random = seededRandom(11)
const codecs: [string, StreamBlobCodec, number][] = [
  ['op', opCodec, opBytesPerBlob],
  ['simple', simpleCodec, simpleBytesPerBlob],
]

/** Lengths around everything that changes in the layouts: elements, rounds, blobs. */
const lengths = fc.oneof(
  fc.nat(400),
  fc.nat(3 * bytesPerBlob),
  fc.constantFrom(
    ...[27, 28, 31, 62, 123, 124, 127, 250, 251, simpleBytesPerBlob, opBytesPerBlob, 2 * simpleBytesPerBlob].flatMap(
      at => [at - 1, at, at + 1],
    ),
  ),
)

/** Content at its extremes and at random: what must survive is every bit. */
const data = fc.tuple(lengths, fc.constantFrom(0x00, 0xff, 0x80, undefined), fc.nat()).map(([length, fill, seed]) => {
  if (fill !== undefined) return new Uint8Array(length).fill(fill)
  return seededRandom(seed).bytes(length)
})

/** By value, but without the cost of a deep comparison of 400 000 numbers. */
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

describe.each(codecs)('%sCodec', (_, codec, perBlob) => {
  it('gives back what it was given, in as few blobs as it says, all field elements canonical', () => {
    fc.assert(
      fc.property(data, bytes => {
        const blobs = codec.encode(bytes)
        expect(blobs.length).toBe(codec.blobCount(bytes.length))
        expect(codec.maxBytes(blobs.length)).toBeGreaterThanOrEqual(bytes.length)
        expect(blobs.length === 1 || codec.maxBytes(blobs.length - 1) < bytes.length).toBe(true)
        for (const blob of blobs) {
          expect(blob.length).toBe(bytesPerBlob)
          for (let i = 0; i < bytesPerBlob; i += 32) if (blob[i]! >= 0x40) throw new Error(`element ${i / 32}`)
        }
        expect(same(codec.decode(blobs), bytes)).toBe(true)
      }),
      { numRuns: runs({ suite: 120, soak: 2_400 }), seed: 1 },
    )
  })

  it('does the same on streams, however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(data, fc.array(fc.nat(150_000), { maxLength: 6 }), async (bytes, cuts) => {
        const edges = [0, ...cuts.map(cut => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length]
        const chunks = edges.slice(1).map((edge, i) => bytes.subarray(edges[i], edge))
        const blobs: Uint8Array[] = []
        for await (const blob of splitToBlobs(codec, chunks)) blobs.push(blob)
        const whole = codec.encode(bytes)
        expect(blobs.length).toBe(whole.length)
        expect(blobs.every((blob, i) => same(blob, whole[i]!))).toBe(true)
        const parts: Uint8Array[] = []
        for await (const part of joinBlobs(codec, blobs)) parts.push(part)
        expect(same(Buffer.concat(parts), bytes)).toBe(true)
      }),
      { numRuns: runs({ suite: 60, soak: 1_200 }), seed: 2 },
    )
  })

  it('leaves its input as it was', () => {
    const bytes = random.bytes(300)
    const before = bytes.slice()
    const blobs = codec.encode(bytes)
    const made = blobs.map(blob => blob.slice())
    codec.decode(blobs)
    expect(bytes).toEqual(before)
    expect(blobs.every((blob, i) => same(blob, made[i]!))).toBe(true)
  })

  it('refuses or returns what encodes to the same blobs, whatever byte is changed', () => {
    const bytes = random.bytes(perBlob - 700)
    const [blob] = codec.encode(bytes)
    fc.assert(
      fc.property(fc.oneof(fc.nat(bytesPerBlob - 1), fc.nat(200)), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = blob!.slice()
        changed[at]! ^= change
        let decoded: Uint8Array
        try {
          decoded = codec.decode([changed])
        } catch (error) {
          expect(isL2Error(error)).toBe(true)
          return
        }
        // Nobody looks at the two highest bits of an OP blob's first byte.
        if (codec === opCodec) changed[0]! &= 0x3f
        expect(same(codec.encode(decoded)[0]!, changed)).toBe(true)
      }),
      { numRuns: runs({ suite: 400, soak: 8_000 }), seed: 3 },
    )
  })

  it('refuses blobs of another length, and none at all', () => {
    expect(codeOf(() => codec.decode([]))).toBe('CODEC_EMPTY')
    expect(codeOf(() => codec.decoder().end())).toBe('CODEC_EMPTY')
    expect(codeOf(() => codec.decode([new Uint8Array(bytesPerBlob - 1)]))).toBe('BLOB_LENGTH')
    expect(codeOf(() => codec.decode([new Uint8Array(bytesPerBlob + 32)]))).toBe('BLOB_LENGTH')
  })
})

describe('opCodec', () => {
  const broken = (change: (blob: Uint8Array) => void): unknown => {
    const [blob] = opCodec.encode(Uint8Array.of(1, 2, 3))
    change(blob!)
    return codeOf(() => opCodec.decode([new Uint8Array(bytesPerBlob), blob!]))
  }

  it('takes what op-node takes: the two highest bits of the first byte count for nothing', () => {
    const data = random.bytes(opBytesPerBlob)
    for (const bytes of [Uint8Array.of(1, 2, 3), data]) {
      const [blob] = opCodec.encode(bytes)
      blob![0]! |= 0xc0
      expect(same(opCodec.decode([blob!]), bytes)).toBe(true)
      // Those of the second blob's as well.
      expect(opCodec.decode([blob!, blob!]).length).toBe(2 * bytes.length)
    }
  })

  it('names what the encoder would not have written', () => {
    expect(broken(blob => void (blob[1] = 1))).toBe('CODEC_VERSION')
    expect(broken(blob => blob.set([0x01, 0xfb, 0xfd], 2))).toBe('CODEC_LENGTH')
    expect(broken(blob => blob.set([0xff, 0xff, 0xff], 2))).toBe('CODEC_LENGTH')
    expect(broken(blob => void (blob[32] = 0x40))).toBe('FIELD_ELEMENT')
    expect(broken(blob => void (blob[96] = 0x80))).toBe('FIELD_ELEMENT')
    expect(broken(blob => void (blob[8] = 1))).toBe('CODEC_PADDING')
    expect(broken(blob => void (blob[32] = 1))).toBe('CODEC_PADDING')
    expect(broken(blob => void (blob[bytesPerBlob - 1] = 1))).toBe('CODEC_PADDING')
    expect(broken(blob => void (blob[bytesPerBlob - 32] = 0x40))).toBe('CODEC_PADDING')
  })

  it('names the blob and the field element', () => {
    const blobs = opCodec.encode(new Uint8Array(2 * opBytesPerBlob))
    blobs[1]![77 * 32] = 0x40
    expect(() => opCodec.decode(blobs)).toThrow('blob 1: field element 77 must have its two highest bits clear')
  })

  it('joins blobs that are not full, as batchers post them', () => {
    const blobs = [opCodec.encode(Uint8Array.of(1))[0]!, opCodec.encode(Uint8Array.of(2, 3))[0]!]
    expect(opCodec.decode(blobs)).toEqual(Uint8Array.of(1, 2, 3))
  })

  it('has the capacity of the specification', () => {
    expect(opBytesPerBlob).toBe((4 * 31 + 3) * 1024 - 4)
    expect(opCodec.maxBytes(6)).toBe(780_264)
  })
})

describe('simpleCodec', () => {
  it("makes viem's blobs, and viem reads them", () => {
    fc.assert(
      fc.property(
        data.filter(bytes => bytes.length > 0),
        bytes => {
          const theirs = toBlobs({ data: bytes })
          const ours = simpleCodec.encode(bytes)
          expect(ours.length).toBe(theirs.length)
          expect(ours.every((blob, i) => same(blob, theirs[i]!))).toBe(true)
          expect(same(fromBlobs({ blobs: ours, to: 'bytes' }), bytes)).toBe(true)
        },
      ),
      { numRuns: runs({ suite: 12, soak: 240 }), seed: 4 },
    )
  })

  it('names what the encoder would not have written', () => {
    const [blob] = simpleCodec.encode(Uint8Array.of(1, 2, 3))
    expect(codeOf(() => simpleCodec.decode([new Uint8Array(bytesPerBlob)]))).toBe('CODEC_TERMINATOR')
    const trailing = blob!.slice()
    trailing[500] = 1
    expect(codeOf(() => simpleCodec.decode([trailing]))).toBe('CODEC_TERMINATOR')
    const prefixed = blob!.slice()
    prefixed[64] = 1
    expect(() => simpleCodec.decode([prefixed])).toThrow('first byte of field element 2 must be zero')
  })
})

it('the two highest bits that the OP codec leaves clear keep every element below the modulus', () => {
  expect(0x40n << 248n).toBeLessThan(blsModulus)
})
