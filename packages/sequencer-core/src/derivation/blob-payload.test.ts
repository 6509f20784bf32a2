import { decodeOpBlob, encodeOpBlob } from '@l2/blob'
import { equalBytes, hexToBytes } from '@l2/common'
import { runs, seededRandom } from '@l2/common/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeBlobPayload } from './blob-payload.js'

const payload = fc
  .tuple(fc.oneof(fc.nat(400), fc.nat(130_044), fc.constant(130_044)), fc.nat())
  .map(([length, seed]) => {
    const random = seededRandom(seed)
    const bytes = new Uint8Array(length)
    for (let i = 0; i < length; i += 1 + random.below(4)) bytes[i] = random.uint32()
    return bytes
  })

describe('decodeBlobPayload', () => {
  it('reads what the encoder of @l2/blob wrote', () => {
    fc.assert(
      fc.property(payload, bytes => equalBytes(decodeBlobPayload(encodeOpBlob(bytes))!, bytes)),
      { numRuns: runs({ suite: 40, soak: 800 }) },
    )
  })

  it('has the published layout', () => {
    const text = new TextEncoder().encode('this is a test of blob encoding/decoding')
    const blob = new Uint8Array(131_072)
    blob[0] = 0x24
    blob.set(hexToBytes('00000028')!, 1)
    blob.set(text.subarray(0, 27), 5)
    // Byte 27, a d, is spread: six bits in front of the first element, two in front of the second.
    blob[32] = 0x10
    blob.set(text.subarray(28), 33)
    expect(decodeBlobPayload(blob)).toEqual(text)
  })

  it('agrees with the codec of @l2/blob, of which it takes what throws as nothing', () => {
    const random = seededRandom(5)
    for (let i = 0; i < 300; i++) {
      const blob = encodeOpBlob(random.bytes(random.below(300)))
      const at = random.pick([0, 1, 2, 3, 4, 32, 64, 96, 128, random.below(400), random.below(131_072)])
      blob[at]! ^= 1 << random.below(8)
      let strict: Uint8Array | undefined
      try {
        strict = decodeOpBlob(blob)
      } catch {
        strict = undefined
      }
      expect(decodeBlobPayload(blob)).toEqual(strict)
    }
  })

  it('refuses other sizes, versions and lengths', () => {
    expect(decodeBlobPayload(new Uint8Array(131_071))).toBeUndefined()
    const blob = encodeOpBlob(Uint8Array.of(1))
    expect(decodeBlobPayload(blob.map((b, i) => (i === 1 ? 1 : b)))).toBeUndefined()
    const full = encodeOpBlob(new Uint8Array(130_044))
    expect(decodeBlobPayload(full)).toHaveLength(130_044)
    full[4]! += 1
    expect(decodeBlobPayload(full)).toBeUndefined()
  })
})
