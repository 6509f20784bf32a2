import { OrderedMap } from '@l2/common'
import { codeOf, runs, testSeed } from '@l2/common/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { max, rateOf, toAssets, toShares } from './math/math.js'
import { type Assets, type RateE27, rateOne, type Shares } from './math/units.js'
import { queueOf } from './presets/cash.js'
import { applyLiquid, createLiquid, liquidShares } from './presets/liquid.js'
import { liquidRate } from './presets/views.js'
import { applyRatePool, createRatePool, rateFace } from './rate/pool.js'
import { applyRebasing } from './rebasing/pool.js'
import { simulatedRate } from './rebasing/report.js'
import {
  createRebasingPool,
  depositable,
  pooled,
  type RebasingPool,
  rebasingBalance,
  rebasingTotals,
} from './rebasing/state.js'
import { shareLoss } from './report/loss.js'
import { applyAccumulator, createAccumulator, earned } from './rewards/accumulator.js'
import { allocateOpenFirst, planExit } from './seats/allocation.js'
import { balanceOf } from './state/ledger.js'
import { applyCycleVault, createCycleVault, cycleAssets, cycleFace, cycleRate } from './vault/cycle.js'
import { inflationAttack } from './vault/inflation.js'
import { applyInstantVault, createInstantVault, instantFace, instantRate } from './vault/instant.js'
import {
  applyQueue,
  claimable,
  createQueue,
  planBatches,
  prefinalize,
  requested,
  withdrawalStatus,
} from './withdrawal/queue.js'
import { applyTickets, createTicketQueue } from './withdrawal/tickets.js'
import { applyWrapped, createWrapped, wrapperAccount } from './wrapped/wrapped.js'

// The same run every time; another one with L2_SEED.
fc.configureGlobal({ seed: testSeed() })

const oneMetis = 10n ** 18n
const wei = (value: bigint): Assets => value as Assets
const units = (value: bigint): Shares => value as Shares
const often = { numRuns: runs({ suite: 200, soak: 4_000 }) }

const deposits = fc.array(fc.tuple(fc.constantFrom('alice', 'bob', 'carol'), fc.bigInt({ min: 1n, max: 10n ** 24n })), {
  minLength: 1,
  maxLength: 8,
})
/** A pool with some depositors, some rewards, and a rate that is no round number. */
const pools = fc
  .record({
    deposits,
    seats: fc.bigInt({ min: 0n, max: 10n ** 24n }),
    gain: fc.bigInt({ min: -(10n ** 22n), max: 10n ** 22n }),
  })
  .map(({ deposits, seats, gain }) => {
    let pool = createRebasingPool({
      feeRecipients: [
        { account: 'ops', bps: 500n },
        { account: 'treasury', bps: 500n },
      ],
    })
    for (const [account, assets] of deposits)
      pool = applyRebasing(pool, { type: 'submit', account, assets: wei(assets) }).state
    const sent = seats < pool.buffer - oneMetis ? seats : pool.buffer - oneMetis
    if (sent > 0n) pool = applyRebasing(pool, { type: 'allocate', assets: wei(sent) }).state
    const now = max(sent + gain, 0n)
    return applyRebasing(pool, {
      type: 'report',
      seatsNow: wei(now),
      appeared: wei(pool.transit),
      elapsedSeconds: 86_400n,
      nowSeconds: 86_400n,
    }).state
  })
const flat = (pool: RebasingPool) => ({
  seatsNow: pool.seats,
  appeared: wei(0n),
  elapsedSeconds: 86_400n,
  nowSeconds: pool.reportedAtSeconds + 86_400n,
})
/** a/b ≥ c/d without a division. */
const atLeast = (after: { assets: bigint; shares: bigint }, before: { assets: bigint; shares: bigint }): boolean =>
  after.assets * before.shares >= before.assets * after.shares
describe('P1 only a loss lowers the rate', () => {
  test('no call of a user lowers it, to the last digit', () => {
    fc.assert(
      fc.property(pools, deposits, fc.bigInt({ min: 1n, max: 10n ** 21n }), (pool, more, asked) => {
        let now = pool
        const check = (next: RebasingPool) => {
          expect(atLeast(rebasingTotals(next), rebasingTotals(now))).toBe(true)
          now = next
        }
        for (const [account, assets] of more) {
          const code = codeOf(() => check(applyRebasing(now, { type: 'submit', account, assets: wei(assets) }).state))
          expect(['none', 'ZERO_SHARES']).toContain(code)
        }
        codeOf(() =>
          check(applyRebasing(now, { type: 'transfer', from: 'alice', to: 'bob', assets: wei(asked) }).state),
        )
        codeOf(() =>
          check(
            applyRebasing(now, { type: 'request', account: 'alice', assets: wei(asked), nowSeconds: 90_000n }).state,
          ),
        )
      }),
      often,
    )
  })
  test('a report with a gain does not lower it, a report with a loss does', () => {
    fc.assert(
      fc.property(pools, fc.bigInt({ min: -(10n ** 20n), max: 10n ** 21n }), (pool, change) => {
        const seatsNow = pool.seats + change
        fc.pre(seatsNow >= 0n)
        const { state } = applyRebasing(pool, { type: 'report', ...flat(pool), seatsNow: wei(seatsNow) })
        if (change >= 0n) expect(atLeast(rebasingTotals(state), rebasingTotals(pool))).toBe(true)
        else expect(atLeast(rebasingTotals(pool), rebasingTotals(state))).toBe(true)
      }),
      often,
    )
  })
  test('finalising what waits does not lower it for those who stay', () => {
    fc.assert(
      fc.property(
        pools,
        fc.array(fc.bigInt({ min: 100n, max: 10n ** 21n }), { minLength: 1, maxLength: 6 }),
        (start, asks) => {
          let pool = start
          for (const ask of asks)
            codeOf(() => {
              pool = applyRebasing(pool, {
                type: 'request',
                account: 'alice',
                assets: wei(ask),
                nowSeconds: 90_000n,
              }).state
            })
          const report = { ...flat(pool), nowSeconds: 200_000n }
          const maxRate = simulatedRate(pool, report)
          const { batches } = planBatches(pool.queue, { maxRate, maxTimestamp: 200_000n, budget: pool.buffer })
          fc.pre(batches.length > 0)
          const { state } = applyRebasing(pool, { type: 'report', ...report, batches, maxRate })
          // The rate given is floored at 10^27: one unit of it may be missing per share that leaves.
          const before = rebasingTotals(pool)
          const after = rebasingTotals(state)
          expect(after.assets * before.shares + before.shares).toBeGreaterThanOrEqual(before.assets * after.shares)
        },
      ),
      often,
    )
  })
})

