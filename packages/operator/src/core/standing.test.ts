import { OrderedMap } from '@l2/common'
import type { ControlState } from '@l2/control-chain'
import type { Hash } from 'viem'
import { expect, it } from 'vitest'
import type { NamedChain } from './own-chain.js'
import { createStanding, type StandingParts } from './standing.js'

const name = (height: number, branch = 0): Hash => `0x${(height * 16 + branch).toString(16).padStart(64, '0')}`
const hash = (height: number, branch = 0): Hash => `0x${(height * 16 + branch).toString(16).padStart(64, 'e')}`

/** An own chain by the branch of each block from 1 on, beside a milestone of branch 0. */
function stand(milestone: number, branches: readonly number[]) {
  let own = branches
  const state = {
    ...{
      view: 1,
      milestone: { height: BigInt(milestone), hash: name(milestone) },
      start: { height: 1n, hash: name(1) },
    },
    settled: OrderedMap.from(Array.from({ length: milestone + 1 }, (_, at) => [BigInt(at), name(at)] as const)),
  } as unknown as ControlState
  const branchAt = (height: bigint): number | undefined => own[Number(height) - 1]
  const sequencer = {
    get head() {
      return { number: BigInt(own.length), hash: hash(own.length, own.at(-1)) }
    },
    block: (height: bigint) => ({ ref: { hash: hash(Number(height), branchAt(height)) } }),
  } as unknown as ReturnType<StandingParts['sequencer']>
  const chain: NamedChain = {
    get head() {
      return BigInt(own.length)
    },
    nameOf: () => name(0),
    blockAt(height) {
      const branch = height === 0n ? 0 : branchAt(height)
      if (branch === undefined) return undefined
      return { hash: name(Number(height), branch), view: 1, stored: true, originDepth: 9n }
    },
  }
  const standing = createStanding({
    ...{ genesis: name(0), state: () => state, sequencer: () => sequencer, chain: () => chain },
    l1: { number: 9n, hashAt: async () => undefined },
    say: () => {},
  })
  return { standing, become: (next: readonly number[]) => void (own = next) }
}

it('never calls a block of its own settled that is beside the milestone', () => {
  const { standing, become } = stand(6, [0, 0, 1, 1, 1])
  // It led, was away, and came back with blocks that nobody else has: the others settled their own.
  expect(standing.milestone()).toEqual({ number: 2n, hash: hash(2) })
  become([0, 0, 1, 1, 1, 1, 1, 1])
  expect(standing.milestone()).toEqual({ number: 2n, hash: hash(2) })
  become([0, 0, 0, 0])
  expect(standing.milestone()).toEqual({ number: 4n, hash: hash(4) })
  become([0, 0, 0, 0, 0, 0, 0])
  expect(standing.milestone()).toEqual({ number: 6n, hash: hash(6) })
})
