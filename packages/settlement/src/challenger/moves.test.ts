import { seededRandom, testSeed } from '@l2/common/testing'
import { type Hash, keccak256, stringToHex, toHex } from 'viem'
import { describe, expect, it } from 'vitest'
import type { Claim } from '../games/game.js'
import { attackOf, defenceOf, depthOf, rootPosition, traceIndex } from '../games/position.js'
import { judge, resolvable } from './moves.js'

const us = `0x${'01'.repeat(20)}` as const
const them = `0x${'02'.repeat(20)}` as const
const root = (number: bigint): Hash => keccak256(toHex(number))
const lie = (random: () => number): Hash => keccak256(stringToHex(`lie ${Math.floor(random() * 1e9)}`))

/** Whether each claim is countered, as the contract resolves subgames: by the leftmost child that nobody has countered. */
function countered(claims: readonly Claim[]): boolean[] {
  const result = claims.map(() => false)
  for (let index = claims.length - 1; index >= 0; index--) {
    result[index] = claims.some(({ parent }, child) => parent === index && !result[child])
  }
  return result
}

describe('judge', () => {
  it('wins every game against who moves anyhow, whoever began, while claims are of output roots', async () => {
    const seeds = Array.from({ length: 60 }, (_, index) => index + testSeed())
    for (const seed of seeds) {
      const random = seededRandom(seed).float
      const splitDepth = 12
      const number = 1n + BigInt(Math.floor(random() * 3000))
      const safe = random() < 0.8 ? 5000n : BigInt(Math.floor(random() * 3000))
      const facts = { number, startingNumber: 0n, splitDepth, maxClockSeconds: 100n }
      const isRootTrue = random() < 0.5
      const claim = (
        parent: number | undefined,
        value: Hash,
        position: bigint,
        claimant: Claim['claimant'],
      ): Claim => ({
        ...{ parent, value, position, claimant, usedSeconds: 0n, madeAtSeconds: 0n },
      })
      const claims: Claim[] = [claim(undefined, isRootTrue ? root(number) : lie(random), rootPosition, them)]
      const isTrue = isRootTrue && number <= safe
      const truth = { safe, root: async (at: bigint) => root(at) }
      const answer = async (): Promise<void> => {
        for (;;) {
          const verdict = await judge(facts, { claims, numberChallenged: false }, truth, 0n)
          expect(verdict.isTrue, `seed ${seed}`).toBe(isTrue)
          expect(verdict.beyondOutputs, `seed ${seed}`).toEqual([])
          const [move] = verdict.moves
          if (move === undefined) return
          claims.push(claim(move.parent, move.value, move.position, us))
        }
      }
      await answer()
      for (let turn = 0; turn < 8; turn++) {
        const parent = Math.floor(random() * claims.length)
        const { position } = claims[parent]!
        const next = random() < 0.5 || parent === 0 ? attackOf(position) : defenceOf(position)
        if (depthOf(next) >= splitDepth - 1) continue
        const true_ = traceIndex(next, splitDepth) + 1n
        const value = random() < 0.4 ? root([true_, number, safe].reduce((a, b) => (a < b ? a : b))) : lie(random)
        if (claims.some(made => made.parent === parent && made.position === next && made.value === value)) continue
        claims.push(claim(parent, value, next, them))
        await answer()
      }
      expect(countered(claims)[0], `seed ${seed}, ${claims.length} claims`).toBe(!isTrue)
    }
  })

  it('says what it cannot do: move below output roots, or after its clock', async () => {
    const facts = { number: 4n, startingNumber: 0n, splitDepth: 2, maxClockSeconds: 100n }
    const claim = (parent: number | undefined, position: bigint, value: Hash): Claim => ({
      ...{ parent, position, value, claimant: them, usedSeconds: 0n, madeAtSeconds: 0n },
    })
    const truth = { safe: 10n, root: async (at: bigint) => root(at) }
    const made = [
      claim(undefined, 1n, root(4n)),
      claim(
        0,
        2n,
        lie(() => 0.1),
      ),
      claim(1, 4n, root(1n)),
    ]
    // The last one is what we would have said, and its children are of the machine.
    const deep = [
      ...made,
      claim(
        2,
        9n,
        lie(() => 0.2),
      ),
    ]
    expect((await judge(facts, { claims: deep, numberChallenged: false }, truth, 0n)).beyondOutputs).toEqual([3])
    const late = await judge(facts, { claims: made.slice(0, 2), numberChallenged: false }, truth, 100n)
    expect(late).toMatchObject({ moves: [], tooLate: [1] })
  })

  it('knows the number of a true root that is told of a later block, until it is shown', async () => {
    const facts = { number: 9n, startingNumber: 0n, splitDepth: 4, maxClockSeconds: 100n }
    const claims: Claim[] = [
      { parent: undefined, position: 1n, value: root(5n), claimant: them, usedSeconds: 0n, madeAtSeconds: 0n },
    ]
    const truth = { safe: 5n, root: async (at: bigint) => root(at) }
    expect(await judge(facts, { claims, numberChallenged: false }, truth, 0n)).toMatchObject({
      isTrue: false,
      wrongNumberOf: 5n,
      moves: [],
    })
    const shown = await judge(facts, { claims, numberChallenged: true }, truth, 0n)
    expect(shown).toMatchObject({ isTrue: false, wrongNumberOf: undefined, moves: [] })
  })
})

describe('resolvable', () => {
  it('takes children before parents, and waits for every clock', () => {
    const claim = (parent: number | undefined, madeAtSeconds: bigint, usedSeconds: bigint): Claim => ({
      ...{ parent, madeAtSeconds, usedSeconds, position: 1n, value: root(0n), claimant: them },
    })
    const claims = [claim(undefined, 0n, 0n), claim(0, 10n, 10n), claim(1, 50n, 40n)]
    expect(resolvable(claims, 100n, 99n)).toEqual([])
    // The child of the root has until 10 + 100, the last one until 50 + 100 - 10.
    expect(resolvable(claims, 100n, 139n)).toEqual([])
    expect(resolvable(claims, 100n, 140n)).toEqual([2, 1, 0])
    expect(resolvable([...claims, claim(0, 139n, 0n)], 100n, 140n)).toEqual([2, 1])
  })
})
