import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nextBaseFee } from './base-fee.js'
import { daFootprint } from './da-footprint.js'
import { fastLzSize } from './fastlz.js'
import {
  estimatedDaBytes,
  estimatedSizeScaled,
  l1FeeBedrock,
  l1FeeEcotone,
  l1FeeEcotoneOfGas,
  l1FeeFjord,
  l1FeeFjordOfSize,
  l1FeeFjordUpperBound,
  rollupDataGas,
} from './l1-fee.js'
import { operatorFee } from './operator-fee.js'

// The parameters of the gas price oracle's own tests.
const oracle = { l1BaseFeeWei: 2_000_000n, l1BlobBaseFeeWei: 3_000_000n, baseFeeScalar: 20n, blobBaseFeeScalar: 15n }
const fiveBytes = Uint8Array.of(0, 0, 1, 2, 3)

describe('L1 data fee', () => {
  it('Ecotone: the gas price oracle adds a signature of 68 non-zero bytes to an unsigned transaction', () => {
    const gas = rollupDataGas(fiveBytes) + 68n * 16n
    expect(gas).toBe(1144n)
    expect(l1FeeEcotoneOfGas(gas, oracle)).toBe(48_977n)
  })

  it('Fjord: the goldens of the gas price oracle', () => {
    expect((estimatedSizeScaled(6 + 68) * 16n) / 1_000_000n).toBe(1600n)
    expect(l1FeeFjordOfSize(6 + 68, oracle)).toBe(68_500n)
    expect(l1FeeFjordUpperBound(5, oracle)).toBe(68_500n)
    expect((estimatedSizeScaled(167 + 68) * 16n) / 1_000_000n).toBe(2463n)
    expect(l1FeeFjordOfSize(167 + 68, oracle)).toBe(105_484n)
    expect(l1FeeFjordUpperBound(161, oracle)).toBe(111_214n)
  })

  it('Bedrock: before Regolith 68 non-zero bytes more', () => {
    const parameters = { l1BaseFeeWei: 10n, overhead: 188n, scalar: 684_000n }
    expect(l1FeeBedrock(fiveBytes, parameters)).toBe(((56n + 188n) * 10n * 684_000n) / 1_000_000n)
    expect(l1FeeBedrock(fiveBytes, { ...parameters, preRegolith: true })).toBe(
      ((56n + 1088n + 188n) * 10n * 684_000n) / 1_000_000n,
    )
  })

  it('never exceeds its upper bound, and grows with the prices', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.bigInt(1n, 10n ** 12n), (data, price) => {
        const parameters = { ...oracle, l1BaseFeeWei: price }
        const fee = l1FeeFjord(data, parameters)
        // The bound is for the unsigned transaction: 68 bytes shorter than what is measured here.
        expect(fee).toBeLessThanOrEqual(l1FeeFjordUpperBound(data.length, parameters))
        expect(l1FeeFjord(data, { ...parameters, l1BaseFeeWei: price * 2n })).toBeGreaterThanOrEqual(fee)
        expect(l1FeeEcotone(data, parameters)).toBe(l1FeeEcotoneOfGas(rollupDataGas(data), parameters))
      }),
    )
  })

  it('FastLZ size is bounded by the worst case and pays for repetition', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 4000 }), data => {
        const size = fastLzSize(data)
        expect(size).toBeLessThanOrEqual(data.length + Math.floor(data.length / 32) + 1)
        const twice = new Uint8Array(data.length * 2)
        twice.set(data)
        twice.set(data, data.length)
        expect(fastLzSize(twice)).toBeLessThanOrEqual(2 * size + 6)
      }),
    )
  })
})

describe('operator fee', () => {
  it('Jovian multiplies where Isthmus divides', () => {
    const parameters = { scalar: 43_981n, constant: 56_506n }
    expect(operatorFee(1_000_000n, parameters, 'isthmus')).toBe(43_981n + 56_506n)
    expect(operatorFee(1_000_000n, parameters, 'jovian')).toBe(4_398_100_000_000n + 56_506n)
  })

  it('has room for the largest parameters', () => {
    const parameters = { scalar: 2n ** 32n - 1n, constant: 2n ** 64n - 1n }
    expect(operatorFee(2n ** 64n - 1n, parameters, 'jovian')).toBe(
      (2n ** 64n - 1n) * (2n ** 32n - 1n) * 100n + 2n ** 64n - 1n,
    )
  })
})

describe('DA footprint', () => {
  it('is the sum of the estimates times the scalar', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 500 }), { maxLength: 8 }), transactions => {
        const bytes = transactions.reduce((sum, transaction) => sum + estimatedDaBytes(transaction), 0n)
        expect(daFootprint(transactions, 7n)).toBe(7n * bytes)
        expect(bytes).toBeGreaterThanOrEqual(100n * BigInt(transactions.length))
        // By which a pool spares itself the compression of what is short.
        for (const transaction of transactions) {
          expect(estimatedDaBytes(transaction)).toBeLessThanOrEqual(BigInt(Math.max(transaction.length, 100)))
        }
      }),
    )
  })
})

describe('base fee', () => {
  const parent = { parentBaseFeeWei: 1_000_000_000n, parentGasLimit: 30_000_000n, denominator: 8n, elasticity: 2n }

  it.each([
    // EIP-1559: a full block raises it by an eighth, an empty one lowers it by an eighth.
    [30_000_000n, 1_125_000_000n],
    [15_000_000n, 1_000_000_000n],
    [0n, 875_000_000n],
  ])('%s gas in the parent', (parentGasMetered, expected) => {
    expect(nextBaseFee({ ...parent, parentGasMetered })).toBe(expected)
  })

  it('refuses parameters that would divide by zero', () => {
    for (const zero of [{ denominator: 0n }, { elasticity: 0n }]) {
      expect(() => nextBaseFee({ ...parent, ...zero, parentGasMetered: 0n })).toThrow(
        expect.objectContaining({ code: 'FEE_OPTIONS' }),
      )
    }
  })

  it('rises by at least one wei, and never below the minimum', () => {
    expect(nextBaseFee({ ...parent, parentBaseFeeWei: 7n, parentGasMetered: 15_000_001n })).toBe(8n)
    expect(nextBaseFee({ ...parent, parentGasMetered: 0n, minBaseFeeWei: 900_000_000n })).toBe(900_000_000n)
  })
})
