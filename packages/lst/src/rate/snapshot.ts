import { OrderedMap } from '@l2/common'
import * as z from 'zod/mini'
import { fail } from '../errors.js'
import { mulDown } from '../math/math.js'
import { type Assets, amount, account as checkAccount, forward, positive, type Shares, total } from '../math/units.js'
import { type Codec, codec, integer, ledger } from '../state/codec.js'
import { type Balances, credit, debit, move, sum } from '../state/ledger.js'
import { type Apply, type LstStep, reducer, step } from '../state/reducer.js'
import { checkBurn, checkMint, submitted, withdrawn } from '../state/shares.js'

const e18 = 10n ** 18n

/**
 * A token whose rate is what an oracle last said (rETH): deposits and burns between two updates do not move it. Source:
 * Rocket Pool.
 */
export type SnapshotPool = {
  readonly nowSeconds: bigint
  readonly snapshotAssets: Assets
  readonly snapshotShares: Shares
  readonly supply: Shares
  readonly balances: Balances<Shares>
  /** What can be paid to those who burn. */
  readonly cash: Assets
  readonly updatedAtSeconds: bigint
  /** Largest move of the rate by one update, 10^18 is the whole. */
  readonly maxDeltaE18: bigint
  /** Seconds between updates. */
  readonly minIntervalSeconds: bigint
}

/** Options of {@link createSnapshotPool}. */
export type SnapshotOptions = {
  /** Seconds; default 0. */
  nowSeconds?: bigint
  /** Default 2·10^16: two per cent. */
  maxDeltaE18?: bigint
  /** Seconds; default 82,080: 95 % of a day. */
  minIntervalSeconds?: bigint
}

/** An empty pool; its rate is 1 until the first update. */
export function createSnapshotPool(options: SnapshotOptions = {}): SnapshotPool {
  const { nowSeconds = 0n, maxDeltaE18 = 2n * 10n ** 16n, minIntervalSeconds = 82_080n } = options
  forward(0n, nowSeconds)
  if (maxDeltaE18 < 0n || minIntervalSeconds < 0n) fail('OPTION_INVALID', 'delta and interval expected 0 or more')
  return {
    nowSeconds,
    snapshotAssets: 0n as Assets,
    snapshotShares: 0n as Shares,
    supply: 0n as Shares,
    balances: OrderedMap.from(),
    cash: 0n as Assets,
    updatedAtSeconds: nowSeconds,
    maxDeltaE18,
    minIntervalSeconds,
  }
}

/** Assets of shares at the snapshot, floored. */
export function snapshotAssetsOf(pool: SnapshotPool, shares: bigint): Assets {
  if (pool.snapshotShares === 0n) return shares as Assets
  return mulDown(shares, pool.snapshotAssets, pool.snapshotShares) as Assets
}

/** Shares of assets at the snapshot, floored. */
export function snapshotSharesOf(pool: SnapshotPool, assets: bigint): Shares {
  if (pool.snapshotShares === 0n) return assets as Shares
  if (pool.snapshotAssets === 0n) fail('INSOLVENT', 'the snapshot has shares and no assets')
  return mulDown(assets, pool.snapshotShares, pool.snapshotAssets) as Shares
}

const operations = {
  /** Moves time forward. */
  advance(pool: SnapshotPool, args: { nowSeconds: bigint }): LstStep<SnapshotPool, null> {
    forward(pool.nowSeconds, args.nowSeconds)
    return step({ ...pool, nowSeconds: args.nowSeconds }, null)
  },
  /** Mints at the snapshot's rate, floored. */
  deposit(
    pool: SnapshotPool,
    args: { account: string; assets: Assets; minShares?: Shares | undefined },
  ): LstStep<SnapshotPool, Shares> {
    checkAccount(args.account)
    positive('assets', args.assets)
    const shares = snapshotSharesOf(pool, args.assets)
    checkMint(args.assets, shares, args.minShares)
    return step(
      {
        ...pool,
        supply: total<Shares>('supply', pool.supply + shares),
        balances: credit(pool.balances, args.account, shares),
        cash: total<Assets>('cash', pool.cash + args.assets),
      },
      shares,
      submitted(args.account, args.assets, shares),
    )
  },
  /** Burns at the snapshot's rate, floored, as far as the cash goes. */
  burn(pool: SnapshotPool, args: { account: string; shares: Shares }): LstStep<SnapshotPool, Assets> {
    positive('shares', args.shares)
    const balances = debit(pool.balances, args.account, args.shares)
    const assets = snapshotAssetsOf(pool, args.shares)
    checkBurn(args.shares, assets)
    if (assets > pool.cash)
      fail('INSUFFICIENT_CASH', `${pool.cash} wei are at hand, ${assets} are needed`, { limit: pool.cash })
    return step(
      { ...pool, supply: (pool.supply - args.shares) as Shares, balances, cash: (pool.cash - assets) as Assets },
      assets,
      withdrawn(args.account, assets, args.shares),
    )
  },
  /** Moves shares. */
  transfer(pool: SnapshotPool, args: { from: string; to: string; shares: Shares }): LstStep<SnapshotPool, null> {
    checkAccount(args.to)
    positive('shares', args.shares)
    return step({ ...pool, balances: move(pool.balances, args.from, args.to, args.shares) }, null)
  },
  /** The oracle's new totals, if they come late enough and move the rate little enough. */
  update(pool: SnapshotPool, args: { assets: Assets; shares: Shares }): LstStep<SnapshotPool, null> {
    amount('assets', args.assets)
    amount('shares', args.shares)
    if (pool.nowSeconds < pool.updatedAtSeconds + pool.minIntervalSeconds)
      fail(
        'UPDATE_EARLY',
        `the next update can come at ${pool.updatedAtSeconds + pool.minIntervalSeconds} s, it is ${pool.nowSeconds} s`,
        {
          limit: pool.updatedAtSeconds + pool.minIntervalSeconds,
        },
      )
    const before = snapshotAssetsOf(pool, e18)
    const after = snapshotAssetsOf({ ...pool, snapshotAssets: args.assets, snapshotShares: args.shares }, e18)
    const most = mulDown(before, pool.maxDeltaE18, e18)
    const delta = after > before ? after - before : before - after
    if (delta > most)
      fail('RATE_DELTA_TOO_HIGH', `the rate would move by ${delta}, at most ${most}`, { delta, limit: most })
    return step(
      { ...pool, snapshotAssets: args.assets, snapshotShares: args.shares, updatedAtSeconds: pool.nowSeconds },
      null,
      {
        type: 'updated',
        atSeconds: pool.nowSeconds,
        assets: args.assets,
        shares: args.shares,
      },
    )
  },
}

/** The snapshot pool as a reducer. */
export const applySnapshotPool: Apply<SnapshotPool, typeof operations> = /*#__PURE__*/ reducer<
  SnapshotPool,
  typeof operations
>(operations)

/** JSON of a {@link SnapshotPool}. */
export const snapshotCodec: Codec<SnapshotPool> = /* @__PURE__ */ (() =>
  codec(
    z.strictObject({
      nowSeconds: integer,
      snapshotAssets: integer,
      snapshotShares: integer,
      supply: integer,
      balances: ledger,
      cash: integer,
      updatedAtSeconds: integer,
      maxDeltaE18: integer,
      minIntervalSeconds: integer,
    }),
    pool => (sum(pool.balances) === pool.supply ? undefined : 'shares of all accounts are not the supply'),
  ))()
