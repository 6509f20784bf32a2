// What was found, here or in public, and must not come back. docs/incidents.md names the public ones.

import { isL2Error, OrderedMap } from '@l2/common'
import { codeOf } from '@l2/common/testing'
import { applyPool, createPool, type PoolCommand, type PoolState, type SequencerPoolEvent } from '@l2/staking'
import { describe, expect, test } from 'vitest'
import { claimBit, claimedWord, createAirdrop } from './incentives/airdrop.js'
import { rateOne, type Shares, shares as units, assets as wei } from './math/units.js'
import { cashOf, heldAssets, owedAssets, pendingRewards, queueOf } from './presets/cash.js'
import { type PresetName, presets } from './presets/config.js'
import { corePrice } from './presets/core.js'
import { depositsPaused, heldBack, inBunker } from './presets/feed.js'
import { applyLiquid, createLiquid, type LiquidOptions, liquidShares } from './presets/liquid.js'
import { receiptsOf } from './presets/receipts.js'
import { liquidCodec } from './presets/snapshot.js'
import type { Liquid } from './presets/state.js'
import { liquidApr, liquidPosition, liquidRate, queueView, quoteDeposit, seatsView } from './presets/views.js'
import { applyRatePool, createRatePool } from './rate/pool.js'
import { applySnapshotPool, createSnapshotPool } from './rate/snapshot.js'
import { applyRebasing } from './rebasing/pool.js'
import { createRebasingPool } from './rebasing/state.js'
import { createLimiter, limiterAdd, limiterRemove, limiterSeats, rebaseLimitOffE18 } from './report/limiter.js'
import { applyRestaking, createRestaking } from './restaking/restaking.js'
import { applyCycleVault, createCycleVault } from './vault/cycle.js'
import { applyInstantVault, createInstantVault, instantFace } from './vault/instant.js'
import { applyVaultToken } from './vault/token.js'
import { applyVesting, createExitVesting, vestingFinish } from './vault/vesting.js'
import { claimable, requested } from './withdrawal/queue.js'
import { applyWrapped, createWrapped } from './wrapped/wrapped.js'

const oneMetis = 10n ** 18n
const daySeconds = 86_400n
const sdk = ['enki', 'accumulated', 'artemis', 'lido', 'recommended'] as const

/** A protocol, driven in one line a step. */
class Lst {
  state: Liquid
  constructor(options: LiquidOptions) {
    this.state = createLiquid({ entrySeconds: 0n, ...options })
  }
  readonly run = ((command: Parameters<typeof applyLiquid>[1]) => {
    const { state, result } = applyLiquid(this.state, command)
    this.state = state
    return result
    // biome-ignore lint/suspicious/noExplicitAny: the result of a command is looked at by whoever wrote the command
  }) as (command: Parameters<typeof applyLiquid>[1]) => any
  feed(event: { type: string; [field: string]: unknown }): void {
    this.run({ type: 'feed', sequence: this.state.feedCursor + 1n, event })
  }
  deposit(account: string, metis: bigint, nowSeconds: bigint): void {
    this.run({ type: 'deposit', account, assets: wei(metis * oneMetis), nowSeconds })
  }
  ask(account: string, shares: bigint, nowSeconds: bigint): bigint[] {
    return this.run({ type: 'requestWithdrawal', account, shares: units(shares), nowSeconds }).ids
  }
  reward(seat: number, amount: bigint): void {
    this.feed({ type: 'RewardAccrued', id: seat, operatorWei: amount, delegatorsWei: 0n })
  }
  slash(seat: number, amount: bigint): void {
    this.feed({ type: 'Slashed', id: seat, operatorWei: amount, delegatorsWei: 0n })
  }
}

const withSeat = (options: LiquidOptions, metis: bigint, locked: bigint): Lst => {
  const lst = new Lst(options)
  lst.run({ type: 'registerSeat', seat: 1 })
  lst.deposit('a', metis, lst.state.nowSeconds)
  lst.run({ type: 'lockSeat', seat: 1, assets: wei(locked * oneMetis), nowSeconds: lst.state.nowSeconds })
  return lst
}

