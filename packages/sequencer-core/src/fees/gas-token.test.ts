import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  acceptPrice,
  type GasTokenPrice,
  gasTokenOperatorFee,
  gasTokenScalars,
  type OperatorFeeMarket,
  toGasToken,
} from './gas-token.js'
import { l1FeeFjordOfSize } from './l1-fee.js'
import { operatorFee } from './operator-fee.js'

const metis: GasTokenPrice = { tokenUnits: 80n * 10n ** 18n, perWei: 10n ** 18n, observedAtSeconds: 1000n }
const usdc: GasTokenPrice = { tokenUnits: 3_000_000_000n, perWei: 10n ** 18n, observedAtSeconds: 1000n }

const reasonOf = (call: () => unknown): unknown => {
  try {
    call()
  } catch (error) {
    return (error as { details: { reason: string } }).details.reason
  }
  return undefined
}

describe('acceptPrice', () => {
  it.each<[string, Partial<GasTokenPrice>, bigint]>([
    ['stale', {}, 4601n],
    ['future', {}, 999n],
    ['older', { observedAtSeconds: 999n }, 1000n],
    ['malformed', { tokenUnits: 80 } as never, 1000n],
    ['malformed', { perWei: undefined } as never, 1000n],
    ['not-positive', { tokenUnits: 0n }, 1000n],
    ['deviation', { tokenUnits: 121n * 10n ** 18n }, 1000n],
    ['deviation', { tokenUnits: 39n * 10n ** 18n }, 1000n],
  ])('refuses: %s', (reason, change, now) => {
    expect(reasonOf(() => acceptPrice({ ...metis, ...change }, [metis], now))).toBe(reason)
  })

  it('takes a price at the edge of every limit', () => {
    expect(acceptPrice(metis, [], 4600n)).toBe(metis)
    const edge = { ...metis, tokenUnits: 120n * 10n ** 18n }
    expect(acceptPrice(edge, [metis], 1000n)).toBe(edge)
  })
})

describe('toGasToken', () => {
  it('a sum converted at once and in parts differ by less than a unit a part', () => {
    fc.assert(
      fc.property(
        fc.array(fc.bigInt(0n, 10n ** 22n), { maxLength: 20 }),
        fc.constantFrom(metis, usdc),
        (parts, price) => {
          const whole = toGasToken(
            parts.reduce((sum, wei) => sum + wei, 0n),
            price,
          )
          const sum = parts.reduce((units, wei) => units + toGasToken(wei, price), 0n)
          expect(sum).toBeGreaterThanOrEqual(whole)
          expect(sum - whole).toBeLessThanOrEqual(BigInt(parts.length))
        },
      ),
    )
  })

  it('never charges less than the cost, and at most one unit more', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 10n ** 24n), fc.constantFrom(metis, usdc), (wei, price) => {
        const units = toGasToken(wei, price)
        expect(units * price.perWei).toBeGreaterThanOrEqual(wei * price.tokenUnits)
        expect((units - 1n) * price.perWei).toBeLessThan(wei * price.tokenUnits)
      }),
    )
  })
})