describe('P2 splitting gains nothing', () => {
  test('two deposits never give more shares than one, two exits never more assets', () => {
    fc.assert(
      fc.property(
        pools,
        fc.bigInt({ min: 2n, max: 10n ** 24n }),
        fc.bigInt({ min: 1n, max: 10n ** 24n }),
        (pool, whole, cut) => {
          const part = (cut % (whole - 1n)) + 1n
          fc.pre(toShares(wei(whole), rebasingTotals(pool), 'down') > 0n)
          const one = applyRebasing(pool, { type: 'submit', account: 'x', assets: wei(whole) })
          const code = codeOf(() => {
            const a = applyRebasing(pool, { type: 'submit', account: 'x', assets: wei(part) })
            const b = applyRebasing(a.state, { type: 'submit', account: 'x', assets: wei(whole - part) })
            expect(a.result + b.result).toBeLessThanOrEqual(one.result)
          })
          expect(['none', 'ZERO_SHARES']).toContain(code)
          const totals = rebasingTotals(pool)
          const shares = one.result
          fc.pre(shares > 1n)
          const piece = (cut % (shares - 1n)) + 1n
          expect(
            toAssets(units(piece), totals, 'down') + toAssets(units(shares - piece), totals, 'down'),
          ).toBeLessThanOrEqual(toAssets(shares, totals, 'down'))
        },
      ),
      often,
    )
  })
})

/** A queue of requests at rates that differ, finalised in one go at a rate of its own. */
const queues = fc
  .record({
    requests: fc.array(
      fc.tuple(fc.bigInt({ min: 100n, max: 10n ** 21n }), fc.bigInt({ min: 5n, max: 20n }), fc.nat(2)),
      {
        minLength: 1,
        maxLength: 20,
      },
    ),
    rate: fc.bigInt({ min: 5n * 10n ** 26n, max: 2n * 10n ** 27n }),
    budget: fc.bigInt({ min: 0n, max: 10n ** 22n }),
  })
  .map(({ requests, rate, budget }) => {
    let queue = createQueue()
    requests.forEach(([assets, tenths, dust], i) => {
      // Whole exits and dust whose own rate is floored by up to a hundredth, at every price, in any order.
      const asked = dust === 0 ? 100n + (assets % 200n) : assets
      const args = {
        owner: `u${i % 3}`,
        assets: wei(asked),
        shares: units((asked * 10n) / tenths + 1n),
        nowSeconds: BigInt(i),
      }
      queue = applyQueue(queue, { type: 'enqueue', ...args }).state
    })
    return { queue, rate: rate as RateE27, budget }
  })

describe('P3 and P4 the queue', () => {
  test('two with equal shares in one report get the same, within a wei', () => {
    fc.assert(
      fc.property(pools, fc.bigInt({ min: 1_000n, max: 10n ** 21n }), fc.boolean(), (start, assets, slashed) => {
        let pool = start
        for (const account of ['x', 'y'])
          pool = applyRebasing(pool, { type: 'submit', account, assets: wei(assets * 2n) }).state
        const shares = units(
          balanceOf(pool.shares, 'x') < balanceOf(pool.shares, 'y')
            ? balanceOf(pool.shares, 'x') / 2n
            : balanceOf(pool.shares, 'y') / 2n,
        )
        fc.pre(
          toAssets(shares, rebasingTotals(pool), 'down') >= 100n &&
            toAssets(shares, rebasingTotals(pool), 'down') <= 1000n * oneMetis,
        )
        for (const account of ['x', 'y'])
          pool = applyRebasing(pool, { type: 'requestShares', account, shares, nowSeconds: 90_000n }).state
        const seatsNow = slashed ? wei(pool.seats - pool.seats / 10n) : pool.seats
        const report = { ...flat(pool), seatsNow, nowSeconds: 200_000n }
        const maxRate = simulatedRate(pool, report)
        const { batches } = planBatches(pool.queue, { maxRate, maxTimestamp: 200_000n, budget: pool.buffer })
        fc.pre(batches[batches.length - 1] === 2n)
        const { state } = applyRebasing(pool, { type: 'report', ...report, batches, maxRate })
        const first = claimable(state.queue, 1n)
        const second = claimable(state.queue, 2n)
        expect(first > second ? first - second : second - first).toBeLessThanOrEqual(1n)
      }),
      often,
    )
  })
  test('first in, first out: what is finalised has no gap, and more money never takes anything back', () => {
    fc.assert(
      fc.property(queues, fc.bigInt({ min: 0n, max: 10n ** 22n }), ({ queue, rate, budget }, more) => {
        const at = (wei_: bigint): bigint =>
          planBatches(queue, { maxRate: rate, maxTimestamp: 10n ** 9n, budget: wei_ }).batches.at(-1) ?? 0n
        expect(at(budget + more)).toBeGreaterThanOrEqual(at(budget))
        const { batches } = planBatches(queue, { maxRate: rate, maxTimestamp: 10n ** 9n, budget })
        fc.pre(batches.length > 0)
        const { assets } = prefinalize(queue, batches, rate)
        const { state } = applyQueue(queue, { type: 'finalize', lastId: batches.at(-1)!, assets, maxRate: rate })
        for (const [id] of state.requests)
          expect(withdrawalStatus(state, id)).toBe(id <= batches.at(-1)! ? 'claimable' : 'pending')
      }),
      often,
    )
  })
  test('what a plan costs is what is locked is what is claimed, whatever stands beside what; claims are at most nominal', () => {
    fc.assert(
      fc.property(queues, ({ queue, rate, budget }) => {
        const plan = planBatches(queue, { maxRate: rate, maxTimestamp: 10n ** 9n, budget })
        const { batches } = plan
        fc.pre(batches.length > 0)
        const { assets } = prefinalize(queue, batches, rate)
        expect(assets).toBe(budget - plan.budgetLeft)
        let { state } = applyQueue(queue, { type: 'finalize', lastId: batches.at(-1)!, assets, maxRate: rate })
        let paid = 0n
        for (const [id, request] of queue.requests.entries()) {
          if (id > batches.at(-1)!) break
          const { result, state: next } = applyQueue(state, { type: 'claim', id, account: request.owner })
          expect(result).toBeLessThanOrEqual(requested(queue, id).assets)
          paid += result
          state = next
        }
        expect(paid).toBe(assets)
        expect(state.locked).toBe(0n)
      }),
      often,
    )
  })
})

