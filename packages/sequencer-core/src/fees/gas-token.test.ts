import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { acceptPrice, type GasTokenPrice, gasTokenScalars, toGasToken } from './gas-token.js'

const metis: GasTokenPrice = { tokenUnits: 80n * 10n ** 18n, perWei: 10n ** 18n, observedAt: 1000n }
const usdc: GasTokenPrice = { tokenUnits: 3_000_000_000n, perWei: 10n ** 18n, observedAt: 1000n }

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
    ['older', { observedAt: 999n }, 1000n],
    ['malformed', { tokenUnits: 80 } as never, 1000n],
    ['malformed', { perWei: undefined } as never, 1000n],
    ['not-positive', { tokenUnits: 0n }, 1000n],
    ['deviation', { tokenUnits: 121n * 10n ** 18n }, 1000n],
    ['deviation', { tokenUnits: 39n * 10n ** 18n }, 1000n],
  ])('refuses: %s', (reason, change, now) => {
    expect(reasonOf(() => acceptPrice({ ...metis, ...change }, metis, now))).toBe(reason)
  })

  it('takes a price at the edge of every limit', () => {
    expect(acceptPrice(metis, undefined, 4600n)).toBe(metis)
    const edge = { ...metis, tokenUnits: 120n * 10n ** 18n }
    expect(acceptPrice(edge, metis, 1000n)).toBe(edge)
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
        const price = { tokenUnits: perEth * 10n ** BigInt(decimals), perWei: 10n ** 18n, observedAt: 0n }
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

  it('refuses a scalar over 32 bits instead of wrapping', () => {
    const worthless = { ...metis, tokenUnits: 10n ** 25n }
    expect(reasonOf(() => gasTokenScalars({ baseFeeScalar: 1n, blobBaseFeeScalar: 810_949n }, worthless, 18))).toBe(
      'scalar-overflow',
    )
  })
})
