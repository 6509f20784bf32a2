import { bytesToHex, hexToBytes } from '@l2/common'
import { codeOf, seededRandom } from '@l2/common/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeBatcherTransaction,
  encodeBatcherTransaction,
  type Frame,
  maxBlobFrameDataBytes,
  maxBlobPayloadBytes,
} from './frame.js'

const id = `0x${'000102030405060708090a0b0c0d0e0f'}` as const
const golden = '00000102030405060708090a0b0c0d0e0f000000000003abcdef01'

describe('batcher transaction', () => {
  it('is a version byte and frames', () => {
    const frame = { channelId: id, frameNumber: 0, data: hexToBytes('abcdef')!, isLast: true }
    expect(bytesToHex(encodeBatcherTransaction([frame]))).toBe(`0x${golden}`)
    expect(decodeBatcherTransaction(hexToBytes(golden)!)).toEqual({ version: 0, frames: [frame] })
  })

  it('gives back any frames, and refuses every cut', () => {
    fc.assert(
      fc.property(fc.integer(), seed => {
        const random = seededRandom(seed)
        const frames: Frame[] = Array.from({ length: 1 + random.below(5) }, () => ({
          channelId: bytesToHex(random.bytes(16)),
          frameNumber: random.below(65_536),
          data: random.bytes(random.below(200)),
          isLast: random.bool(),
        }))
        const data = encodeBatcherTransaction(frames)
        expect(decodeBatcherTransaction(data)).toEqual({ version: 0, frames })
        // A cut is seen unless it falls between two frames.
        const whole = new Set([1])
        let end = 1
        for (const frame of frames) whole.add((end += 23 + frame.data.length))
        const cut = random.below(data.length)
        const code = codeOf(() => decodeBatcherTransaction(data.subarray(0, cut)))
        expect(code).toBe(whole.has(cut) && cut > 1 ? 'none' : 'BATCHER_TRANSACTION_INVALID')
      }),
    )
  })

  it('hands an alt-DA commitment through', () => {
    expect(decodeBatcherTransaction(hexToBytes('0100aabb')!)).toEqual({
      version: 1,
      commitment: hexToBytes('00aabb'),
    })
  })

  it.each([
    ['nothing', ''],
    ['no frames', '00'],
    ['another version', `02${golden.slice(2)}`],
    ['is_last of two', golden.replace(/01$/, '02')],
    ['a byte behind the frames', `${golden}00`],
    ['a frame that declares 1 000 001 bytes', `00${'aa'.repeat(16)}0000000f4241${'00'.repeat(1_000_002)}`],
    ['a frame that declares 2^32-1 bytes', `00${'aa'.repeat(16)}0000ffffffff00`],
    ['a good frame before a bad one', `${golden}${golden.slice(2).replace(/01$/, 'ff')}`],
  ])('refuses %s', (_, text) => {
    expect(codeOf(() => decodeBatcherTransaction(hexToBytes(text)!))).toBe('BATCHER_TRANSACTION_INVALID')
  })

  it('takes empty frames and frames of 1 000 000 bytes', () => {
    for (const length of [0, 1_000_000]) {
      const frame = { channelId: id, frameNumber: 65_535, data: new Uint8Array(length), isLast: false }
      const decoded = decodeBatcherTransaction(encodeBatcherTransaction([frame]))
      expect(decoded.version === 0 && decoded.frames[0]?.data.length).toBe(length)
    }
  })

  it('does not write what it would not read', () => {
    const frame = { channelId: id, frameNumber: 0, data: new Uint8Array(1), isLast: true }
    for (const wrong of [
      { ...frame, channelId: '0x00' as const },
      { ...frame, frameNumber: 65_536 },
      { ...frame, frameNumber: -1 },
      { ...frame, frameNumber: 0.5 },
      { ...frame, data: new Uint8Array(1_000_001) },
    ]) {
      expect(codeOf(() => encodeBatcherTransaction([wrong]))).toBe('FRAME_INVALID')
    }
    expect(codeOf(() => encodeBatcherTransaction([]))).toBe('FRAME_INVALID')
  })

  it('fills a blob exactly', () => {
    const frame = { channelId: id, frameNumber: 0, data: new Uint8Array(maxBlobFrameDataBytes), isLast: true }
    expect(maxBlobFrameDataBytes).toBe(130_020)
    expect(encodeBatcherTransaction([frame]).length).toBe(maxBlobPayloadBytes)
  })
})
