import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runs, seededRandom, testSeed } from '@l2/common/testing'
import fc from 'fast-check'
import type { Hash } from 'viem'
import { afterAll, describe, expect, it } from 'vitest'
import { type GuardHarness, guardConformance } from '../testing/guard-conformance.js'
import { openFileGuard } from './file.js'
import { createMemoryGuard } from './guard.js'
import { checkNotStale, checkWatermark, comparePositions, type Watermark } from './watermark.js'

const folder = mkdtempSync(join(tmpdir(), 'l2-guard-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0
const freshPath = () => join(folder, `${files++}.guard`)
const signer = `0x${'ab'.repeat(20)}` as const
const open = (path: string, seen: readonly Watermark[] = []) => openFileGuard({ path, signer, chainId: 901n, seen })
const digest = (n: number): Hash => `0x${n.toString(16).padStart(64, '0')}`
const at = (epoch: bigint, term: number, height: bigint, content = 1): Watermark => ({
  epoch,
  term,
  height,
  digest: digest(content),
})

const anyWatermark = fc
  .tuple(fc.bigInt(0n, 3n), fc.integer({ min: 0, max: 2 }), fc.bigInt(0n, 5n), fc.integer({ min: 0, max: 3 }))
  .map(([epoch, term, height, content]) => at(epoch, term, height, content))

describe('checkWatermark', () => {
  it('never lets two contents through at one place, whatever is asked for in whatever order', () => {
    fc.assert(
      fc.property(fc.array(anyWatermark, { maxLength: 60 }), requests => {
        let watermark: Watermark | undefined
        const signed = new Map<string, Hash>()
        for (const next of requests) {
          try {
            checkWatermark(watermark, next)
          } catch {
            continue
          }
          const place = `${next.epoch}/${next.term}/${next.height}`
          expect(signed.get(place) ?? next.digest).toBe(next.digest)
          signed.set(place, next.digest)
          if (watermark !== undefined) expect(comparePositions(next, watermark)).toBeGreaterThanOrEqual(0)
          watermark = next
        }
      }),
    )
  })

  it('orders by epoch, then term, then height', () => {
    expect(comparePositions(at(1n, 5, 9n), at(2n, 0, 0n))).toBeLessThan(0)
    expect(comparePositions(at(1n, 1, 0n), at(1n, 0, 9n))).toBeGreaterThan(0)
    expect(comparePositions(at(1n, 1, 2n), at(1n, 1, 3n))).toBeLessThan(0)
  })
})

describe('checkNotStale', () => {
  it('accepts what the watermark covers and refuses what it has forgotten', () => {
    expect(() => checkNotStale(undefined, [])).not.toThrow()
    expect(() => checkNotStale(at(1n, 0, 5n), [at(1n, 0, 4n), at(1n, 0, 5n)])).not.toThrow()
    const stale = expect.objectContaining({ code: 'GUARD_STALE' })
    expect(() => checkNotStale(undefined, [at(1n, 0, 0n)])).toThrow(stale)
    expect(() => checkNotStale(at(1n, 0, 5n), [at(1n, 0, 6n)])).toThrow(stale)
    expect(() => checkNotStale(at(1n, 0, 5n), [at(1n, 0, 5n, 2)])).toThrow(stale)
  })
})

const implementations: Record<string, () => Promise<GuardHarness>> = {
  createMemoryGuard: async () => ({
    durable: false,
    open: async seen => createMemoryGuard(seen),
    cleanup: async () => {},
  }),
  openFileGuard: async () => {
    const path = freshPath()
    return { durable: true, open: seen => open(path, seen), cleanup: async () => rmSync(path, { force: true }) }
  },
}
for (const [name, create] of Object.entries(implementations)) {
  describe(name, () => {
    for (const { name: what, run } of guardConformance(create)) it(what, run)
  })
}

describe('openFileGuard', () => {
  it('refuses to sign from an old copy, until the term that it has forgotten is skipped', async () => {
    const path = freshPath()
    const copy = freshPath()
    const first = await open(path)
    await first.reserve(at(3n, 1, 10n))
    await first.close()
    copyFileSync(path, copy)
    const second = await open(path, [at(3n, 1, 10n)])
    await second.reserve(at(3n, 1, 11n))
    await second.close()

    await using restored = await open(copy, [at(3n, 1, 11n)])
    expect(restored.stale).toMatchObject({ code: 'GUARD_STALE' })
    await expect(restored.reserve(at(3n, 1, 12n))).rejects.toMatchObject({ code: 'GUARD_STALE' })
    await restored.skipTerm(3n, 0)
    await expect(restored.reserve(at(3n, 1, 12n))).rejects.toMatchObject({ code: 'GUARD_STALE' })
    await restored.skipTerm(3n, 1)
    expect(restored.stale).toBeUndefined()
    await expect(restored.reserve(at(3n, 1, 12n))).rejects.toMatchObject({ code: 'GUARD_DOUBLE_SIGN' })
    expect(await restored.reserve(at(3n, 2, 12n))).toBe('new')
  })

  it('takes a missing file of a key that has signed for an old copy', async () => {
    await using guard = await open(freshPath(), [at(1n, 0, 1n)])
    await expect(guard.reserve(at(1n, 0, 2n))).rejects.toMatchObject({ code: 'GUARD_STALE' })
  })

  it('falls back to the last acknowledged reservation after a torn write, wherever it was torn', async () => {
    const random = seededRandom(testSeed(3))
    for (let round = 0; round < runs({ suite: 10, soak: 500 }); round++) {
      const path = freshPath()
      const count = 2 + random.below(4)
      let guard = await open(path)
      for (let height = 1; height <= count; height++) {
        await guard.reserve({ ...at(1n, 0, BigInt(height)), payload: Uint8Array.of(height) })
      }
      await guard.close()
      const before = readFileSync(path)
      guard = await open(path)
      await guard.reserve({ ...at(1n, 0, BigInt(count + 1)), payload: Uint8Array.of(count + 1) })
      await guard.close()
      const after = readFileSync(path)
      // The slot of the newest record holds any mixture of old and new bytes.
      const slot = ((count + 1) % 2) * 4096
      const torn = Buffer.from(after)
      let differs = false
      for (let i = slot; i < slot + 112; i++) {
        if (random.bool()) torn[i] = before[i] ?? 0
        differs ||= torn[i] !== after[i]
      }
      writeFileSync(path, torn)
      await using again = await open(path)
      const expected = differs ? count : count + 1
      expect(again.watermark?.height).toBe(BigInt(expected))
      expect((await again.pending())?.payload).toEqual(Uint8Array.of(expected))
      rmSync(path)
    }
  })

  it('never signs with a file that is damaged, of another key, or open elsewhere', async () => {
    const path = freshPath()
    const guard = await open(path)
    await guard.reserve(at(1n, 0, 1n))
    await expect(open(path)).rejects.toMatchObject({ code: 'GUARD_LOCKED' })
    await guard.close()
    const other = { path, signer, chainId: 902n, seen: [] }
    await expect(openFileGuard(other)).rejects.toMatchObject({ code: 'GUARD_CORRUPT' })
    const bytes = readFileSync(path)
    bytes.fill(0)
    writeFileSync(path, bytes)
    await expect(open(path)).rejects.toMatchObject({ code: 'GUARD_CORRUPT' })
    await expect(open(join(folder, 'absent', 'x'))).rejects.toMatchObject({ code: 'GUARD_FAILED' })
  })
})
