import { OrderedMap } from '@l2/common'
import * as z from 'zod/mini'
import { fail } from '../errors.js'
import { bpsOf, max, min, mulDown, rateOf, type Totals, toAssets, toShares } from '../math/math.js'
import {
  type Assets,
  amount,
  atLeast,
  account as checkAccount,
  forward,
  positive,
  type RateE27,
  rateOne,
  type Shares,
  total,
} from '../math/units.js'
import { checkReport, growthLimit, limitsSchema, type ReportLimits } from '../report/guard.js'
import { burnLimit, createLimiter, limiterAdd, limiterRemove, limiterSeats } from '../report/limiter.js'
import { type Codec, codec, integer, ledger } from '../state/codec.js'
import { type Balances, balanceOf, credit, debit, move, sum } from '../state/ledger.js'
import { type Apply, type LstStep, reducer, step } from '../state/reducer.js'
import {
  applyQueue,
  checkQueue,
  createQueue,
  prefinalize,
  type QueueOptions,
  queueSchema,
  unfinalized,
  type WithdrawalQueue,
} from '../withdrawal/queue.js'

/** Somebody who is paid out of the profit. */
export type FeeRecipient = { readonly account: string; readonly bps: bigint }

/** Accounts of the protocol itself: their shares belong to the pool's own parts. */
export const queueAccount = 'queue'
export const burnerAccount = 'burner'
/** Holder of the seed: shares that can never be redeemed, so that supply and pool are never zero again. */
export const deadAccount = 'dead'
const reserved = new Set([queueAccount, burnerAccount, deadAccount])

/**
 * Rebasing shares (stETH): a balance is a share of everything the pool has. Wei are in exactly one of buffer, transit and seats, or outside
 * the pool in the two vaults. Source: Lido.sol, Accounting.sol.
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
  readonly maxPositiveRebaseE9: bigint | undefined
  readonly limits: ReportLimits
  readonly stakeLimit: StakeLimit | undefined
  readonly paused: boolean
  readonly bunker: boolean
  /** Time of the last report, seconds. */
  readonly reportedAt: bigint
}

/**
 * What the fee is taken from. `highWater`: from what lifts the rate above the highest it ever was, so that making a loss good is no
 * profit. `net`: from every report's net gain. `principal`: from the gain, but only when seats and returned principal grew (Lido).
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
  /** Billionths of the pool a report may add; default off. */
  maxPositiveRebaseE9?: bigint | undefined
  /** Default none. */
  limits?: ReportLimits
  /** Default none. */
  stakeLimit?: { max: bigint; growthBlocks: bigint; block: bigint } | undefined
  /** Time of the first report period's start, seconds; default 0. */
  now?: bigint
}

/** Refuses recipients whose parts are negative or more than the whole. */
export function checkRecipients(recipients: readonly FeeRecipient[]): void {
  let bps = 0n
  for (const recipient of recipients) {
    checkAccount(recipient.account)
    if (recipient.bps < 0n) fail('OPTION_INVALID', `fee expected 0 … 10000 bps, got ${recipient.bps}`)
    bps += recipient.bps
  }
  if (bps > 10_000n) fail('OPTION_INVALID', `fees expected at most 10000 bps together, got ${bps}`)
}

/**
 * A pool with its seed in it.
 * @example
 * ```ts
 * import { applyRebasing, assets, createRebasingPool, rebasingBalance } from '@l2/lst'
 * const pool = createRebasingPool({ feeRecipients: [{ account: 'treasury', bps: 1000n }] })
 * const { state } = applyRebasing(pool, { type: 'submit', account: 'alice', assets: assets(9n * 10n ** 18n) })
 * const rewarded = applyRebasing(state, { type: 'receiveRewards', assets: assets(10n ** 18n) }).state
 * const { result } = applyRebasing(rewarded, { type: 'report', seatsNow: assets(0n), appeared: assets(0n), elapsedSeconds: 86_400n, now: 86_400n })
 * console.log(result.feeAssets) // 100000000000000000n
 * ```
 */
