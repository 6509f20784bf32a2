import { hexToBytes } from '@l2/common'
import { describe, expect, it } from 'vitest'
import { goRandom } from './go-random.js'
import {
  themisCoordinator,
  themisLeader,
  themisProducers,
  themisRanges,
  themisReplacement,
  themisSearch,
  themisSeedInt,
  themisShuffle,
  themisSpanSeed,
} from './selection.js'

describe('goRandom', () => {
  it.each([
    [1n, [5577006791947779410n, 8674665223082153551n, 15352856648520921629n]],
    [42n, [12663951391086054483n, 9832119173398632219n, 5571782338101878760n]],
    [0n, [8717895732742165505n, 2259404117704393152n, 6050128673802995827n]],
    [-1n, [12868334305193165484n]],
  ])('seed %s gives what Go gives', (seed, expected) => {
    const random = goRandom(seed)
    expect(expected.map(() => random.uint64())).toEqual(expected)
  })
  it.each([
    [15_214_530, 2, [1, 0, 0, 0]],
    [15_214_530, 3, [2, 2, 1, 2]],
    [15_214_530, 7, [2, 5, 6, 1]],
    [20_000_000, 2, [0, 1, 1, 1]],
    [20_000_000, 3, [0, 0, 1, 2]],
    [20_000_000, 7, [2, 2, 5, 3]],
  ])('Intn at height %i of %i', (height, n, expected) => {
    expect([0, 1, 2, 3].map(count => goRandom(BigInt(height + count)).intn(n))).toEqual(expected)
  })
})

describe('selection', () => {
  const five = [3, 4, 5, 1, 2].map(id => ({ id, power: 10_000n }))
  const a = hexToBytes('0x8f5bab218b6bb34476f51ca588e9f4553a3a7ce5e13a66c660a5283e97e9a85a')!
  const b = hexToBytes('0xe09cc356df20c7a2dd38cb85b680a16ec29bd8b3e1ecc1b20f2e5603d5e7ee85')!
  it('selects the producers of selection_test', () => {
    for (const seed of [a, b]) for (const k of [10, 5]) expect(new Set(themisProducers(five, seed, k)).size).toBe(5)
    expect(themisProducers(five, a, 4)).toEqual([2, 4, 4, 1])
    expect(themisProducers(five, b, 4)).toEqual([2, 4, 3, 1])
    expect(themisProducers(five, a, 1)).toEqual([2])
    expect(themisProducers(five, b, 1)).toEqual([2])
  })
  it.each([
    [
      [30, 20, 50, 50, 1],
      [30, 50, 100, 150, 151],
    ],
    [
      [1, 2, 1, 2, 1],
      [1, 3, 4, 6, 7],
    ],
    [
      [10, 1, 20, 1, 2],
      [10, 11, 31, 32, 34],
    ],
  ])('ranges of %j', (powers, ranges) => {
    expect(themisRanges(powers.map(BigInt))).toEqual(ranges.map(BigInt))
  })
  it.each([
    [[], 0, -1],
    [[1], 100, 0],
    [[1, 1000], 100, 1],
    [[1, 100, 1000], 2, 1],
    [[1, 100, 1000, 1000], 1001, 3],
  ])('search in %j for %i', (ranges, value, index) => {
    expect(themisSearch(ranges.map(BigInt), BigInt(value))).toBe(index)
  })
  it('has the seed of span 254', () => {
    expect(themisSeedInt(themisSpanSeed(254n))).toBe(-6167544068828611026n)
    expect([...themisSpanSeed(256n).subarray(0, 8)]).toEqual([0x47, 0xdc, 0x54, 0x0c, 0x94, 0xce, 0xb7, 0x04])
  })
  it('elects the leaders of spans', () => {
    const pool = [20_000n, 40_000n, 100_000n, 20_000n].map((power, index) => ({ id: index + 1, power }))
    expect(Array.from({ length: 24 }, (_, i) => themisLeader(pool, BigInt(i + 1)))).toEqual([
      2, 1, 4, 3, 1, 1, 3, 3, 3, 2, 2, 2, 3, 2, 4, 3, 2, 2, 3, 3, 4, 4, 1, 3,
    ])
    expect([254n, 255n, 256n, 1000n].map(span => themisLeader(pool, span))).toEqual([3, 2, 1, 2])
    const counts = [0, 0, 0, 0]
    for (let span = 1n; span <= 20_000n; span++) counts[themisLeader(pool, span) - 1]!++
    expect(counts).toEqual([2227, 4431, 11132, 2210])
  })
  it('picks the coordinator of a threshold signature', () => {
    expect(themisCoordinator('8c14edd0-6a7d-4b5f-81ee-6f9a33b4861e', 3)).toBe(1)
  })
  it('replaces a sequencer in the order of EIP-55 text', () => {
    const signers = ['a', 'b', 'c', 'd'].map(digit => `0x${digit.repeat(40)}` as const)
    const picked = themisReplacement(signers, signers[0]!, 20_000_000n, 3n)
    expect(signers.slice(1).map(s => s.toLowerCase())).toContain(picked.toLowerCase())
    expect(() => themisReplacement([signers[0]!], signers[0]!, 1n, 0n)).toThrow(/nobody/)
  })
})

it('shuffles as eth2 does', () => {
  const first = Uint8Array.of(1, 128, 12, ...new Array<number>(29).fill(0))
  const second = Uint8Array.of(2, 128, 12, ...new Array<number>(29).fill(0))
  const list = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
  expect(themisShuffle(list, first)).toEqual([0, 7, 8, 6, 3, 9, 4, 5, 2, 1])
  expect(themisShuffle(list, second)).toEqual([0, 5, 2, 1, 6, 8, 7, 3, 4, 9])
  expect(themisShuffle([1, 1, 1, 2, 2, 3], first)).toEqual([2, 1, 1, 3, 2, 1])
})
