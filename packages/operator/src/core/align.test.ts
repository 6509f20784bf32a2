import { OrderedMap } from '@l2/common'
import type { Hash } from 'viem'
import { describe, expect, it } from 'vitest'
import { heightOnPath, missing } from './align.js'
import type { NamedChain } from './own-chain.js'

const name = (height: number, branch = 0): Hash => `0x${(height * 16 + branch).toString(16).padStart(64, '0')}`
const at = (height: number, branch = 0) => ({ height: BigInt(height), hash: name(height, branch) })

/** An own chain by its blocks from 1 on: the branch and the term of each. */
function own(...blocks: readonly (readonly [branch: number, view: number])[]): NamedChain {
  return {
    head: BigInt(blocks.length),
    nameOf: () => name(0),
    blockAt(height) {
      const block = height === 0n ? ([0, 0] as const) : blocks[Number(height) - 1]
      if (block === undefined) return undefined
      return { hash: name(Number(height), block[0]), view: block[1], stored: true, originDepth: 9n }
    },
  }
}
const state = (milestone: number, start: number, view: number, oldest = 0) => ({
  milestone: at(milestone),
  start: at(start),
  view,
  settled: OrderedMap.from(
    Array.from(
      { length: milestone - oldest + 1 },
      (_, index) => [BigInt(oldest + index), name(oldest + index)] as const,
    ),
  ),
})
const old = [0, 0] as const
const now = [0, 1] as const
const other = [1, 0] as const

describe('heightOnPath', () => {
  it('keeps the blocks of the term in force above its start, and drops those of the ended one', () => {
    expect(heightOnPath(state(1, 2, 1), own(old, old, now, now))).toBe(4n)
    expect(heightOnPath(state(1, 2, 1), own(old, old, old, old))).toBe(2n)
    expect(heightOnPath(state(3, 2, 1), own(old, old, now, now))).toBe(4n)
  })

  it('goes back to the milestone where the start is on another branch', () => {
    expect(heightOnPath(state(1, 3, 1), own(old, other, other))).toBe(1n)
    expect(heightOnPath(state(1, 3, 1), own(old, old))).toBe(1n)
  })

  it('goes back to the last block that was settled where the milestone is on another branch', () => {
    expect(heightOnPath(state(3, 2, 1), own(old, other, other, other))).toBe(1n)
    expect(heightOnPath(state(5, 2, 1), own(old, old, now))).toBe(3n)
  })

  it('leaves what was settled before all that is remembered', () => {
    expect(heightOnPath(state(9, 8, 1, 6), own(old, old, old))).toBe(3n)
    expect(heightOnPath(state(9, 8, 1, 6), own(old, old, old, old, old, other, other))).toBe(5n)
  })
})

describe('missing', () => {
  it('is the higher one of milestone and start, until it is there', () => {
    expect(missing(state(3, 2, 1), own(old, old))).toEqual(at(3))
    expect(missing(state(1, 3, 1), own(old, old))).toEqual(at(3))
    expect(missing(state(1, 3, 1), own(old, old, other))).toEqual(at(3))
    expect(missing(state(1, 3, 1), own(old, old, old))).toBeUndefined()
  })
})
