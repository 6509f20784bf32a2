import { codeOf } from '@l2/common/testing'
import { describe, expect, test } from 'vitest'
import { estimateWait, seatAprE18 } from './apr/apr.js'
import { airdropTree, applyAirdrop, createAirdrop, verifyAirdrop } from './incentives/airdrop.js'
import { divideByWeight, emitted, enkiAirdropBps, enkiSupply, splitSupply } from './incentives/emission.js'
import { type Assets, type RateE27, rateOne, type Shares } from './math/units.js'
import { applyLiquid, createLiquid } from './presets/liquid.js'
import { liquidApr, liquidPosition, liquidRate, liquidWait, quoteDeposit, quoteWithdrawal } from './presets/views.js'
import { applyReceipt, createReceipt, stakeable } from './receipt/receipt.js'
import { checkReward, checkSeats } from './report/guard.js'
import { applyRestaking, createRestaking, restakingRate, restakingUnitRate } from './restaking/restaking.js'
import { asyncRedeem } from './withdrawal/async.js'
import { applyQueue, checkpointHint, createQueue } from './withdrawal/queue.js'

const oneMetis = 10n ** 18n
const wei = (value: bigint): Assets => value as Assets
const units = (value: bigint): Shares => value as Shares
describe('ERC-7540 view of the queue', () => {
  test('pending, claimable, claimed; no preview; hints hold', () => {
    let queue = createQueue()
    for (const owner of ['a', 'b', 'a'])
      queue = applyQueue(queue, {
        type: 'enqueue',
        owner,
        assets: wei(oneMetis),
        shares: units(oneMetis),
        nowSeconds: 1n,
      }).state
    expect(asyncRedeem.pendingRedeemRequest(queue, 1n, 'a')).toBe(oneMetis)
    expect(asyncRedeem.pendingRedeemRequest(queue, 1n, 'b')).toBe(0n)
    const half = (rateOne / 2n) as RateE27
    queue = applyQueue(queue, { type: 'finalize', lastId: 2n, assets: wei(oneMetis), maxRate: half }).state
    expect(asyncRedeem.claimableRedeemRequest(queue, 1n, 'a')).toBe(oneMetis)
    expect(asyncRedeem.maxWithdraw(queue, 'a')).toBe(oneMetis / 2n)
    expect(asyncRedeem.maxRedeem(queue, 'a')).toBe(oneMetis)
    expect(checkpointHint(queue, 2n)).toBe(1n)
    expect(codeOf(() => checkpointHint(queue, 3n))).toBe('NOT_FINALIZED')
    expect(codeOf(() => applyQueue(queue, { type: 'claim', id: 1n, account: 'a', hint: 2n }))).toBe('HINT_INVALID')
    const moved = applyQueue(queue, { type: 'transferRequest', id: 1n, from: 'a', to: 'c' }).state
    expect(applyQueue(moved, { type: 'claim', id: 1n, account: 'c', hint: 1n }).result).toBe(oneMetis / 2n)
    expect(codeOf(() => asyncRedeem.previewRedeem())).toBe('ASYNC_EXIT')
    expect(codeOf(() => asyncRedeem.previewWithdraw())).toBe('ASYNC_EXIT')
  })
})

describe('restaking', () => {
  test('its own slash lowers it alone, the LST lowers it through the rate, and those who are leaving share both', () => {
    let layer = createRestaking()
    layer = applyRestaking(layer, { type: 'deposit', account: 'a', units: wei(99n * oneMetis) }).state
    layer = applyRestaking(layer, { type: 'expose', service: 'oracle', bps: 1_000n }).state
    expect(codeOf(() => applyRestaking(layer, { type: 'expose', service: 'bridge', bps: 9_001n }))).toBe(
      'LIMIT_EXCEEDED',
    )
    const asked = applyRestaking(layer, {
      type: 'request',
      account: 'a',
      shares: units(10n * oneMetis),
      nowSeconds: 0n,
    })
    layer = asked.state
    expect(
      codeOf(() => applyRestaking(layer, { type: 'slash', service: 'oracle', units: wei(10n * oneMetis + 1n) })),
    ).toBe('LIMIT_EXCEEDED')
    expect(codeOf(() => applyRestaking(layer, { type: 'slash', service: 'nobody', units: wei(1n) }))).toBe(
      'LIMIT_EXCEEDED',
    )
    layer = applyRestaking(layer, { type: 'slash', service: 'oracle', units: wei(10n * oneMetis) }).state
    expect(restakingUnitRate(layer)).toBe((rateOne * 9n) / 10n)
    expect(restakingRate(layer, ((rateOne * 11n) / 10n) as RateE27)).toBe((rateOne * 99n) / 100n)
    expect(
      codeOf(() => applyRestaking(layer, { type: 'claim', id: asked.result, account: 'a', nowSeconds: 604_799n })),
    ).toBe('NOT_MATURE')
    expect(applyRestaking(layer, { type: 'claim', id: asked.result, account: 'a', nowSeconds: 604_800n }).result).toBe(
      9n * oneMetis,
    )
  })
})

