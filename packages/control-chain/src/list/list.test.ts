import { runs, seededRandom, testSeed } from '@l2/common/testing'
import type { Hash } from 'viem'
import { describe, expect, it } from 'vitest'
import { decodeList, encodeList, entryAt, listLength, maxListLength, type OperatorList, passesThrough } from './list.js'

const hash = (n: number): Hash => `0x${n.toString(16).padStart(64, '0')}`

describe('lists', () => {
  it('are read back as they were written, in the length that the README promises', () => {
    const random = seededRandom(testSeed())
    for (let i = 0; i < runs({ suite: 200, soak: 20_000 }); i++) {
      const list: OperatorList = {
        view: random.uint32(),
        atHeight: BigInt(random.uint32()) << 20n,
        base: { height: BigInt(random.uint32()), hash: hash(random.uint32()) },
        hashes: Array.from({ length: random.below(17) }, () => hash(random.uint32())),
        ...(random.bool()
          ? { l1: { number: 8n, hash: hash(1), timestamp: 96n, prevRandao: hash(2), poolRoot: hash(3) } }
          : {}),
        ...(random.bool() ? { batch: { sequence: 5n, signature: `0x${'0a'.repeat(65)}` } } : {}),
        ...(random.bool() ? { turn: { sequence: BigInt(random.uint32()), signature: `0x${'0b'.repeat(48)}` } } : {}),
      }
      const bytes = encodeList(list)
      const signed = (list.batch === undefined ? 0 : 9 + 65) + (list.turn === undefined ? 0 : 9 + 48)
      expect(bytes.length).toBe(listLength(list.hashes.length, list.l1 !== undefined) + signed)
      expect(bytes.length).toBeLessThanOrEqual(maxListLength(16))
      expect(decodeList(bytes, 16), `L2_SEED=${random.seed}`).toEqual(list)
    }
    expect(maxListLength(16)).toBe(827)
  })

  it('of other bytes are nothing: whatever is read is what would be written', () => {
    const random = seededRandom(testSeed(2))
    const share = { sequence: 7n, signature: '0x0102' } as const
    const base = { height: 3n, hash: hash(4) }
    const whole = encodeList({ view: 1, atHeight: 2n, base, hashes: [hash(5), hash(6)], batch: share, turn: share })
    for (let i = 0; i < runs({ suite: 2_000, soak: 200_000 }); i++) {
      const bytes = random.bool() ? random.bytes(random.below(200)) : whole.slice(0, 1 + random.below(whole.length))
      if (bytes.length > 0) bytes[random.below(bytes.length)] = random.below(256)
      const read = decodeList(bytes, 16)
      if (read !== undefined) expect(encodeList(read), `L2_SEED=${random.seed}`).toEqual(bytes)
    }
    expect(decodeList(whole, 1)).toBeUndefined()
  })

  it('name one block at a height, from their base on', () => {
    const list = { view: 0, atHeight: 0n, base: { height: 7n, hash: hash(7) }, hashes: [hash(8), hash(9)] }
    expect([6n, 7n, 8n, 9n, 10n].map(height => entryAt(list, height))).toEqual([
      undefined,
      hash(7),
      hash(8),
      hash(9),
      undefined,
    ])
    expect(passesThrough(list, { height: 8n, hash: hash(8) })).toBe(true)
    expect(passesThrough(list, { height: 8n, hash: hash(9) })).toBe(false)
  })

  it.each([
    ['a negative height', { base: { height: -1n, hash: hash(1) } }],
    ['a short hash', { hashes: ['0x11' as Hash] }],
    ['a fraction as view', { view: 1.5 }],
    ['an empty signature', { batch: { sequence: 1n, signature: '0x' as Hash } }],
    ['a signature of no scheme', { turn: { sequence: 1n, signature: `0x${'00'.repeat(66)}` as Hash } }],
    ['256 hashes', { hashes: Array.from({ length: 256 }, () => hash(1)) }],
  ])('with %s cannot be written', (_, change) => {
    const list = { view: 0, atHeight: 0n, base: { height: 0n, hash: hash(0) }, hashes: [], ...change }
    expect(() => encodeList(list)).toThrow(expect.objectContaining({ code: 'ENCODING_INVALID' }))
  })
})
