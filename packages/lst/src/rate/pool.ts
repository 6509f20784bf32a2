import { OrderedMap } from '@l2/common'
import * as z from 'zod/mini'
import { fail } from '../errors.js'
import { checkSettlement, min, mulDown, rateOf, type Totals, toAssets, toShares } from '../math/math.js'
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
import { type Codec, codec, integer, ledger, mapOf } from '../state/codec.js'
import { type Balances, balanceOf, credit, debit, sum } from '../state/ledger.js'
import { type Apply, type LstStep, reducer, step } from '../state/reducer.js'
import { checkBurn, checkMint, keepSeed, submitted, transfer, withdrawn } from '../state/shares.js'
import type { Erc4626 } from '../vault/face.js'

const e18 = 10n ** 18n

/** A withdrawal whose amount was fixed when it was asked for. */
export type FixedRequest = {
  readonly owner: string
  readonly shares: Shares
  readonly assets: Assets
  /** Seconds. */
  readonly atSeconds: bigint
  readonly done: boolean
}

/**
 * One token whose rate is `totalDeposits/supply` (artMETIS). Source: Artemis AMTDepositPool, AMTRewardPool,
 * AMTWithdrawalManager.
 */
export type RatePool = {
  readonly nowSeconds: bigint
  readonly totalDeposits: Assets
  readonly supply: Shares
  readonly balances: Balances<Shares>
  /** Rewards that no harvest has taken yet. */
  readonly rewardPool: Assets
  /** Fees harvested. */
  readonly feeBalance: Assets
  /** Cash of the pool, and cash set aside for unlocked withdrawals. */
  readonly poolCash: Assets
  readonly withdrawCash: Assets
  readonly requests: OrderedMap<bigint, FixedRequest>
  /** First nonce that is not unlocked. */
  readonly nextUnlock: bigint
  readonly paid: Balances<Assets>
  /** Part of a harvest, 10^18 is the whole. */
  readonly feeE18: bigint
  /** Seconds from a request to its payment. */
  readonly withdrawDelaySeconds: bigint
  /** Prices exits through a floored inverse rate, as a fork of the live contract does: it pays too much. */
  readonly legacyRounding: boolean
  /** The account whose first deposit can never leave, and how many shares that is. */
  readonly seedAccount: string
  readonly seedShares: Shares
}

/** Options of {@link createRatePool}. */
export type RatePoolOptions = {
  /** Seconds; default 0. */
  nowSeconds?: bigint
  /** 10^18 is the whole; default 0. */
  feeE18?: bigint
  /** Seconds; default 1,209,600 (14 days). */
  withdrawDelaySeconds?: bigint
  /** Default false. */
  legacyRounding?: boolean
  /** Wei that `seedAccount` deposits forever; default 0, as the live pool. */
  seed?: bigint
  /** Default `dead`. */
  seedAccount?: string
}

/** An empty pool. */
export function createRatePool(options: RatePoolOptions = {}): RatePool {
  const {
    nowSeconds = 0n,
    feeE18 = 0n,
    withdrawDelaySeconds = 1_209_600n,
    legacyRounding = false,
    seed = 0n,
    seedAccount = 'dead',
  } = options
  forward(0n, nowSeconds)
  if (feeE18 < 0n || feeE18 > e18) fail('OPTION_INVALID', `fee expected 0 … 10^18, got ${feeE18}`)
  if (withdrawDelaySeconds < 0n) fail('OPTION_INVALID', `delay expected 0 s or more, got ${withdrawDelaySeconds}`)
  const empty: RatePool = {
    nowSeconds,
    totalDeposits: 0n as Assets,
    supply: 0n as Shares,
    balances: OrderedMap.from(),
    rewardPool: 0n as Assets,
    feeBalance: 0n as Assets,
    poolCash: 0n as Assets,
    withdrawCash: 0n as Assets,
    requests: OrderedMap.from(),
    nextUnlock: 0n,
    paid: OrderedMap.from(),
    feeE18,
    withdrawDelaySeconds,
    legacyRounding,
    seedAccount,
    seedShares: 0n as Shares,
  }
  if (seed === 0n) return empty
  const { state, result } = operations.deposit(empty, { account: seedAccount, assets: seed as Assets })
  return { ...state, seedShares: result }
}

