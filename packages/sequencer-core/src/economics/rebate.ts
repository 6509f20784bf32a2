import { checkNonNegative, invalid } from './invalid.js'

/** Gas fees that a user paid in the period that is shared, in the smallest unit of the gas token. */
export type FeesPaid = { readonly user: string; readonly feesPaid: bigint }

/** What a user gets back. */
export type Rebate = { readonly user: string; readonly amount: bigint }

const byUser = (a: { user: string }, b: { user: string }): number => (a.user < b.user ? -1 : a.user > b.user ? 1 : 0)

/**
 * Splits the users' share of a profit by the gas fees that each has paid: exact to the unit, by largest remainder, equal remainders in the
 * order of the users' names. ZKFair gives all of the gas fees back this way (`split: { users: 10_000 }`).
 *
 * Several entries of one user count together. The answer is in the order of the users' names and does not depend on the order of the
 * entries; who paid nothing gets nothing and is not in it.
 *
 * @throws SequencerError `ECONOMICS_INVALID` for a negative amount, or when there is something to give back and nobody has paid
 *
 * @example
 * ```ts
 * import { rebateShares } from '@l2/sequencer-core/economics'
 *
 * const shares = rebateShares(100n, [
 *   { user: '0xbb', feesPaid: 1n },
 *   { user: '0xaa', feesPaid: 1n },
 *   { user: '0xcc', feesPaid: 1n },
 * ])
 * console.log(shares.map(({ user, amount }) => `${user} ${amount}`)) // [ '0xaa 34', '0xbb 33', '0xcc 33' ]
 * ```
 */
export function rebateShares(amount: bigint, paid: Iterable<FeesPaid>): Rebate[] {
  checkNonNegative({ amount })
  const sums = new Map<string, bigint>()
  let total = 0n
  for (const { user, feesPaid } of paid) {
    checkNonNegative({ feesPaid })
    if (feesPaid === 0n) continue
    sums.set(user, (sums.get(user) ?? 0n) + feesPaid)
    total += feesPaid
  }
  if (total === 0n) {
    if (amount > 0n) invalid(`${amount} to give back to users, of whom none has paid`, { amount })
    return []
  }
  let left = amount
  const shares = [...sums]
    .map(([user, fees]) => {
      const share = (amount * fees) / total
      left -= share
      return { user, amount: share, remainder: (amount * fees) % total }
    })
    .sort(byUser)
  // Fewer units are left than users have a remainder. The sort is stable: equal remainders stay in the order of the names.
  const first = [...shares].sort((a, b) => (a.remainder > b.remainder ? -1 : a.remainder < b.remainder ? 1 : 0))
  for (const share of first.slice(0, Number(left))) share.amount++
  return shares.map(({ user, amount: share }) => ({ user, amount: share }))
}
