import * as z from 'zod/mini'
import { fail } from '../errors.js'
import { max, toAssets, toShares } from '../math/math.js'
import {
  type Assets,
  amount,
  atLeast,
  account as checkAccount,
  forward,
  positive,
  type Shares,
  total,
} from '../math/units.js'
import { limitsSchema } from '../report/guard.js'
import { type Codec, codec, integer, ledger } from '../state/codec.js'
import { balanceOf, credit, debit, move, sum } from '../state/ledger.js'
import { type Apply, type LstStep, reducer, step } from '../state/reducer.js'
import { applyQueue, checkQueue, queueSchema, unfinalized } from '../withdrawal/queue.js'
import { highWater, type RebasingReport, type ReportOutcome, simulateReport } from './report.js'
import {
  burnerAccount,
  depositable,
  pooled,
  queueAccount,
  type RebasingPool,
  rebasingTotals,
  reserved,
  stakeLimitAt,
} from './state.js'

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

  /**
   * Moves what `assets` are worth in shares, floored: the receiver may see a wei or two less (that is why
   * `transferShares` exists).
   */
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
  request(
    pool: RebasingPool,
    args: { account: string; assets: Assets; nowSeconds: bigint },
  ): LstStep<RebasingPool, bigint> {
    own(args.account)
    positive('assets', args.assets)
    if (pool.paused) fail('PAUSED', 'requests are paused')
    const shares = toShares(args.assets, rebasingTotals(pool), 'down')
    if (shares === 0n) fail('ZERO_SHARES', `${args.assets} wei are worth less than one share`, { assets: args.assets })
    return enqueue(pool, args.account, args.assets, shares, args.nowSeconds)
  },

  /** Asks for what `shares` are worth now; exact in shares. */
  requestShares(
    pool: RebasingPool,
    args: { account: string; shares: Shares; nowSeconds: bigint },
  ): LstStep<RebasingPool, bigint> {
    own(args.account)
    positive('shares', args.shares)
    if (pool.paused) fail('PAUSED', 'requests are paused')
    const assets = toAssets(args.shares, rebasingTotals(pool), 'down')
    if (assets === 0n) fail('ZERO_ASSETS', `${args.shares} shares are worth less than one wei`, { shares: args.shares })
    return enqueue(pool, args.account, assets, args.shares, args.nowSeconds)
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
    forward(0n, args.nowSeconds)
    if (args.nowSeconds <= pool.reportedAtSeconds)
      fail('REPORT_STALE', `report of ${args.nowSeconds} s is not newer than that of ${pool.reportedAtSeconds} s`, {
        last: pool.reportedAtSeconds,
        nowSeconds: args.nowSeconds,
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
        reportedAtSeconds: args.nowSeconds,
      },
      outcome,
      {
        type: 'rebased',
        atSeconds: args.nowSeconds,
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
  nowSeconds: bigint,
): LstStep<RebasingPool, bigint> {
  const moved = move(pool.shares, owner, queueAccount, shares)
  const queued = applyQueue(pool.queue, { type: 'enqueue', owner, assets, shares, nowSeconds })
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
    maxPositiveRebaseE18: z.optional(integer),
    limits: limitsSchema,
    stakeLimit: z.optional(z.strictObject({ max: integer, growthBlocks: integer, left: integer, block: integer })),
    paused: z.boolean(),
    bunker: z.boolean(),
    reportedAtSeconds: integer,
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