const totals = (pool: RatePool): Totals => ({ assets: pool.totalDeposits, shares: pool.supply })

/** Assets per share as the next depositor meets them. */
export function rateOfPool(pool: RatePool): RateE27 {
  return rateOf(totals(harvested(pool)))
}

function harvested(pool: RatePool): RatePool {
  const fee = mulDown(pool.rewardPool, pool.feeE18, e18)
  const net = pool.rewardPool - fee
  return {
    ...pool,
    totalDeposits: total<Assets>('totalDeposits', pool.totalDeposits + net),
    rewardPool: 0n as Assets,
    feeBalance: total<Assets>('feeBalance', pool.feeBalance + fee),
    poolCash: total<Assets>('poolCash', pool.poolCash + net),
  }
}

function enter(pool: RatePool, account: string, assets: bigint, shares: bigint): RatePool {
  checkAccount(account)
  return {
    ...pool,
    totalDeposits: total<Assets>('totalDeposits', pool.totalDeposits + assets),
    supply: total<Shares>('supply', pool.supply + shares),
    balances: credit(pool.balances, account, shares),
    poolCash: total<Assets>('poolCash', pool.poolCash + assets),
  }
}

function leave(pool: RatePool, account: string, assets: bigint, shares: bigint): RatePool {
  const balances = debit(pool.balances, account, shares)
  keepSeed(pool, balances, account)
  if (assets > pool.totalDeposits)
    fail('TOTAL_UNDERFLOW', `the pool counts ${pool.totalDeposits} wei, cannot owe ${assets}`, {
      limit: pool.totalDeposits,
    })
  return {
    ...pool,
    totalDeposits: (pool.totalDeposits - assets) as Assets,
    supply: (pool.supply - shares) as Shares,
    balances,
  }
}

function pay(pool: RatePool, assets: bigint): RatePool {
  if (assets > pool.poolCash)
    fail('INSUFFICIENT_CASH', `the pool has ${pool.poolCash} wei at hand, ${assets} are needed`, {
      limit: pool.poolCash,
    })
  return { ...pool, poolCash: (pool.poolCash - assets) as Assets }
}