describe('the keeper cannot be stopped', () => {
  for (const preset of ['recommended', 'lido', 'enki', 'artemis'] as const)
    test(`${preset}: dust between requests of before a slash and of after it bridges nothing (lidofinance/core 1359)`, () => {
      for (let extra = 1n; extra < 1_000n; extra += 75n) {
        const lst = new Lst({ preset })
        let nowSeconds = 0n
        for (const seat of [1, 2, 3]) lst.run({ type: 'registerSeat', seat })
        lst.deposit('x', 100_000n, nowSeconds)
        lst.deposit('y', 150_000n, nowSeconds)
        lst.deposit('mallory', 1n, nowSeconds)
        for (const seat of [1, 2, 3]) lst.run({ type: 'lockSeat', seat, assets: wei(83_000n * oneMetis), nowSeconds })
        for (let i = 0; i < 6; i++) {
          nowSeconds += 8n * daySeconds
          lst.reward(1, 390n * oneMetis)
          lst.run({ type: 'report', nowSeconds })
        }
        const ids: [bigint, string][] = lst
          .ask('x', liquidShares(lst.state, 'x'), nowSeconds + 10n)
          .map(id => [id, 'x'])
        // The dust whose own rate is floored most.
        const { assets, shares } = corePrice(lst.state.core)
        const dust = [...Array(150).keys()]
          .map(i => BigInt(i) + 100n)
          .filter(n => (n * assets) / shares >= 100n)
          .reduce((a, b) => (((b * assets) / shares) * a < ((a * assets) / shares) * b ? b : a))
        ids.push(...lst.ask('mallory', dust, nowSeconds + 10n).map((id): [bigint, string] => [id, 'mallory']))
        lst.slash(2, 1_750n * oneMetis)
        nowSeconds += daySeconds
        lst.run({ type: 'report', nowSeconds })
        ids.push(
          ...lst
            .ask('y', (liquidShares(lst.state, 'y') * 99n) / 100n, nowSeconds + 10n)
            .map((id): [bigint, string] => [id, 'y']),
        )
        lst.reward(1, 1_060n * oneMetis)
        nowSeconds += 7n * daySeconds
        lst.deposit('z', extra, nowSeconds)
        for (let day = 0; day < 3; day++) {
          nowSeconds += daySeconds
          lst.run({ type: 'report', nowSeconds })
        }
        const queue = queueOf(lst.state)
        expect(queue.lastFinalizedId).toBeGreaterThan(0n)
        let due = 0n
        for (const [id, account] of ids)
          if (id <= queue.lastFinalizedId) {
            due += claimable(queue, id)
            lst.run({ type: 'claim', id, account, nowSeconds })
          }
        expect(due).toBe(queue.locked)
        expect(queueOf(lst.state).locked).toBe(0n)
      }
    })

  test('two requests of one report period at two rates of a cycle are each paid by their own', () => {
    const lst = withSeat({ preset: 'accumulated', nowSeconds: 604_800n * 100n }, 30_000n, 20_000n)
    let { nowSeconds } = lst.state
    lst.reward(1, 130n * oneMetis)
    nowSeconds += 7n * daySeconds
    lst.run({ type: 'report', nowSeconds })
    const [first] = lst.ask('a', 900n * oneMetis, nowSeconds + 10n)
    const [second] = lst.ask('a', 900n * oneMetis, nowSeconds + 7n * daySeconds - 4_000n)
    lst.slash(1, 60n * oneMetis)
    nowSeconds += 8n * daySeconds
    const { locked } = lst.run({ type: 'report', nowSeconds })
    const paid = [first!, second!].map(
      id => lst.run({ type: 'claim', id, account: 'a', nowSeconds: nowSeconds + 1n }) as bigint,
    )
    expect(paid[0]).toBe(requested(queueOf(lst.state), first!).assets)
    expect(paid[1]).toBeGreaterThan(paid[0]!)
    expect(paid[0]! + paid[1]!).toBe(locked)
    expect(queueOf(lst.state).locked).toBe(0n)
  })

  for (const preset of sdk)
    for (const loss of [0n, 500n])
      test(`${preset}: the last leaver leaves, ${loss} METIS lost before`, () => {
        const lst = withSeat({ preset, seatExitSeconds: 600n, partialExitSeconds: 0n }, 30_000n, 30_000n)
        if (loss > 0n) lst.slash(1, loss * oneMetis)
        let nowSeconds = daySeconds
        lst.run({ type: 'report', nowSeconds })
        const ids = lst.ask('a', liquidShares(lst.state, 'a'), nowSeconds + 1n)
        for (let day = 0; day < 3; day++) {
          nowSeconds += daySeconds
          lst.run({ type: 'nextBatch' })
          lst.run({ type: 'raiseCash', nowSeconds })
          lst.run({ type: 'report', nowSeconds: nowSeconds + 1n })
        }
        for (const id of ids) lst.run({ type: 'claim', id, account: 'a', nowSeconds: nowSeconds + 2n })
        expect(queueOf(lst.state).locked).toBe(0n)
        // What stays is what the seed is worth now, not what it once was.
        expect(heldAssets(lst.state)).toBeLessThanOrEqual(oneMetis)
        expect(heldAssets(lst.state)).toBeGreaterThan((oneMetis * 98n) / 100n)
      })

  for (const preset of ['recommended', 'enki', 'lido', 'artemis', 'accumulated'] as const)
    test(`${preset}: rewards that come by the month refuse no report and reach the rate`, () => {
      const lst = withSeat({ preset }, 60_000n, 40_000n)
      for (let day = 1n; day <= 364n; day++) {
        if (day % 30n === 0n) lst.reward(1, (40_000n * oneMetis * 2_000n * 30n) / 10_000n / 365n)
        if (day % 30n === 1n) lst.ask('a', 100n * oneMetis, day * daySeconds - 20_000n)
        lst.run({ type: 'report', nowSeconds: day * daySeconds })
        // Beside 20,000 METIS of cash nobody waits.
        expect(queueView(lst.state).entries.filter(({ status }) => status === 'pending')).toEqual([])
      }
      expect(Number(liquidRate(lst.state).rate) / 1e27 - 1).toBeGreaterThan(0.1)
      expect(pendingRewards(lst.state)).toBeLessThan(700n * oneMetis)
    })

  for (const preset of ['enki', 'accumulated', 'artemis'] as const)
    test(`${preset}: what exits gave up while the rate rose comes to those who stay at the pace of the limiter`, () => {
      const lst = withSeat({ preset, partialExitSeconds: 0n }, 60_000n, 60_000n)
      const ids = lst.ask('a', (liquidShares(lst.state, 'a') * 6n) / 10n, 1n)
      let nowSeconds = 0n
      for (let week = 0; week < 8; week++) {
        lst.reward(1, 200n * oneMetis)
        nowSeconds += 7n * daySeconds
        lst.run({ type: 'report', nowSeconds })
      }
      expect(lst.state.givenUp).toBeLessThan(oneMetis * 30n)
      // Somebody comes the second before they are paid, and would have most of what they gave up.
      lst.run({ type: 'nextBatch' })
      lst.run({ type: 'raiseCash', nowSeconds })
      lst.deposit('late', 60_000n, nowSeconds)
      const had = liquidPosition(lst.state, 'late').assets
      lst.run({ type: 'report', nowSeconds: nowSeconds + 10_000n })
      expect(queueOf(lst.state).lastFinalizedId).toBeGreaterThan(10n)
      const waits = lst.state.givenUp
      expect(waits).toBeGreaterThan(100n * oneMetis)
      const limit = (had * 4_794_521n) / 10n ** 9n
      expect(liquidPosition(lst.state, 'late').assets - had).toBeLessThanOrEqual(limit)
      const fees = lst.state.fees
      lst.run({ type: 'report', nowSeconds: nowSeconds + 8n * daySeconds })
      // It comes in the end, and nobody takes a fee of it twice.
      expect(lst.state.givenUp).toBeLessThan(waits)
      expect(lst.state.fees).toBe(fees)
      expect(owedAssets(lst.state)).toBe(heldAssets(lst.state))
      expect(ids.length).toBeGreaterThan(10)
    })

  for (const preset of sdk)
    test(`${preset}: growth is limited by time, however many reports there are`, () => {
      const lst = withSeat({ preset }, 60_000n, 40_000n)
      lst.reward(1, 3_000n * oneMetis)
      for (let minute = 1n; minute <= 1_440n; minute += 3n) lst.run({ type: 'report', nowSeconds: minute * 60n })
      lst.run({ type: 'report', nowSeconds: daySeconds })
      // 25 % a year of 60,001 METIS for a day, no matter how it is cut.
      const grown = liquidRate(lst.state).assets + lst.state.fees - 60_001n * oneMetis
      expect(grown).toBeLessThanOrEqual((60_001n * oneMetis * 25n * 1_001n) / 100n / 365n / 1_000n)
      expect(pendingRewards(lst.state)).toBeGreaterThan(2_900n * oneMetis)
    })

  for (const preset of ['recommended', 'lido'] as const)
    test(`${preset}: who stays loses nothing when nearly all leave in a report that fills the limiter`, () => {
      const lst = new Lst({ preset })
      lst.run({ type: 'registerSeat', seat: 1 })
      lst.deposit('a', 90_000n, 0n)
      lst.deposit('b', 1n, 0n)
      lst.ask('a', liquidShares(lst.state, 'a'), 1n)
      const had = liquidPosition(lst.state, 'b').assets
      lst.reward(1, 5_000n * oneMetis)
      lst.run({ type: 'report', nowSeconds: 30n * daySeconds })
      expect(queueOf(lst.state).lastFinalizedId).toBe(90n)
      expect(liquidPosition(lst.state, 'b').assets).toBeGreaterThanOrEqual(had)
    })

  test('a pool whose share is worth hundreds of what it was reports (virtual shares and rate agree)', () => {
    const lst = withSeat(
      { preset: 'enki', maxPositiveRebaseE18: undefined, limits: {}, feeRecipients: [] },
      20_100n,
      20_000n,
    )
    let nowSeconds = daySeconds
    lst.ask('a', (liquidShares(lst.state, 'a') * 9_999n) / 10_000n, nowSeconds)
    for (let round = 0; round < 30; round++) {
      nowSeconds += 30n * daySeconds
      lst.run({ type: 'nextBatch' })
      lst.run({ type: 'raiseCash', nowSeconds })
      lst.reward(1, 997n * oneMetis + BigInt(round))
      lst.run({ type: 'report', nowSeconds: nowSeconds + 1n })
      const held = liquidShares(lst.state, 'a')
      if (held > 3n) lst.ask('a', held / 3n, nowSeconds + 2n)
    }
    expect(liquidRate(lst.state).rate / rateOne).toBeGreaterThan(100n)
  })
})

