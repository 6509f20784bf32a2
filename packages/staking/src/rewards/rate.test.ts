import fc from 'fast-check'
import { expect, it } from 'vitest'
import { blocksPerYear, rateBpsOf, rewardPerBlockFor, solveRate } from './rate.js'

const metis = 10n ** 18n
it('gives the numbers Metis’ own task gives', () => {
  const rpb = (stake: bigint, blockIntervalMs: number) =>
    rewardPerBlockFor({ stakedWei: stake * metis, rateBps: 2000, blockIntervalMs })
  expect(rpb(60_000n, 2000)).toBe(761_035_007_610_350n)
  expect(rpb(15_000n, 8000)).toBe(761_035_007_610_350n)
  expect(rpb(180_000n, 2000)).toBe(2_283_105_022_831_050n)
  expect(rpb(900_000n, 2000)).toBe(11_415_525_114_155_251n)
  const apr = (stake: bigint) =>
    rateBpsOf({ stakedWei: stake * metis, rewardPerBlockWei: 761_000n * 10n ** 9n, blockIntervalMs: 2000 })
  expect([60_000n, 180_000n, 900_000n].map(apr)).toEqual([1999n, 666n, 133n])
  expect(rateBpsOf({ stakedWei: 0n, rewardPerBlockWei: 1n, blockIntervalMs: 1 })).toBeUndefined()
})
it('never pays more than the rate, and less by at most one wei a block', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: 10n ** 27n }),
      fc.integer({ min: 1, max: 5000 }),
      fc.integer({ min: 100, max: 60_000 }),
      (stakedWei, rateBps, blockIntervalMs) => {
        const year = rewardPerBlockFor({ stakedWei, rateBps, blockIntervalMs }) * blocksPerYear(blockIntervalMs)
        const owed = (stakedWei * BigInt(rateBps)) / 10_000n
        expect(year <= owed && owed - year < blocksPerYear(blockIntervalMs)).toBe(true)
      },
    ),
  )
})
it('stays within a budget: 3,000,000 METIS carry 900,000 staked at 20 % for 16 years, and 30 million for none', () => {
  const base = { targetRateBps: 2000, budgetWei: 3_000_000n * metis, seconds: 365n * 86_400n, blockIntervalMs: 2000 }
  const easy = solveRate({ ...base, stakedWei: 900_000n * metis })
  expect(easy).toMatchObject({ budgetLimited: false, rateBps: 1999n })
  expect(easy.runwaySeconds / (365n * 86_400n)).toBe(16n)
  const hard = solveRate({ ...base, stakedWei: 30_000_000n * metis })
  expect(hard).toMatchObject({ budgetLimited: true, rateBps: 999n })
  expect(hard.spentWei <= base.budgetWei).toBe(true)
})