describe('gasTokenScalars', () => {
  it('never charges less than the price says, and at most one millionth more, whatever the decimals', () => {
    const arbitrary = fc.record({
      decimals: fc.integer({ min: 0, max: 18 }),
      perEth: fc.bigInt(1n, 1000n),
      factorBps: fc.bigInt(0n, 20_000n),
      scalar: fc.bigInt(0n, 100_000n),
    })
    fc.assert(
      fc.property(arbitrary, ({ decimals, perEth, factorBps, scalar }) => {
        const price = { tokenUnits: perEth * 10n ** BigInt(decimals), perWei: 10n ** 18n, observedAtSeconds: 0n }
        const scalars = { baseFeeScalar: scalar, blobBaseFeeScalar: 0n }
        const { baseFeeScalar, blobBaseFeeScalar } = gasTokenScalars(scalars, price, decimals, factorBps)
        const exact = scalar * perEth * factorBps
        expect(baseFeeScalar * 10_000n).toBeGreaterThanOrEqual(exact)
        expect((baseFeeScalar - 1n) * 10_000n).toBeLessThan(exact)
        expect(blobBaseFeeScalar).toBe(0n)
      }),
    )
  })

  it.each([-1, 19, 0.5, Number.NaN])('refuses %d decimals', decimals => {
    expect(() => gasTokenScalars({ baseFeeScalar: 1n, blobBaseFeeScalar: 1n }, metis, decimals)).toThrow('0 to 18')
  })

  it('scales by the price, for a token of 18 and one of 6 decimals', () => {
    const inEth = { baseFeeScalar: 1_368n, blobBaseFeeScalar: 810_949n }
    expect(gasTokenScalars(inEth, metis, 18)).toEqual({ baseFeeScalar: 109_440n, blobBaseFeeScalar: 64_875_920n })
    expect(gasTokenScalars(inEth, usdc, 6)).toEqual({ baseFeeScalar: 4_104_000n, blobBaseFeeScalar: 2_432_847_000n })
  })

  it.each([3000n, 5200n, 5300n, 10_000n, 10n ** 9n])('never stops where fees should rise: ETH at %d USDC', usd => {
    const inEth = { baseFeeScalar: 1_368n, blobBaseFeeScalar: 810_949n }
    const price = { tokenUnits: usd * 10n ** 6n, perWei: 10n ** 18n, observedAtSeconds: 0n }
    for (const factorBps of [10_000n, 20_000n, 40_000n]) {
      const { missing, ...scalars } = gasTokenScalars(inEth, price, 6, factorBps)
      const wanted = (810_949n * usd * factorBps) / 10_000n
      expect(scalars.blobBaseFeeScalar).toBe(wanted < 2n ** 32n ? wanted : 2n ** 32n - 1n)
      expect(scalars.blobBaseFeeScalar + (missing?.blobBaseFeeScalar ?? 0n)).toBe(wanted)
      expect(scalars.baseFeeScalar + (missing?.baseFeeScalar ?? 0n)).toBe((1_368n * usd * factorBps) / 10_000n)
    }
  })

  it('leaves to the operator fee what the scalars cannot charge, to the unit rounded up', () => {
    const arbitrary = fc.record({
      usd: fc.bigInt(1n, 10n ** 7n),
      l1BaseFeeWei: fc.bigInt(0n, 10n ** 11n),
      l1BlobBaseFeeWei: fc.bigInt(0n, 10n ** 11n),
      bytes: fc.bigInt(100n, 10_000n),
      gas: fc.bigInt(21_000n, 10n ** 7n),
      fork: fc.constantFrom('isthmus' as const, 'jovian' as const),
    })
    fc.assert(
      fc.property(arbitrary, ({ usd, l1BaseFeeWei, l1BlobBaseFeeWei, bytes, gas, fork }) => {
        const price = { tokenUnits: usd * 10n ** 6n, perWei: 10n ** 18n, observedAtSeconds: 0n }
        const inEth = { baseFeeScalar: 1_368n, blobBaseFeeScalar: 810_949n }
        const { missing, ...scalars } = gasTokenScalars(inEth, price, 6)
        const market = { fork, l1BaseFeeWei, l1BlobBaseFeeWei, daBytesPerTransaction: bytes, gasPerTransaction: gas }
        const parameters = gasTokenOperatorFee(missing, market)
        const full = {
          baseFeeScalar: scalars.baseFeeScalar + (missing?.baseFeeScalar ?? 0n),
          blobBaseFeeScalar: scalars.blobBaseFeeScalar + (missing?.blobBaseFeeScalar ?? 0n),
        }
        const weighted = (of: typeof full): bigint =>
          (bytes * (16n * of.baseFeeScalar * l1BaseFeeWei + of.blobBaseFeeScalar * l1BlobBaseFeeWei)) / 1_000_000n
        const short = weighted(full) - weighted(scalars) - operatorFee(gas, parameters, fork)
        // Only where both are full something stays uncharged.
        const isFull = parameters.constant === 2n ** 64n - 1n && parameters.scalar === 2n ** 32n - 1n
        if (!isFull) expect(short).toBeLessThanOrEqual(1n)
        expect(parameters.constant).toBeLessThan(2n ** 64n)
        expect(parameters.scalar).toBeLessThan(2n ** 32n)
        if (missing === undefined) expect(parameters).toEqual({ scalar: 0n, constant: 0n })
      }),
    )
    // The smallest transaction of Fjord counts as 100 bytes.
    expect(l1FeeFjordOfSize(0, { ...scalarsOfOne, l1BaseFeeWei: 0n, l1BlobBaseFeeWei: 1_000_000n })).toBe(100n)
  })

  it('refuses scalars, factors and markets that cannot be', () => {
    const market: OperatorFeeMarket = {
      fork: 'jovian',
      l1BaseFeeWei: 1n,
      l1BlobBaseFeeWei: 1n,
      daBytesPerTransaction: 1n,
    }
    const call = expect.objectContaining({ code: 'FEE_OPTIONS' })
    expect(() => gasTokenScalars({ baseFeeScalar: -1n, blobBaseFeeScalar: 0n }, metis, 18)).toThrow(call)
    expect(() => gasTokenScalars({ baseFeeScalar: 1n, blobBaseFeeScalar: 0n }, metis, 18, -1n)).toThrow(call)
    expect(() => gasTokenOperatorFee(undefined, { ...market, gasPerTransaction: 0n })).toThrow(call)
    expect(() => gasTokenOperatorFee(undefined, { ...market, l1BaseFeeWei: -1n })).toThrow(call)
  })
})

const scalarsOfOne = { baseFeeScalar: 1n, blobBaseFeeScalar: 1n }
