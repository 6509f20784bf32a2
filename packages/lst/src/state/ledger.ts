import type { OrderedMap } from '@l2/common'
import { fail } from '../errors.js'

/** Balances by account; an account with nothing is not in it. */
export type Balances<T extends bigint> = OrderedMap<string, T>

/** What an account holds, 0 when it is unknown. */
export function balanceOf<T extends bigint>(ledger: Balances<T>, account: string): T {
  return ledger.get(account) ?? (0n as T)
}

export function credit<T extends bigint>(ledger: Balances<T>, account: string, amount: bigint): Balances<T> {
  if (amount === 0n) return ledger
  return ledger.set(account, (balanceOf(ledger, account) + amount) as T)
}

/** @throws LstError `BALANCE_EXCEEDED` */
export function debit<T extends bigint>(ledger: Balances<T>, account: string, amount: bigint): Balances<T> {
  const held = balanceOf(ledger, account)
  if (amount > held)
    fail('BALANCE_EXCEEDED', `${account} holds ${held}, asked for ${amount}`, { account, held, asked: amount })
  if (amount === held) return ledger.delete(account)
  return amount === 0n ? ledger : ledger.set(account, (held - amount) as T)
}

/** Moves between two accounts; onto oneself it changes nothing, but must be covered. */
export function move<T extends bigint>(ledger: Balances<T>, from: string, to: string, amount: bigint): Balances<T> {
  return credit(debit(ledger, from, amount), to, amount)
}

/** Σ of all balances. */
export function sum(ledger: Balances<bigint>): bigint {
  let total = 0n
  for (const [, amount] of ledger) total += amount
  return total
}
