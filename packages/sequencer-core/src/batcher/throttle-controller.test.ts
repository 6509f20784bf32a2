import { describe, expect, it } from 'vitest'
import { throttledLimits } from './throttle.js'
import { createThrottleController, defaultPidOptions, type ThrottleProfile } from './throttle-controller.js'

/** A controller whose clock is ours. */
function controller(options: Parameters<typeof createThrottleController>[0] = {}) {
  const clock = { ms: 5000 }
  const throttle = createThrottleController(options, { nowMs: () => clock.ms })
  const at = (ms: number, backlogBytes: number): number => {
    clock.ms = ms
    throttle.update(backlogBytes)
    return throttle.view.intensity
  }
  return { throttle, clock, at }
}

describe('createThrottleController', () => {
  it('follows the curves, and changes them while it runs', () => {
    const { throttle } = controller()
    expect(throttle.update(8_000_000)).toEqual(throttledLimits(8_000_000))
    expect(throttle.view).toEqual({
      profile: 'quadratic',
      lowerBytes: 3_200_000,
      upperBytes: 12_800_000,
      backlogBytes: 8_000_000,
      intensity: 0.25,
      limits: throttledLimits(8_000_000),
    })
    throttle.choose('linear')
    expect(throttle.update(8_000_000).maxBlockBytes).toBe(66_000)
    throttle.choose('step')
    expect(throttle.update(8_000_000)).toEqual({ maxTransactionBytes: 150, maxBlockBytes: 2000 })
    throttle.reset()
    expect(throttle.view.intensity).toBe(0)
    expect(throttle.view.limits).toEqual({ maxTransactionBytes: undefined, maxBlockBytes: 130_000 })
  })

  it('keeps the profile that it has when another is refused', () => {
    const { throttle } = controller({ profile: 'linear' })
    const wrong: [string, object?][] = [
      ['toString'],
      ['pid', { ...defaultPidOptions, kp: -1 }],
      ['pid', { ...defaultPidOptions, integralMax: 0 }],
      ['pid', { ...defaultPidOptions, outputMax: 1.01 }],
      ['pid', { ...defaultPidOptions, sampleMs: Number.NaN }],
    ]
    for (const [profile, pid] of wrong) {
      expect(() => throttle.choose(profile as ThrottleProfile, pid as never)).toThrow(
        expect.objectContaining({ code: 'BATCHER_OPTIONS' }),
      )
    }
    expect(throttle.view.profile).toBe('linear')
    expect(() => throttle.update(Number.NaN)).toThrow('expected a number of bytes')
    expect(() => controller({ blockBytes: { light: 5, full: 0 } })).toThrow('"blockBytes" expected')
    expect(() => controller({ profile: 'pid', lowerBytes: 0 })).toThrow('"lowerBytes" expected')
  })
})

describe('the PID profile', () => {
  const pid = { kp: 0.3, ki: 0.1, kd: 0.2, integralMax: 2, outputMax: 0.9, sampleMs: 1000 }
  const options = { profile: 'pid', lowerBytes: 1000, upperBytes: 4000, pid } as const

  it('adds the error, its sum over time and its change', () => {
    const { at } = controller(options)
    // Error 0.5; no time has passed.
    expect(at(5000, 1500)).toBeCloseTo(0.15, 12)
    // Error 1 for two seconds; it has grown by a quarter a second.
    expect(at(7000, 2000)).toBeCloseTo(0.3 + 0.1 * 2 + 0.2 * 0.25, 12)
    // The sum is at its limit of 2, and the error shrinks by half a second.
    expect(at(8000, 1500)).toBeCloseTo(0.15 + 0.2 - 0.2 * 0.5, 12)
  })

  it('holds between samples, never exceeds its limits, and forgets below the threshold', () => {
    const { at, throttle } = controller(options)
    const first = at(5000, 2000)
    expect(at(5999, 90_000)).toBe(first)
    expect(at(6000, 90_000)).toBe(0.9)
    expect(at(7000, 1001)).toBe(0)
    expect(at(8000, 1000)).toBe(0)
    // Nothing is left of the sum.
    expect(at(9000, 1500)).toBeCloseTo(0.15 + 0.1 * 0.5 + 0.2 * 0.5, 12)
    throttle.reset()
    expect(at(9001, 1500)).toBeCloseTo(0.15, 12)
  })

  it('stands a clock that goes back', () => {
    const { at } = controller(options)
    at(5000, 2000)
    expect(at(1000, 2000)).toBeCloseTo(0.3, 12)
    expect(at(2000, 2000)).toBeCloseTo(0.3 + 0.1, 12)
  })

  it('brings a backlog down to its threshold and keeps it there', () => {
    // Blocks of a second bring what the limit lets in; L1 takes 60,000 bytes a second.
    const { at, throttle } = controller({ profile: 'pid', pid: { ...defaultPidOptions, sampleMs: 1000 } })
    let backlog = 12_000_000
    let late = 0
    for (let second = 1; second <= 1200; second++) {
      at(5000 + 1000 * second, backlog)
      backlog = Math.max(0, backlog + throttle.view.limits.maxBlockBytes! - 60_000)
      if (second > 600) late += backlog / 600
    }
    // By its first gain alone it would stay at 8.5 million.
    expect(late).toBeGreaterThan(3_000_000)
    expect(late).toBeLessThan(5_000_000)
  })
})
