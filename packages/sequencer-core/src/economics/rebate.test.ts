import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rebateShares } from './rebate.js'

const payments = fc.array(
  fc.record({
    user: fc.constantFrom('0xaa', '0xbb', '0xcc', '0xdd', '0xee'),
    feesPaid: fc.bigInt(0n, 10n ** 20n),
  }),
  { maxLength: 30 },
)

describe('rebateShares', () => {
  it('gives back every unit, to each within one unit of the exact share, whatever the order of the payments', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 10n ** 24n), payments, fc.infiniteStream(fc.nat()), (amount, paid, order) => {
        const total = paid.reduce((sum, { feesPaid }) => sum + feesPaid, 0n)
        fc.pre(total > 0n)
        const shares = rebateShares(amount, paid)
        expect(shares.reduce((sum, share) => sum + share.amount, 0n)).toBe(amount)
        for (const { user, amount: share } of shares) {
          const fees = paid.reduce((sum, entry) => (entry.user === user ? sum + entry.feesPaid : sum), 0n)
          expect(fees).toBeGreaterThan(0n)
          const floor = (amount * fees) / total
          expect(share === floor || share === floor + 1n).toBe(true)
        }
        const keyed = paid.map(payment => ({ payment, key: order.next().value as number }))
        const shuffled = keyed.sort((a, b) => a.key - b.key).map(({ payment }) => payment)
        expect(rebateShares(amount, shuffled)).toEqual(shares)
      }),
    )
  })

  it('gives all of the gas fees back where the share is all of them', () => {
    const paid = [
      { user: '0xbb', feesPaid: 7n },
      { user: '0xaa', feesPaid: 5n },
    ]
    expect(rebateShares(12n, paid)).toEqual([
      { user: '0xaa', amount: 5n },
      { user: '0xbb', amount: 7n },
    ])
  })

  it('refuses what it cannot give', () => {
    expect(() => rebateShares(1n, [])).toThrow('of whom none has paid')
    expect(() => rebateShares(-1n, [])).toThrow('at least 0')
    expect(() => rebateShares(1n, [{ user: '0xaa', feesPaid: -1n }])).toThrow('at least 0')
    expect(rebateShares(0n, [])).toEqual([])
  })
})
