import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parties, type SplitBps, splitAmount } from './split.js'

const splitArbitrary: fc.Arbitrary<SplitBps> = fc
  .array(fc.integer({ min: 0, max: 10_000 }), { minLength: parties.length - 1, maxLength: parties.length - 1 })
  .map(cuts => {
    const marks = [0, ...cuts.sort((a, b) => a - b), 10_000]
    return Object.fromEntries(parties.map((party, index) => [party, marks[index + 1]! - marks[index]!]))
  })

describe('splitAmount', () => {
  it('neither makes nor loses a unit, and rounds every share down', () => {
    fc.assert(
      fc.property(
        fc.bigInt(0n, 10n ** 30n),
        splitArbitrary,
        fc.constantFrom(...parties),
        (amount, split, remainderTo) => {
          const shares = splitAmount(amount, split, remainderTo)
          expect(Object.values(shares).reduce((sum, share) => sum + share, 0n)).toBe(amount)
          for (const party of parties) {
            const exact = amount * BigInt(split[party] ?? 0)
            if (party !== remainderTo) expect(shares[party]).toBe(exact / 10_000n)
            else expect(shares[party] * 10_000n).toBeGreaterThanOrEqual(exact)
          }
        },
      ),
    )
  })

  it('refuses shares that are not a whole', () => {
    expect(() => splitAmount(1n, { sequencer: 9_999 }, 'treasury')).toThrow('9999 basis points')
    expect(() => splitAmount(1n, { sequencer: 10_001 }, 'treasury')).toThrow('0 to 10000')
    expect(() => splitAmount(1n, { friends: 10_000 } as SplitBps, 'treasury')).toThrow('"friends" is no party')
    expect(() => splitAmount(1n, { users: 10_000 }, 'friends' as 'users')).toThrow('"friends" is no party')
    expect(() => splitAmount(-1n, { users: 10_000 }, 'users')).toThrow('at least 0')
  })
})
