import { checkNonNegative, invalid } from './invalid.js'

/** Who can get a share of the profit. `users` is a rebate (ZKFair gives all of it back), `publicGoods` retroactive funding. */
export const parties = ['sequencer', 'stakers', 'lst', 'treasury', 'publicGoods', 'burn', 'users'] as const
export type Party = (typeof parties)[number]

/** Shares in basis points. They add up to 10,000; a party left out has none. */
export type SplitBps = Readonly<Partial<Record<Party, number>>>

/** Half to the sequencer that earned it, three tenths to those whose stake backs it, a fifth to the treasury. */
export const defaultSplit: SplitBps = { sequencer: 5000, stakers: 2000, lst: 1000, treasury: 2000 }

/**
 * Checks that a party is one of those that can have a share.
 *
 * @throws SequencerError `ECONOMICS_INVALID`
 */
export function checkParty(party: string): asserts party is Party {
  if (!(parties as readonly string[]).includes(party))
    invalid(`"${party.slice(0, 40)}" is no party: ${parties.join(', ')}`, { party: party.slice(0, 40) })
}

/**
 * Checks that shares are whole basis points that add up to the whole.
 *
 * @throws SequencerError `ECONOMICS_INVALID`
 */
export function checkSplit(split: SplitBps): void {
  let sum = 0
  for (const [party, bps] of Object.entries(split)) {
    checkParty(party)
    if (!Number.isInteger(bps) || bps < 0 || bps > 10_000)
      invalid(`share of ${party}: expected 0 to 10000 basis points, got ${bps}`, { party, bps })
    sum += bps
  }
  if (sum !== 10_000) invalid(`shares add up to ${sum} basis points, expected 10000`, { sum })
}

/**
 * Splits an amount: every share is rounded down, and what that leaves goes to `remainderTo`, so nothing is lost or made.
 *
 * @throws SequencerError `ECONOMICS_INVALID`
 *
 * @example
 * ```ts
 * import { splitAmount } from '@l2/sequencer-core/economics'
 *
 * const shares = splitAmount(101n, { sequencer: 5000, stakers: 5000 }, 'treasury')
 * console.log(shares.sequencer, shares.stakers, shares.treasury) // 50n 50n 1n
 * ```
 */
export function splitAmount(amountWei: bigint, split: SplitBps, remainderTo: Party): Record<Party, bigint> {
  checkSplit(split)
  checkParty(remainderTo)
  checkNonNegative({ amountWei })
  const shares = Object.fromEntries(parties.map(party => [party, 0n])) as Record<Party, bigint>
  let left = amountWei
  for (const party of parties) {
    const share = (amountWei * BigInt(split[party] ?? 0)) / 10_000n
    shares[party] = share
    left -= share
  }
  shares[remainderTo] += left
  return shares
}
