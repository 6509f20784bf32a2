import { fail } from '../errors.js'
import { mulUp, type Totals } from '../math/math.js'
import type { Assets, Shares } from '../math/units.js'
import type { LstStep } from '../state/reducer.js'

/**
 * ERC-4626 as functions of a state: what integrators ask of any vault. `convertTo*` know no fees and no limits;
 * `preview*` are what the operation would give in this very state, limits ignored; `max*` never throw and can be
 * executed now. Source: EIP-4626; rounding always in favour of the vault.
 */
export type Erc4626<State> = {
  totalAssets(state: State): Assets
  totalSupply(state: State): Shares
  balanceOf(state: State, account: string): Shares
  convertToShares(state: State, assets: Assets): Shares
  convertToAssets(state: State, shares: Shares): Assets
  previewDeposit(state: State, assets: Assets): Shares
  previewMint(state: State, shares: Shares): Assets
  previewWithdraw(state: State, assets: Assets): Shares
  previewRedeem(state: State, shares: Shares): Assets
  maxDeposit(state: State, receiver: string): bigint
  maxMint(state: State, receiver: string): bigint
  maxWithdraw(state: State, owner: string): Assets
  maxRedeem(state: State, owner: string): Shares
  /** Takes assets from the caller, mints shares to `receiver`, `minShares` at least; the result is the shares. */
  deposit(
    state: State,
    args: { receiver: string; assets: Assets; minShares?: Shares | undefined },
  ): LstStep<State, Shares>
  /** The result is the assets taken. */
  mint(state: State, args: { receiver: string; shares: Shares }): LstStep<State, Assets>
  /** Burns the owner's shares, pays exactly `assets`; the result is the shares. */
  withdraw(state: State, args: { owner: string; assets: Assets }): LstStep<State, Shares>
  /** The result is the assets paid. */
  redeem(state: State, args: { owner: string; shares: Shares }): LstStep<State, Assets>
}

/** Refuses a δ of {@link virtualTotals} that no token has. */
export function checkVirtualOffset(offset: bigint | undefined): void {
  if (offset !== undefined && (offset < 0n || offset > 18n))
    fail('OPTION_INVALID', `virtual offset expected 0 … 18, got ${offset}`)
}

/** Virtual shares and assets added to both sides of a price: `10^δ` and 1, or nothing. Source: OpenZeppelin ERC4626. */
export function virtualTotals(totals: Totals, offset: bigint | undefined): Totals {
  return offset === undefined ? totals : { assets: totals.assets + 1n, shares: totals.shares + 10n ** offset }
}

/** An entry fee inside an amount: `⌈a·f/(f+10000)⌉`. Source: OpenZeppelin ERC4626Fees. */
export function feeInside(amount: bigint, feeBps: bigint): bigint {
  return mulUp(amount, feeBps, feeBps + 10_000n)
}

/** An entry fee on top of an amount: `⌈a·f/10000⌉`. */
export function feeOnTop(amount: bigint, feeBps: bigint): bigint {
  return mulUp(amount, feeBps, 10_000n)
}