describe('P5 the fee is worth what it says', () => {
  test('at most feeAssets, at least feeAssets − recipients − ⌈rate⌉', () => {
    fc.assert(
      fc.property(pools, fc.bigInt({ min: 1n, max: 10n ** 22n }), (pool, gain) => {
        const before = new Map(['ops', 'treasury'].map(account => [account, balanceOf(pool.shares, account)]))
        const { state, result } = applyRebasing(pool, {
          type: 'report',
          ...flat(pool),
          seatsNow: wei(pool.seats + gain),
        })
        const totals = rebasingTotals(state)
        let worth = 0n
        for (const part of result.distribution) {
          expect(balanceOf(state.shares, part.account) - before.get(part.account)!).toBe(part.shares)
          worth += toAssets(part.shares, totals, 'down')
        }
        expect(worth).toBeLessThanOrEqual(result.feeAssets)
        const rate = (rateOf(totals) + rateOne - 1n) / rateOne
        expect(worth).toBeGreaterThanOrEqual(result.feeAssets - 2n - rate)
      }),
      often,
    )
  })
})

describe('P6 the limiter', () => {
  test('the rate rises by no more than the limit, and the vault is drained in the end', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: oneMetis, max: 10n ** 24n }),
        fc.bigInt({ min: 1n, max: 10n ** 22n }),
        (assets, reward) => {
          let pool = createRebasingPool({ maxPositiveRebaseE18: 750_000_000_000_000n })
          pool = applyRebasing(pool, { type: 'submit', account: 'a', assets: wei(assets) }).state
          pool = applyRebasing(pool, { type: 'receiveRewards', assets: wei(reward) }).state
          for (let i = 0; i < 20_000 && pool.rewardsVault > 0n; i++) {
            const { state, result } = applyRebasing(pool, { type: 'report', ...flat(pool) })
            const rise =
              result.postAssets * result.preShares * 10n ** 9n <=
              result.preAssets * result.postShares * (10n ** 9n + 750_000n)
            if (!rise || result.fromRewardsVault === 0n) expect.fail('a report passed the limit or took nothing')
            pool = state
          }
          expect(pool.rewardsVault).toBe(0n)
        },
      ),
      { numRuns: runs({ suite: 20, soak: 400 }) },
    )
  })
})

describe('P7 inflation', () => {
  const base = { attackerDeposit: 1n, donation: 10_000n * oneMetis, victimDeposit: 10_000n * oneMetis }
  const rows = [
    { defence: 'none', offset: undefined, internalAccounting: false, deadSeed: 0n },
    { defence: 'virtual, δ = 0', offset: 0n, internalAccounting: false, deadSeed: 0n },
    { defence: 'virtual, δ = 3', offset: 3n, internalAccounting: false, deadSeed: 0n },
    { defence: 'virtual, δ = 6', offset: 6n, internalAccounting: false, deadSeed: 0n },
    { defence: 'internal accounting', offset: undefined, internalAccounting: true, deadSeed: 0n },
    { defence: 'dead seed of 1 METIS', offset: undefined, internalAccounting: false, deadSeed: oneMetis },
  ]
  test('the table of 10,000 METIS against 10,000 METIS', () => {
    const table = rows.map(({ defence, ...how }) => {
      const { victimLoss, attackerProfit } = inflationAttack({ ...base, ...how })
      const share = (part: bigint): string => (Number((part * 10n ** 9n) / base.victimDeposit) / 1e9).toExponential(2)
      return `${defence.padEnd(22)} victim loses ${share(victimLoss).padStart(9)}  attacker gains ${share(attackerProfit).padStart(9)}`
    })
    expect(table.join('\n')).toMatchInlineSnapshot(`
      "none                   victim loses   1.00e+0  attacker gains   1.00e+0
      virtual, δ = 0         victim loses   3.33e-1  attacker gains  -3.33e-1
      virtual, δ = 3         victim loses   2.50e-4  attacker gains  -5.00e-1
      virtual, δ = 6         victim loses   2.50e-7  attacker gains  -5.00e-1
      internal accounting    victim loses   0.00e+0  attacker gains   0.00e+0
      dead seed of 1 METIS   victim loses   0.00e+0  attacker gains  -1.00e+0"
    `)
  })
  test('with virtual shares or a seed the attacker never gains, and the victim loses less than one share is worth', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 1n, max: 10n ** 24n }),
        fc.bigInt({ min: 0n, max: 10n ** 26n }),
        fc.bigInt({ min: 1n, max: 10n ** 24n }),
        fc.constantFrom(0n, 3n, 6n),
        (attackerDeposit, donation, victimDeposit, offset) => {
          const attack = { attackerDeposit, donation, victimDeposit, offset, internalAccounting: false, deadSeed: 0n }
          const outcome = inflationAttack(attack)
          expect(outcome.attackerProfit).toBeLessThanOrEqual(0n)
          const assets = attackerDeposit + donation
          const price = (assets + 1n) / (outcome.attackerShares + 10n ** offset) + 1n
          expect(outcome.victimLoss).toBeLessThanOrEqual(price + 1n)
        },
      ),
      often,
    )
  })
  test('OpenZeppelin: the victim is left with nothing only if 10^δ times its deposit is below what the attacker loses', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 1n, max: 10n ** 12n }),
        fc.bigInt({ min: 1n, max: 10n ** 24n }),
        fc.constantFrom(0n, 3n, 6n),
        (victimDeposit, donation, offset) => {
          const outcome = inflationAttack({
            attackerDeposit: 1n,
            donation,
            victimDeposit,
            offset,
            internalAccounting: false,
            deadSeed: 0n,
          })
          if (outcome.victimShares === 0n) expect(10n ** offset * victimDeposit).toBeLessThanOrEqual(donation)
        },
      ),
      often,
    )
  })
})