const account = (n: number) => `0x${n.toString(16).padStart(40, '0')}` as const
const word = (n: number) => `0x${n.toString(16).padStart(64, '0')}` as const
const admin = account(0xad)

/** A pool with `seats` seats of `metis` each, all of them the protocol's. */
class Both extends Lst {
  pool: PoolState = createPool({ admin })
  atSeconds = 100n * daySeconds
  constructor(seats: number, metis: bigint, deposited: bigint) {
    super({ preset: 'recommended', nowSeconds: 100n * daySeconds })
    this.deposit('alice', deposited, this.state.nowSeconds)
    for (let id = 1; id <= seats; id++) {
      this.run({ type: 'registerSeat', seat: id })
      this.run({ type: 'lockSeat', seat: id, assets: wei(metis * oneMetis), nowSeconds: this.state.nowSeconds })
      this.does({ type: 'setWhitelist', owner: account(id), allowed: true })
      this.does({ type: 'lock', by: account(id), signer: account(100 + id), amountWei: metis * oneMetis })
    }
    // Somebody else is in as well.
    this.does({ type: 'setWhitelist', owner: account(90), allowed: true })
    this.does({ type: 'lock', by: account(90), signer: account(190), amountWei: 20_000n * oneMetis })
    for (let epoch = 1n; epoch <= 5n; epoch++) this.does({ type: 'advanceEpoch', epoch })
  }
  does(command: object): SequencerPoolEvent[] {
    const { state, events } = applyPool(this.pool, { by: admin, atSeconds: this.atSeconds, ...command } as PoolCommand)
    this.pool = state
    for (const event of events) this.feed(event)
    return events
  }
  admit(n: number, kind: string, id = 1): void {
    this.does({
      type: 'admitOffence',
      offence: {
        kind,
        id,
        evidenceId: word(n),
        evidenceHash: word(9_000 + n),
        offenceEpoch: 5n,
        offenceAtSeconds: this.atSeconds - 600n,
      },
    })
  }
}

