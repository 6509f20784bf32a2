import { bytesToHex } from '@l2/common'
import { codeOf } from '@l2/common/testing'
import { keccak_256 } from '@noble/hashes/sha3.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { draw, reduce, seedBytes } from './draw.js'
import { buildElection, electFallback, electSlot, electSystematic, firstAbove } from './election.js'
import { createWeightTree } from './fenwick.js'
import { nextRoundRobin, type RoundRobin, updateRoundRobin } from './round-robin.js'

const seed = bytesToHex(keccak_256(new TextEncoder().encode('l2-staking-test')))
const weights = [20_000n, 40_000n, 100_000n, 20_000n].map((weight, index) => ({ id: index + 1, weight }))
const election = buildElection(weights)
const weightList = fc
  .array(fc.bigInt({ min: 0n, max: 10n ** 24n }), { minLength: 1, maxLength: 40 })
  .filter(list => list.some(weight => weight > 0n))
const toWeights = (list: bigint[]) => list.map((weight, index) => ({ id: index * 3 + 1, weight }))

describe('golden vectors of the reference sampler', () => {
  it('has the seed', () => {
    expect(seed).toBe('0x3a75830c266277df588c1c64213909c4ad1d5d221c8baf930bb5257e1b697245')
  })
  it('draws slots 0 … 17 and the fallbacks of slot 0', () => {
    expect(Array.from({ length: 18 }, (_, slot) => electSlot(election, seed, slot)[0])).toEqual([
      3, 1, 1, 4, 4, 4, 1, 2, 2, 4, 3, 2, 3, 4, 3, 2, 2, 3,
    ])
    expect(electSlot(election, seed, 0, 3)).toEqual([3, 4, 2])
    expect(electFallback(election, seed, 0, 2, [3, 4])).toBe(2)
  })
  it('spreads 20,000 slots as it must', () => {
    const counts = [0, 0, 0, 0]
    for (let slot = 0; slot < 20_000; slot++) counts[electSlot(election, seed, slot)[0]! - 1]!++
    expect(counts).toEqual([2231, 4335, 11234, 2200])
  })
  it('samples 18 and 43 slots systematically', () => {
    expect(electSystematic(election, seed, 18)).toEqual([2, 3, 3, 4, 3, 1, 3, 3, 3, 2, 3, 3, 4, 1, 2, 2, 3, 3])
    const counts = [0, 0, 0, 0]
    for (const id of electSystematic(election, seed, 43)) counts[id - 1]!++
    expect(counts).toEqual([5, 10, 24, 4])
  })
})

describe('determinism', () => {
  it('does not depend on the order of the list', () => {
    fc.assert(
      fc.property(weightList, fc.infiniteStream(fc.nat()), fc.nat({ max: 1000 }), (list, order, slot) => {
        const given = toWeights(list)
        const keys = given.map(() => order.next().value)
        const shuffled = given
          .map((_, i) => i)
          .sort((a, b) => keys[a]! - keys[b]!)
          .map(i => given[i]!)
        expect(electSlot(buildElection(shuffled), seed, slot, 5)).toEqual(
          electSlot(buildElection(given), seed, slot, 5),
        )
        expect(electSystematic(buildElection(shuffled), seed, 20)).toEqual(
          electSystematic(buildElection(given), seed, 20),
        )
      }),
    )
  })
})

