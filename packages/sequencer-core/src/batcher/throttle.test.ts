import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { defaultThrottleOptions, throttledLimits, throttleIntensity } from './throttle.js'

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