describe('one rule of time with the sequencer pool', () => {
  test('a partial withdrawal is cash when the pool pays it, and a penalty meanwhile is booked', () => {
    const both = new Both(1, 30_000n, 30_000n)
    both.atSeconds += 86_400n
    both.run({ type: 'report', nowSeconds: both.atSeconds })
    const ids = both.ask('alice', 5_000n * oneMetis, both.atSeconds)
    const plan = both.run({ type: 'raiseCash', nowSeconds: both.atSeconds })
    expect(plan.partial).toEqual([{ id: 1, assets: 5_000n * oneMetis }])
    both.does({ type: 'withdraw', by: account(1), id: 1, amountWei: 5_000n * oneMetis })
    expect(seatsView(both.state)[0]).toMatchObject({ leaving: 5_000n * oneMetis, locked: 25_000n * oneMetis })
    both.atSeconds += 20n * 86_400n
    both.run({ type: 'report', nowSeconds: both.atSeconds })
    expect(queueOf(both.state).locked).toBe(0n)
    // The pool releases it; it is not cash before somebody took it.
    both.atSeconds += 2n * 86_400n
    both.run({ type: 'report', nowSeconds: both.atSeconds })
    expect(queueOf(both.state).locked).toBe(0n)
    both.does({ type: 'claim', by: account(1), id: 1 })
    both.atSeconds += 1n
    both.run({ type: 'report', nowSeconds: both.atSeconds })
    expect(queueOf(both.state).locked).toBe(5_000n * oneMetis)
    for (const id of ids) both.run({ type: 'claim', id, account: 'alice', nowSeconds: both.atSeconds })
    expect(cashOf(both.state)).toBe(oneMetis)
  })

  test('the whole of a seat is lost while a part of it is on its way out', () => {
    const both = new Both(1, 30_000n, 30_000n)
    both.atSeconds += 86_400n
    both.ask('alice', 5_000n * oneMetis, both.atSeconds)
    both.run({ type: 'raiseCash', nowSeconds: both.atSeconds })
    both.does({ type: 'withdraw', by: account(1), id: 1, amountWei: 5_000n * oneMetis })
    both.admit(1, 'INVALID_STATE_ROOT')
    both.atSeconds += 7n * 86_400n
    both.does({ type: 'executeCase', evidenceId: word(1) })
    both.run({ type: 'report', nowSeconds: both.atSeconds, confirmed: true })
    expect(both.state.totals.lost).toBe(30_000n * oneMetis)
    expect(seatsView(both.state)[0]?.assets).toBe(0n)
    expect(owedAssets(both.state)).toBe(heldAssets(both.state))
  })

  test('ninety days of trivial downtime of one seat hold up nobody', () => {
    const both = new Both(6, 20_000n, 150_000n)
    both.atSeconds += 86_400n
    both.run({ type: 'report', nowSeconds: both.atSeconds })
    const [id] = both.ask('alice', 1_000n * oneMetis, both.atSeconds)
    let cases = 0
    for (let day = 0; day < 90; day++) {
      both.atSeconds += 86_400n
      if (day % 4 === 0) both.admit(++cases, 'DOWNTIME')
      else if (day % 4 === 3) both.does({ type: 'executeCase', evidenceId: word(cases) })
      expect(inBunker(both.state)).toBe(false)
      both.run({ type: 'report', nowSeconds: both.atSeconds })
      if (day > 0) expect(queueView(both.state).entries[0]).toMatchObject({ id, status: 'claimable' })
    }
    expect(cases).toBeGreaterThan(20)
  })

  test('who leaves while a small fault is open leaves its possible cost behind, and a grave one stops all', () => {
    const lst = withSeat({ preset: 'recommended' }, 100_000n, 60_000n)
    const offence = { type: 'OffenceAdmitted', id: 1, evidenceId: '0x1', kind: 'ORDERING' }
    lst.feed({ ...offence, mostWei: 60n * oneMetis, mostOperatorWei: 60n * oneMetis, mostDelegatorsWei: 0n })
    expect(heldBack(lst.state)).toBe(60n * oneMetis)
    expect(inBunker(lst.state)).toBe(false)
    const [id] = lst.ask('a', 1_000n * oneMetis, 100n)
    lst.run({ type: 'report', nowSeconds: daySeconds })
    const paid = lst.run({ type: 'claim', id: id!, account: 'a', nowSeconds: daySeconds }) as bigint
    // 60 of 100,001 METIS: six hundredths of a per cent.
    expect(paid).toBe((1_000n * oneMetis * (100_001n - 60n)) / 100_001n)
    lst.feed({ ...offence, evidenceId: '0x2', mostWei: 41n * oneMetis, mostOperatorWei: 41n * oneMetis })
    expect(inBunker(lst.state)).toBe(true)
    lst.ask('a', 900n * oneMetis, daySeconds + 1n)
    lst.run({ type: 'report', nowSeconds: 2n * daySeconds })
    expect(queueView(lst.state).entries.map(({ status }) => status)).toEqual(['pending'])
    lst.feed({ type: 'CaseClosed', id: 1, evidenceId: '0x2', outcome: 'vetoed' })
    lst.feed({ type: 'CaseClosed', id: 1, evidenceId: '0x1', outcome: 'vetoed' })
    lst.run({ type: 'report', nowSeconds: 3n * daySeconds })
    expect(queueView(lst.state).entries[0]?.claimable).toBeGreaterThan(900n * oneMetis)
  })

  test('a refused event stays the next one until it is passed over on the record', () => {
    const lst = withSeat({ preset: 'enki' }, 30_000n, 20_000n)
    const bad = { type: 'Slashed', id: 1, operatorWei: 50_000n * oneMetis, delegatorsWei: 0n }
    expect(codeOf(() => lst.run({ type: 'feed', sequence: 1n, event: bad }))).toBe('REPORT_INCONSISTENT')
    const reward = { type: 'RewardAccrued', id: 1, operatorWei: 1n, delegatorsWei: 0n }
    expect(codeOf(() => lst.run({ type: 'feed', sequence: 2n, event: reward }))).toBe('FEED_ORDER')
    expect(codeOf(() => lst.run({ type: 'skipEvent', sequence: 1n, reason: '' }))).toBe('OPTION_INVALID')
    const instead = { ...bad, operatorWei: 20_000n * oneMetis }
    lst.run({ type: 'skipEvent', sequence: 1n, reason: 'the seat held 20,000', instead })
    expect(lst.state.lossPending).toBe(20_000n * oneMetis)
    expect([...lst.state.skipped]).toEqual([[1n, 'the seat held 20,000']])
    lst.run({ type: 'feed', sequence: 2n, event: reward })
    const json = JSON.parse(JSON.stringify(liquidCodec.encode(lst.state)))
    expect([...liquidCodec.decode(json).skipped]).toEqual([...lst.state.skipped])
  })
})

