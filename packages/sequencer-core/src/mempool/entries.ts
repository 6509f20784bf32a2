import type { Address } from 'viem'
import type { AccountState, PooledTransaction } from './types.js'

/** A pooled transaction with what only the pool knows. */
export type Entry = PooledTransaction & {
  costWei: bigint
  executable: boolean
  /** Recovered from a type 4 transaction; empty for all others. */
  authorities: readonly Address[]
}

export type Account = {
  readonly address: Address
  state: AccountState
  /** By nonce. The first {@link executable} of them have no gap and are paid for. */
  readonly entries: Entry[]
  executable: number
  /** Raised by every change, so that what is remembered of an older state is recognised. */
  version: number
}

/** Where an account's executable transactions lie: behind `stale` ones whose nonce is used. */
export type Run = { stale: number; executable: number }

/** The run of nonces from the account's next one that its balance pays for altogether. */
export function executableRun(entries: readonly Entry[], state: AccountState): Run {
  let stale = 0
  while (stale < entries.length && entries[stale]!.transaction.nonce < state.nonce) stale++
  let executable = 0
  let costWei = 0n
  for (let next = state.nonce; stale + executable < entries.length; next++, executable++) {
    const entry = entries[stale + executable]!
    if (entry.transaction.nonce !== next) break
    costWei += entry.costWei
    if (costWei > state.balanceWei) break
  }
  return { stale, executable }
}

export function isSameState(a: AccountState, b: AccountState): boolean {
  return a.nonce === b.nonce && a.balanceWei === b.balanceWei && a.delegated === b.delegated
}

export function entryOfNonce(entries: readonly Entry[], at: number, nonce: bigint): Entry | undefined {
  const entry = entries[at]
  return entry?.transaction.nonce === nonce ? entry : undefined
}

export function insertionPoint(entries: readonly Entry[], nonce: bigint): number {
  let low = 0
  let high = entries.length
  // Most transactions come in order.
  if (high > 0 && entries[high - 1]!.transaction.nonce < nonce) return high
  while (low < high) {
    const middle = (low + high) >> 1
    if (entries[middle]!.transaction.nonce < nonce) low = middle + 1
    else high = middle
  }
  return low
}