const operations = {
  /** Moves the pool's time forward. */
  advance(pool: RatePool, args: { nowSeconds: bigint }): LstStep<RatePool, null> {
    forward(pool.nowSeconds, args.nowSeconds)
    return step({ ...pool, nowSeconds: args.nowSeconds }, null)
  },
  /** Harvests, then mints at the new rate, floored. */
  deposit(
    before: RatePool,
    args: { account: string; assets: Assets; minShares?: Shares | undefined },
  ): LstStep<RatePool, Shares> {
    positive('assets', args.assets)
    const pool = harvested(before)
    // Minting 1:1 onto shares without assets would give the deposit to them.
    if (pool.totalDeposits === 0n && pool.supply > 0n)
      fail('INSOLVENT', `${pool.supply} shares have no assets behind them`, { shares: pool.supply })
    const shares = toShares(args.assets, totals(pool), 'down')
    checkMint(args.assets, shares, args.minShares)
    return step(enter(pool, args.account, args.assets, shares), shares, submitted(args.account, args.assets, shares))
  },
  /** Reward income, until a harvest takes it. */
  rewardArrives(pool: RatePool, args: { assets: Assets }): LstStep<RatePool, null> {
    positive('assets', args.assets)
    return step({ ...pool, rewardPool: total<Assets>('rewardPool', pool.rewardPool + args.assets) }, null)
  },
  /** Books the reward pool, less the fee. */
  harvest(pool: RatePool, _args: Record<never, never> = {}): LstStep<RatePool, { net: Assets; fee: Assets }> {
    const next = harvested(pool)
    const result = {
      net: (next.totalDeposits - pool.totalDeposits) as Assets,
      fee: (next.feeBalance - pool.feeBalance) as Assets,
    }
    return step(next, result, { type: 'rewarded', assets: result.net, treasury: result.fee })
  },
  /**
   * Burns shares now for an amount fixed now. Harvests first unless told otherwise (the live contract does not: a stale
   * rate).
   */
  request(
    before: RatePool,
    args: { account: string; shares: Shares; harvestFirst?: boolean },
  ): LstStep<RatePool, { nonce: bigint; assets: Assets }> {
    positive('shares', args.shares)
    const pool = args.harvestFirst === false ? before : harvested(before)
    const held = balanceOf(pool.balances, args.account)
    if (args.shares > held)
      fail('BALANCE_EXCEEDED', `${args.account} holds ${held}, asked for ${args.shares}`, { held, asked: args.shares })
    let assets: bigint
    if (pool.legacyRounding) {
      const inverse = pool.totalDeposits === 0n ? 0n : (e18 * pool.supply) / pool.totalDeposits
      if (inverse === 0n) fail('ZERO_SHARE_RATE', 'the inverse rate is zero')
      assets = (args.shares * e18) / inverse
    } else assets = toAssets(args.shares, totals(pool), 'down')
    checkBurn(args.shares, assets)
    const nonce = BigInt(pool.requests.size)
    const next = leave(pool, args.account, assets, args.shares)
    return step(
      {
        ...next,
        requests: pool.requests.set(nonce, {
          owner: args.account,
          shares: args.shares,
          assets: assets as Assets,
          atSeconds: pool.nowSeconds,
          done: false,
        }),
      },
      { nonce, assets: assets as Assets },
      { type: 'requested', id: nonce, owner: args.account, assets, shares: args.shares, atSeconds: pool.nowSeconds },
    )
  },
  /** Sets cash aside for every nonce below `upto`, in order. */
  unlock(pool: RatePool, args: { upto: bigint }): LstStep<RatePool, Assets> {
    if (args.upto <= pool.nextUnlock || args.upto > BigInt(pool.requests.size))
      fail('REQUEST_UNKNOWN', `nonce expected ${pool.nextUnlock + 1n} … ${pool.requests.size}, got ${args.upto}`, {
        upto: args.upto,
      })
    let due = 0n
    for (const [nonce, request] of pool.requests.entries(pool.nextUnlock)) {
      if (nonce >= args.upto) break
      due += request.assets
    }
    const next = pay(pool, due)
    return step({ ...next, withdrawCash: (next.withdrawCash + due) as Assets, nextUnlock: args.upto }, due as Assets, {
      type: 'finalized',
      from: pool.nextUnlock,
      to: args.upto - 1n,
      assets: due,
    })
  },
  /** Pays the caller's oldest open request once it is unlocked and old enough. */
  complete(pool: RatePool, args: { account: string }): LstStep<RatePool, { nonce: bigint; assets: Assets }> {
    for (const [nonce, request] of pool.requests) {
      if (request.owner !== args.account || request.done) continue
      if (nonce < pool.nextUnlock) return complete(pool, nonce, request)
      return fail('NOT_UNLOCKED', `request ${nonce} is not unlocked: the next to be is ${pool.nextUnlock}`, { nonce })
    }
    return fail('REQUEST_UNKNOWN', `${args.account} has no open request`, { account: args.account })
  },
  /** METIS back from a seat. */
  returnFromSeat(pool: RatePool, args: { assets: Assets }): LstStep<RatePool, null> {
    positive('assets', args.assets)
    return step({ ...pool, poolCash: total<Assets>('poolCash', pool.poolCash + args.assets) }, null)
  },
  /** METIS out to a seat. */
  sendToSeat(pool: RatePool, args: { assets: Assets }): LstStep<RatePool, null> {
    positive('assets', args.assets)
    return step(pay(pool, args.assets), null)
  },
  /** Takes a loss from everybody pro rata; cash first, the rest was in seats. The live contract has no such path. */
  lose(pool: RatePool, args: { assets: Assets }): LstStep<RatePool, null> {
    positive('assets', args.assets)
    if (args.assets > pool.totalDeposits)
      fail('TOTAL_UNDERFLOW', `the pool counts ${pool.totalDeposits} wei, cannot lose ${args.assets}`, {
        limit: pool.totalDeposits,
      })
    const cash = pool.poolCash > args.assets ? pool.poolCash - args.assets : 0n
    return step(
      { ...pool, totalDeposits: (pool.totalDeposits - args.assets) as Assets, poolCash: cash as Assets },
      null,
      { type: 'lost', assets: args.assets },
    )
  },
  /** Moves shares; the seed stays. */
  transfer(pool: RatePool, args: { from: string; to: string; shares: Shares }): LstStep<RatePool, null> {
    return transfer(pool, args, balances => keepSeed(pool, balances, args.from))
  },
  /** Burns shares for an amount fixed elsewhere, by a withdrawal queue: at most what they are worth. */
  settle(pool: RatePool, args: { owner: string; shares: Shares; assets: Assets }): LstStep<RatePool, null> {
    positive('shares', args.shares)
    checkSettlement(args.shares, args.assets, totals(pool))
    return step(
      pay(leave(pool, args.owner, args.assets, args.shares), args.assets),
      null,
      withdrawn(args.owner, args.assets, args.shares),
    )
  },
}