describe('P8 what is sent to the pool changes nothing until it is booked', () => {
  test('rewards, returns and gifts move no rate before a report or sync', () => {
    fc.assert(
      fc.property(pools, fc.bigInt({ min: 1n, max: 10n ** 24n }), (pool, gift) => {
        const given = applyRebasing(applyRebasing(pool, { type: 'receiveRewards', assets: wei(gift) }).state, {
          type: 'receiveReturns',
          assets: wei(gift),
        }).state
        expect(rebasingTotals(given)).toEqual(rebasingTotals(pool))
        const vault = createCycleVault()
        const donated = applyCycleVault(vault, { type: 'donate', assets: wei(gift) }).state
        expect(cycleAssets(donated)).toBe(cycleAssets(vault))
        expect(cycleRate(donated)).toBe(cycleRate(vault))
      }),
      often,
    )
  })
})

describe('P9 pause and bunker stop what they should and never a claim', () => {
  test('claims work, allocation does not', () => {
    let pool = createRebasingPool()
    pool = applyRebasing(pool, { type: 'submit', account: 'a', assets: wei(100n * oneMetis) }).state
    pool = applyRebasing(pool, { type: 'request', account: 'a', assets: wei(oneMetis), nowSeconds: 1n }).state
    const report = { ...flat(pool), nowSeconds: 100_000n }
    pool = applyRebasing(pool, {
      type: 'report',
      ...report,
      batches: [1n],
      maxRate: simulatedRate(pool, report),
      bunker: true,
    }).state
    expect(depositable(pool)).toBe(0n)
    expect(codeOf(() => applyRebasing(pool, { type: 'allocate', assets: wei(1n) }))).toBe('PAUSED')
    pool = applyRebasing(pool, { type: 'pause', paused: true }).state
    for (const command of [
      { type: 'submit', account: 'a', assets: wei(oneMetis) },
      { type: 'request', account: 'a', assets: wei(oneMetis), nowSeconds: 2n },
      { type: 'allocate', assets: wei(1n) },
    ] as const)
      expect(codeOf(() => applyRebasing(pool, command))).toBe('PAUSED')
    expect(applyRebasing(pool, { type: 'claim', id: 1n, account: 'a' }).result).toBe(oneMetis)
  })
  test('a known fault holds finalisation back until it is priced, so that those who knew do not get out whole', () => {
    let lst = createLiquid({ preset: 'recommended', entrySeconds: 0n })
    lst = applyLiquid(lst, { type: 'registerSeat', seat: 1 }).state
    lst = applyLiquid(lst, { type: 'deposit', account: 'a', assets: wei(60_000n * oneMetis), nowSeconds: 0n }).state
    lst = applyLiquid(lst, { type: 'lockSeat', seat: 1, assets: wei(30_000n * oneMetis), nowSeconds: 0n }).state
    const admitted = { type: 'OffenceAdmitted', id: 1, evidenceId: '0xe' }
    lst = applyLiquid(lst, { type: 'feed', sequence: 1n, event: admitted }).state
    const { state, result } = applyLiquid(lst, {
      type: 'requestWithdrawal',
      account: 'a',
      shares: units(1_000n * oneMetis),
      nowSeconds: 10n,
    })
    lst = applyLiquid(state, { type: 'report', nowSeconds: 86_400n }).state
    expect(withdrawalStatus(queueOf(lst), result.id)).toBe('pending')
    expect(codeOf(() => applyLiquid(lst, { type: 'allocate', nowSeconds: 86_400n }))).toBe('PAUSED')
    lst = applyLiquid(lst, {
      type: 'feed',
      sequence: 2n,
      event: { type: 'Slashed', id: 1, operatorWei: 600n * oneMetis, delegatorsWei: 0n } as never,
    }).state
    lst = applyLiquid(lst, { type: 'feed', sequence: 3n, event: { ...admitted, type: 'CaseClosed' } }).state
    lst = applyLiquid(lst, { type: 'report', nowSeconds: 172_800n }).state
    expect(claimable(queueOf(lst), result.id)).toBeLessThan(991n * oneMetis)
    expect(claimable(queueOf(lst), result.id)).toBeGreaterThan(989n * oneMetis)
  })
})

