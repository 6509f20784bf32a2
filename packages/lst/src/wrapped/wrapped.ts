import { OrderedMap } from '@l2/common'
import * as z from 'zod/mini'
import { fail } from '../errors.js'
import { toAssets, toShares } from '../math/math.js'
import { type Assets, atLeast, account as checkAccount, positive, type Shares, unlimited } from '../math/units.js'
import { applyRebasing, checkRebasing, rebasingSchema } from '../rebasing/pool.js'
import { type RebasingPool, rebasingBalance, rebasingTotals } from '../rebasing/state.js'
import { type Codec, codec, integer, ledger } from '../state/codec.js'
import { type Balances, balanceOf, credit, debit, move, sum } from '../state/ledger.js'
import { type Apply, type LstStep, reducer, step } from '../state/reducer.js'
import type { Erc4626 } from '../vault/face.js'

/** The wrapper's own account in the pool. */
export const wrapperAccount = 'wrapper'

/**
 * A token that does not rebase, over one that does (wstETH): one unit is one share. The wrapper holds at least as many
 * shares as it has issued. Source: Lido WstETH.
 */
export type WrappedShares = {
  readonly pool: RebasingPool
  readonly wrapped: Balances<Shares>
  readonly supply: Shares
}

/** A wrapper around a pool, with nothing wrapped. */
export function createWrapped(pool: RebasingPool): WrappedShares {
  return { pool, wrapped: OrderedMap.from(), supply: 0n as Shares }
}

/** Pool tokens for 10^18 units. Never derive one of the two rates from the other: both are floored. */
export function tokensPerWrapped(state: WrappedShares): Assets {
  return toAssets((10n ** 18n) as Shares, rebasingTotals(state.pool), 'down')
}

/** Units for 10^18 pool tokens. */
export function wrappedPerToken(state: WrappedShares): Shares {
  return toShares((10n ** 18n) as Assets, rebasingTotals(state.pool), 'down')
}

function mint(state: WrappedShares, pool: RebasingPool, account: string, units: Shares): WrappedShares {
  return { pool, wrapped: credit(state.wrapped, account, units), supply: (state.supply + units) as Shares }
}

function burn(state: WrappedShares, account: string, units: Shares): WrappedShares {
  return { ...state, wrapped: debit(state.wrapped, account, units), supply: (state.supply - units) as Shares }
}

function own(account: string): void {
  checkAccount(account)
  if (account === wrapperAccount) fail('ACCOUNT_INVALID', `"${account}" is an account of the protocol`, { account })
}

const operations = {
  /** Wraps what `assets` are worth in shares: exactly the shares that move. */
  wrap(
    state: WrappedShares,
    args: { account: string; assets: Assets; minShares?: Shares | undefined },
  ): LstStep<WrappedShares, Shares> {
    own(args.account)
    positive('assets', args.assets)
    const moved = applyRebasing(state.pool, {
      type: 'transfer',
      from: args.account,
      to: wrapperAccount,
      assets: args.assets,
    })
    if (moved.result === 0n)
      fail('ZERO_SHARES', `${args.assets} wei are worth less than one share`, { assets: args.assets })
    atLeast(args.assets, moved.result, args.minShares)
    return step(mint(state, moved.state, args.account, moved.result), moved.result, {
      type: 'wrapped',
      account: args.account,
      shares: moved.result,
    })
  },
  /** Unwraps by tokens, as the live contract does: up to one share stays in the wrapper. Prefer `unwrapShares`. */
  unwrap(
    state: WrappedShares,
    args: { account: string; units: Shares },
  ): LstStep<WrappedShares, { assets: Assets; shares: Shares }> {
    own(args.account)
    positive('units', args.units)
    const burnt = burn(state, args.account, args.units)
    const assets = toAssets(args.units, rebasingTotals(state.pool), 'down')
    const moved = applyRebasing(state.pool, { type: 'transfer', from: wrapperAccount, to: args.account, assets })
    return step(
      { ...burnt, pool: moved.state },
      { assets, shares: moved.result },
      { type: 'unwrapped', account: args.account, shares: moved.result },
    )
  },
  /** Unwraps by shares: exact, nothing stays behind. The result is what they are worth. */
  unwrapShares(state: WrappedShares, args: { account: string; units: Shares }): LstStep<WrappedShares, Assets> {
    own(args.account)
    positive('units', args.units)
    const burnt = burn(state, args.account, args.units)
    const moved = applyRebasing(state.pool, {
      type: 'transferShares',
      from: wrapperAccount,
      to: args.account,
      shares: args.units,
    })
    return step({ ...burnt, pool: moved.state }, toAssets(args.units, rebasingTotals(state.pool), 'down'), {
      type: 'unwrapped',
      account: args.account,
      shares: args.units,
    })
  },
  /** Deposits straight into the wrapper: the minted shares are the units. */
  submitAndWrap(
    state: WrappedShares,
    args: { account: string; assets: Assets; block?: bigint; minShares?: Shares | undefined },
  ): LstStep<WrappedShares, Shares> {
    own(args.account)
    const submitted = applyRebasing(state.pool, { ...args, type: 'submit', account: wrapperAccount })
    return step(mint(state, submitted.state, args.account, submitted.result), submitted.result, {
      type: 'wrapped',
      account: args.account,
      shares: submitted.result,
    })
  },
  /** Moves units. */
  transferWrapped(
    state: WrappedShares,
    args: { from: string; to: string; units: Shares },
  ): LstStep<WrappedShares, null> {
    own(args.from)
    own(args.to)
    positive('units', args.units)
    return step({ ...state, wrapped: move(state.wrapped, args.from, args.to, args.units) }, null, {
      type: 'transferred',
      from: args.from,
      to: args.to,
      shares: args.units,
    })
  },
}

