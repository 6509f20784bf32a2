import { OrderedMap } from '@l2/common'
import * as z from 'zod/mini'
import { fail } from '../errors.js'
import { bpsOf, checkSettlement, min, type Rounding, rateOf, type Totals, toAssets, toShares } from '../math/math.js'
import {
  type Assets,
  account as checkAccount,
  maxAmount,
  positive,
  type RateE27,
  type Shares,
  total,
  unlimited,
} from '../math/units.js'
import { type Codec, codec, integer, ledger } from '../state/codec.js'
import { type Balances, balanceOf, credit, debit, sum } from '../state/ledger.js'
import { type Apply, type LstStep, reducer, step } from '../state/reducer.js'
import { checkBurn, checkMint, keepSeed, submitted, transfer, withdrawn } from '../state/shares.js'
import { checkVirtualOffset, type Erc4626, feeInside, feeOnTop, virtualTotals } from './face.js'

/**
 * A vault that credits rewards at once and counts its assets itself (seMETIS): a transfer to its address changes
 * nothing. A part of every exit may go to vesting, and an entry fee may stay with the holders; either takes the profit
 * out of entering just before a reward. Source: ENKI SeMetis.
 */
export type InstantVault = {
  readonly assets: Assets
  readonly supply: Shares
  readonly balances: Balances<Shares>
  /** δ of the virtual shares; `undefined` for none. */
  readonly virtualOffset: bigint | undefined
  /** Part of every exit that goes to vesting, basis points. */
  readonly vestingBps: bigint
  /** Part of every deposit that stays with the holders, basis points. */
  readonly entryFeeBps: bigint
  /** The account whose first deposit can never leave, and how many shares that is. */
  readonly seedAccount: string
  readonly seedShares: Shares
  /**
   * What of the seed stays. `shares`: those it was given, with everything they earn. `value`: the wei it was (SeMetis:
   * a withdrawal of the deployer must satisfy assets + initial deposit ≤ maxWithdraw(deployer)): what it earned can
   * leave, and after a loss nothing of it.
   */
  readonly seedLock: 'shares' | 'value'
  readonly seedAssets: Assets
  readonly paused: boolean
}

/** Options of {@link createInstantVault}. */
export type InstantVaultOptions = {
  /** Wei deposited forever by `seedAccount`; default 10^18. */
  seed?: bigint
  /** Default `dead`. */
  seedAccount?: string
  /** Default `shares`. */
  seedLock?: 'shares' | 'value'
  /** δ; default 0, `undefined` for none. */
  virtualOffset?: bigint | undefined
  /** Default 0. */
  vestingBps?: bigint
  /** Default 0. */
  entryFeeBps?: bigint
}

/** A vault with its seed in it. */
export function createInstantVault(options: InstantVaultOptions = {}): InstantVault {
  const { seed = 10n ** 18n, seedAccount = 'dead', seedLock = 'shares', vestingBps = 0n, entryFeeBps = 0n } = options
  const virtualOffset = 'virtualOffset' in options ? options.virtualOffset : 0n
  checkAccount(seedAccount)
  for (const bps of [vestingBps, entryFeeBps])
    if (bps < 0n || bps > 10_000n) fail('OPTION_INVALID', `basis points expected 0 … 10000, got ${bps}`)
  checkVirtualOffset(virtualOffset)
  const empty: InstantVault = {
    assets: 0n as Assets,
    supply: 0n as Shares,
    balances: OrderedMap.from(),
    virtualOffset,
    vestingBps,
    entryFeeBps: 0n,
    seedAccount,
    seedShares: 0n as Shares,
    seedLock,
    seedAssets: 0n as Assets,
    paused: false,
  }
  if (seed === 0n) return { ...empty, entryFeeBps }
  const { state, result } = operations.deposit(empty, { receiver: seedAccount, assets: seed as Assets })
  return { ...state, seedShares: result, seedAssets: seed as Assets, entryFeeBps }
}

/** Both sides of the price, virtual ones included. */
function priced(vault: InstantVault): Totals {
  return virtualTotals({ assets: vault.assets, shares: vault.supply }, vault.virtualOffset)
}

function sharesFor(vault: InstantVault, assets: bigint, rounding: Rounding): Shares {
  return toShares(assets as Assets, priced(vault), rounding)
}

function assetsFor(vault: InstantVault, shares: bigint, rounding: Rounding): Assets {
  return toAssets(shares as Shares, priced(vault), rounding)
}

/** What an account can take out: everything but the seed. */
function freeShares(vault: InstantVault, owner: string): Shares {
  if (vault.paused) return 0n as Shares
  const held = balanceOf(vault.balances, owner)
  if (owner !== vault.seedAccount) return held
  if (vault.seedLock === 'value') return min(held, sharesFor(vault, freeAssets(vault, owner), 'down')) as Shares
  return (held > vault.seedShares ? held - vault.seedShares : 0n) as Shares
}

