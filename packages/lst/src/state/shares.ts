import { fail } from '../errors.js'
import { atLeast, account as checkAccount, positive, type Shares } from '../math/units.js'
import type { LstEvent } from './events.js'
import { type Balances, balanceOf, move } from './ledger.js'
import { type LstStep, step } from './reducer.js'

/** Whose first deposit can never leave, and how many shares that is. */
type Seeded = { readonly seedAccount: string; readonly seedShares: Shares }

/** Refuses balances in which a part of the seed has left. */
export function keepSeed({ seedAccount, seedShares }: Seeded, balances: Balances<Shares>, from: string): void {
  if (from === seedAccount && balanceOf(balances, from) < seedShares)
    fail('SEED_LOCKED', `${seedShares} shares of ${from} can never leave`, { limit: seedShares })
}

/** Refuses a deposit that gives no share, or fewer than its sender said. */
export function checkMint(assets: bigint, shares: bigint, minShares: bigint | undefined): void {
  if (shares === 0n) fail('ZERO_SHARES', `${assets} wei are worth less than one share`, { assets })
  atLeast(assets, shares, minShares)
}

/** Refuses to burn shares that give no wei. */
export function checkBurn(shares: bigint, assets: bigint): void {
  if (assets === 0n) fail('ZERO_ASSETS', `${shares} shares are worth less than one wei`, { shares })
}

/** Assets came in for shares. */
export const submitted = (account: string, assets: bigint, shares: bigint): LstEvent => ({
  type: 'submitted',
  account,
  assets,
  shares,
})

/** Assets left for shares. */
export const withdrawn = (account: string, assets: bigint, shares: bigint): LstEvent => ({
  type: 'withdrawn',
  account,
  assets,
  shares,
})

/** Moves shares, where `keep` allows the balances that come of it. */
export function transfer<Pool extends { readonly balances: Balances<Shares> }>(
  pool: Pool,
  { from, to, shares }: { readonly from: string; readonly to: string; readonly shares: Shares },
  keep: (balances: Balances<Shares>) => void,
): LstStep<Pool, null> {
  checkAccount(to)
  positive('shares', shares)
  const balances = move(pool.balances, from, to, shares)
  keep(balances)
  return step({ ...pool, balances }, null, { type: 'transferred', from, to, shares })
}