/** The wrapper as a reducer. The pool's own operations are applied to `state.pool`. */
export const applyWrapped: Apply<WrappedShares, typeof operations> = /*#__PURE__*/ reducer<
  WrappedShares,
  typeof operations
>(operations)

/** ERC-4626 over the wrapper, its assets being pool tokens that the caller brings as a deposit into the pool. */
export const wrappedFace: Erc4626<WrappedShares> = {
  totalAssets: state => toAssets(state.supply, rebasingTotals(state.pool), 'down'),
  totalSupply: state => state.supply,
  balanceOf: (state, account) => balanceOf(state.wrapped, account),
  convertToShares: (state, assets) => toShares(assets, rebasingTotals(state.pool), 'down'),
  convertToAssets: (state, shares) => toAssets(shares, rebasingTotals(state.pool), 'down'),
  previewDeposit: (state, assets) => toShares(assets, rebasingTotals(state.pool), 'down'),
  previewMint: (state, shares) => toAssets(shares, rebasingTotals(state.pool), 'up'),
  previewWithdraw: (state, assets) => toShares(assets, rebasingTotals(state.pool), 'up'),
  previewRedeem: (state, shares) => toAssets(shares, rebasingTotals(state.pool), 'down'),
  maxDeposit: () => unlimited,
  maxMint: () => unlimited,
  maxWithdraw: (state, owner) => toAssets(balanceOf(state.wrapped, owner), rebasingTotals(state.pool), 'down'),
  maxRedeem: (state, owner) => balanceOf(state.wrapped, owner),
  deposit: (state, { receiver, ...rest }) => operations.wrap(state, { account: receiver, ...rest }),
  mint: (state, args) => {
    positive('shares', args.shares)
    const assets = toAssets(args.shares, rebasingTotals(state.pool), 'up')
    const moved = applyRebasing(state.pool, {
      type: 'transferShares',
      from: args.receiver,
      to: wrapperAccount,
      shares: args.shares,
    })
    return step(mint(state, moved.state, args.receiver, args.shares), assets)
  },
  withdraw: (state, args) => {
    positive('assets', args.assets)
    const shares = toShares(args.assets, rebasingTotals(state.pool), 'up')
    return step(operations.unwrapShares(state, { account: args.owner, units: shares }).state, shares)
  },
  redeem: (state, args) => operations.unwrapShares(state, { account: args.owner, units: args.shares }),
}

/** JSON of a {@link WrappedShares}. */
export const wrappedCodec: Codec<WrappedShares> = /* @__PURE__ */ (() =>
  codec(z.strictObject({ pool: rebasingSchema, wrapped: ledger, supply: integer }), state => {
    if (sum(state.wrapped) !== state.supply) return 'wrapped units of all accounts are not the supply'
    if (balanceOf(state.pool.shares, wrapperAccount) < state.supply)
      return 'the wrapper holds fewer shares than it issued'
    return checkRebasing(state.pool)
  }))()

/** What an account has, wrapped and not, in pool tokens. */
export function wrappedPosition(
  state: WrappedShares,
  account: string,
): { rebasing: Assets; wrapped: Shares; assets: Assets } {
  const rebasing = rebasingBalance(state.pool, account)
  const wrapped = balanceOf(state.wrapped, account)
  return { rebasing, wrapped, assets: (rebasing + toAssets(wrapped, rebasingTotals(state.pool), 'down')) as Assets }
}
