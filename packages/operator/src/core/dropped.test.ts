import { OrderedMap } from '@l2/common'
import type { Hash } from 'viem'
import { expect, it } from 'vitest'
import { createDropped } from './dropped.js'

const hash = (name: number): Hash => `0x${name.toString(16).padStart(64, '0')}`
let l1Height = 2_000n
const block = (height: number) => ({
  ...{ height: BigInt(height), hash: hash(height) },
  origin: { number: BigInt(height + 1_000), hash: hash(height + 1_000) },
})
/** Settled from 60 up to the height, block 70 and what follows by the same names. */
const settledTo = (height: number) => ({
  settled: OrderedMap.from(
    Array.from({ length: height - 59 }, (_, at) => [BigInt(60 + at), hash(60 + at)] as [bigint, Hash]),
  ),
  milestone: { height: BigInt(height), hash: hash(height) },
})

it('goes back below what was settled after L1 had dropped it, until L1 has it again', async () => {
  // L1 at the heights of the origins.
  const l1 = new Map<bigint, Hash | undefined>([70, 71, 72].map(at => [BigInt(at + 1_000), hash(9)]))
  const dropped = createDropped(async number => l1.get(number))
  dropped.note([block(70), block(71), block(72)])
  await dropped.look(settledTo(69), ++l1Height)
  expect(dropped.rollbackTo).toBeUndefined()
  // Lists that were made before settle it.
  await dropped.look(settledTo(72), ++l1Height)
  expect(dropped.rollbackTo).toEqual({ height: 69n, hash: hash(69) })
  // The rollback is done.
  await dropped.look(settledTo(69), ++l1Height)
  expect(dropped.rollbackTo).toBeUndefined()
  // L1 takes its reorganisation back: all of it but the last.
  l1.set(1_070n, hash(1_070))
  l1.set(1_071n, hash(1_071))
  await dropped.look(settledTo(72), ++l1Height)
  expect(dropped.rollbackTo).toEqual({ height: 71n, hash: hash(71) })
  l1.set(1_072n, hash(1_072))
  await dropped.look(settledTo(72), ++l1Height)
  expect(dropped.rollbackTo).toBeUndefined()
  l1.set(1_070n, hash(9))
  await dropped.look(settledTo(72), ++l1Height)
  expect(dropped.rollbackTo).toBeUndefined()
})

it('says nothing while L1 does not, nor of blocks that others made in their place', async () => {
  let answer: () => Promise<Hash | undefined> = async () => undefined
  const dropped = createDropped(() => answer())
  dropped.note([block(70)])
  await dropped.look(settledTo(71), ++l1Height)
  expect(dropped.rollbackTo).toBeUndefined()
  answer = async () => {
    throw new Error('L1 is away')
  }
  await dropped.look(settledTo(71), ++l1Height)
  expect(dropped.rollbackTo).toBeUndefined()
  answer = async () => hash(9)
  const { settled, milestone } = settledTo(71)
  await dropped.look({ milestone, settled: settled.set(70n, hash(7)) }, ++l1Height)
  expect(dropped.rollbackTo).toBeUndefined()
})

it('asks L1 once for each of its heights, however often it is asked', async () => {
  let asked = 0
  const dropped = createDropped(async () => {
    asked++
    return hash(9)
  })
  dropped.note([block(70)])
  for (let round = 0; round < 5; round++) await dropped.look(settledTo(71), 1n)
  expect([asked, dropped.rollbackTo?.height]).toEqual([1, 69n])
  await dropped.look(settledTo(71), 2n)
  expect(asked).toBe(2)
})
