import { fail } from '../errors.js'

declare const unit: unique symbol

/** Wei of the staked asset (METIS). A brand, so that shares cannot be passed where assets are meant. */
export type Assets = bigint & { readonly [unit]: 'assets' }
/** Smallest units of a share token. */
export type Shares = bigint & { readonly [unit]: 'shares' }
/** Assets per share, times 10^27. */
export type RateE27 = bigint & { readonly [unit]: 'rateE27' }

/** The scale of {@link RateE27}. */
export const rateOne = (10n ** 27n) as RateE27
/** Amounts and totals are below 2^128, as Lido requires of its inputs: every product of two fits 256 bits. */
export const maxAmount: bigint = 2n ** 128n - 1n
/** What `maxDeposit` and its like return when there is no limit (ERC-4626). */
export const unlimited: bigint = 2n ** 256n - 1n

function inRange(name: string, value: bigint): void {
  if (typeof value !== 'bigint') fail('AMOUNT_OUT_OF_RANGE', `"${name}" expected a bigint, got ${typeof value}`)
  if (value < 0n || value > maxAmount)
    fail('AMOUNT_OUT_OF_RANGE', `"${name}" expected 0 … 2^128−1, got ${value}`, { [name]: value, limit: maxAmount })
}

/**
 * Wei as {@link Assets}.
 * @throws LstError `AMOUNT_OUT_OF_RANGE` below 0 or above 2^128−1.
 */
export function assets(wei: bigint): Assets {
  inRange('assets', wei)
  return wei as Assets
}

/**
 * Units of a share token as {@link Shares}.
 * @throws LstError `AMOUNT_OUT_OF_RANGE` below 0 or above 2^128−1.
 */
export function shares(units: bigint): Shares {
  inRange('shares', units)
  return units as Shares
}

/**
 * Assets per share times 10^27 as {@link RateE27}.
 * @throws LstError `AMOUNT_OUT_OF_RANGE` below 0 or above 2^256−1.
 */
export function rateE27(value: bigint): RateE27 {
  if (typeof value !== 'bigint' || value < 0n || value > unlimited)
    fail('AMOUNT_OUT_OF_RANGE', `"rate" expected 0 … 2^256−1, got ${value}`, { rate: value, limit: unlimited })
  return value as RateE27
}

/** Refuses an amount that an operation cannot move: not a bigint, zero, negative, above 2^128−1. */
export function positive(name: string, value: bigint): void {
  inRange(name, value)
  if (value === 0n) fail('ZERO_AMOUNT', `"${name}" expected more than 0, got 0`)
}

/** Refuses an amount that is no amount; zero passes. */
export function amount(name: string, value: bigint): void {
  inRange(name, value)
}

/** A total that must stay below 2^128. */
export function total<T extends bigint>(name: string, value: bigint): T {
  inRange(name, value)
  return value as T
}

/** Refuses an account name that is empty or longer than 128 characters. */
export function account(value: string): void {
  if (typeof value !== 'string' || value.length === 0 || value.length > 128)
    fail(
      'ACCOUNT_INVALID',
      `account expected 1 … 128 characters, got ${typeof value === 'string' ? value.length : typeof value}`,
    )
}

/** Refuses a time (seconds) before `last` or above 2^64−1. */
export function forward(last: bigint, nowSeconds: bigint): void {
  if (typeof nowSeconds !== 'bigint' || nowSeconds < last || nowSeconds >= 1n << 64n)
    fail('TIME_BACKWARDS', `time expected ${last} s or later, got ${nowSeconds} s`, { last, nowSeconds })
}

/** Refuses a deposit that would give fewer shares than its sender said. */
export function atLeast(assets: bigint, shares: bigint, minShares: bigint | undefined): void {
  if (minShares !== undefined && shares < minShares)
    fail('SLIPPAGE', `${assets} wei give ${shares} shares, at least ${minShares} were asked for`, {
      shares,
      limit: minShares,
    })
}