export function createRebasingPool(options: RebasingOptions = {}): RebasingPool {
  const { seed = 10n ** 18n, feeRecipients = [], profitTest = 'net', limits = {}, now = 0n } = options
  amount('seed', seed)
  checkRecipients(feeRecipients)
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
    maxPositiveRebaseE9: options.maxPositiveRebaseE9,
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
    reportedAt: now,
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

/** What a report says. */
export type RebasingReport = {
  /** Balance of all seats, METIS on its way back included, wei. */
  readonly seatsNow: Assets
  /** Part of the transit that is in seats now, wei. */
  readonly appeared: Assets
  /** Seconds since the last report. */
  readonly elapsedSeconds: bigint
  /** Time of the report, seconds. */
  readonly now: bigint
  /** Ends of the batches to finalise, with the highest rate they are paid at. */
  readonly batches?: readonly bigint[] | undefined
  readonly maxRate?: RateE27 | undefined
  /** Seats that became active, for the guard. */
  readonly appearedSeats?: bigint | undefined
  /** Turns bunker mode on or off. */
  readonly bunker?: boolean | undefined
}

/** What a report does. All in wei or shares. */
export type ReportOutcome = {
  readonly principal: Assets
  /** Locked for withdrawals, and the shares the queue gives up for it. */
  readonly locked: Assets
  readonly queueShares: Shares
  readonly fromReturnsVault: Assets
  readonly fromRewardsVault: Assets
  readonly burnt: Shares
  /** The part of `burnt` that the limiter granted on top of cover requests. */
  readonly queueBurnt: Shares
  readonly preAssets: Assets
  readonly preShares: Shares
  readonly postAssets: Assets
  readonly postShares: Shares
  readonly feeAssets: Assets
  readonly feeShares: Shares
  readonly distribution: readonly { readonly account: string; readonly shares: Shares }[]
  readonly preRate: RateE27
  readonly postRate: RateE27
}

/** The high-water mark after a report; a pool that everybody has left starts anew. */
export function highWater(before: RateE27, totals: Totals): RateE27 {
  return totals.shares === 0n ? rateOne : (max(before, rateOf(totals)) as RateE27)
}

/** The part of a gain that is profit: what is left once `totals` are back at `highRate`. */
export function aboveHighWater(gain: bigint, totals: Totals, highRate: bigint): bigint {
  const missing = mulDown(highRate, totals.shares, rateOne) - totals.assets
  return missing > 0n ? max(gain - missing, 0n) : gain
}

/**
 * Fee shares that are worth `feeAssets` once minted, and how the recipients divide them: floors, the last one gets the rest.
 */
export function feeSharesFor(
  recipients: readonly FeeRecipient[],
  gain: bigint,
  postAssets: bigint,
  shares: bigint,
): { feeAssets: Assets; feeShares: Shares; distribution: { account: string; shares: Shares }[] } {
  const bps = recipients.reduce((all, recipient) => all + recipient.bps, 0n)
  let feeAssets = gain > 0n ? bpsOf(gain, bps) : 0n
  let feeShares = 0n
  // The whole pool as fee would leave no rate for the holders: nothing can be minted at it.
  if (feeAssets > 0n && postAssets > feeAssets) feeShares = mulDown(feeAssets, shares, postAssets - feeAssets)
  else feeAssets = 0n
  let left = feeShares
  const distribution = recipients.map((recipient, i) => {
    const part = i === recipients.length - 1 ? left : bps === 0n ? 0n : (feeShares * recipient.bps) / bps
    left -= part
    return { account: recipient.account, shares: part as Shares }
  })
  return { feeAssets: feeAssets as Assets, feeShares: feeShares as Shares, distribution }
}

/**
 * What a report would do, without doing it: the oracle's dry run, whose `postRate` without batches is the rate to finalise at.
 * @throws LstError `REPORT_INCONSISTENT`, and whatever `prefinalize` and the guard refuse.
 */
export function simulateReport(pool: RebasingPool, report: RebasingReport): ReportOutcome {
  amount('seatsNow', report.seatsNow)
  amount('appeared', report.appeared)
  if (report.elapsedSeconds < 0n) fail('TIME_BACKWARDS', `elapsed expected 0 or more, got ${report.elapsedSeconds} s`)
  if (report.appeared > pool.transit)
    fail('REPORT_INCONSISTENT', `${report.appeared} wei appeared, but only ${pool.transit} are in transit`, {
      limit: pool.transit,
    })
  const preAssets = pooled(pool)
  const preShares = pool.totalShares
  const principal = (pool.seats + report.appeared) as Assets
  const finalizing = report.batches !== undefined && report.batches.length > 0
  const { assets: locked, shares: queueShares } = finalizing
    ? prefinalize(pool.queue, report.batches ?? [], report.maxRate ?? (0n as RateE27))
    : { assets: 0n as Assets, shares: 0n as Shares }
  const most = growthLimit(pool.limits, preAssets, report.elapsedSeconds)
  let limiter = limiterSeats(
    createLimiter(pool.maxPositiveRebaseE9, preAssets, preShares, most),
    principal,
    report.seatsNow,
  )
  const returns = limiterAdd(limiter, pool.returnsVault)
  const rewards = limiterAdd(returns.limiter, pool.rewardsVault)
  limiter = rewards.limiter
  const wanted = pool.burnRequested
  const room = burnLimit(limiter)
  const burnCover = room === undefined ? wanted : min(room, wanted)
  const afterLock = burnLimit(limiterRemove(limiter, locked))
  const burnAll = wanted + queueShares
  // Shares that leave for what they are worth raise nobody's rate: they are burnt at once. What the limit holds back is what their owners
  // gave up, and shares burnt as cover.
  const neutral = finalizing ? min(queueShares, mulDown(locked, rateOne, report.maxRate ?? 1n)) : 0n
  const burnt = afterLock === undefined ? burnAll : max(min(afterLock, burnAll), burnCover + neutral)
  const postAssets = preAssets + report.seatsNow + returns.taken - principal + rewards.taken - locked
  const gain = report.seatsNow + returns.taken - principal + rewards.taken
  const seatGain = report.seatsNow + returns.taken - principal
  const sharesLeft = preShares - burnt
  const profit =
    pool.profitTest === 'highWater'
      ? aboveHighWater(gain, { assets: preAssets, shares: preShares }, pool.highRate)
      : pool.profitTest === 'net' || seatGain > 0n
        ? gain
        : 0n
  const fee = feeSharesFor(pool.feeRecipients, profit, postAssets, sharesLeft)
  const postShares = sharesLeft + fee.feeShares
  const bufferAfter = pool.buffer + returns.taken + rewards.taken - locked
  if (bufferAfter < 0n)
    fail('INSUFFICIENT_CASH', `finalising locks ${locked} wei, the buffer has ${bufferAfter + locked}`, {
      limit: bufferAfter + locked,
    })
  if (finalizing && pool.limits.requestMarginSeconds !== undefined) {
    const last = report.batches![report.batches!.length - 1]!
    const at = pool.queue.requests.get(last)!.at
    if (at + pool.limits.requestMarginSeconds > report.now)
      fail('REQUEST_TOO_FRESH', `request ${last} of ${at} s is younger than ${pool.limits.requestMarginSeconds} s`, {
        limit: pool.limits.requestMarginSeconds,
      })
  }
  checkReport(pool.limits, {
    pre: preAssets,
    post: preAssets + gain,
    elapsedSeconds: report.elapsedSeconds,
    appearedSeats: report.appearedSeats,
    finalization: finalizing
      ? { postAssets, postShares, locked, burnt: burnt - burnCover, maxRate: report.maxRate ?? 0n }
      : undefined,
  })
  return {
    principal,
    locked,
    queueShares,
    fromReturnsVault: returns.taken,
    fromRewardsVault: rewards.taken,
    burnt: burnt as Shares,
    queueBurnt: (burnt - burnCover) as Shares,
    preAssets,
    preShares,
    postAssets: postAssets as Assets,
    postShares: total<Shares>('totalShares', postShares),
    ...fee,
    preRate: rateOf({ assets: preAssets, shares: preShares }),
    postRate: rateOf({ assets: postAssets, shares: postShares }),
  }
}

/** The rate that a report without withdrawals would leave: what the queue is finalised at. */
export function simulatedRate(pool: RebasingPool, report: RebasingReport): RateE27 {
  const { postAssets, postShares } = simulateReport(pool, { ...report, batches: undefined })
  return (postShares === 0n ? 0n : (postAssets * rateOne) / postShares) as RateE27
}

function own(account: string): void {
  checkAccount(account)
  if (reserved.has(account)) fail('ACCOUNT_INVALID', `"${account}" is an account of the protocol`, { account })
}

const operations = {
  /** Deposits; mints shares at the present rate, floored. */
  submit(
    pool: RebasingPool,
    args: { account: string; assets: Assets; block?: bigint; minShares?: Shares | undefined },
  ): LstStep<RebasingPool, Shares> {
    own(args.account)
    positive('assets', args.assets)
    if (pool.paused) fail('PAUSED', 'deposits are paused')
    let { stakeLimit } = pool
    if (stakeLimit !== undefined) {
      const block = args.block ?? stakeLimit.block
      const left = stakeLimitAt(pool, block)!
      if (args.assets > left)
        fail('LIMIT_EXCEEDED', `at most ${left} wei can be deposited now, got ${args.assets}`, { limit: left })
      stakeLimit = {
        ...stakeLimit,
        left: (left - args.assets) as Assets,
        block: max(block, stakeLimit.block),
      }
    }
    const minted = toShares(args.assets, rebasingTotals(pool), 'down')
    if (minted === 0n) fail('ZERO_SHARES', `${args.assets} wei are worth less than one share`, { assets: args.assets })
    atLeast(args.assets, minted, args.minShares)
    total('pooled', pooled(pool) + args.assets)
    return step(
      {
        ...pool,
        buffer: (pool.buffer + args.assets) as Assets,
        totalShares: total<Shares>('totalShares', pool.totalShares + minted),
        shares: credit(pool.shares, args.account, minted),
        stakeLimit,
      },
      minted,
      { type: 'submitted', account: args.account, assets: args.assets, shares: minted },
    )
  },

  /** Moves what `assets` are worth in shares, floored: the receiver may see a wei or two less (that is why `transferShares` exists). */
  transfer(pool: RebasingPool, args: { from: string; to: string; assets: Assets }): LstStep<RebasingPool, Shares> {
    amount('assets', args.assets)
    return transferShares(pool, {
      from: args.from,
      to: args.to,
      shares: toShares(args.assets, rebasingTotals(pool), 'down'),
    })
  },

  /** Moves shares, exactly. */
  transferShares(
    pool: RebasingPool,
    args: { from: string; to: string; shares: Shares },
  ): LstStep<RebasingPool, Shares> {
    return transferShares(pool, args)
  },

  /** Shares to be burnt at the next reports: cover that raises everybody's rate. */
  requestBurn(pool: RebasingPool, args: { account: string; shares: Shares }): LstStep<RebasingPool, Shares> {
    own(args.account)
    positive('shares', args.shares)
    return step(
      {
        ...pool,
        shares: move(pool.shares, args.account, burnerAccount, args.shares),
        burnRequested: (pool.burnRequested + args.shares) as Shares,
      },
      args.shares,
      { type: 'burnRequested', account: args.account, shares: args.shares },
    )
  },

  /** Sends wei from the buffer to seats, never what requests wait for. */
  allocate(pool: RebasingPool, args: { assets: Assets }): LstStep<RebasingPool, Assets> {
    positive('assets', args.assets)
    if (pool.paused || pool.bunker) fail('PAUSED', `allocation is stopped: ${pool.bunker ? 'bunker mode' : 'paused'}`)
    const most = depositable(pool)
    if (args.assets > most)
      fail('LIMIT_EXCEEDED', `at most ${most} wei can be allocated, got ${args.assets}`, { limit: most })
    return step(
      { ...pool, buffer: (pool.buffer - args.assets) as Assets, transit: (pool.transit + args.assets) as Assets },
      args.assets,
      { type: 'allocated', assets: args.assets },
    )
  },

  /** Reward income outside the pool, until a report takes it. */
  receiveRewards(pool: RebasingPool, args: { assets: Assets }): LstStep<RebasingPool, null> {
    positive('assets', args.assets)
    return step({ ...pool, rewardsVault: total<Assets>('rewardsVault', pool.rewardsVault + args.assets) }, null)
  },

  /** Principal that came back from a seat, until a report takes it. */
  receiveReturns(pool: RebasingPool, args: { assets: Assets }): LstStep<RebasingPool, null> {
    positive('assets', args.assets)
    return step({ ...pool, returnsVault: total<Assets>('returnsVault', pool.returnsVault + args.assets) }, null)
  },

  /** Asks for `assets` back: their shares leave the owner now and are burnt when the request is finalised. */
  request(pool: RebasingPool, args: { account: string; assets: Assets; now: bigint }): LstStep<RebasingPool, bigint> {
    own(args.account)
    positive('assets', args.assets)
    if (pool.paused) fail('PAUSED', 'requests are paused')
    const shares = toShares(args.assets, rebasingTotals(pool), 'down')
    if (shares === 0n) fail('ZERO_SHARES', `${args.assets} wei are worth less than one share`, { assets: args.assets })
    return enqueue(pool, args.account, args.assets, shares, args.now)
  },

  /** Asks for what `shares` are worth now; exact in shares. */
  requestShares(
    pool: RebasingPool,
    args: { account: string; shares: Shares; now: bigint },
  ): LstStep<RebasingPool, bigint> {
    own(args.account)
    positive('shares', args.shares)
    if (pool.paused) fail('PAUSED', 'requests are paused')
    const assets = toAssets(args.shares, rebasingTotals(pool), 'down')
    if (assets === 0n) fail('ZERO_ASSETS', `${args.shares} shares are worth less than one wei`, { shares: args.shares })
    return enqueue(pool, args.account, assets, args.shares, args.now)
  },

  /** Pays a finalised request. Works while paused and in bunker mode. */
  claim(pool: RebasingPool, args: { id: bigint; account: string; hint?: bigint }): LstStep<RebasingPool, Assets> {
    const claimed = applyQueue(pool.queue, { ...args, type: 'claim' })
    return { state: { ...pool, queue: claimed.state }, result: claimed.result, events: claimed.events }
  },

  /** Hands a request to somebody else. */
  transferRequest(pool: RebasingPool, args: { id: bigint; from: string; to: string }): LstStep<RebasingPool, null> {
    const moved = applyQueue(pool.queue, { ...args, type: 'transferRequest' })
    return { state: { ...pool, queue: moved.state }, result: null, events: moved.events }
  },

  /** Books a report: profit and loss, withdrawals, burns, and last the fee shares. */
  report(pool: RebasingPool, args: RebasingReport): LstStep<RebasingPool, ReportOutcome> {
    forward(0n, args.now)
    if (args.now <= pool.reportedAt)
      fail('REPORT_STALE', `report of ${args.now} s is not newer than that of ${pool.reportedAt} s`, {
        last: pool.reportedAt,
        now: args.now,
      })
    const outcome = simulateReport(pool, args)
    let { queue, shares } = pool
    if (args.batches !== undefined && args.batches.length > 0) {
      queue = applyQueue(queue, {
        type: 'finalize',
        lastId: args.batches[args.batches.length - 1]!,
        assets: outcome.locked,
        maxRate: args.maxRate!,
      }).state
      shares = move(shares, queueAccount, burnerAccount, outcome.queueShares)
    }
    shares = debit(shares, burnerAccount, outcome.burnt)
    for (const part of outcome.distribution) shares = credit(shares, part.account, part.shares)
    return step(
      {
        ...pool,
        buffer: (pool.buffer + outcome.fromReturnsVault + outcome.fromRewardsVault - outcome.locked) as Assets,
        transit: (pool.transit - args.appeared) as Assets,
        seats: args.seatsNow,
        rewardsVault: (pool.rewardsVault - outcome.fromRewardsVault) as Assets,
        returnsVault: (pool.returnsVault - outcome.fromReturnsVault) as Assets,
        totalShares: outcome.postShares,
        highRate: highWater(pool.highRate, { assets: outcome.postAssets, shares: outcome.postShares }),
        shares,
        burnRequested: (pool.burnRequested + outcome.queueShares - outcome.burnt) as Shares,
        queue,
        bunker: args.bunker ?? pool.bunker,
        reportedAt: args.now,
      },
      outcome,
      {
        type: 'rebased',
        at: args.now,
        elapsedSeconds: args.elapsedSeconds,
        preAssets: outcome.preAssets,
        preShares: outcome.preShares,
        postAssets: outcome.postAssets,
        postShares: outcome.postShares,
        feeShares: outcome.feeShares,
      },
    )
  },

  /** Stops deposits, requests and allocation; never claims. */
  pause(pool: RebasingPool, args: { paused: boolean }): LstStep<RebasingPool, null> {
    return step({ ...pool, paused: args.paused }, null, { type: args.paused ? 'paused' : 'resumed' })
  },
}

function transferShares(
  pool: RebasingPool,
  args: { from: string; to: string; shares: Shares },
): LstStep<RebasingPool, Shares> {
  own(args.from)
  own(args.to)
  amount('shares', args.shares)
  return step({ ...pool, shares: move(pool.shares, args.from, args.to, args.shares) }, args.shares, {
    type: 'transferred',
    from: args.from,
    to: args.to,
    shares: args.shares,
  })
}

function enqueue(
  pool: RebasingPool,
  owner: string,
  assets: Assets,
  shares: Shares,
  now: bigint,
): LstStep<RebasingPool, bigint> {
  const moved = move(pool.shares, owner, queueAccount, shares)
  const queued = applyQueue(pool.queue, { type: 'enqueue', owner, assets, shares, now })
  return { state: { ...pool, shares: moved, queue: queued.state }, result: queued.result, events: queued.events }
}

/** The rebasing pool as a reducer: `submit`, `transfer`, `request`, `claim`, `report` and the rest. */
export const applyRebasing: Apply<RebasingPool, typeof operations> = /*#__PURE__*/ reducer<
  RebasingPool,
  typeof operations
>(operations)

/** Zod schema of a {@link RebasingPool}. */
export const rebasingSchema = /* @__PURE__ */ (() =>
  z.strictObject({
    buffer: integer,
    transit: integer,
    seats: integer,
    rewardsVault: integer,
    returnsVault: integer,
    totalShares: integer,
    shares: ledger,
    burnRequested: integer,
    queue: queueSchema,
    feeRecipients: z.array(z.strictObject({ account: z.string(), bps: integer })),
    profitTest: z.enum(['highWater', 'net', 'principal']),
    highRate: integer,
    maxPositiveRebaseE9: z.optional(integer),
    limits: limitsSchema,
    stakeLimit: z.optional(z.strictObject({ max: integer, growthBlocks: integer, left: integer, block: integer })),
    paused: z.boolean(),
    bunker: z.boolean(),
    reportedAt: integer,
  }))()

/** What must hold between the parts of a pool; a sentence when it does not. */
export function checkRebasing(pool: RebasingPool): string | undefined {
  const held = sum(pool.shares)
  if (held !== pool.totalShares) return `shares of all accounts are ${held}, the total says ${pool.totalShares}`
  if (balanceOf(pool.shares, queueAccount) < unfinalized(pool.queue).shares)
    return 'the queue holds fewer shares than its requests gave up'
  if (balanceOf(pool.shares, burnerAccount) < pool.burnRequested)
    return 'the burner holds fewer shares than it must burn'
  return checkQueue(pool.queue)
}

/** JSON of a {@link RebasingPool}. */
export const rebasingCodec: Codec<RebasingPool> = /* @__PURE__ */ codec(rebasingSchema, checkRebasing)