describe('windows are spans of time', () => {
  for (const spam of [0, 400])
    test(`${spam} empty reports between losses of 4 % do not blind the drawdown`, () => {
      const lst = withSeat({ preset: 'recommended' }, 100_000n, 99_000n)
      let nowSeconds = 0n
      let refused = 0
      for (let i = 1; refused === 0; i++) {
        lst.slash(1, 4_000n * oneMetis)
        nowSeconds += 3_600n
        if (codeOf(() => applyLiquid(lst.state, { type: 'report', nowSeconds })) === 'LOSS_TOO_HIGH') refused = i
        else lst.run({ type: 'report', nowSeconds })
        for (let k = 0; k < spam && refused === 0; k++) lst.run({ type: 'report', nowSeconds: (nowSeconds += 60n) })
      }
      expect(refused).toBe(3)
      expect(lst.state.rates.length).toBeLessThan(80)
    })

  test('the history covers its time however often somebody reports, and a longer window is refused', () => {
    const lst = withSeat({ preset: 'enki', historySeconds: 30n * daySeconds }, 20_000n, 20_000n)
    for (let hour = 1n; hour <= 24n * 60n; hour++) {
      lst.reward(1, oneMetis / 2n)
      lst.run({ type: 'report', nowSeconds: hour * 3_600n })
    }
    expect(lst.state.history.length).toBeLessThanOrEqual(61)
    const week = liquidApr(lst.state)!
    const month = liquidApr(lst.state, 30n * daySeconds)!
    expect(week.elapsedSeconds).toBe(7n * daySeconds)
    expect(month.elapsedSeconds).toBe(30n * daySeconds)
    expect(codeOf(() => liquidApr(lst.state, 31n * daySeconds))).toBe('OPTION_INVALID')
  })

  for (const preset of ['recommended', 'accumulated', 'enki', 'artemis'] as const)
    for (const every of [1n, 7n])
      test(`${preset}: the APR of a report every ${every} d is what was earned`, () => {
        const lst = withSeat({ preset }, 20_000n, 20_000n)
        const rates: bigint[] = []
        for (let day = 1n; day <= 140n; day++) {
          lst.reward(1, (20_000n * oneMetis * 2_000n) / 10_000n / 365n)
          if (day % every === 0n) lst.run({ type: 'report', nowSeconds: day * daySeconds })
          rates.push(liquidRate(lst.state).rate)
        }
        const then = rates[rates.length - 29]!
        const real = (365n * 10n ** 18n * (rates.at(-1)! - then)) / then / 28n
        expect(real).toBeGreaterThan(10n ** 17n)
        const { aprE18 } = liquidApr(lst.state, 28n * daySeconds)!
        expect(aprE18 > real ? aprE18 - real : real - aprE18).toBeLessThanOrEqual(10n ** 12n)
      })
})

describe('nothing is sold at a rate known to be wrong', () => {
  for (const preset of sdk)
    test(`${preset}: deposits wait for a fed loss to be booked and a grave fault to be priced`, () => {
      const lst = withSeat({ preset }, 100_000n, 90_000n)
      lst.run({ type: 'report', nowSeconds: 100n })
      const late = { type: 'deposit', account: 'late', assets: wei(10_000n * oneMetis), nowSeconds: 300n } as const
      lst.feed({ type: 'OffenceAdmitted', id: 1, evidenceId: '0x1' })
      expect(codeOf(() => lst.run(late))).toBe('PAUSED')
      lst.slash(1, 45_000n * oneMetis)
      lst.feed({ type: 'CaseClosed', id: 1, evidenceId: '0x1' })
      expect(codeOf(() => lst.run(late))).toBe('PAUSED')
      expect(quoteDeposit(lst.state, wei(oneMetis)).paused).toMatch(/45000\d* wei is known/)
      lst.run({ type: 'report', nowSeconds: daySeconds, confirmed: true })
      expect(depositsPaused(lst.state)).toBeUndefined()
      lst.run({ ...late, nowSeconds: daySeconds + 1n })
      const worth = liquidPosition(lst.state, 'late').assets
      expect(worth).toBeGreaterThan(10_000n * oneMetis - 10n)
    })

  test('every way to deposit takes the least number of shares', () => {
    const more = 1_001n as Shares
    const a = wei(1_000n)
    const paths: [string, () => unknown][] = [
      [
        'liquid',
        () =>
          applyLiquid(createLiquid({ preset: 'enki' }), {
            type: 'deposit',
            account: 'a',
            assets: a,
            nowSeconds: 0n,
            minShares: more,
          }),
      ],
      [
        'rebasing',
        () => applyRebasing(createRebasingPool(), { type: 'submit', account: 'a', assets: a, minShares: more }),
      ],
      [
        'instant',
        () => applyInstantVault(createInstantVault(), { type: 'deposit', receiver: 'a', assets: a, minShares: more }),
      ],
      [
        'cycle',
        () => applyCycleVault(createCycleVault(), { type: 'deposit', receiver: 'a', assets: a, minShares: more }),
      ],
      ['rate', () => applyRatePool(createRatePool(), { type: 'deposit', account: 'a', assets: a, minShares: more })],
      [
        'snapshot',
        () => applySnapshotPool(createSnapshotPool(), { type: 'deposit', account: 'a', assets: a, minShares: more }),
      ],
      [
        'restaking',
        () => applyRestaking(createRestaking(), { type: 'deposit', account: 'a', units: a, minShares: more }),
      ],
      [
        'wrapped',
        () =>
          applyWrapped(createWrapped(createRebasingPool()), {
            type: 'submitAndWrap',
            account: 'a',
            assets: a,
            minShares: more,
          }),
      ],
      ['face', () => instantFace.deposit(createInstantVault(), { receiver: 'a', assets: a, minShares: more })],
      [
        'receipt',
        () => {
          const lst = new Lst({ preset: 'enki', profile: 'protocol' })
          lst.run({ type: 'mintReceipt', account: 'a', assets: a, nowSeconds: 0n })
          lst.run({ type: 'stakeReceipt', account: 'a', assets: a, nowSeconds: 0n, minShares: more })
        },
      ],
    ]
    for (const [name, run] of paths) expect([name, codeOf(run)]).toEqual([name, 'SLIPPAGE'])
  })

  test('making a loss good is no profit: no fee below the high-water mark', () => {
    for (const preset of sdk) {
      const lst = withSeat({ preset }, 100_000n, 90_000n)
      const fees = () => lst.state.fees + liquidShares(lst.state, 'treasury') + liquidShares(lst.state, 'operators')
      lst.slash(1, 100n * oneMetis)
      lst.run({ type: 'report', nowSeconds: daySeconds })
      lst.reward(1, 60n * oneMetis)
      lst.run({ type: 'report', nowSeconds: 8n * daySeconds })
      expect([preset, fees()]).toEqual([preset, 0n])
      lst.reward(1, 140n * oneMetis)
      lst.run({ type: 'report', nowSeconds: 15n * daySeconds })
      // 100 METIS above the mark, a tenth of them.
      const taken = lst.state.core.model === 'rebasing' ? (fees() * liquidRate(lst.state).rate) / rateOne : fees()
      expect(taken).toBeGreaterThan(10n * oneMetis - oneMetis / 100n)
      expect(taken).toBeLessThan(10n * oneMetis + oneMetis / 100n)
    }
  })
})