describe('P10 tickets', () => {
  test('each ends once, its LP goes back once, and receipts held are what is owed plus fees', () => {
    const op = fc.record({
      kind: fc.constantFrom('enter', 'fund', 'redeem', 'cancel', 'reduce', 'unlockLp', 'advance'),
      id: fc.bigInt({ min: 0n, max: 5n }),
      amount: fc.bigInt({ min: 1n, max: 10n ** 20n }),
      seconds: fc.bigInt({ min: 0n, max: 1_000_000n }),
    })
    fc.assert(
      fc.property(fc.array(op, { maxLength: 60 }), ops => {
        let queue = createTicketQueue({ feeE18: 500n * 10n ** 12n, cancelFeeE18: 10n ** 15n })
        queue = applyTickets(queue, { type: 'setLpFactor', token: 'LP', factor: 86_400n }).state
        let lpIn = 0n
        let lpOut = 0n
        const ended = new Map<bigint, number>()
        for (const { kind, id, amount, seconds } of ops)
          codeOf(() => {
            switch (kind) {
              case 'enter':
                queue = applyTickets(queue, { type: 'enter', account: 'a', assets: wei(amount) }).state
                break
              case 'fund':
                queue = applyTickets(queue, { type: 'fund', assets: wei(amount) }).state
                break
              case 'redeem':
                queue = applyTickets(queue, { type: 'redeem', id }).state
                ended.set(id, (ended.get(id) ?? 0) + 1)
                break
              case 'cancel': {
                const { state, result } = applyTickets(queue, { type: 'cancel', id })
                queue = state
                lpOut += result.lp
                ended.set(id, (ended.get(id) ?? 0) + 1)
                break
              }
              case 'reduce':
                queue = applyTickets(queue, { type: 'reduce', id, token: 'LP', lp: amount }).state
                lpIn += amount
                break
              case 'unlockLp': {
                const { state, result } = applyTickets(queue, { type: 'unlockLp', id })
                queue = state
                lpOut += result
                break
              }
              default:
                queue = applyTickets(queue, { type: 'advance', nowSeconds: queue.nowSeconds + seconds }).state
            }
          })
        expect(queue.receiptHeld).toBe(queue.owed + queue.fees)
        expect(queue.lpHeld).toBe(lpIn - lpOut)
        expect(queue.lpHeld).toBeGreaterThanOrEqual(0n)
        for (const [, times] of ended) expect(times).toBe(1)
      }),
      often,
    )
  })
})

describe('P11 seats', () => {
  const min = 20_000n
  const max_ = 100_000n
  test('allocations add up and stay within the limits', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 10n ** 6n }),
        fc.array(fc.bigInt({ min, max: max_ }), { maxLength: 8 }),
        fc.bigInt({ min: 0n, max: 8n }),
        (funds, seats, freeSeats) => {
          const plan = allocateOpenFirst({ funds, seats, freeSeats, minSeat: min, maxSeat: max_ })
          const total = (all: readonly bigint[]) => all.reduce((sum, seat) => sum + seat, 0n)
          expect(total(plan.seats) - total(seats)).toBe(funds - plan.left)
          for (const seat of plan.seats) expect(seat >= min && seat <= max_).toBe(true)
          plan.seats.slice(0, seats.length).forEach((seat, i) => void expect(seat).toBeGreaterThanOrEqual(seats[i]!))
          // Nothing is left while there is room for it.
          if (plan.left > 0n) {
            const room = plan.seats.some(seat => seat < max_)
            expect(room || (plan.opened < freeSeats && plan.left >= min)).toBe(false)
          }
        },
      ),
      often,
    )
  })
  test('an exit plan raises what is needed and leaves every seat empty or whole', () => {
    const seat = fc.record({ locked: fc.bigInt({ min, max: max_ }), updatedBatch: fc.constantFrom(3n, 9n) })
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 10n ** 6n }),
        fc.bigInt({ min: 0n, max: 10n ** 5n }),
        fc.array(seat, { maxLength: 8 }),
        (need, idle, list) => {
          const seats = list.map((item, i) => ({ id: i, ...item }))
          const plan = planExit({ need, idle, seats, currentBatch: 9n, minSeat: min })
          const left = new Map(seats.map(item => [item.id, item.locked]))
          let raised = plan.idle
          for (const { id, assets } of [...plan.partial, ...plan.full]) {
            left.set(id, left.get(id)! - assets)
            raised += assets
          }
          expect(raised).toBe(need + plan.over - plan.short)
          for (const [, rest] of left) expect(rest === 0n || rest >= min).toBe(true)
          expect(plan.over === 0n || plan.short === 0n).toBe(true)
          for (const { id } of plan.partial) expect(seats.find(item => item.id === id)?.updatedBatch).toBe(3n)
          if (plan.short > 0n) for (const [, rest] of left) expect(rest).toBe(0n)
        },
      ),
      often,
    )
  })
})