/** What an account's shares are worth beyond a seed that is locked by value. */
function freeAssets(vault: InstantVault, owner: string): Assets {
  const worth = assetsFor(vault, balanceOf(vault.balances, owner), 'down')
  if (owner !== vault.seedAccount || vault.seedLock === 'shares') return worth
  return (worth > vault.seedAssets ? worth - vault.seedAssets : 0n) as Assets
}

/** Refuses what would take of the seed, by whichever lock it has. */
function keepPart(vault: InstantVault, balances: Balances<Shares>, from: string, assets: bigint): void {
  if (vault.seedLock === 'shares') keepSeed(vault, balances, from)
  else if (from === vault.seedAccount && assets > freeAssets(vault, from))
    fail('SEED_LOCKED', `${vault.seedAssets} wei of ${from} can never leave`, { limit: vault.seedAssets })
}

/** Assets per share, virtual shares left out. */
export function instantRate(vault: InstantVault): RateE27 {
  return rateOf({ assets: vault.assets, shares: vault.supply })
}

function enter(vault: InstantVault, receiver: string, assets: bigint, shares: bigint): InstantVault {
  checkAccount(receiver)
  if (vault.paused) fail('PAUSED', 'the vault is paused')
  return {
    ...vault,
    assets: total<Assets>('assets', vault.assets + assets),
    supply: total<Shares>('supply', vault.supply + shares),
    balances: credit(vault.balances, receiver, shares),
  }
}

function leave(vault: InstantVault, owner: string, assets: bigint, shares: bigint): InstantVault {
  if (vault.paused) fail('PAUSED', 'the vault is paused')
  const balances = debit(vault.balances, owner, shares)
  keepPart(vault, balances, owner, assets)
  if (assets > vault.assets) fail('TOTAL_UNDERFLOW', `the vault has ${vault.assets} wei, cannot pay ${assets}`)
  return { ...vault, assets: (vault.assets - assets) as Assets, supply: (vault.supply - shares) as Shares, balances }
}

/** What leaves the vault: `paid` now and `vested` later, together `assets`. */
export type InstantExit = {
  readonly assets: Assets
  readonly shares: Shares
  readonly paid: Assets
  readonly vested: Assets
}

function exit(vault: InstantVault, owner: string, assets: Assets, shares: Shares): LstStep<InstantVault, InstantExit> {
  const vested = bpsOf(assets, vault.vestingBps) as Assets
  return step(
    leave(vault, owner, assets, shares),
    { assets, shares, paid: (assets - vested) as Assets, vested },
    { type: 'withdrawn', account: owner, assets, shares, vested },
  )
}

const operations = {
  /** Shares floored; the entry fee, if there is one, stays with the holders. */
  deposit(
    vault: InstantVault,
    args: { receiver: string; assets: Assets; minShares?: Shares | undefined },
  ): LstStep<InstantVault, Shares> {
    positive('assets', args.assets)
    const shares = instantFace.previewDeposit(vault, args.assets)
    checkMint(args.assets, shares, args.minShares)
    return step(enter(vault, args.receiver, args.assets, shares), shares, submitted(args.receiver, args.assets, shares))
  },
  /** Assets rounded up. */
  mint(vault: InstantVault, args: { receiver: string; shares: Shares }): LstStep<InstantVault, Assets> {
    positive('shares', args.shares)
    const assets = instantFace.previewMint(vault, args.shares)
    positive('assets', assets)
    return step(enter(vault, args.receiver, assets, args.shares), assets, submitted(args.receiver, assets, args.shares))
  },
  /** Shares rounded up. */
  withdraw(vault: InstantVault, args: { owner: string; assets: Assets }): LstStep<InstantVault, InstantExit> {
    positive('assets', args.assets)
    return exit(vault, args.owner, args.assets, instantFace.previewWithdraw(vault, args.assets))
  },
  /** Assets floored. */
  redeem(vault: InstantVault, args: { owner: string; shares: Shares }): LstStep<InstantVault, InstantExit> {
    positive('shares', args.shares)
    const assets = instantFace.previewRedeem(vault, args.shares)
    checkBurn(args.shares, assets)
    return exit(vault, args.owner, assets, args.shares)
  },
  /** Moves shares; the seed stays. */
  transfer(vault: InstantVault, args: { from: string; to: string; shares: Shares }): LstStep<InstantVault, null> {
    return transfer(vault, args, balances => keepPart(vault, balances, args.from, assetsFor(vault, args.shares, 'up')))
  },
  /** Credits a reward to everybody who is in now. */
  addAssets(vault: InstantVault, args: { assets: Assets }): LstStep<InstantVault, null> {
    positive('assets', args.assets)
    return step({ ...vault, assets: total<Assets>('assets', vault.assets + args.assets) }, null, {
      type: 'rewarded',
      assets: args.assets,
    })
  },
  /** Splits a reward: the treasury's part floored, the rest credited. */
  dispatch(
    vault: InstantVault,
    args: { assets: Assets; treasuryBps: bigint },
  ): LstStep<InstantVault, { treasury: Assets; credited: Assets }> {
    positive('assets', args.assets)
    if (args.treasuryBps < 0n || args.treasuryBps > 10_000n)
      fail('OPTION_INVALID', `basis points expected 0 … 10000, got ${args.treasuryBps}`)
    const treasury = bpsOf(args.assets, args.treasuryBps) as Assets
    const credited = (args.assets - treasury) as Assets
    return step(
      { ...vault, assets: total<Assets>('assets', vault.assets + credited) },
      { treasury, credited },
      { type: 'rewarded', assets: credited, treasury },
    )
  },
  /** Takes a loss from everybody pro rata. The live contract has no such path. */
  loseAssets(vault: InstantVault, args: { assets: Assets }): LstStep<InstantVault, null> {
    positive('assets', args.assets)
    if (args.assets > vault.assets)
      fail('TOTAL_UNDERFLOW', `the vault has ${vault.assets} wei, cannot lose ${args.assets}`, { limit: vault.assets })
    return step({ ...vault, assets: (vault.assets - args.assets) as Assets }, null, {
      type: 'lost',
      assets: args.assets,
    })
  },
  /** Burns shares for an amount fixed elsewhere, by a withdrawal queue: at most what they are worth. */
  settle(vault: InstantVault, args: { owner: string; shares: Shares; assets: Assets }): LstStep<InstantVault, null> {
    positive('shares', args.shares)
    checkSettlement(args.shares, args.assets, priced(vault))
    return step(
      leave(vault, args.owner, args.assets, args.shares),
      null,
      withdrawn(args.owner, args.assets, args.shares),
    )
  },
  /** Stops entries and exits. */
  pause(vault: InstantVault, args: { paused: boolean }): LstStep<InstantVault, null> {
    return step({ ...vault, paused: args.paused }, null, { type: args.paused ? 'paused' : 'resumed' })
  },
}