describe('forged snapshots', () => {
  // biome-ignore lint/suspicious/noExplicitAny: a forger knows no types
  type Fields = any
  const snapshot = (preset: PresetName, profile: 'sdk' | 'protocol') => {
    const lst = withSeat({ preset, profile }, 30_000n, 20_000n)
    if (lst.state.config.receipts) lst.run({ type: 'mintReceipt', account: 'a', assets: wei(oneMetis), nowSeconds: 0n })
    lst.ask('a', 100n * oneMetis, 10n)
    lst.ask('a', 100n * oneMetis, 20n)
    lst.run({ type: 'report', nowSeconds: 40n * daySeconds })
    return JSON.parse(JSON.stringify(liquidCodec.encode(lst.state)))
  }
  const add = (bag: Fields, field: string, by: bigint): void => {
    bag[field] = `${BigInt(bag[field]) + by}`
  }
  const forgeries: [string, (json: Fields) => unknown][] = [
    // Ankr, aBNBc: shares with nothing behind them.
    [
      'shares out of nothing',
      json => {
        const { balances, shares } = json.core.state
        const bag = balances ?? shares
        bag.push(['mallory', `${10n ** 24n}`])
      },
    ],
    ['cash', json => add(json, 'buffer', 1n)],
    ['paid less', json => add(json.totals, 'paid', -1n)],
    ['a loss that was none', json => add(json, 'lossPending', 1n)],
    ['a fee', json => add(json, 'fees', 1n)],
    ['a reward', json => add(json, 'rewardsVault', 1n)],
    ['receipts', json => add(json, 'receiptSupply', 1n)],
    ['a receipt', json => json.receipts.push(['mallory', '1'])],
    ['given up', json => add(json, 'givenUp', 1n)],
    ['a ticket', json => add(json.tickets, 'owed', 1n)],
    ['a seat', json => add(json.seats.seats[0][1], 'locked', 1n)],
    ['what a seat earned', json => add(json.seats.seats[0][1], 'earned', 1n)],
    [
      'a fee of the whole',
      json => {
        json.config.feeRecipients = [{ account: 'mallory', bps: '10001' }]
      },
    ],
    [
      'another configuration',
      json => {
        json.config.seed = '7'
      },
    ],
    ['the future', json => add(json, 'reportedAtSeconds', 10n ** 9n)],
  ]
  for (const preset of Object.keys(presets) as PresetName[])
    for (const profile of ['sdk', 'protocol'] as const)
      test(`${preset} ${profile}: every wei that is not there is found`, () => {
        const good = snapshot(preset, profile)
        expect(liquidCodec.encode(liquidCodec.decode(structuredClone(good)))).toEqual(good)
        for (const [name, forge] of forgeries) {
          const json = structuredClone(good)
          forge(json)
          expect([name, codeOf(() => liquidCodec.decode(json))]).toEqual([name, 'STATE_INVALID'])
        }
        // The queue's own figures, and shares that a request did not give up.
        if (presets[preset][profile].exits === 'queue') {
          const json = structuredClone(good)
          const of = json.core.state.queue === undefined ? json.queue : json.core.state.queue
          add(of, 'locked', 1n)
          expect(codeOf(() => liquidCodec.decode(json))).toBe('STATE_INVALID')
          const other = structuredClone(good)
          const requests = (other.core.state.queue === undefined ? other.queue : other.core.state.queue).requests
          requests[0][1].claimed = true
          expect(codeOf(() => liquidCodec.decode(other))).toBe('STATE_INVALID')
        }
      })
})