describe('incentives', () => {
  test('ten per cent at once, the rest over time, divided without loss', () => {
    const { airdrop, emission } = splitSupply(enkiSupply, enkiAirdropBps)
    expect(airdrop + emission).toBe(enkiSupply)
    const schedule = { emission, startSeconds: 100n, seconds: 1_000n }
    expect([0n, 100n, 600n, 1_100n, 9_999n].map(nowSeconds => emitted({ ...schedule, nowSeconds }))).toEqual([
      0n,
      0n,
      emission / 2n,
      emission,
      emission,
    ])
    const parts = divideByWeight(100n, [
      { pool: 'vault', weight: 1n },
      { pool: 'lp', weight: 2n },
      { pool: 'off', weight: 0n },
    ])
    expect(parts.map(({ amount }) => amount)).toEqual([33n, 67n, 0n])
    expect(codeOf(() => divideByWeight(1n, [{ pool: 'x', weight: 0n }]))).toBe('OPTION_INVALID')
  })
  test('an airdrop is claimed once with its proof, and withdrawn in order', () => {
    const claims = Array.from({ length: 7 }, (_, i) => ({
      index: BigInt(i),
      account: `0x${String(i + 1).repeat(40)}` as const,
      amount: BigInt(i) * oneMetis,
    }))
    const tree = airdropTree(claims)
    let drop = createAirdrop(tree.root)
    for (const [i, claim] of claims.entries()) {
      expect(verifyAirdrop(tree.root, claim, tree.proofs[i]!)).toBe(true)
      expect(verifyAirdrop(tree.root, { ...claim, amount: claim.amount + 1n }, tree.proofs[i]!)).toBe(false)
      drop = applyAirdrop(drop, { type: 'claim', ...claim, proof: tree.proofs[i]! }).state
      expect(codeOf(() => applyAirdrop(drop, { type: 'claim', ...claim, proof: tree.proofs[i]! }))).toBe(
        'ALREADY_CLAIMED',
      )
    }
    drop = applyAirdrop(drop, { type: 'enableWithdraw', before: 3n }).state
    expect(applyAirdrop(drop, { type: 'withdraw', id: 2n, account: claims[2]!.account }).result).toBe(2n * oneMetis)
    expect(codeOf(() => applyAirdrop(drop, { type: 'withdraw', id: 3n, account: claims[3]!.account }))).toBe(
      'NOT_UNLOCKED',
    )
  })
})

describe('receipt', () => {
  test('supply and open redemptions are cash and stake, to the wei', () => {
    let receipt = createReceipt({ depositFeeBps: 33n, redeemFeeBps: 17n, withholdE18: 10n ** 16n })
    const backed = () => {
      let open = 0n
      for (const [, item] of receipt.redemptions) if (item.state === 'open') open += item.assets + item.fee
      expect(receipt.supply + open).toBe(receipt.cash + receipt.staked)
    }
    receipt = applyReceipt(receipt, { type: 'submit', account: 'a', assets: wei(100n * oneMetis + 7n) }).state
    backed()
    receipt = applyReceipt(receipt, { type: 'stake', assets: stakeable(receipt, 32n * oneMetis) }).state
    expect(receipt.staked).toBe(96n * oneMetis)
    const asked = applyReceipt(receipt, { type: 'requestRedeem', account: 'a', assets: wei(50n * oneMetis) })
    receipt = asked.state
    backed()
    expect(codeOf(() => applyReceipt(receipt, { type: 'process', id: 0n }))).toBe('INSUFFICIENT_CASH')
    receipt = applyReceipt(applyReceipt(receipt, { type: 'unstake', assets: wei(64n * oneMetis) }).state, {
      type: 'process',
      id: 0n,
    }).state
    backed()
    expect(applyReceipt(receipt, { type: 'claim', id: 0n, account: 'a' }).result).toBe(asked.result.assets)
  })
})

describe('report figures', () => {
  test('a reward is bounded by its blocks, seats by their limits and their sum', () => {
    expect(codeOf(() => checkReward(1_001n, 100n, 10n))).toBe('REWARD_TOO_HIGH')
    expect(codeOf(() => checkReward(1_000n, 100n, 10n))).toBe('none')
    const limits = { minSeat: 20n, maxSeat: 100n }
    const seat = (id: string, assets: bigint, exiting = false) => ({ id, assets, exiting })
    expect(codeOf(() => checkSeats([seat('a', 20n), seat('b', 5n, true)], 25n, limits))).toBe('none')
    expect(codeOf(() => checkSeats([seat('a', 20n), seat('b', 5n)], 25n, limits))).toBe('SEAT_OUT_OF_RANGE')
    expect(codeOf(() => checkSeats([seat('a', 20n)], 21n, limits))).toBe('REPORT_INCONSISTENT')
    expect(codeOf(() => checkSeats([seat('a', 20n), seat('a', 20n)], 40n, limits))).toBe('REPORT_INCONSISTENT')
    // 12,000 METIS a year on 60,000: the twenty per cent that people quote.
    expect(seatAprE18({ rewardPerBlock: 761n * 10n ** 12n, blockSeconds: 2n, locked: 60_000n * oneMetis })).toBe(
      199_990_800_000_000_000n,
    )
  })
  test('waiting names its reason', () => {
    const base = {
      ahead: 10n,
      idle: 0n,
      dailyInflow: 0n,
      partialCapacity: 0n,
      partialSeconds: 60n,
      fullSeconds: 1_000n,
    }
    expect(estimateWait({ ...base, idle: 10n })).toEqual({ seconds: 0n, reason: 'buffer' })
    expect(estimateWait(base)).toEqual({ seconds: 1_000n, reason: 'fullExit' })
    expect(estimateWait({ ...base, partialCapacity: 10n })).toEqual({ seconds: 60n, reason: 'partialExit' })
    expect(estimateWait({ ...base, dailyInflow: 864_000n })).toEqual({ seconds: 1n, reason: 'inflow' })
    expect(estimateWait({ ...base, idle: 10n, bunkerSeconds: 5n })).toEqual({ seconds: 5n, reason: 'bunker' })
  })
})