function complete(
  pool: RatePool,
  nonce: bigint,
  request: FixedRequest,
): LstStep<RatePool, { nonce: bigint; assets: Assets }> {
  const mature = request.atSeconds + pool.withdrawDelaySeconds
  if (pool.nowSeconds < mature)
    fail('NOT_MATURE', `request ${nonce} is paid from ${mature} s on, it is ${pool.nowSeconds} s`, { limit: mature })
  return step(
    {
      ...pool,
      requests: pool.requests.set(nonce, { ...request, done: true }),
      withdrawCash: (pool.withdrawCash - request.assets) as Assets,
      paid: credit(pool.paid, request.owner, request.assets),
    },
    { nonce, assets: request.assets },
    { type: 'claimed', id: nonce, owner: request.owner, assets: request.assets },
  )
}

/** The rate pool as a reducer. */
export const applyRatePool: Apply<RatePool, typeof operations> = /*#__PURE__*/ reducer<RatePool, typeof operations>(
  operations,
)

function freeShares(pool: RatePool, owner: string): Shares {
  const held = balanceOf(pool.balances, owner)
  if (owner !== pool.seedAccount) return held
  return (held > pool.seedShares ? held - pool.seedShares : 0n) as Shares
}

/** What is redeemable at once: bounded by the cash at hand. */
function liquid(pool: RatePool, owner: string): Assets {
  const worth = toAssets(freeShares(pool, owner), totals(pool), 'down')
  return min(worth, pool.poolCash) as Assets
}

/**
 * ERC-4626 over a {@link RatePool} with instant exits out of its cash: what an integrator with a liquid market reads.
 */