describe('losses and rewards', () => {
  test('a shared loss adds up, bonds first, nobody below zero', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 1n, max: 10n ** 20n }),
        fc.bigInt({ min: 0n, max: 10n ** 19n }),
        fc.array(fc.bigInt({ min: 0n, max: 10n ** 19n }), { maxLength: 8 }),
        (loss, bond, amounts) => {
          const claims = amounts.map((assets, i) => ({ id: `c${i}`, assets }))
          const shared = shareLoss(loss, bond, claims)
          expect(shared.bond + shared.unpaid + shared.shares.reduce((sum, share) => sum + share.assets, 0n)).toBe(loss)
          shared.shares.forEach((share, i) => void expect(share.assets).toBeLessThanOrEqual(amounts[i]!))
          if (shared.shares.some(share => share.assets > 0n)) expect(shared.bond).toBe(bond < loss ? bond : loss)
        },
      ),
      often,
    )
  })
  test('the accumulator never pays more than came in, and order of holders does not matter', () => {
    const event = fc.tuple(
      fc.constantFrom('reward', 'stake', 'unstake', 'claim'),
      fc.constantFrom('a', 'b', 'c'),
      fc.bigInt({ min: 1n, max: 10n ** 20n }),
    )
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), events => {
        let state = createAccumulator()
        for (const [op, account, amount] of events)
          codeOf(() => {
            if (op === 'reward') state = applyAccumulator(state, { type: op, assets: wei(amount) }).state
            else if (op === 'claim') state = applyAccumulator(state, { type: op, account }).state
            else state = applyAccumulator(state, { type: op, account, amount }).state
          })
        const owed = ['a', 'b', 'c'].reduce((sum, account) => sum + earned(state, account), 0n)
        expect(state.claimed + owed + state.carry).toBeLessThanOrEqual(state.rewarded)
        // What the floors keep: under a wei per touch.
        expect(state.rewarded - state.claimed - owed - state.carry).toBeLessThanOrEqual(BigInt(2 * events.length + 3))
      }),
      often,
    )
  })
  test('the wrapper is covered, never overpays, and unwrapping by shares leaves no dust', () => {
    fc.assert(
      fc.property(pools, fc.bigInt({ min: 1n, max: 10n ** 22n }), (pool, assets) => {
        let state = createWrapped(applyRebasing(pool, { type: 'submit', account: 'x', assets: wei(assets * 3n) }).state)
        const had = rebasingBalance(state.pool, 'x')
        const code = codeOf(() => {
          const wrapped = applyWrapped(state, { type: 'wrap', account: 'x', assets: wei(assets) })
          const byTokens = applyWrapped(wrapped.state, { type: 'unwrap', account: 'x', units: wrapped.result })
          expect(balanceOf(byTokens.state.pool.shares, wrapperAccount)).toBeGreaterThanOrEqual(byTokens.state.supply)
          expect(rebasingBalance(byTokens.state.pool, 'x')).toBeLessThanOrEqual(had)
          const byShares = applyWrapped(wrapped.state, { type: 'unwrapShares', account: 'x', units: wrapped.result })
          expect(balanceOf(byShares.state.pool.shares, wrapperAccount)).toBe(0n)
          expect(rebasingBalance(byShares.state.pool, 'x')).toBe(had)
          state = byShares.state
        })
        expect(['none', 'ZERO_SHARES']).toContain(code)
      }),
      often,
    )
  })
})

