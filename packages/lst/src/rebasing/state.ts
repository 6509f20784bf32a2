import { OrderedMap } from '@l2/common'
import { fail } from '../errors.js'
import { min, type Totals, toAssets } from '../math/math.js'
import { type Assets, amount, account as checkAccount, type RateE27, rateOne, type Shares } from '../math/units.js'
import type { ReportLimits } from '../report/guard.js'
import { checkRebaseLimit } from '../report/limiter.js'
import { type Balances, balanceOf } from '../state/ledger.js'
import { createQueue, type QueueOptions, unfinalized, type WithdrawalQueue } from '../withdrawal/queue.js'

/** Somebody who is paid out of the profit. */
export type FeeRecipient = { readonly account: string; readonly bps: bigint }

/** Accounts of the protocol itself: their shares belong to the pool's own parts. */
export const queueAccount = 'queue'
export const burnerAccount = 'burner'

/** Holder of the seed: shares that can never be redeemed, so that supply and pool are never zero again. */
export const deadAccount = 'dead'
export const reserved = new Set([queueAccount, burnerAccount, deadAccount])

/**
 * Rebasing shares (stETH): a balance is a share of everything the pool has. Wei are in exactly one of buffer, transit
 * and seats, or outside the pool in the two vaults. Source: Lido.sol, Accounting.sol.
 */
export type RebasingPool = {
  readonly buffer: Assets
  /** Left the buffer, not yet seen in a seat. */
  readonly transit: Assets
  /** As last reported. */
  readonly seats: Assets
  /** Rewards that came in and no report has taken yet. */
  readonly rewardsVault: Assets
  /** Principal that came back and no report has taken yet. */
  readonly returnsVault: Assets
  readonly totalShares: Shares
  readonly shares: Balances<Shares>
  /** Shares waiting to be burnt as cover, held by the burner. */
  readonly burnRequested: Shares
  readonly queue: WithdrawalQueue
  readonly feeRecipients: readonly FeeRecipient[]
  readonly profitTest: ProfitTest
  /** The highest rate that a report left: what `highWater` measures profit from. */
  readonly highRate: RateE27
  readonly maxPositiveRebaseE18: bigint | undefined
  readonly limits: ReportLimits
  readonly stakeLimit: StakeLimit | undefined
  readonly paused: boolean
  readonly bunker: boolean
  /** Time of the last report, seconds. */
  readonly reportedAtSeconds: bigint
}

/**
 * What the fee is taken from. `highWater`: from what lifts the rate above the highest it ever was, so that making a
 * loss good is no profit. `net`: from every report's net gain. `principal`: from the gain, but only when seats and
 * returned principal grew (Lido).
 */
export type ProfitTest = 'highWater' | 'net' | 'principal'

/** A bucket of deposits that refills by block: `⌊max/growthBlocks⌋` each. Source: Lido StakeLimitUtils. */
export type StakeLimit = {
  readonly max: Assets
  readonly growthBlocks: bigint
  readonly left: Assets
  readonly block: bigint
}

/** Options of {@link createRebasingPool}. */
export type RebasingOptions = QueueOptions & {
  /** Wei that go to the dead account, so that the first depositor cannot set the price. Default 10^18. */
  seed?: bigint
  /** Default none. Together at most 10,000 bps. The last one gets the odd share. */
  feeRecipients?: readonly FeeRecipient[]
  /** Default `net`. */
  profitTest?: ProfitTest
  /** Part of the pool that a report may add, 10^18 the whole, in steps of 10^9; default off. */
  maxPositiveRebaseE18?: bigint | undefined
  /** Default none. */
  limits?: ReportLimits
  /** Default none. */
  stakeLimit?: { max: bigint; growthBlocks: bigint; block: bigint } | undefined
  /** Time of the first report period's start, seconds; default 0. */
  nowSeconds?: bigint
}

