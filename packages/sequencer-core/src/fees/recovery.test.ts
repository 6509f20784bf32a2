import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyRecovery, createRecovery, type RecoveryState, recoveryBps, windowRecovery } from './recovery.js'

const book = (state: RecoveryState, charged: bigint, cost: bigint, atSeconds: bigint): RecoveryState =>
  applyRecovery(state, { type: 'book', charged, cost, atSeconds }).state

it('recoveryBps: zero when users paid what posting cost', () => {
  expect(recoveryBps({ charged: 0n, cost: 0n })).toBeUndefined()
  expect(recoveryBps({ charged: 110n, cost: 100n })).toBe(1000n)
  expect(recoveryBps({ charged: 50n, cost: 100n })).toBe(-5000n)
})

describe('applyRecovery', () => {
  it('totals everything, remembers a window, and grows no further', () => {
    const steps = fc.array(fc.tuple(fc.bigInt(0n, 10n ** 18n), fc.bigInt(0n, 10n ** 18n), fc.bigInt(0n, 400n)), {
      maxLength: 120,
    })
    fc.assert(
      fc.property(steps, all => {
        let state = createRecovery({ windowSeconds: 2400n })
        let atSeconds = 0n
        const booked: { charged: bigint; cost: bigint; atSeconds: bigint }[] = []
        for (const [charged, cost, wait] of all) {
          atSeconds += wait
          state = book(state, charged, cost, atSeconds)
          booked.push({ charged, cost, atSeconds })
        }
        expect(state.total.charged).toBe(booked.reduce((sum, { charged }) => sum + charged, 0n))
        expect(state.buckets.length).toBeLessThanOrEqual(25)
        const sum = (since: bigint) =>
          booked.reduce((cost, one) => (one.atSeconds >= since ? cost + one.cost : cost), 0n)
        const window = windowRecovery(state, atSeconds)
        // The window is as fine as its buckets: between its length and one bucket more.
        expect(window.cost).toBeGreaterThanOrEqual(sum(atSeconds - 2400n))
        expect(window.cost).toBeLessThanOrEqual(sum(atSeconds - 2500n))
      }),
    )
  })

  it('leads to full recovery and the margin, whatever the traffic, one bounded step a window', () => {
    // What users are charged for a cost of 10^9 at a factor of one: from a half to double.
    const truth = fc.bigInt(5n * 10n ** 8n, 2n * 10n ** 9n)
    fc.assert(
      fc.property(truth, fc.bigInt(0n, 2_000n), (chargedAtOne, marginBps) => {
        let state = createRecovery({ windowSeconds: 1000n, marginBps })
        let previous = state.factorBps
        for (let window = 0n; window < 20n; window++) {
          for (let i = 0n; i < 5n; i++) {
            state = book(state, (chargedAtOne * state.factorBps) / 10_000n, 10n ** 9n, 1000n * window + 100n * i)
          }
          const { state: next, events } = applyRecovery(state, { type: 'adjust', atSeconds: 1000n * (window + 1n) })
          const moved = next.factorBps > previous ? next.factorBps - previous : previous - next.factorBps
          expect(moved * 10n).toBeLessThanOrEqual(previous)
          expect(events.length).toBe(moved === 0n ? 0 : 1)
          state = next
          previous = next.factorBps
        }
        const recovered = recoveryBps({ charged: chargedAtOne * state.factorBps, cost: 10n ** 13n })!
        expect(recovered).toBeGreaterThanOrEqual(marginBps)
        expect(recovered).toBeLessThanOrEqual(marginBps + 10n)
      }),
    )
  })

  it('does not adjust before its window is over, without data, or beyond its bounds', () => {
    const adjust = (state: RecoveryState, atSeconds: bigint): RecoveryState =>
      applyRecovery(state, { type: 'adjust', atSeconds }).state
    const fresh = createRecovery({ windowSeconds: 1000n, maxFactorBps: 10_500n })
    expect(adjust(fresh, 10n ** 9n)).toBe(fresh)
    const young = book(fresh, 10n, 100n, 0n)
    expect(adjust(young, 999n)).toBe(young)
    expect(adjust(young, 1000n).factorBps).toBe(10_500n)
    const free = book(fresh, 0n, 100n, 0n)
    expect(adjust(free, 1000n)).toBe(free)
  })

  it('a clock that goes back moves nothing back', () => {
    let state = createRecovery({ windowSeconds: 2400n })
    state = book(book(state, 1n, 1n, 5000n), 2n, 2n, 10n)
    expect(state.buckets).toHaveLength(1)
    expect(windowRecovery(state, 5000n)).toEqual({ charged: 3n, cost: 3n })
  })

  it.each([
    () => createRecovery({ marginBps: -1n }),
    () => createRecovery({ windowSeconds: 0n }),
    () => createRecovery({ maxStepBps: 10_000n }),
    () => createRecovery({ minFactorBps: 0n }),
    () => createRecovery({ minFactorBps: 2n, maxFactorBps: 1n }),
    () => book(createRecovery(), -1n, 0n, 0n),
    () => book(createRecovery(), 0n, -1n, 0n),
  ])('refuses what cannot be (%#)', call => {
    expect(call).toThrow(expect.objectContaining({ code: 'FEE_OPTIONS' }))
  })
})