describe('published attacks and findings', () => {
  test('xTRIBE M-01: a sole holder cannot leave mid-cycle; with the checkpoint it can', () => {
    for (const checkpointOnExit of [false, true]) {
      let vault = createCycleVault({ seed: 0n, checkpointOnExit })
      vault = applyCycleVault(vault, { type: 'deposit', receiver: 'a', assets: wei(1_000n * oneMetis) }).state
      vault = applyCycleVault(vault, { type: 'donate', assets: wei(100n * oneMetis) }).state
      vault = applyCycleVault(vault, { type: 'sync' }).state
      vault = applyCycleVault(vault, { type: 'advance', nowSeconds: 302_400n }).state
      const leave = () =>
        applyCycleVault(vault, { type: 'redeem', owner: 'a', shares: cycleFace.maxRedeem(vault, 'a') })
      if (checkpointOnExit) expect(leave().result).toBe(1_050n * oneMetis)
      else expect(codeOf(leave)).toBe('STORED_UNDERFLOW')
    }
  })
  test('Code4rena Frax, syncRewards sniping: entering just before a sync and leaving just after gains nothing', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: oneMetis, max: 10n ** 24n }),
        fc.bigInt({ min: 1n, max: 10n ** 22n }),
        (assets, reward) => {
          let vault = createCycleVault()
          vault = applyCycleVault(vault, { type: 'deposit', receiver: 'holder', assets: wei(1_000n * oneMetis) }).state
          vault = applyCycleVault(vault, { type: 'donate', assets: wei(reward) }).state
          const entered = applyCycleVault(vault, { type: 'deposit', receiver: 'sniper', assets: wei(assets) })
          vault = entered.state
          if (vault.reward === 0n) vault = applyCycleVault(vault, { type: 'sync' }).state
          expect(
            applyCycleVault(vault, { type: 'redeem', owner: 'sniper', shares: entered.result }).result,
          ).toBeLessThanOrEqual(assets)
        },
      ),
      often,
    )
  })
  test('Code4rena Frax 308: a late sync pays three weeks to a latecomer; with auto-sync it does not', () => {
    const late = (autoSync: boolean): bigint => {
      let vault = createCycleVault({ autoSync })
      vault = applyCycleVault(vault, { type: 'deposit', receiver: 'holder', assets: wei(999n * oneMetis) }).state
      for (let week = 1n; week <= 3n; week++) {
        vault = applyCycleVault(vault, { type: 'donate', assets: wei(10n * oneMetis) }).state
        vault = applyCycleVault(vault, { type: 'advance', nowSeconds: week * 604_800n }).state
        // Somebody else's dust: an entry or exit is what an automatic sync hangs on.
        vault = applyCycleVault(vault, { type: 'deposit', receiver: 'passer-by', assets: wei(1_000_000n) }).state
      }
      const entered = applyCycleVault(vault, { type: 'deposit', receiver: 'late', assets: wei(1_000n * oneMetis) })
      vault = entered.state
      if (!autoSync) vault = applyCycleVault(vault, { type: 'sync' }).state
      vault = applyCycleVault(vault, { type: 'advance', nowSeconds: 4n * 604_800n }).state
      return cycleFace.convertToAssets(vault, entered.result) - 1_000n * oneMetis
    }
    expect(late(false)).toBeGreaterThan(14n * oneMetis)
    expect(late(true)).toBeLessThan(6n * oneMetis)
  })
  test('instant credit: entering just before a dispatch takes half; vesting or an entry fee takes the profit out of it', () => {
    const snipe = (options: { vestingBps?: bigint; entryFeeBps?: bigint }, reward: bigint): bigint => {
      let vault = createInstantVault(options)
      vault = applyInstantVault(vault, { type: 'deposit', receiver: 'holder', assets: wei(15_000n * oneMetis) }).state
      const entered = applyInstantVault(vault, { type: 'deposit', receiver: 'jit', assets: wei(15_001n * oneMetis) })
      vault = applyInstantVault(entered.state, { type: 'addAssets', assets: wei(reward) }).state
      return (
        applyInstantVault(vault, { type: 'redeem', owner: 'jit', shares: entered.result }).result.paid -
        15_001n * oneMetis
      )
    }
    expect(snipe({}, 150n * oneMetis)).toBeGreaterThan(74n * oneMetis)
    expect(snipe({ vestingBps: 1_000n }, 150n * oneMetis)).toBeLessThan(0n)
    // A day of 20 % a year on 15,000 METIS against a fee of one day.
    expect(snipe({ entryFeeBps: 6n }, 8n * oneMetis)).toBeLessThan(0n)
  })
  test('Hats 65: max functions are there and exits are held to them', () => {
    const vault = createInstantVault()
    expect(instantFace.maxWithdraw(vault, 'nobody')).toBe(0n)
    expect(instantFace.maxWithdraw(vault, 'dead')).toBe(0n)
    expect(codeOf(() => applyInstantVault(vault, { type: 'redeem', owner: 'dead', shares: units(1n) }))).toBe(
      'SEED_LOCKED',
    )
  })
  test('Hats 19: a native claim is paid once', () => {
    let lst = createLiquid({ preset: 'enki' })
    lst = applyLiquid(lst, { type: 'deposit', account: 'a', assets: wei(10n * oneMetis), nowSeconds: 0n }).state
    const { state, result } = applyLiquid(lst, {
      type: 'requestWithdrawal',
      account: 'a',
      shares: units(oneMetis),
      nowSeconds: 0n,
    })
    lst = applyLiquid(state, { type: 'report', nowSeconds: 86_400n }).state
    const claimed = applyLiquid(lst, { type: 'claim', id: result.id, account: 'a', nowSeconds: 86_400n })
    expect(claimed.result).toBe(oneMetis)
    // Hats 20: the event says what was paid, not what is left.
    expect(claimed.events[0]).toMatchObject({ assets: oneMetis })
    expect(
      codeOf(() => applyLiquid(claimed.state, { type: 'claim', id: result.id, account: 'a', nowSeconds: 86_400n })),
    ).toBe('ALREADY_CLAIMED')
  })
  test('Nethermind M1: a deposit that would mint nothing is refused', () => {
    let pool = createRatePool()
    pool = applyRatePool(pool, { type: 'deposit', account: 'a', assets: wei(1n) }).state
    pool = applyRatePool(pool, { type: 'rewardArrives', assets: wei(oneMetis) }).state
    expect(codeOf(() => applyRatePool(pool, { type: 'deposit', account: 'b', assets: wei(oneMetis) }))).toBe(
      'ZERO_SHARES',
    )
  })
  test('lidofinance/core 442: a transfer moves up to two wei less at a rate up to 2, and exactly by shares', () => {
    fc.assert(
      fc.property(pools, fc.bigInt({ min: 1n, max: 10n ** 21n }), (start, asked) => {
        const pool = applyRebasing(start, { type: 'submit', account: 'x', assets: wei(asked * 2n) }).state
        const { state, result } = applyRebasing(pool, { type: 'transfer', from: 'x', to: 'y', assets: wei(asked) })
        const gain = rebasingBalance(state, 'y') - rebasingBalance(pool, 'y')
        const rate = (rateOf(rebasingTotals(pool)) + rateOne - 1n) / rateOne
        expect(gain).toBeLessThanOrEqual(asked)
        expect(gain).toBeGreaterThanOrEqual(asked - 1n - rate)
        expect(balanceOf(state.shares, 'y') - balanceOf(pool.shares, 'y')).toBe(result)
      }),
      often,
    )
  })
  test('Artemis rounding: the floored inverse rate pays too much and blocks the last; ⌊x·T/S⌋ never does', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 10n ** 19n, max: 10n ** 24n }),
        fc.bigInt({ min: 10n ** 15n, max: 10n ** 21n }),
        (assets, reward) => {
          const exit = (legacyRounding: boolean) => {
            let pool = createRatePool({ legacyRounding })
            pool = applyRatePool(pool, { type: 'deposit', account: 'a', assets: wei(assets) }).state
            pool = applyRatePool(pool, { type: 'rewardArrives', assets: wei(reward) }).state
            pool = applyRatePool(pool, { type: 'harvest' }).state
            return codeOf(() => applyRatePool(pool, { type: 'request', account: 'a', shares: units(assets) }))
          }
          expect(exit(false)).toBe('none')
          const total = assets + reward
          const paid = (assets * oneMetis) / ((oneMetis * assets) / total)
          expect(paid).toBeGreaterThanOrEqual(total)
          expect(exit(true)).toBe(paid > total ? 'TOTAL_UNDERFLOW' : 'none')
        },
      ),
      often,
    )
  })
  test('fixed exits escape a later loss and those who stay carry it; queued exits do not', () => {
    const paid = (profile: 'sdk' | 'protocol'): bigint => {
      let lst = createLiquid({ preset: 'artemis', profile, entrySeconds: 0n })
      lst = applyLiquid(lst, { type: 'registerSeat', seat: 1 }).state
      for (const account of ['stays', 'leaves'])
        lst = applyLiquid(lst, { type: 'deposit', account, assets: wei(20_000n * oneMetis), nowSeconds: 0n }).state
      lst = applyLiquid(lst, { type: 'lockSeat', seat: 1, assets: wei(20_000n * oneMetis), nowSeconds: 0n }).state
      const asked = applyLiquid(lst, {
        type: 'requestWithdrawal',
        account: 'leaves',
        shares: units(1_000n * oneMetis),
        nowSeconds: 1n,
      })
      const slashed = { type: 'Slashed', id: 1, operatorWei: 1_000n * oneMetis, delegatorsWei: 0n } as never
      lst = applyLiquid(asked.state, { type: 'feed', sequence: 1n, event: slashed }).state
      lst = applyLiquid(lst, { type: 'report', nowSeconds: 1_300_000n, confirmed: true }).state
      return applyLiquid(lst, { type: 'claim', id: asked.result.id, account: 'leaves', nowSeconds: 1_300_000n }).result
    }
    expect(paid('protocol')).toBeGreaterThanOrEqual(1_000n * oneMetis)
    expect(paid('sdk')).toBeLessThan(976n * oneMetis)
  })
  test('a slash of a seat lowers the rate of its own holders and of nobody else', () => {
    const make = (seat: number) => {
      let lst = createLiquid({ preset: 'enki', entrySeconds: 0n })
      lst = applyLiquid(lst, { type: 'registerSeat', seat }).state
      lst = applyLiquid(lst, { type: 'deposit', account: 'a', assets: wei(20_000n * oneMetis), nowSeconds: 0n }).state
      return applyLiquid(lst, { type: 'allocate', nowSeconds: 0n }).state
    }
    const event = { type: 'Slashed', id: 2, operatorWei: 100n * oneMetis, delegatorsWei: 0n }
    const [ours, theirs] = [make(2), make(3)].map(lst => {
      const fed = applyLiquid(lst, { type: 'feed', sequence: 1n, event }).state
      return applyLiquid(fed, { type: 'report', nowSeconds: 86_400n }).state
    })
    expect(liquidRate(ours!).rate).toBeLessThan(rateOne)
    expect(liquidRate(theirs!).rate).toBe(rateOne)
  })
  test('nobody ends a round trip richer, whatever happens to the others in between', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('enki', 'accumulated', 'artemis', 'lido', 'recommended'),
        fc.bigInt({ min: 10n ** 6n, max: 900n * oneMetis }),
        fc.bigInt({ min: 0n, max: 15n * oneMetis }),
        (preset, assets, reward) => {
          let lst = createLiquid({
            preset: preset as 'enki',
            entrySeconds: 0n,
            feeRecipients: [{ account: 'treasury', bps: 1_000n }],
          })
          lst = applyLiquid(lst, { type: 'registerSeat', seat: 1 }).state
          lst = applyLiquid(lst, {
            type: 'deposit',
            account: 'holder',
            assets: wei(30_000n * oneMetis),
            nowSeconds: 0n,
          }).state
          if (reward > 0n) {
            const event = { type: 'RewardAccrued', id: 1, operatorWei: reward, delegatorsWei: 0n } as never
            lst = applyLiquid(lst, { type: 'feed', sequence: 1n, event }).state
            lst = applyLiquid(lst, { type: 'report', nowSeconds: 86_400n, confirmed: true }).state
          }
          lst = applyLiquid(lst, { type: 'deposit', account: 'x', assets: wei(assets), nowSeconds: 90_000n }).state
          const asked = applyLiquid(lst, {
            type: 'requestWithdrawal',
            account: 'x',
            shares: liquidShares(lst, 'x'),
            nowSeconds: 90_000n,
          })
          lst = applyLiquid(asked.state, { type: 'report', nowSeconds: 200_000n, confirmed: true }).state
          const back = applyLiquid(lst, {
            type: 'claim',
            id: asked.result.id,
            account: 'x',
            nowSeconds: 200_000n,
          }).result
          expect(back).toBeLessThanOrEqual(assets)
          expect(back).toBeGreaterThanOrEqual(assets - 3n)
        },
      ),
      { numRuns: runs({ suite: 60, soak: 1_200 }) },
    )
  })
  test('ERC-4626 rounding holds through the rate face at 2^120', () => {
    let pool = createRatePool({ seed: 1n })
    pool = applyRatePool(pool, { type: 'deposit', account: 'a', assets: wei(2n ** 120n) }).state
    expect(rateFace.previewRedeem(pool, units(2n ** 120n))).toBe(2n ** 120n)
    expect(codeOf(() => applyRatePool(pool, { type: 'deposit', account: 'a', assets: wei(2n ** 128n - 1n) }))).toBe(
      'AMOUNT_OUT_OF_RANGE',
    )
    expect(instantRate(createInstantVault())).toBe(rateOne)
    expect(pooled(createRebasingPool())).toBe(oneMetis)
  })
})

