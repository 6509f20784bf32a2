import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { defaultThrottleOptions, footprintScalarFor, throttledLimits, throttleIntensity } from './throttle.js'

describe('throttle', () => {
  it('is monotone: more backlog never loosens a limit', () => {
    const curve = fc.constantFrom('step' as const, 'linear' as const, 'quadratic' as const)
    fc.assert(
      fc.property(curve, fc.nat(20_000_000), fc.nat(20_000_000), (curve, a, b) => {
        const options = { ...defaultThrottleOptions, curve }
        const [less, more] = a < b ? [a, b] : [b, a]
        expect(throttleIntensity(less, options)).toBeLessThanOrEqual(throttleIntensity(more, options))
        const loose = throttledLimits(less, options)
        const tight = throttledLimits(more, options)
        expect(loose.maxBlockBytes!).toBeGreaterThanOrEqual(tight.maxBlockBytes!)
        expect(loose.maxTransactionBytes ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(
          tight.maxTransactionBytes ?? Number.POSITIVE_INFINITY,
        )
        expect(tight.maxBlockBytes!).toBeGreaterThanOrEqual(1)
      }),
    )
  })

  it('reaches its ends', () => {
    expect(throttledLimits(3_200_000).maxTransactionBytes).toBeUndefined()
    expect(throttledLimits(3_200_001, { ...defaultThrottleOptions, curve: 'step' })).toEqual({
      maxTransactionBytes: 150,
      maxBlockBytes: 2_000,
    })
    expect(throttledLimits(12_800_000)).toEqual({ maxTransactionBytes: 150, maxBlockBytes: 2_000 })
  })

  it('refuses thresholds that are no interval', () => {
    expect(() => throttleIntensity(0, { ...defaultThrottleOptions, lowerBytes: 5, upperBytes: 5 })).toThrow(
      'lower < upper',
    )
  })
})

describe('footprintScalarFor', () => {
  it('is the smallest scalar under which no block has more bytes', () => {
    for (const [gasLimit, bytes] of [
      [30_000_000n, 130_000],
      [60_000_000n, 100_000],
      [36_000_000n, 1_000],
    ] as const) {
      const scalar = footprintScalarFor(gasLimit, bytes)
      expect(gasLimit / scalar).toBeLessThanOrEqual(BigInt(bytes))
      expect(gasLimit / (scalar - 1n)).toBeGreaterThanOrEqual(BigInt(bytes))
    }
    expect(footprintScalarFor(10n ** 12n, 1)).toBe(65_535n)
    expect(() => footprintScalarFor(1n, 0)).toThrow(expect.objectContaining({ code: 'BATCHER_OPTIONS' }))
  })
})