/** Refuses recipients whose parts are negative or more than the whole. */
export function checkRecipients(recipients: readonly FeeRecipient[]): void {
  let bps = 0n
  for (const recipient of recipients) {
    checkAccount(recipient.account)
    if (recipient.bps < 0n) fail('OPTION_INVALID', `fee expected 0 … 10000 bps, got ${recipient.bps}`)
    bps += recipient.bps
  }
  if (bps > 10000n) fail('OPTION_INVALID', `fees expected at most 10000 bps together, got ${bps}`)
}

/**
 * A pool with its seed in it.
 * @example
 * ```ts
 * import { assets } from '@l2/lst'
 * import { applyRebasing, createRebasingPool, rebasingBalance } from '@l2/lst/rebasing'
 * const pool = createRebasingPool({ feeRecipients: [{ account: 'treasury', bps: 1000n }] })
 * const { state } = applyRebasing(pool, { type: 'submit', account: 'alice', assets: assets(9n * 10n ** 18n) })
 * const rewarded = applyRebasing(state, { type: 'receiveRewards', assets: assets(10n ** 18n) }).state
 * const { result } = applyRebasing(rewarded, { type: 'report', seatsNow: assets(0n), appeared: assets(0n), elapsedSeconds: 86_400n, nowSeconds: 86_400n })
 * console.log(result.feeAssets) // 100000000000000000n
 * ```
 */
export function createRebasingPool(options: RebasingOptions = {}): RebasingPool {
  const { seed = 10n ** 18n, feeRecipients = [], profitTest = 'net', limits = {}, nowSeconds = 0n } = options
  amount('seed', seed)
  checkRecipients(feeRecipients)
  checkRebaseLimit(options.maxPositiveRebaseE18)
  const { stakeLimit } = options
  if (stakeLimit !== undefined && (stakeLimit.growthBlocks < 1n || stakeLimit.max < 0n))
    fail('OPTION_INVALID', `stake limit expected max ≥ 0 over at least 1 block, got ${stakeLimit.max}`)
  return {
    buffer: seed as Assets,
    transit: 0n as Assets,
    seats: 0n as Assets,
    rewardsVault: 0n as Assets,
    returnsVault: 0n as Assets,
    totalShares: seed as Shares,
    shares: seed === 0n ? OrderedMap.from() : OrderedMap.from([[deadAccount, seed as Shares]]),
    burnRequested: 0n as Shares,
    queue: createQueue(options),
    feeRecipients,
    profitTest,
    highRate: rateOne,
    maxPositiveRebaseE18: options.maxPositiveRebaseE18,
    limits,
    stakeLimit:
      stakeLimit === undefined
        ? undefined
        : {
            max: stakeLimit.max as Assets,
            growthBlocks: stakeLimit.growthBlocks,
            left: stakeLimit.max as Assets,
            block: stakeLimit.block,
          },
    paused: false,
    bunker: false,
    reportedAtSeconds: nowSeconds,
  }
}

/** Everything that shares are shares of, wei. */
export function pooled(pool: RebasingPool): Assets {
  return (pool.buffer + pool.transit + pool.seats) as Assets
}

/** Both sides of the price. */
export function rebasingTotals(pool: RebasingPool): Totals {
  return { assets: pooled(pool), shares: pool.totalShares }
}

/** What an account's shares are worth now, floored. */
export function rebasingBalance(pool: RebasingPool, account: string): Assets {
  return toAssets(balanceOf(pool.shares, account), rebasingTotals(pool), 'down')
}

/** What may go to seats: the buffer less what requests wait for; nothing while paused or in bunker mode. */
export function depositable(pool: RebasingPool): Assets {
  if (pool.paused || pool.bunker) return 0n as Assets
  const left = pool.buffer - unfinalized(pool.queue).assets
  return (left > 0n ? left : 0n) as Assets
}

/** What may be submitted at `block`. `undefined` means no limit; 0 when paused. */
export function stakeLimitAt(pool: RebasingPool, block: bigint): Assets | undefined {
  if (pool.paused) return 0n as Assets
  const limit = pool.stakeLimit
  if (limit === undefined) return undefined
  const passed = block > limit.block ? block - limit.block : 0n
  return min(limit.left + passed * (limit.max / limit.growthBlocks), limit.max) as Assets
}
