import { fail } from '../errors.js'
import { type Assets, type RateE27, rateOne, type Shares } from './units.js'

/** Which way the wei that does not divide goes. */
export type Rounding = 'down' | 'up'

/**
 * ⌊x·n/d⌋ over non-negative integers, without intermediate overflow.
 * @throws LstError `TOTAL_UNDERFLOW` when `d` is zero or an operand is negative.
 */
export function mulDown(x: bigint, n: bigint, d: bigint): bigint {
  if (d <= 0n || x < 0n || n < 0n) fail('TOTAL_UNDERFLOW', `${x}·${n}/${d} is not defined`, { x, n, d })
  return (x * n) / d
}

/**
 * ⌈x·n/d⌉ over non-negative integers.
 * @throws LstError `TOTAL_UNDERFLOW` when `d` is zero or an operand is negative.
 */
export function mulUp(x: bigint, n: bigint, d: bigint): bigint {
  if (d <= 0n || x < 0n || n < 0n) fail('TOTAL_UNDERFLOW', `${x}·${n}/${d} is not defined`, { x, n, d })
  const product = x * n
  return product === 0n ? 0n : (product - 1n) / d + 1n
}

/** {@link mulDown} or {@link mulUp}. */
export function mulDiv(x: bigint, n: bigint, d: bigint, rounding: Rounding): bigint {
  return rounding === 'down' ? mulDown(x, n, d) : mulUp(x, n, d)
}

/** Both sides of a share price. */
export type Totals = { readonly assets: bigint; readonly shares: bigint }

/**
 * What `amount` of assets is worth in shares, rounding named by the caller. An empty pool is 1:1; a pool with shares
 * and no assets has no price.
 * @throws LstError `INSOLVENT` when shares are left without assets.
 * @example
 * ```ts
 * import { assets, toShares } from '@l2/lst'
 * const pool = { assets: 3n, shares: 2n }
 * console.log(toShares(assets(4n), pool, 'down')) // 2n
 * console.log(toShares(assets(4n), pool, 'up')) // 3n
 * ```
 */
export function toShares(amount: Assets, totals: Totals, rounding: Rounding): Shares {
  if (totals.shares === 0n) return amount as bigint as Shares
  if (totals.assets === 0n)
    fail('INSOLVENT', `${totals.shares} shares have no assets behind them`, { shares: totals.shares })
  return mulDiv(amount, totals.shares, totals.assets, rounding) as Shares
}

/** What `amount` of shares is worth in assets, rounding named by the caller. An empty pool is 1:1. */
export function toAssets(amount: Shares, totals: Totals, rounding: Rounding): Assets {
  if (totals.shares === 0n) return amount as bigint as Assets
  return mulDiv(amount, totals.assets, totals.shares, rounding) as Assets
}

/**
 * ⌊assets·10^27/shares⌋; 10^27 of an empty pool. Convert with the totals, not with this: a floored rate has lost the
 * wei already.
 */
export function rateOf(totals: Totals): RateE27 {
  return totals.shares === 0n ? rateOne : (mulDown(totals.assets, rateOne, totals.shares) as RateE27)
}

/** The smaller of two. */
export function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}

/** The larger of two. */
export function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}

/** `bps` ten-thousandths of `amount`, floored. */
export function bpsOf(amount: bigint, bps: bigint): bigint {
  return mulDown(amount, bps, 10_000n)
}

/**
 * Refuses to burn shares for more than they are worth. A rate at 10^27 is floored, and whoever is paid by its own rate
 * can be paid one unit of it more a share: that much is let pass.
 */
export function checkSettlement(shares: bigint, assets: bigint, totals: Totals): void {
  const worth = (totals.shares === 0n ? shares : mulUp(shares, totals.assets, totals.shares)) + shares / rateOne
  if (assets > worth) fail('LIMIT_EXCEEDED', `${shares} shares are worth ${worth} wei, not ${assets}`, { limit: worth })
}