describe('options', () => {
  const tries: [string, Record<string, unknown>, RegExp][] = [
    ['exits fixed of a rebasing pool', { preset: 'recommended', exits: 'fixed' }, /exits "fixed" expected a vault/],
    ['the same of lido', { preset: 'lido', exits: 'fixed' }, /exits "fixed" expected a vault/],
    ['vesting with a queue', { preset: 'enki', vestingBps: 5_000n }, /"vestingBps" expected 0, got 5000/],
    [
      'a queue that vests',
      { preset: 'enki', profile: 'protocol', exits: 'queue', lossPath: true, receipts: false },
      /"vestingBps" expected 0/,
    ],
    ['seed below zero', { preset: 'enki', seed: -1n }, /"seed" expected 0 … 2\^128−1 wei, got -1/],
    ['a number for wei', { preset: 'enki', minSeat: 20_000 }, /"minSeat" expected a bigint .* got the number 20000/],
    [
      'a number for a fee',
      { preset: 'enki', feeRecipients: [{ account: 't', bps: 1000 }] },
      /bps" expected a bigint of 0 … 10000 bps, got the number 1000/,
    ],
    [
      'fees beyond all',
      {
        preset: 'enki',
        feeRecipients: [
          { account: 't', bps: 9_000n },
          { account: 'u', bps: 2_000n },
        ],
      },
      /at most 10000 bps together, got 11000/,
    ],
    [
      'fees to the queue',
      { preset: 'enki', feeRecipients: [{ account: 'queue', bps: 9n }] },
      /an account of the protocol/,
    ],
    ['a name that is nearly one', { preset: 'enki', entrySecond: 0n }, /did you mean "entrySeconds"/],
    ['a limit that is nearly one', { preset: 'enki', limits: { maxLossBp: 1n } }, /did you mean "maxLossBps"/],
    ['another model', { preset: 'enki', model: 'rebasing' }, /"model" is the preset's/],
    ['a queue without losses', { preset: 'enki', lossPath: false }, /"lossPath" is false/],
    ['receipts in a queue', { preset: 'enki', receipts: true }, /"receipts" expected false/],
    [
      'a cycle for another model',
      { preset: 'enki', cycleSeconds: 1_000n },
      /"cycleSeconds" is read by the cycle vault only/,
    ],
    ['a cycle that cannot pay', { preset: 'accumulated', cycleCheckpoint: false }, /expected "cycleCheckpoint"/],
    ['principal beside a vault', { preset: 'enki', profitTest: 'principal' }, /would never charge a fee/],
    ['requests upside down', { preset: 'enki', minRequest: 10n, maxRequest: 9n }, /"minRequest" expected at most/],
    ['a history of nothing', { preset: 'enki', historySeconds: 3_600n }, /no window could be measured/],
    [
      'a history of everything',
      { preset: 'enki', historySeconds: 10n ** 9n, historyGrainSeconds: 1n },
      /take a coarser grain/,
    ],
  ]
  for (const [name, options, says] of tries)
    test(`${name}: refused in words`, () => {
      const run = () => createLiquid(options as LiquidOptions)
      expect(codeOf(run)).toBe('OPTION_INVALID')
      expect(run).toThrow(says)
    })
})

describe('ENKI with both tokens', () => {
  test('eMETIS earns nothing, seMETIS earns what both are staked for, and both are METIS again in the end', () => {
    const lst = new Lst({ preset: 'enki', profile: 'protocol' })
    lst.run({ type: 'registerSeat', seat: 1 })
    for (const account of ['holder', 'staker'])
      lst.run({ type: 'mintReceipt', account, assets: wei(20_000n * oneMetis), nowSeconds: 0n })
    lst.run({ type: 'stakeReceipt', account: 'staker', assets: wei(20_000n * oneMetis), nowSeconds: 0n })
    lst.run({ type: 'lockSeat', seat: 1, assets: wei(40_000n * oneMetis), nowSeconds: 0n })
    for (let day = 1n; day <= 73n; day++) {
      lst.reward(1, (40_000n * oneMetis * 1_000n) / 10_000n / 365n)
      lst.run({ type: 'report', nowSeconds: day * daySeconds })
    }
    // 10 % a year on everything, less the fee, is 18 % for the half that is in the vault.
    expect(Number(liquidApr(lst.state, 73n * daySeconds)!.aprE18) / 1e18).toBeCloseTo(0.18, 3)
    expect(receiptsOf(lst.state, 'holder')).toBe(20_000n * oneMetis)
    lst.run({ type: 'transferReceipt', from: 'holder', to: 'other', assets: wei(5_000n * oneMetis) })
    const out = lst.run({
      type: 'unstakeReceipt',
      account: 'staker',
      shares: liquidShares(lst.state, 'staker'),
      nowSeconds: 73n * daySeconds,
    })
    expect(receiptsOf(lst.state, 'staker')).toBe(out)
    const ids = [
      lst.run({ type: 'redeemReceipt', account: 'staker', assets: wei(out), nowSeconds: 73n * daySeconds }),
      lst.run({
        type: 'redeemReceipt',
        account: 'other',
        assets: wei(5_000n * oneMetis),
        nowSeconds: 73n * daySeconds,
      }),
    ]
    lst.run({ type: 'raiseCash', nowSeconds: 73n * daySeconds })
    lst.run({ type: 'settle', nowSeconds: 100n * daySeconds })
    expect(lst.run({ type: 'claim', id: ids[0]!, account: 'staker', nowSeconds: 100n * daySeconds })).toBe(out)
    expect(lst.run({ type: 'claim', id: ids[1]!, account: 'other', nowSeconds: 100n * daySeconds })).toBe(
      5_000n * oneMetis,
    )
    expect(owedAssets(lst.state)).toBe(heldAssets(lst.state))
    const json = JSON.parse(JSON.stringify(liquidCodec.encode(lst.state)))
    expect(receiptsOf(liquidCodec.decode(json), 'holder')).toBe(15_000n * oneMetis)
    expect(
      codeOf(() =>
        new Lst({ preset: 'enki' }).run({ type: 'mintReceipt', account: 'a', assets: wei(1n), nowSeconds: 0n }),
      ),
    ).toBe('OPTION_INVALID')
  })

  test('the seed is locked by value in the live vault, by shares in ours', () => {
    const earned = (seedLock: 'shares' | 'value') => {
      const vault = createInstantVault({ seed: oneMetis, seedAccount: 'deployer', seedLock, virtualOffset: undefined })
      return applyInstantVault(vault, { type: 'addAssets', assets: wei(oneMetis) }).state
    }
    const live = earned('value')
    // assets + initial deposit ≤ maxWithdraw(deployer) of an ordinary holder, here 2 METIS.
    expect(instantFace.maxWithdraw(live, 'deployer')).toBe(oneMetis)
    expect(
      codeOf(() => applyInstantVault(live, { type: 'withdraw', owner: 'deployer', assets: wei(oneMetis + 1n) })),
    ).toBe('SEED_LOCKED')
    expect(
      codeOf(() =>
        applyInstantVault(live, { type: 'transfer', from: 'deployer', to: 'a', shares: units(oneMetis / 2n + 1n) }),
      ),
    ).toBe('SEED_LOCKED')
    const after = applyInstantVault(live, { type: 'withdraw', owner: 'deployer', assets: wei(oneMetis) }).state
    expect(after.assets).toBe(oneMetis)
    expect(instantFace.maxWithdraw(after, 'deployer')).toBe(0n)
    expect(instantFace.maxRedeem(after, 'deployer')).toBe(0n)
    // Ours: nobody takes what the seed earned either.
    expect(instantFace.maxWithdraw(earned('shares'), 'deployer')).toBe(0n)
    const lst = withSeat({ preset: 'enki', profile: 'protocol' }, 20_000n, 20_000n)
    lst.reward(1, 2_000n * oneMetis)
    lst.run({ type: 'report', nowSeconds: daySeconds })
    const most = liquidShares(lst.state, 'deployer')
    expect(codeOf(() => lst.ask('deployer', most, daySeconds))).toBe('SEED_LOCKED')
    expect(lst.ask('deployer', most / 20n, daySeconds)).toHaveLength(1)
  })
})

describe('small ones', () => {
  test('a share worth less than a wei does not slip past the allowance (lido-dao 796)', () => {
    let vault = createInstantVault({ seed: 0n, virtualOffset: undefined })
    vault = applyInstantVault(vault, { type: 'deposit', receiver: 'a', assets: wei(1_000n) }).state
    vault = applyInstantVault(vault, { type: 'loseAssets', assets: wei(600n) }).state
    const token = { vault, approvals: OrderedMap.from<string, OrderedMap<string, Shares>>() }
    const thief = { caller: 'thief', owner: 'a' }
    expect(codeOf(() => applyVaultToken.redeem(instantFace, token, { ...thief, shares: units(1n) }))).toBe(
      'ZERO_ASSETS',
    )
    expect(codeOf(() => applyVaultToken.redeem(instantFace, token, { ...thief, shares: units(9n) }))).toBe(
      'ALLOWANCE_EXCEEDED',
    )
    expect(codeOf(() => applyVaultToken.withdraw(instantFace, token, { ...thief, assets: wei(1n) }))).toBe(
      'ALLOWANCE_EXCEEDED',
    )
  })
  test('nothing vests: no finish; after unstaking nothing was reckoned', () => {
    let vesting = createExitVesting({ nowSeconds: 100n })
    expect(vestingFinish(vesting, 'nobody')).toBeUndefined()
    vesting = applyVesting(vesting, { type: 'stake', account: 'a', tokens: 100n }).state
    expect(vestingFinish(vesting, 'a')).toBeUndefined()
    vesting = applyVesting(vesting, { type: 'deposit', account: 'a', assets: wei(10n) }).state
    expect(vestingFinish(vesting, 'a')).toBe(100n + vesting.durationSeconds)
    vesting = applyVesting(vesting, { type: 'unstake', account: 'a' }).state
    expect(vesting.users.get('a')).toMatchObject({ stake: 0n, lastSeconds: 0n, balance: 10n })
    vesting = applyVesting(vesting, { type: 'advance', nowSeconds: 10n ** 9n }).state
    expect(applyVesting(vesting, { type: 'claim', account: 'a' }).result).toBe(0n)
  })
  test('a limiter that is off leaves its figures alone', () => {
    for (const limitE18 of [undefined, rebaseLimitOffE18]) {
      const limiter = createLimiter({ limitE18, prePooled: wei(100n), preShares: units(100n) })
      expect(limiterAdd(limiter, 7n)).toEqual({ limiter, taken: 7n })
      expect(limiterRemove(limiter, 1_000n)).toBe(limiter)
      expect(limiterSeats(limiter, 5n, 900n)).toBe(limiter)
    }
  })
  test('a limit that the contracts could not count is refused', () => {
    for (const maxPositiveRebaseE18 of [-(10n ** 9n), 1n, 10n ** 9n + 1n]) {
      const refused = expect.objectContaining({ code: 'OPTION_INVALID' })
      expect(() => createRebasingPool({ maxPositiveRebaseE18 })).toThrow(refused)
      expect(() => createLiquid({ preset: 'lido', maxPositiveRebaseE18 })).toThrow(refused)
    }
  })
  test('the claim bitmap of an airdrop: word, bit, mask', () => {
    expect(claimBit(0n)).toEqual({ word: 0n, bit: 0n, mask: 1n })
    expect(claimBit(777n)).toEqual({ word: 3n, bit: 9n, mask: 512n })
    const drop = createAirdrop(word(1))
    const claimed = { ...drop, claimed: drop.claimed.set(256n, 0n).set(258n, 1n).set(777n, 2n) }
    expect(claimedWord(claimed, 1n)).toBe(5n)
    expect(claimedWord(claimed, 3n)).toBe(512n)
    expect(claimedWord(claimed, 0n)).toBe(0n)
  })
})

describe('who comes for the rewards alone', () => {
  /**
   * A year of weekly rewards and daily reports; `attacker` enters before each of them and asks to leave right after.
   */
  function year(options: LiquidOptions): { honest: bigint; attacker: bigint } {
    const stake = 40_000n * oneMetis
    const lst = withSeat(options, 40_000n, 40_000n)
    let cash = stake
    let open: bigint[] = []
    const claim = (nowSeconds: bigint): void => {
      open = open.filter(id => {
        try {
          cash += lst.run({ type: 'claim', id, account: 'attacker', nowSeconds })
          return false
        } catch (error) {
          if (!isL2Error(error)) throw error
          return true
        }
      })
    }
    for (let day = 1n; day <= 364n; day++) {
      const nowSeconds = day * daySeconds
      claim(nowSeconds - 100n)
      const isLump = day % 7n === 0n
      if (isLump) lst.reward(1, (stake * 2_000n * 7n) / 10_000n / 365n)
      if (isLump && open.length === 0) {
        lst.run({ type: 'deposit', account: 'attacker', assets: wei(cash), nowSeconds: nowSeconds - 60n })
        cash = 0n
      }
      lst.run({ type: 'report', nowSeconds })
      const shares = liquidShares(lst.state, 'attacker')
      if (shares > 0n) open.push(...lst.ask('attacker', shares, nowSeconds + 60n))
    }
    for (let day = 395n; day < 400n; day++) {
      lst.run({ type: 'report', nowSeconds: day * daySeconds })
      claim(day * daySeconds)
    }
    expect(open).toEqual([])
    const honest = (stake * liquidRate(lst.state).rate) / 10n ** 27n
    return { honest: honest - stake, attacker: cash - stake }
  }

  for (const preset of sdk)
    for (const profile of ['sdk', 'protocol'] as const)
      test(`${preset}, ${profile}: who enters before each lump of rewards and leaves after it earns less than who stays`, () => {
        const { honest, attacker } = year({ preset, profile })
        expect(honest).toBeGreaterThan(0n)
        expect(attacker).toBeLessThan(honest)
      })
})