describe('frequency and monotone stake', () => {
  it('gives each an interval exactly as long as its weight, in id order, and zero weights none', () => {
    fc.assert(
      fc.property(weightList, list => {
        const built = buildElection(toWeights(list))
        let from = 0n
        for (const { id, weight } of toWeights(list)) {
          if (weight === 0n) {
            expect(built.ids).not.toContain(id)
            continue
          }
          // First and last number of the interval: between them the search cannot change its mind, it is monotone.
          expect(built.ids[firstAbove(built.prefix, from)]).toBe(id)
          expect(built.ids[firstAbove(built.prefix, from + weight - 1n)]).toBe(id)
          from += weight
        }
        expect(from).toBe(built.total)
      }),
    )
  })
  it('keeps the odds among those who remain when some are excluded', () => {
    // Exhaustive over the small range: how often each remaining id comes up is exactly its weight.
    const small = buildElection([1n, 2n, 5n, 3n].map((weight, id) => ({ id, weight })))
    const counts = new Map<number, number>()
    for (let slot = 0; slot < 6000; slot++) {
      const id = electFallback(small, seed, slot, 1, [2])
      counts.set(id, (counts.get(id) ?? 0) + 1)
    }
    expect(counts.has(2)).toBe(false)
    const chi = [1, 2, 0, 3].reduce(
      (sum, w, id) => (w === 0 ? sum : sum + ((counts.get(id) ?? 0) - w * 1000) ** 2 / (w * 1000)),
      0,
    )
    expect(chi).toBeLessThan(13.82)
  })
  it('passes χ² over 20,000 slots for several pools and seeds', () => {
    const critical: Record<number, number> = {
      2: 10.83,
      3: 13.82,
      4: 16.27,
      5: 18.47,
      7: 22.46,
      9: 26.12,
      10: 27.88,
      13: 32.91,
    }
    for (const [size, limit] of Object.entries(critical)) {
      const pool = Array.from({ length: Number(size) }, (_, id) => ({
        id,
        weight: BigInt(20_000 + ((id * 37_511) % 80_001)),
      }))
      const built = buildElection(pool)
      const counts = new Array<number>(Number(size)).fill(0)
      const bytes = seedBytes(seed)
      for (let slot = 0; slot < 20_000; slot++)
        counts[built.ids[firstAbove(built.prefix, draw(bytes, 'slot', slot, 7, built.total))]!]!++
      const chi = pool.reduce((sum, { id, weight }) => {
        const expected = (20_000 * Number(weight)) / Number(built.total)
        return sum + (counts[id]! - expected) ** 2 / expected
      }, 0)
      expect(chi, `${size} sequencers`).toBeLessThan(limit)
    }
  })
})

describe('low variance', () => {
  it('stays within one turn of the exact share', () => {
    fc.assert(
      fc.property(
        weightList,
        fc.integer({ min: 1, max: 200 }),
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        (list, slots, bytes) => {
          const built = buildElection(toWeights(list))
          const counts = new Map<number, bigint>()
          for (const id of electSystematic(built, bytesToHex(bytes), slots)) counts.set(id, (counts.get(id) ?? 0n) + 1n)
          for (const { id, weight } of toWeights(list)) {
            const error = (counts.get(id) ?? 0n) * built.total - BigInt(slots) * weight
            expect(error < built.total && -error < built.total).toBe(true)
          }
        },
      ),
    )
  })
  it('smooth round-robin: each leads exactly by its weight in every window of total/gcd, spread at most two totals', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 6 }), list => {
        const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))
        const divisor = list.reduce(gcd)
        const window = list.reduce((a, b) => a + b) / divisor
        let state: RoundRobin = updateRoundRobin(
          [],
          list.map((weight, id) => ({ id, weight: BigInt(weight) })),
        )
        for (let round = 0; round < 3; round++) {
          const counts = list.map(() => 0)
          for (let i = 0; i < window; i++) {
            const next = nextRoundRobin(state)
            counts[next.leader]!++
            state = next.state
            const priorities = state.map(({ priority }) => priority)
            const spread = priorities.reduce((a, b) => (a > b ? a : b)) - priorities.reduce((a, b) => (a < b ? a : b))
            expect(spread <= 2n * BigInt(window * divisor)).toBe(true)
          }
          expect(counts).toEqual(list.map(weight => weight / divisor))
        }
      }),
    )
  })
  it('lets a newcomer start 1.125 totals behind', () => {
    const pair = updateRoundRobin(
      [],
      [1n, 3n].map((weight, index) => ({ id: index + 1, weight })),
    )
    const joined = updateRoundRobin(pair, [...pair, { id: 3, weight: 4n }])
    // Total 8, so −9, then centred: the mean of 0, 0, −9 is −3.
    expect(joined.map(({ priority }) => priority)).toEqual([3n, 3n, -6n])
  })
})

