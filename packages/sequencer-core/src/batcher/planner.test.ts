import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { priceList } from '../economics/price-list.js'
import { type PlanInput, planBatcher } from './planner.js'

const input = (change: Partial<PlanInput> = {}): PlanInput => ({
  transactionsPerSecond: 10,
  compressors: [
    { name: 'zlib', bytesPerTransaction: 150 },
    { name: 'brotli', bytesPerTransaction: 125 },
  ],
  gasPriceWei: 1_000_000_000n,
  blobBaseFeeWei: 62_500_000n,
  latencyTargetMs: 1800_000,
  ...change,
})

describe('planBatcher', () => {
  it('takes the cheapest of all it names, within the target', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 1000, noNaN: true }),
        fc.bigInt(1n, 10n ** 12n),
        fc.bigInt(1n, 10n ** 12n),
        fc.integer({ min: 60_000, max: 20_000_000 }),
        (transactionsPerSecond, gasPriceWei, blobBaseFeeWei, latencyTargetMs) => {
          const asked = input({ transactionsPerSecond, gasPriceWei, blobBaseFeeWei, latencyTargetMs })
          const { plan, alternatives } = planBatcher(asked)
          expect(plan.latencyMs).toBeLessThanOrEqual(latencyTargetMs)
          for (const other of alternatives)
            expect(other.weiPerThousandTransactions).toBeGreaterThanOrEqual(plan.weiPerThousandTransactions)
          expect(plan.fill).toBeGreaterThan(0)
          expect(plan.fill).toBeLessThanOrEqual(1)
          expect(planBatcher(asked).plan).toEqual(plan)
        },
      ),
    )
  })

  it('costs what the blobs of a full channel cost', () => {
    const { plan } = planBatcher(input({ transactionsPerSecond: 1000, maxBlobs: 6 }))
    expect(plan).toMatchObject({ da: 'blobs', compressor: 'brotli', targetFrames: 6, fill: 1 })
    const transactions = (6 * 130_020 - 256) / 125
    const wei = 6 * 131_072 * 62_500_000 + 21_000 * 1e9
    expect(Number(plan.weiPerThousandTransactions) / ((wei / transactions) * 1000)).toBeCloseTo(1, 6)
  })

  it('waits for a full last blob when the target allows it, and takes a shorter channel when not', () => {
    // A blob takes 104 s: the plan fills whole ones.
    const patient = planBatcher(input({ latencyTargetMs: 1800_000 })).plan
    expect(patient.fill).toBeGreaterThan(0.999)
    const hasty = planBatcher(input({ latencyTargetMs: 80_000 })).plan
    expect(hasty.latencyMs).toBeLessThanOrEqual(80_000)
    expect(hasty.weiPerThousandTransactions).toBeGreaterThan(patient.weiPerThousandTransactions)
  })

  it('takes calldata when there is little and blobs are dear, another layer when that is cheaper, and says so', () => {
    const dear = planBatcher(input({ transactionsPerSecond: 0.01, blobBaseFeeWei: 10n ** 12n }))
    expect(dear.plan.da).toBe('calldata')
    expect(dear.explanation[0]).toContain(String(dear.plan.weiPerThousandTransactions))
    const celestia = { name: 'celestia', weiPerByte: 1n, commitmentGas: 25_000n }
    expect(planBatcher(input({ blobBaseFeeWei: 10n ** 12n, altDa: [celestia] })).plan.da).toBe('celestia')
  })

  it.each<[string, Partial<PlanInput>]>([
    ['no traffic', { transactionsPerSecond: 0 }],
    ['no compressor', { compressors: [] }],
    ['a target before inclusion', { latencyTargetMs: 35_000 }],
    ['a negative price', { gasPriceWei: -1n }],
    ['a negative price of another layer', { altDa: [{ name: 'other', weiPerByte: -1n, commitmentGas: 0n }] }],
    ['no end of time', { latencyTargetMs: Number.POSITIVE_INFINITY }],
    ['part of an L1 block', { expectedInclusionBlocks: 1.5 }],
    ['part of a blob', { maxBlobs: 0.5 }],
    ['more blobs than a channel has frames', { maxBlobs: 2 ** 40 }],
    ['traffic beyond counting', { transactionsPerSecond: 1e307 }],
  ])('refuses %s', (_, change) => {
    expect(() => planBatcher(input(change))).toThrow(expect.objectContaining({ code: 'BATCHER_OPTIONS' }))
  })
})

describe('priceList', () => {
  it('prices calldata as the fork of L1 does', () => {
    const calldata = (change: Partial<PlanInput> = {}) =>
      Number(
        planBatcher(input({ layers: ['calldata'], transactionsPerSecond: 100, ...change })).plan
          .weiPerThousandTransactions,
      )
    const amsterdam = calldata({ calldataGasPerByte: 64n })
    // 21,000 gas beside 119,976 bytes hardly count.
    expect(amsterdam / calldata()).toBeCloseTo(64 / 40, 2)
    expect(() => planBatcher(input({ calldataGasPerByte: 0n }))).toThrow('calldataGasPerByte')
  })

  it('asks for the cost and the margin, never less', () => {
    const { transactionsPerSecond: _, ...prices } = input()
    const tiers = priceList({ ...prices, transactionsPerDay: [1000, 100_000, 10_000_000], marginBps: 1500 })
    for (const { costWei, priceWei } of tiers) {
      expect(priceWei * 10_000n).toBeGreaterThanOrEqual(costWei * 11_500n)
      expect((priceWei - 1n) * 10_000n).toBeLessThan(costWei * 11_500n)
    }
    expect(tiers[0]!.priceWei).toBeGreaterThan(tiers[2]!.priceWei)
    expect(() => priceList({ ...prices, transactionsPerDay: [1], marginBps: 0.5 })).toThrow(
      expect.objectContaining({ code: 'ECONOMICS_INVALID' }),
    )
  })

  it('plans with EIP-7918’s floor, not with a fee that cannot last', () => {
    const gwei = 10n ** 9n
    const compressors = [{ name: 'brotli-10', bytesPerTransaction: 125 }]
    const plan = (gasPriceWei: bigint, blobBaseFeeWei: bigint, more: Partial<PlanInput> = {}) => {
      const input = { transactionsPerSecond: 12, compressors, gasPriceWei, blobBaseFeeWei, latencyTargetMs: 3600_000 }
      return planBatcher({ ...input, ...more }).plan.weiPerThousandTransactions
    }
    // A sixteenth of the base fee: 8192 / 131072.
    expect(plan(5n * gwei, 1n)).toBe(plan(5n * gwei, (5n * gwei) / 16n))
    expect(plan(5n * gwei, gwei)).toBeGreaterThan(plan(5n * gwei, 1n))
    expect(plan(5n * gwei, 1n, { baseFeeWei: 3n * gwei })).toBe(
      plan(5n * gwei, (3n * gwei) / 16n, { hasBlobFloor: false }),
    )
    expect(plan(5n * gwei, 1n, { hasBlobFloor: false })).toBeLessThan(plan(5n * gwei, 1n))
    // The report's month of a million transactions a day at 5 gwei: 2.02 ETH with the margin, not 0.61.
    const prices = { gasPriceWei: 5n * gwei, blobBaseFeeWei: 1n, latencyTargetMs: 3600_000 }
    const [tier] = priceList({ transactionsPerDay: [1_000_000], marginBps: 2000, compressors, ...prices })
    expect(Number(tier!.priceWei * 30_000n) / 1e18).toBeCloseTo(2.02, 2)
  })
})