export const rateFace: Erc4626<RatePool> = {
  totalAssets: pool => harvested(pool).totalDeposits,
  totalSupply: pool => pool.supply,
  balanceOf: (pool, account) => balanceOf(pool.balances, account),
  convertToShares: (pool, assets) => toShares(assets, totals(harvested(pool)), 'down'),
  convertToAssets: (pool, shares) => toAssets(shares, totals(harvested(pool)), 'down'),
  previewDeposit: (pool, assets) => toShares(assets, totals(harvested(pool)), 'down'),
  previewMint: (pool, shares) => toAssets(shares, totals(harvested(pool)), 'up'),
  previewWithdraw: (pool, assets) => toShares(assets, totals(harvested(pool)), 'up'),
  previewRedeem: (pool, shares) => toAssets(shares, totals(harvested(pool)), 'down'),
  maxDeposit: before => {
    const pool = harvested(before)
    return pool.totalDeposits === 0n && pool.supply > 0n ? 0n : unlimited
  },
  maxMint: before => {
    const pool = harvested(before)
    return pool.totalDeposits === 0n && pool.supply > 0n ? 0n : unlimited
  },
  maxWithdraw: (before, owner) => liquid(harvested(before), owner),
  maxRedeem: (before, owner) => {
    const pool = harvested(before)
    const free = freeShares(pool, owner)
    if (toAssets(free, totals(pool), 'down') <= pool.poolCash) return free
    return toShares(pool.poolCash, totals(pool), 'down')
  },
  deposit: (pool, { receiver, ...rest }) => operations.deposit(pool, { account: receiver, ...rest }),
  mint: (before, args) => {
    positive('shares', args.shares)
    const pool = harvested(before)
    const assets = toAssets(args.shares, totals(pool), 'up')
    positive('assets', assets)
    return step(enter(pool, args.receiver, assets, args.shares), assets)
  },
  withdraw: (before, args) => {
    positive('assets', args.assets)
    const pool = harvested(before)
    const shares = toShares(args.assets, totals(pool), 'up')
    return step(pay(leave(pool, args.owner, args.assets, shares), args.assets), shares)
  },
  redeem: (before, args) => {
    positive('shares', args.shares)
    const pool = harvested(before)
    const assets = toAssets(args.shares, totals(pool), 'down')
    checkBurn(args.shares, assets)
    return step(pay(leave(pool, args.owner, assets, args.shares), assets), assets)
  },
}

/** Zod schema of a {@link RatePool}. */
export const rateSchema = /* @__PURE__ */ (() =>
  z.strictObject({
    nowSeconds: integer,
    totalDeposits: integer,
    supply: integer,
    balances: ledger,
    rewardPool: integer,
    feeBalance: integer,
    poolCash: integer,
    withdrawCash: integer,
    requests: mapOf(
      integer,
      z.strictObject({ owner: z.string(), shares: integer, assets: integer, atSeconds: integer, done: z.boolean() }),
    ),
    nextUnlock: integer,
    paid: ledger,
    feeE18: integer,
    withdrawDelaySeconds: integer,
    legacyRounding: z.boolean(),
    seedAccount: z.string(),
    seedShares: integer,
  }))()

/** Whether balances, requests and cash agree. */
export function checkRate(pool: RatePool): string | undefined {
  const held = sum(pool.balances)
  if (held !== pool.supply) return `shares of all accounts are ${held}, the supply says ${pool.supply}`
  if (balanceOf(pool.balances, pool.seedAccount) < pool.seedShares) return 'the seed is not where it must stay'
  let next = 0n
  let ready = 0n
  for (const [nonce, request] of pool.requests) {
    if (nonce !== next++) return `nonces expected 0 … ${pool.requests.size - 1}, got ${nonce}`
    if (request.atSeconds > pool.nowSeconds) return `request ${nonce} was made after ${pool.nowSeconds} s`
    if (request.done && nonce >= pool.nextUnlock) return `request ${nonce} is paid and not unlocked`
    if (!request.done && nonce < pool.nextUnlock) ready += request.assets
  }
  if (pool.nextUnlock > next) return `the next nonce to unlock is ${pool.nextUnlock} of ${next}`
  if (ready !== pool.withdrawCash) return `unlocked requests are ${ready} wei, ${pool.withdrawCash} are set aside`
  return undefined
}

/** JSON of a {@link RatePool}. */
export const rateCodec: Codec<RatePool> = /* @__PURE__ */ codec(rateSchema, checkRate)