describe('a whole protocol', () => {
  test('refuses replayed events and stale reports, splits large exits, and quotes what it does', () => {
    let lst = createLiquid({ preset: 'enki', entrySeconds: 0n, rewardPerBlock: oneMetis })
    expect(liquidApr(lst)).toBeUndefined()
    lst = applyLiquid(lst, { type: 'registerSeat', seat: 1 }).state
    lst = applyLiquid(lst, { type: 'deposit', account: 'a', assets: wei(25_000n * oneMetis), nowSeconds: 5n }).state
    lst = applyLiquid(lst, { type: 'lockSeat', seat: 1, assets: wei(20_000n * oneMetis), nowSeconds: 5n }).state
    const event = { type: 'RewardAccrued', id: 1, blocks: 5n, operatorWei: 5n * oneMetis, delegatorsWei: 0n }
    lst = applyLiquid(lst, { type: 'feed', sequence: 1n, event }).state
    expect(codeOf(() => applyLiquid(lst, { type: 'feed', sequence: 1n, event }))).toBe('FEED_ORDER')
    expect(
      codeOf(() => applyLiquid(lst, { type: 'feed', sequence: 2n, event: { ...event, blocks: 4n } as never })),
    ).toBe('REWARD_TOO_HIGH')
    expect(
      codeOf(() => applyLiquid(lst, { type: 'deposit', account: 'a', assets: wei(oneMetis), nowSeconds: 4n })),
    ).toBe('TIME_BACKWARDS')
    lst = applyLiquid(lst, { type: 'report', nowSeconds: 86_400n }).state
    expect(codeOf(() => applyLiquid(lst, { type: 'report', nowSeconds: 86_400n }))).toBe('REPORT_STALE')
    const quoted = quoteDeposit(lst, wei(oneMetis)).amount
    const minted = applyLiquid(lst, { type: 'deposit', account: 'b', assets: wei(oneMetis), nowSeconds: 86_400n })
    expect(minted.result).toBe(quoted)
    expect(quoteWithdrawal(lst, units(oneMetis)).rate).toBe(liquidRate(lst).rate)
    const { result, state } = applyLiquid(lst, {
      type: 'requestWithdrawal',
      account: 'a',
      shares: units(3_500n * oneMetis),
      nowSeconds: 86_400n,
    })
    expect(result.ids).toEqual([1n, 2n, 3n, 4n])
    expect(liquidPosition(state, 'a').shares).toBe(liquidPosition(lst, 'a').shares - 3_500n * oneMetis)
    expect(liquidWait(state, wei(10_000n * oneMetis)).reason).toBe('fullExit')
  })
  test('a loss beyond the cap waits for a second opinion, and so do many small ones', () => {
    let lst = createLiquid({ preset: 'recommended', entrySeconds: 0n })
    lst = applyLiquid(lst, { type: 'registerSeat', seat: 1 }).state
    lst = applyLiquid(lst, { type: 'deposit', account: 'a', assets: wei(100_000n * oneMetis), nowSeconds: 0n }).state
    lst = applyLiquid(lst, { type: 'lockSeat', seat: 1, assets: wei(90_000n * oneMetis), nowSeconds: 0n }).state
    let sequence = 0n
    const slash = (metis: bigint) => {
      const event = { type: 'Slashed', id: 1, operatorWei: metis * oneMetis, delegatorsWei: 0n }
      lst = applyLiquid(lst, { type: 'feed', sequence: ++sequence, event }).state
    }
    const report = (day: bigint, confirmed = false) =>
      applyLiquid(lst, { type: 'report', nowSeconds: day * 86_400n, confirmed })
    slash(6_000n)
    expect(codeOf(() => report(1n))).toBe('LOSS_TOO_HIGH')
    lst = report(1n, true).state
    slash(4_500n)
    expect(codeOf(() => report(2n))).toBe('LOSS_TOO_HIGH')
    lst = report(2n, true).state
    expect(liquidRate(lst).rate).toBeLessThan((rateOne * 90n) / 100n)
  })
})