describe('ordered map', () => {
  test('is a map in key order whose older versions stay as they were', () => {
    const op = fc.tuple(
      fc.boolean(),
      fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz'),
      fc.bigInt({ min: 0n, max: 99n }),
    )
    fc.assert(
      fc.property(fc.array(op, { maxLength: 200 }), ops => {
        const model = new Map<string, bigint>()
        let map = OrderedMap.from<string, bigint>()
        const versions: [OrderedMap<string, bigint>, [string, bigint][]][] = []
        for (const [write, key, value] of ops) {
          if (write) {
            map = map.set(key, value)
            model.set(key, value)
          } else {
            map = map.delete(key)
            model.delete(key)
          }
          versions.push([map, [...model].sort(([a], [b]) => (a < b ? -1 : 1))])
        }
        for (const [version, expected] of versions) {
          expect([...version]).toEqual(expected)
          expect(version.size).toBe(expected.length)
        }
        const floor = [...model.keys()]
          .filter(key => key <= 'm')
          .sort()
          .at(-1)
        expect(map.floor('m')?.[0]).toBe(floor)
        expect([...map.entries('m')].map(([key]) => key)).toEqual([...model.keys()].filter(key => key >= 'm').sort())
      }),
      { numRuns: runs({ suite: 100, soak: 2_000 }) },
    )
  })
})