/** The instant vault as a reducer. */
export const applyInstantVault: Apply<InstantVault, typeof operations> = /*#__PURE__*/ reducer<
  InstantVault,
  typeof operations
>(operations)

/** ERC-4626 over an {@link InstantVault}. What an exit vests counts as paid to its receiver. */
export const instantFace: Erc4626<InstantVault> = {
  totalAssets: vault => vault.assets,
  totalSupply: vault => vault.supply,
  balanceOf: (vault, account) => balanceOf(vault.balances, account),
  convertToShares: (vault, assets) => sharesFor(vault, assets, 'down'),
  convertToAssets: (vault, shares) => assetsFor(vault, shares, 'down'),
  previewDeposit: (vault, assets) => sharesFor(vault, assets - feeInside(assets, vault.entryFeeBps), 'down'),
  previewMint: (vault, shares) => {
    const net = assetsFor(vault, shares, 'up')
    return (net + feeOnTop(net, vault.entryFeeBps)) as Assets
  },
  previewWithdraw: (vault, assets) => sharesFor(vault, assets, 'up'),
  previewRedeem: (vault, shares) => assetsFor(vault, shares, 'down'),
  maxDeposit: vault => (vault.paused ? 0n : unlimited),
  maxMint: vault => (vault.paused ? 0n : unlimited),
  maxWithdraw: (vault, owner) =>
    vault.seedLock === 'value' && !vault.paused
      ? freeAssets(vault, owner)
      : assetsFor(vault, freeShares(vault, owner), 'down'),
  maxRedeem: (vault, owner) => freeShares(vault, owner),
  deposit: (vault, args) => operations.deposit(vault, args),
  mint: (vault, args) => operations.mint(vault, args),
  withdraw: (vault, args) => {
    const { state, result, events } = operations.withdraw(vault, args)
    return { state, result: result.shares, events }
  },
  redeem: (vault, args) => {
    const { state, result, events } = operations.redeem(vault, args)
    return { state, result: result.assets, events }
  },
}

/** Zod schema of an {@link InstantVault}. */
export const instantSchema = /* @__PURE__ */ (() =>
  z.strictObject({
    assets: integer,
    supply: integer,
    balances: ledger,
    virtualOffset: z.optional(integer),
    vestingBps: integer,
    entryFeeBps: integer,
    seedAccount: z.string(),
    seedShares: integer,
    seedLock: z.enum(['shares', 'value']),
    seedAssets: integer,
    paused: z.boolean(),
  }))()

/** Whether balances and supply agree. */
export function checkInstant(vault: InstantVault): string | undefined {
  const held = sum(vault.balances)
  if (held !== vault.supply) return `shares of all accounts are ${held}, the supply says ${vault.supply}`
  if (vault.seedLock === 'shares' && balanceOf(vault.balances, vault.seedAccount) < vault.seedShares)
    return 'the seed is not where it must stay'
  return vault.assets > maxAmount ? 'assets are above 2^128−1' : undefined
}

/** JSON of an {@link InstantVault}. */
export const instantCodec: Codec<InstantVault> = /* @__PURE__ */ codec(instantSchema, checkInstant)
