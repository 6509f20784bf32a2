import { OrderedMap } from '@l2/common'
import * as z from 'zod/mini'
import { fail } from '../errors.js'
import { checkSettlement, max, mulDown, type Rounding, rateOf, type Totals, toAssets, toShares } from '../math/math.js'
import {
  type Assets,
  account as checkAccount,
  forward,
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
import { checkVirtualOffset, type Erc4626, virtualTotals } from './face.js'

/**
 * A vault that releases each reward linearly over a cycle (sfrxETH; wstMETIS of Accumulated), so that nobody gains by
 * entering just before it. Source: Frax xERC4626, Accumulated wstMETIS.
 */
export type CycleVault = {
  /** Present time, seconds: moved by `advance`, never by a clock. */
  readonly nowSeconds: bigint
  readonly cycleLengthSeconds: bigint
  readonly cycleEndSeconds: bigint
  readonly lastSyncSeconds: bigint
  /** Wei being released between `lastSyncSeconds` and `cycleEndSeconds`. */
  readonly reward: Assets
  /** Wei released for good. */
  readonly stored: Assets
  /** Wei that the vault holds, donations included. */
  readonly assetBalance: Assets
  readonly supply: Shares
  readonly balances: Balances<Shares>
  /** δ of the virtual shares; `undefined` for none (solmate). */
  readonly virtualOffset: bigint | undefined
  /** Starts the next cycle on every entry and exit once this one is over. */
  readonly autoSync: boolean
  /** Moves what is unlocked into `stored` before an exit that needs it; without it the exit fails (xTRIBE M-01). */
  readonly checkpointOnExit: boolean
  readonly seedAccount: string
  readonly seedShares: Shares
}

/** Options of {@link createCycleVault}. */
export type CycleVaultOptions = {
  /** Seconds; default 0. */
  nowSeconds?: bigint
  /** Seconds; default 604,800 (one week, as on Frax mainnet). */
  cycleLengthSeconds?: bigint
  /** δ; default `undefined`, none. */
  virtualOffset?: bigint | undefined
  /** Default true: what the live wstMETIS dropped. */
  autoSync?: boolean
  /** Default true. */
  checkpointOnExit?: boolean
  /** Wei that `seedAccount` deposits forever, so that a reward always has a holder; default 10^18. */
  seed?: bigint
  /** Default `dead`. */
  seedAccount?: string
}

/** A vault with its seed in it; its first cycle ends at the last multiple of the length. */
export function createCycleVault(options: CycleVaultOptions = {}): CycleVault {
  const {
    nowSeconds = 0n,
    cycleLengthSeconds = 604_800n,
    autoSync = true,
    checkpointOnExit = true,
    seed = 10n ** 18n,
  } = options
  const { seedAccount = 'dead', virtualOffset } = options
  forward(0n, nowSeconds)
  if (cycleLengthSeconds < 1n) fail('OPTION_INVALID', `cycle length expected at least 1 s, got ${cycleLengthSeconds}`)
  checkVirtualOffset(virtualOffset)
  const empty: CycleVault = {
    nowSeconds,
    cycleLengthSeconds,
    cycleEndSeconds: (nowSeconds / cycleLengthSeconds) * cycleLengthSeconds,
    lastSyncSeconds: 0n,
    reward: 0n as Assets,
    stored: 0n as Assets,
    assetBalance: 0n as Assets,
    supply: 0n as Shares,
    balances: OrderedMap.from(),
    virtualOffset,
    autoSync,
    checkpointOnExit,
    seedAccount,
    seedShares: 0n as Shares,
  }
  if (seed === 0n) return empty
  const { state, result } = operations.deposit(empty, { receiver: seedAccount, assets: seed as Assets })
  return { ...state, seedShares: result }
}

/** What of the running reward is released by now. */
export function unlocked(vault: CycleVault): Assets {
  if (vault.nowSeconds >= vault.cycleEndSeconds) return vault.reward
  return mulDown(
    vault.reward,
    vault.nowSeconds - vault.lastSyncSeconds,
    vault.cycleEndSeconds - vault.lastSyncSeconds,
  ) as Assets
}

/** What shares are shares of now. */
export function cycleAssets(vault: CycleVault): Assets {
  return (vault.stored + unlocked(vault)) as Assets
}

/** Wei that arrived since the last sync and wait for the next. */
export function surplus(vault: CycleVault): Assets {
  return (vault.assetBalance - vault.stored - vault.reward) as Assets
}

function priced(vault: CycleVault): Totals {
  return virtualTotals({ assets: cycleAssets(vault), shares: vault.supply }, vault.virtualOffset)
}

function sharesFor(vault: CycleVault, assets: bigint, rounding: Rounding): Shares {
  return toShares(assets as Assets, priced(vault), rounding)
}

function assetsFor(vault: CycleVault, shares: bigint, rounding: Rounding): Assets {
  return toAssets(shares as Shares, priced(vault), rounding)
}

/** Assets per share now, virtual shares left out. */
export function cycleRate(vault: CycleVault): RateE27 {
  return rateOf({ assets: cycleAssets(vault), shares: vault.supply })
}

function startCycle(vault: CycleVault): CycleVault {
  const { nowSeconds, cycleLengthSeconds } = vault
  const next = surplus(vault)
  if (next === 0n) fail('SYNC_NO_REWARDS', 'nothing came in since the last sync')
  let cycleEndSeconds = ((nowSeconds + cycleLengthSeconds) / cycleLengthSeconds) * cycleLengthSeconds
  // A window shorter than a twentieth would release the reward almost at once.
  if (cycleEndSeconds - nowSeconds < cycleLengthSeconds / 20n) cycleEndSeconds += cycleLengthSeconds
  return {
    ...vault,
    stored: (vault.stored + vault.reward) as Assets,
    reward: next,
    lastSyncSeconds: nowSeconds,
    cycleEndSeconds,
  }
}

/** The vault as an entry or exit finds it. */
function synced(vault: CycleVault): CycleVault {
  return vault.autoSync && vault.nowSeconds >= vault.cycleEndSeconds && surplus(vault) > 0n ? startCycle(vault) : vault
}

/** Makes room in `stored` for an exit of `assets`. */
function checkpointed(vault: CycleVault, assets: bigint): CycleVault {
  if (assets <= vault.stored) return vault
  if (!vault.checkpointOnExit)
    fail('STORED_UNDERFLOW', `${assets} wei leave, only ${vault.stored} are stored: the unlocked reward is not`, {
      limit: vault.stored,
    })
  const released = unlocked(vault)
  return {
    ...vault,
    stored: (vault.stored + released) as Assets,
    reward: (vault.reward - released) as Assets,
    lastSyncSeconds: vault.nowSeconds,
  }
}

function enter(vault: CycleVault, receiver: string, assets: bigint, shares: bigint): CycleVault {
  checkAccount(receiver)
  return {
    ...vault,
    stored: total<Assets>('stored', vault.stored + assets),
    assetBalance: total<Assets>('assetBalance', vault.assetBalance + assets),
    supply: total<Shares>('supply', vault.supply + shares),
    balances: credit(vault.balances, receiver, shares),
  }
}

function leave(before: CycleVault, owner: string, assets: bigint, shares: bigint): CycleVault {
  const balances = debit(before.balances, owner, shares)
  keepSeed(before, balances, owner)
  const vault = checkpointed(before, assets)
  if (assets > vault.stored) fail('TOTAL_UNDERFLOW', `the vault has ${vault.stored} wei, cannot pay ${assets}`)
  return {
    ...vault,
    stored: (vault.stored - assets) as Assets,
    assetBalance: (vault.assetBalance - assets) as Assets,
    supply: (vault.supply - shares) as Shares,
    balances,
  }
}

const operations = {
  /** Moves the vault's time forward. */
  advance(vault: CycleVault, args: { nowSeconds: bigint }): LstStep<CycleVault, null> {
    forward(vault.nowSeconds, args.nowSeconds)
    return step({ ...vault, nowSeconds: args.nowSeconds }, null)
  },
  /** Shares floored. */
  deposit(
    before: CycleVault,
    args: { receiver: string; assets: Assets; minShares?: Shares | undefined },
  ): LstStep<CycleVault, Shares> {
    positive('assets', args.assets)
    const vault = synced(before)
    const shares = sharesFor(vault, args.assets, 'down')
    checkMint(args.assets, shares, args.minShares)
    return step(enter(vault, args.receiver, args.assets, shares), shares, submitted(args.receiver, args.assets, shares))
  },
  /** Assets rounded up. */
  mint(before: CycleVault, args: { receiver: string; shares: Shares }): LstStep<CycleVault, Assets> {
    positive('shares', args.shares)
    const vault = synced(before)
    const assets = assetsFor(vault, args.shares, 'up')
    positive('assets', assets)
    return step(enter(vault, args.receiver, assets, args.shares), assets, submitted(args.receiver, assets, args.shares))
  },
  /** Shares rounded up. */
  withdraw(before: CycleVault, args: { owner: string; assets: Assets }): LstStep<CycleVault, Shares> {
    positive('assets', args.assets)
    const vault = synced(before)
    const shares = sharesFor(vault, args.assets, 'up')
    return step(leave(vault, args.owner, args.assets, shares), shares, withdrawn(args.owner, args.assets, shares))
  },
  /** Assets floored. */
  redeem(before: CycleVault, args: { owner: string; shares: Shares }): LstStep<CycleVault, Assets> {
    positive('shares', args.shares)
    const vault = synced(before)
    const assets = assetsFor(vault, args.shares, 'down')
    checkBurn(args.shares, assets)
    return step(leave(vault, args.owner, assets, args.shares), assets, withdrawn(args.owner, assets, args.shares))
  },
  /** Moves shares; the seed stays. */
  transfer(vault: CycleVault, args: { from: string; to: string; shares: Shares }): LstStep<CycleVault, null> {
    return transfer(vault, args, balances => keepSeed(vault, balances, args.from))
  },
  /** Wei sent to the vault, reward or gift: nothing happens until the next sync. */
  donate(vault: CycleVault, args: { assets: Assets }): LstStep<CycleVault, null> {
    positive('assets', args.assets)
    return step({ ...vault, assetBalance: total<Assets>('assetBalance', vault.assetBalance + args.assets) }, null, {
      type: 'donated',
      assets: args.assets,
    })
  },
  /** Starts the next cycle with whatever came in; the result is its reward. */
  sync(vault: CycleVault, _args: Record<never, never> = {}): LstStep<CycleVault, Assets> {
    if (vault.nowSeconds < vault.cycleEndSeconds)
      fail('SYNC_EARLY', `the cycle ends at ${vault.cycleEndSeconds} s, it is ${vault.nowSeconds} s`, {
        limit: vault.cycleEndSeconds,
      })
    const next = startCycle(vault)
    return step(next, next.reward, { type: 'rewarded', assets: next.reward, untilSeconds: next.cycleEndSeconds })
  },
  /** Takes a loss: first what waits for a sync, then what is not yet released, then from everybody pro rata. */
  loseAssets(vault: CycleVault, args: { assets: Assets }): LstStep<CycleVault, null> {
    positive('assets', args.assets)
    if (args.assets > vault.assetBalance)
      fail('TOTAL_UNDERFLOW', `the vault has ${vault.assetBalance} wei, cannot lose ${args.assets}`, {
        limit: vault.assetBalance,
      })
    const released = unlocked(vault)
    const stored = vault.stored + released
    const locked = vault.reward - released
    const spare = surplus(vault)
    const beyondSpare = args.assets > spare ? args.assets - spare : 0n
    const fromLocked = beyondSpare > locked ? locked : beyondSpare
    return step(
      {
        ...vault,
        stored: (stored - (beyondSpare - fromLocked)) as Assets,
        reward: (locked - fromLocked) as Assets,
        lastSyncSeconds: max(vault.nowSeconds, vault.lastSyncSeconds),
        assetBalance: (vault.assetBalance - args.assets) as Assets,
      },
      null,
      { type: 'lost', assets: args.assets },
    )
  },
  /** Burns shares for an amount fixed elsewhere, by a withdrawal queue: at most what they are worth. */
  settle(vault: CycleVault, args: { owner: string; shares: Shares; assets: Assets }): LstStep<CycleVault, null> {
    positive('shares', args.shares)
    checkSettlement(args.shares, args.assets, priced(vault))
    return step(
      leave(vault, args.owner, args.assets, args.shares),
      null,
      withdrawn(args.owner, args.assets, args.shares),
    )
  },
}

/** The cycle vault as a reducer. */
export const applyCycleVault: Apply<CycleVault, typeof operations> = /*#__PURE__*/ reducer<
  CycleVault,
  typeof operations
>(operations)

function freeShares(vault: CycleVault, owner: string): Shares {
  const held = balanceOf(vault.balances, owner)
  if (owner !== vault.seedAccount) return held
  return (held > vault.seedShares ? held - vault.seedShares : 0n) as Shares
}

/**
 * ERC-4626 over a {@link CycleVault}. With `checkpointOnExit` off, `maxWithdraw` promises what an exit may refuse, as
 * the live one does.
 */
export const cycleFace: Erc4626<CycleVault> = {
  totalAssets: cycleAssets,
  totalSupply: vault => vault.supply,
  balanceOf: (vault, account) => balanceOf(vault.balances, account),
  convertToShares: (vault, assets) => sharesFor(vault, assets, 'down'),
  convertToAssets: (vault, shares) => assetsFor(vault, shares, 'down'),
  // A sync moves wei between parts of the same total: it changes no price at the moment it happens.
  previewDeposit: (vault, assets) => sharesFor(vault, assets, 'down'),
  previewMint: (vault, shares) => assetsFor(vault, shares, 'up'),
  previewWithdraw: (vault, assets) => sharesFor(vault, assets, 'up'),
  previewRedeem: (vault, shares) => assetsFor(vault, shares, 'down'),
  maxDeposit: () => unlimited,
  maxMint: () => unlimited,
  maxWithdraw: (vault, owner) => assetsFor(vault, freeShares(vault, owner), 'down'),
  maxRedeem: freeShares,
  deposit: (vault, args) => operations.deposit(vault, args),
  mint: (vault, args) => operations.mint(vault, args),
  withdraw: (vault, args) => operations.withdraw(vault, args),
  redeem: (vault, args) => operations.redeem(vault, args),
}

/** Zod schema of a {@link CycleVault}. */
export const cycleSchema = /* @__PURE__ */ (() =>
  z.strictObject({
    nowSeconds: integer,
    cycleLengthSeconds: integer,
    cycleEndSeconds: integer,
    lastSyncSeconds: integer,
    reward: integer,
    stored: integer,
    assetBalance: integer,
    supply: integer,
    balances: ledger,
    virtualOffset: z.optional(integer),
    autoSync: z.boolean(),
    checkpointOnExit: z.boolean(),
    seedAccount: z.string(),
    seedShares: integer,
  }))()

/** Whether balances, supply and assets agree. */
export function checkCycle(vault: CycleVault): string | undefined {
  const held = sum(vault.balances)
  if (held !== vault.supply) return `shares of all accounts are ${held}, the supply says ${vault.supply}`
  if (balanceOf(vault.balances, vault.seedAccount) < vault.seedShares) return 'the seed is not where it must stay'
  if (
    vault.lastSyncSeconds > vault.nowSeconds ||
    (vault.nowSeconds < vault.cycleEndSeconds && vault.cycleEndSeconds <= vault.lastSyncSeconds)
  )
    return `a cycle from ${vault.lastSyncSeconds} s to ${vault.cycleEndSeconds} s is none at ${vault.nowSeconds} s`
  return surplus(vault) < 0n ? 'the vault holds less than it counts' : undefined
}

/** JSON of a {@link CycleVault}. */
export const cycleCodec: Codec<CycleVault> = /* @__PURE__ */ codec(cycleSchema, checkCycle)