describe('cost', () => {
  it.each([1, 2, 3, 100, 1 << 10, 1_000_000])('compares at most ⌈log2 n⌉ + 1 times for n = %i', n => {
    const prefix = Array.from({ length: n }, (_, i) => BigInt(i + 1))
    let reads = 0
    const counted = new Proxy(prefix, {
      get(target, key) {
        if (key !== 'length') reads++
        return Reflect.get(target, key) as unknown
      },
    })
    for (const x of [0n, BigInt(n >> 1), BigInt(n - 1)]) {
      reads = 0
      expect(firstAbove(counted, x)).toBe(Number(x))
      expect(reads).toBeLessThanOrEqual(Math.ceil(Math.log2(n)) + 1)
    }
  })
  it('the tree picks as the prefix sums do, after any updates', () => {
    const update = fc.tuple(fc.nat(), fc.bigInt({ min: 0n, max: 1000n }))
    fc.assert(
      fc.property(
        weightList,
        fc.array(update, { maxLength: 30 }),
        fc.bigInt({ min: 0n, max: 2n ** 90n }),
        (list, updates, x) => {
          const tree = createWeightTree(toWeights(list))
          const model = toWeights(list)
          for (const [at, weight] of updates) {
            const item = model[at % model.length]!
            item.weight = weight
            tree.set(item.id, weight)
          }
          const total = model.reduce((sum, { weight }) => sum + weight, 0n)
          expect(tree.total).toBe(total)
          expect(tree.pick(total)).toBeUndefined()
          if (total === 0n) return
          const built = buildElection(model)
          expect(tree.pick(x % total)).toBe(built.ids[firstAbove(built.prefix, x % total)])
        },
      ),
    )
  })
  it('rejects less than one draw in two', () => {
    // Worst case of the toy range: 5 of 8.
    let tries = 0
    for (let start = 0; start < 8; start++) {
      reduce(
        attempt => {
          tries++
          return BigInt((start + attempt) % 8)
        },
        5n,
        8n,
      )
    }
    expect(tries / 8).toBeLessThan(2)
  })
})

describe('unbiased reduction', () => {
  it.each([3, 5, 6])('exhaustive over a 3-bit generator, range %i', n => {
    const counts = new Array<number>(n).fill(0)
    // All pairs of first and second output: what is accepted at the first or the second try must be level.
    for (let first = 0; first < 8; first++) {
      for (let second = 0; second < 8; second++) {
        const outputs = [first, second]
        let used = 0
        try {
          const value = reduce(
            attempt => {
              if (attempt > 1) throw new RangeError('third')
              used = attempt
              return BigInt(outputs[attempt]!)
            },
            BigInt(n),
            8n,
          )
          counts[Number(value)]! += used === 0 ? 1 : 1
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError)
        }
      }
    }
    expect(new Set(counts).size).toBe(1)
  })
})

it('refuses bad input with a code', () => {
  expect(codeOf(() => buildElection([]))).toBe('ELECTION_EMPTY')
  expect(codeOf(() => buildElection([{ id: 1, weight: 0n }]))).toBe('ELECTION_EMPTY')
  expect(codeOf(() => buildElection([{ id: 1, weight: -1n }]))).toBe('INPUT_INVALID')
  expect(codeOf(() => buildElection([...weights, { id: 1, weight: 1n }]))).toBe('INPUT_INVALID')
  expect(codeOf(() => electSlot(election, '0x12', 0))).toBe('INPUT_INVALID')
  expect(codeOf(() => electSlot(election, seed, 2 ** 32))).toBe('INPUT_INVALID')
  expect(codeOf(() => electSystematic(election, seed, 0))).toBe('INPUT_INVALID')
  expect(codeOf(() => updateRoundRobin([], []))).toBe('ELECTION_EMPTY')
  expect(codeOf(() => nextRoundRobin([]))).toBe('ELECTION_EMPTY')
  expect(codeOf(() => createWeightTree([...weights, weights[0]!]))).toBe('INPUT_INVALID')
  expect(codeOf(() => createWeightTree(weights).set(9, 1n))).toBe('INPUT_INVALID')
  expect(codeOf(() => draw(seedBytes(seed), 'slot', 0, 0, 0n))).toBe('INPUT_INVALID')
  expect(codeOf(() => reduce(() => 7n, 3n, 8n))).toBe('ENTROPY_INVALID')
})
