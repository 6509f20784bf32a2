import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { isL2Error, OrderedMap } from '@l2/common'
import { vectorFiles } from '@l2/common/testing'
import { describe, expect, test } from 'vitest'
import { aprOf, apyE18, estimateWait, grossAprOf, movingApr, type RebaseEvent, seatAprE18 } from './apr/apr.js'
import { fail, type LstErrorCode } from './errors.js'
import { airdropTree, applyAirdrop, createAirdrop, type MerkleAirdrop } from './incentives/airdrop.js'
import { divideByWeight, emitted, splitSupply } from './incentives/emission.js'
import { rateOf, toAssets, toShares } from './math/math.js'
import type { Assets, RateE27, Shares } from './math/units.js'
import { applyRatePool, createRatePool, type RatePool } from './rate/pool.js'
import { applySnapshotPool, createSnapshotPool, type SnapshotPool } from './rate/snapshot.js'
import { applyRebasing } from './rebasing/pool.js'
import { type RebasingReport, type ReportOutcome, simulatedRate } from './rebasing/report.js'
import { createRebasingPool, depositable, rebasingBalance, rebasingTotals } from './rebasing/state.js'
import { checkReport, type ReportLimits } from './report/guard.js'
import { burnLimit, createLimiter, limiterAdd, limiterRemove, rebaseCapE18 } from './report/limiter.js'
import { applyAccumulator, createAccumulator, earned } from './rewards/accumulator.js'
import { allocateInOrder, allocateMinFirst, allocateOpenFirst, planExit, seatReward } from './seats/allocation.js'
import type { Balances } from './state/ledger.js'
import { applyCycleVault, type CycleVault, createCycleVault, cycleAssets, cycleFace } from './vault/cycle.js'
import { inflationAttack } from './vault/inflation.js'
import { applyInstantVault, createInstantVault, type InstantVault, instantFace } from './vault/instant.js'
import { applyVesting, createExitVesting, type ExitVesting, vestedClaimable, vestingFinish } from './vault/vesting.js'
import { applyQueue, claimable, planBatches, prefinalize, withdrawalStatus } from './withdrawal/queue.js'
import { applyTickets, createTicketQueue, type TicketQueue } from './withdrawal/tickets.js'
import {
  applyWrapped,
  createWrapped,
  tokensPerWrapped,
  type WrappedShares,
  wrappedPerToken,
  wrapperAccount,
} from './wrapped/wrapped.js'

// biome-ignore lint/suspicious/noExplicitAny: vectors are untyped JSON, read here and nowhere else
type Any = any
type Operation = { op: string; args: Any; returns?: unknown; error?: string }
type Vector = {
  id: string
  model: string
  profile: string
  title: string
  params: Any
  initial: Any
  ops: Operation[]
  expected: Any
}

const big = (value: Any): bigint => (value === undefined || value === null ? 0n : BigInt(value))
/** Parts of 10^18 from the billionths of the vectors. */
const billionths = (value: Any): bigint | undefined => {
  const parts = maybe(value)
  return parts === undefined ? undefined : parts * 10n ** 9n
}
const maybe = (value: Any): bigint | undefined => (value === undefined || value === null ? undefined : BigInt(value))
const a = (value: Any): Assets => big(value) as Assets
const s = (value: Any): Shares => big(value) as Shares
const ledgerOf = <T extends bigint>(record: Any): Balances<T> =>
  OrderedMap.from(
    Object.entries(record ?? {})
      .map(([name, value]) => [name, big(value)] as [string, T])
      .filter(([, value]) => value > 0n),
  )
const recordOf = (map: OrderedMap<string, bigint>): Record<string, string> =>
  Object.fromEntries([...map].map(([name, value]) => [name, value.toString()]))
const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value ?? null, (_, item) => (typeof item === 'bigint' ? item.toString() : item)))

/** The names the vectors give to refusals. A name that is not here must at least be a typed refusal. */
const codes: Record<string, LstErrorCode> = {
  ZeroDeposit: 'ZERO_AMOUNT',
  ZeroShares: 'ZERO_SHARES',
  ZeroAssets: 'ZERO_ASSETS',
  ZeroWrap: 'ZERO_AMOUNT',
  ZeroUnwrap: 'ZERO_AMOUNT',
  BalanceExceeded: 'BALANCE_EXCEEDED',
  SyncEarly: 'SYNC_EARLY',
  SyncNoRewards: 'SYNC_NO_REWARDS',
  StoredUnderflow: 'STORED_UNDERFLOW',
  Insolvent: 'INSOLVENT',
  InsufficientCash: 'INSUFFICIENT_CASH',
  InsufficientCollateral: 'INSUFFICIENT_CASH',
  InvalidNonce: 'REQUEST_UNKNOWN',
  NotMature: 'NOT_MATURE',
  NotUnlocked: 'NOT_UNLOCKED',
  TotalUnderflow: 'TOTAL_UNDERFLOW',
  NotFinalized: 'NOT_FINALIZED',
  NotOwner: 'NOT_OWNER',
  AlreadyClaimed: 'ALREADY_CLAIMED',
  EmptyBatches: 'BATCHES_EMPTY',
  InvalidRequestId: 'REQUEST_UNKNOWN',
  BatchesAreNotSorted: 'BATCHES_UNSORTED',
  ZeroShareRate: 'ZERO_SHARE_RATE',
  TooMuchEtherToFinalize: 'FINALIZE_TOO_MUCH',
  ShareRateDeviation: 'SHARE_RATE_DEVIATION',
  AnnualIncreaseTooHigh: 'ANNUAL_INCREASE_TOO_HIGH',
  LossTooHigh: 'LOSS_TOO_HIGH',
  AlreadyRedeemed: 'TICKET_CLOSED',
  AlreadyReduced: 'ALREADY_REDUCED',
  ReduceTimeExceedsLimit: 'REDUCE_TOO_MUCH',
}

/** One model: how its state is read from a vector, shown as one, and driven. */
type Model<State> = {
  read(vector: Vector): State
  show(state: State): Record<string, unknown>
  ops: Record<string, (state: State, args: Any) => { state: State; result: unknown }>
}
const view =
  <State>(read: (state: State, args: Any) => unknown) =>
  (state: State, args: Any) => ({ state, result: read(state, args) })

// ---- rebasing, wrapped, queue: one state
// ---------------------------------------------------------------------------------------

function readPool({ params, initial }: Vector): WrappedShares {
  const recipients = (params.feesBps ?? []).map(([account, bps]: [string, string]) => ({ account, bps: big(bps) }))
  const limits: ReportLimits = {
    annualIncreaseBps: maybe(params.reportLimits?.annualIncreaseBps),
    maxLossBps: maybe(params.reportLimits?.maxLossBps),
    shareRateDeviationBps: maybe(params.reportLimits?.shareRateDeviationBps),
    requestMarginSeconds: maybe(params.reportLimits?.requestTimestampMargin ?? params.reportLimits?.requestMargin),
  }
  const pool = createRebasingPool({
    seed: 0n,
    feeRecipients: recipients,
    // The only other test there is, is Lido's.
    profitTest: params.profitTest === undefined || params.profitTest === 'net' ? 'net' : 'principal',
    maxPositiveRebaseE18: billionths(params.maxPositiveRebaseE9),
    limits,
    minRequest: maybe(params.minRequest) ?? 100n,
    maxRequest: maybe(params.maxRequest) ?? 1000n * 10n ** 18n,
  })
  const state = createWrapped({
    ...pool,
    buffer: a(initial.buffer),
    transit: a(initial.transit),
    seats: a(initial.seats),
    returnsVault: a(initial.returnsVault),
    rewardsVault: a(initial.rewardsVault),
    totalShares: s(initial.totalShares),
    shares: ledgerOf(initial.shares),
    burnRequested: s(initial.burnRequested),
    queue: { ...pool.queue, locked: a(initial.queueLocked) },
  })
  return { ...state, wrapped: ledgerOf(initial.wrapped), supply: s(initial.wrappedSupply) }
}

function showPool({ pool, wrapped, supply }: WrappedShares): Record<string, unknown> {
  const totals = rebasingTotals(pool)
  return {
    buffer: pool.buffer,
    transit: pool.transit,
    seats: pool.seats,
    returnsVault: pool.returnsVault,
    rewardsVault: pool.rewardsVault,
    totalPooled: totals.assets,
    totalShares: totals.shares,
    shares: recordOf(pool.shares),
    burnRequested: pool.burnRequested,
    queueLocked: pool.queue.locked,
    lastRequestId: pool.queue.lastRequestId,
    lastFinalizedId: pool.queue.lastFinalizedId,
    shareRateE27: rateOf(totals),
    wrapped: recordOf(wrapped),
    wrappedSupply: supply,
    wrapperShares: pool.shares.get(wrapperAccount) ?? 0n,
  }
}

function reportOf(state: WrappedShares, args: Any): RebasingReport {
  return {
    seatsNow: a(args.seatsNow),
    appeared: a(args.appeared),
    elapsedSeconds: big(args.elapsed),
    nowSeconds: maybe(args.ts) ?? state.pool.reportedAtSeconds + 1n,
    batches: args.batches?.map(big),
    maxRate: maybe(args.rate) as RateE27 | undefined,
  }
}

function showReport(outcome: ReportOutcome, elapsedSeconds: bigint): unknown {
  return {
    principal: outcome.principal,
    eth: outcome.locked,
    fsh: outcome.queueShares,
    wv: outcome.fromReturnsVault,
    el: outcome.fromRewardsVault,
    burn: outcome.burnt,
    wqBurn: outcome.queueBurnt,
    postE: outcome.postAssets,
    postS: outcome.postShares,
    feeEth: outcome.feeAssets,
    feeSh: outcome.feeShares,
    dist: outcome.distribution.map(part => [part.account, part.shares]),
    P0: outcome.preAssets,
    S0: outcome.preShares,
    preRate: outcome.preRate,
    postRate: outcome.postRate,
    aprE6: aprOf({ ...outcome, elapsedSeconds, atSeconds: 0n }).aprE18 / 10n ** 12n,
  }
}

type PoolOp = (state: WrappedShares, args: Any) => { state: WrappedShares; result: unknown }
const inPool =
  (run: (pool: WrappedShares['pool'], args: Any) => { state: WrappedShares['pool']; result: unknown }): PoolOp =>
  (state, args) => {
    const { state: pool, result } = run(state.pool, args)
    return { state: { ...state, pool }, result }
  }
const poolOps: Model<WrappedShares>['ops'] = {
  submit: inPool((pool, x) => applyRebasing(pool, { type: 'submit', account: x.u, assets: a(x.a) })),
  transfer: inPool((pool, x) => applyRebasing(pool, { type: 'transfer', from: x.f, to: x.t, assets: a(x.a) })),
  transfershares: inPool((pool, x) =>
    applyRebasing(pool, { type: 'transferShares', from: x.f, to: x.t, shares: s(x.x ?? x.s ?? x.a) }),
  ),
  requestburn: inPool((pool, x) =>
    applyRebasing(pool, { type: 'requestBurn', account: x.u ?? x.f, shares: s(x.x ?? x.s ?? x.a) }),
  ),
  allocate: inPool((pool, x) => applyRebasing(pool, { type: 'allocate', assets: a(x.a) })),
  setrewardsvault: inPool((pool, x) => ({ state: { ...pool, rewardsVault: a(x.amount ?? x.a) }, result: null })),
  setreturnsvault: inPool((pool, x) => ({ state: { ...pool, returnsVault: a(x.amount ?? x.a) }, result: null })),
  setbunker: inPool((pool, x) => ({ state: { ...pool, bunker: x.on ?? x.bunker ?? true }, result: null })),
  pause: inPool(pool => applyRebasing(pool, { type: 'pause', paused: true })),
  resume: inPool(pool => applyRebasing(pool, { type: 'pause', paused: false })),
  report: inPool((pool, x) => {
    const state = { pool } as WrappedShares
    const report = reportOf(state, x)
    const booked = applyRebasing(pool, { type: 'report', ...report })
    // A report without a time does not move the clock by which requests are grouped.
    const reportedAtSeconds = x.ts === undefined ? pool.reportedAtSeconds : booked.state.reportedAtSeconds
    return { state: { ...booked.state, reportedAtSeconds }, result: showReport(booked.result, report.elapsedSeconds) }
  }),
  simulatedrate: view((state, x) => simulatedRate(state.pool, reportOf(state, x))),
  depositable: view(state => depositable(state.pool)),
  balanceof: view((state, x) => rebasingBalance(state.pool, x.u)),
  toas: view((state, x) => toAssets(s(x.x), rebasingTotals(state.pool), 'down')),
  toasup: view((state, x) => toAssets(s(x.x), rebasingTotals(state.pool), 'up')),
  tosh: view((state, x) => toShares(a(x.a), rebasingTotals(state.pool), 'down')),
  toshup: view((state, x) => toShares(a(x.a), rebasingTotals(state.pool), 'up')),
  request: inPool((pool, x) =>
    applyRebasing(pool, { type: 'request', account: x.u, assets: a(x.a), nowSeconds: big(x.ts) }),
  ),
  requestmany: (state, x) => {
    const times = big(x.n ?? x.count ?? x.times ?? x.k ?? x.amounts?.length)
    let pool = state.pool
    let id = 0n
    for (let i = 0n; i < times; i++) {
      const amount = x.amounts?.[Number(i)] ?? x.a
      const moved = applyRebasing(pool, {
        type: 'request',
        account: x.u,
        assets: a(amount),
        nowSeconds: big(x.ts) + i * big(x.step ?? 0),
      })
      pool = moved.state
      id = moved.result
    }
    return { state: { ...state, pool }, result: id }
  },
  batches: view((state, x) => {
    const plan = planBatches(state.pool.queue, {
      maxRate: big(x.rate) as RateE27,
      maxTimestamp: big(x.maxTimestamp),
      budget: big(x.budget),
    })
    return [plan.batches, plan.budgetLeft]
  }),
  prefinalize: view((state, x) => {
    const { assets, shares } = prefinalize(state.pool.queue, x.batches.map(big), big(x.rate) as RateE27)
    return [assets, shares]
  }),
  finalize: inPool((pool, x) => {
    const done = applyQueue(pool.queue, {
      type: 'finalize',
      lastId: big(x.lastId),
      assets: a(x.amount),
      maxRate: big(x.rate) as RateE27,
    })
    return {
      state: { ...pool, queue: done.state, buffer: (pool.buffer - big(x.amount)) as Assets },
      result: done.result,
    }
  }),
  claim: inPool((pool, x) => applyRebasing(pool, { type: 'claim', id: big(x.id), account: x.who ?? x.u })),
  claimable: view((state, x) => claimable(state.pool.queue, big(x.id))),
  status: view((state, x) => withdrawalStatus(state.pool.queue, big(x.id))),
  transferrequest: inPool((pool, x) =>
    applyRebasing(pool, { type: 'transferRequest', id: big(x.id), from: x.f, to: x.t }),
  ),
  wrap: (state, x) => applyWrapped(state, { type: 'wrap', account: x.u, assets: a(x.a) }),
  unwrap: (state, x) => {
    const { state: next, result } = applyWrapped(state, { type: 'unwrap', account: x.u, units: s(x.w) })
    return { state: next, result: [result.assets, result.shares] }
  },
  unwrapshares: (state, x) => applyWrapped(state, { type: 'unwrapShares', account: x.u, units: s(x.w) }),
  submitandwrap: (state, x) => applyWrapped(state, { type: 'submitAndWrap', account: x.u, assets: a(x.a) }),
  transferwrapped: (state, x) => applyWrapped(state, { type: 'transferWrapped', from: x.f, to: x.t, units: s(x.w) }),
  tokensperwrapped: view(state => tokensPerWrapped(state)),
  wrappedpertoken: view(state => wrappedPerToken(state)),
}
const pool: Model<WrappedShares> = { read: readPool, show: showPool, ops: poolOps }

// ---- vaults
// --------------------------------------------------------------------------------------------------------------------

const cycle: Model<CycleVault> = {
  read: ({ params, initial }) => ({
    ...createCycleVault({
      seed: 0n,
      cycleLengthSeconds: big(initial.cycleLength ?? params.cycleLength),
      virtualOffset: maybe(params.virtualOffset),
      autoSync: params.autoSync === true,
      checkpointOnExit: params.checkpointOnExit === true,
    }),
    nowSeconds: big(initial.now),
    cycleEndSeconds: big(initial.cycleEnd),
    lastSyncSeconds: big(initial.lastSync),
    reward: a(initial.lastReward),
    stored: a(initial.stored),
    assetBalance: a(initial.assetBalance),
    supply: s(initial.totalSupply),
    balances: ledgerOf(initial.balances),
  }),
  show: vault => ({
    now: vault.nowSeconds,
    cycleLength: vault.cycleLengthSeconds,
    cycleEnd: vault.cycleEndSeconds,
    lastSync: vault.lastSyncSeconds,
    lastReward: vault.reward,
    stored: vault.stored,
    assetBalance: vault.assetBalance,
    totalAssets: cycleAssets(vault),
    totalSupply: vault.supply,
    balances: recordOf(vault.balances),
  }),
  ops: {
    deposit: (vault, x) => applyCycleVault(vault, { type: 'deposit', receiver: x.u, assets: a(x.a) }),
    mint: (vault, x) => applyCycleVault(vault, { type: 'mint', receiver: x.u, shares: s(x.x) }),
    withdraw: (vault, x) => applyCycleVault(vault, { type: 'withdraw', owner: x.u, assets: a(x.a) }),
    redeem: (vault, x) => applyCycleVault(vault, { type: 'redeem', owner: x.u, shares: s(x.x) }),
    transfer: (vault, x) => applyCycleVault(vault, { type: 'transfer', from: x.f, to: x.t, shares: s(x.x) }),
    donate: (vault, x) => applyCycleVault(vault, { type: 'donate', assets: a(x.a) }),
    sync: vault => applyCycleVault(vault, { type: 'sync' }),
    syncrewards: vault => applyCycleVault(vault, { type: 'sync' }),
    settime: (vault, x) => applyCycleVault(vault, { type: 'advance', nowSeconds: big(x.now) }),
    totalassets: view(vault => cycleFace.totalAssets(vault)),
    previewdeposit: view((vault, x) => cycleFace.previewDeposit(vault, a(x.a))),
    previewmint: view((vault, x) => cycleFace.previewMint(vault, s(x.x))),
    previewwithdraw: view((vault, x) => cycleFace.previewWithdraw(vault, a(x.a))),
    previewredeem: view((vault, x) => cycleFace.previewRedeem(vault, s(x.x))),
    converttoassets: view((vault, x) => cycleFace.convertToAssets(vault, s(x.x))),
    converttoshares: view((vault, x) => cycleFace.convertToShares(vault, a(x.a))),
    maxwithdraw: view((vault, x) => cycleFace.maxWithdraw(vault, x.u)),
    maxredeem: view((vault, x) => cycleFace.maxRedeem(vault, x.u)),
  },
}

type Paying = { vault: InstantVault; paid: Balances<Assets>; vesting: Balances<Assets> }
const add = (ledger: Balances<Assets>, name: string, amount: bigint): Balances<Assets> =>
  ledger.set(name, ((ledger.get(name) ?? 0n) + amount) as Assets)
const inVault =
  (run: (vault: InstantVault, args: Any) => { state: InstantVault; result: unknown }) => (state: Paying, args: Any) => {
    const { state: vault, result } = run(state.vault, args)
    return { state: { ...state, vault }, result }
  }
const leaving =
  (op: 'withdraw' | 'redeem') =>
  (state: Paying, x: Any): { state: Paying; result: unknown } => {
    const { state: vault, result } =
      op === 'withdraw'
        ? applyInstantVault(state.vault, { type: op, owner: x.u, assets: a(x.a) })
        : applyInstantVault(state.vault, { type: op, owner: x.u, shares: s(x.x) })
    return {
      state: { vault, paid: add(state.paid, x.u, result.paid), vesting: add(state.vesting, x.u, result.vested) },
      result: [op === 'withdraw' ? result.shares : result.assets, result.vested],
    }
  }
const instant: Model<Paying> = {
  read: ({ params, initial }) => ({
    vault: {
      ...createInstantVault({
        seed: 0n,
        virtualOffset: maybe(params.virtualOffset),
        vestingBps: big(params.vestingBps),
      }),
      assets: a(initial.totalAssets),
      supply: s(initial.totalSupply),
      balances: ledgerOf(initial.balances),
      seedAccount: 'deployer',
      seedShares: s(params.seed),
    },
    paid: ledgerOf(initial.paid),
    vesting: ledgerOf(initial.toVesting),
  }),
  show: ({ vault, paid, vesting }) => ({
    totalAssets: vault.assets,
    totalSupply: vault.supply,
    balances: recordOf(vault.balances),
    paid: recordOf(paid),
    toVesting: recordOf(vesting),
  }),
  ops: {
    deposit: inVault((vault, x) => applyInstantVault(vault, { type: 'deposit', receiver: x.u, assets: a(x.a) })),
    mint: inVault((vault, x) => applyInstantVault(vault, { type: 'mint', receiver: x.u, shares: s(x.x) })),
    transfer: inVault((vault, x) => applyInstantVault(vault, { type: 'transfer', from: x.f, to: x.t, shares: s(x.x) })),
    addassets: inVault((vault, x) => applyInstantVault(vault, { type: 'addAssets', assets: a(x.a ?? x.amount) })),
    loss: inVault((vault, x) => applyInstantVault(vault, { type: 'loseAssets', assets: a(x.a ?? x.amount) })),
    // A gift to the vault's address is not counted: nothing to do.
    donate: view(() => null),
    dispatch: inVault((vault, x) => {
      const { state, result } = applyInstantVault(vault, {
        type: 'dispatch',
        assets: a(x.amount ?? x.a),
        treasuryBps: big(x.treasuryBps),
      })
      return { state, result: [result.treasury, result.credited] }
    }),
    withdraw: leaving('withdraw'),
    redeem: leaving('redeem'),
    previewdeposit: view(({ vault }, x) => instantFace.previewDeposit(vault, a(x.a))),
    previewmint: view(({ vault }, x) => instantFace.previewMint(vault, s(x.x))),
    previewwithdraw: view(({ vault }, x) => instantFace.previewWithdraw(vault, a(x.a))),
    previewredeem: view(({ vault }, x) => instantFace.previewRedeem(vault, s(x.x))),
    converttoassets: view(({ vault }, x) => instantFace.convertToAssets(vault, s(x.x))),
    converttoshares: view(({ vault }, x) => instantFace.convertToShares(vault, a(x.a))),
    maxwithdraw: view(({ vault }, x) => instantFace.maxWithdraw(vault, x.u)),
    maxredeem: view(({ vault }, x) => instantFace.maxRedeem(vault, x.u)),
  },
}

// ---- rate
// ----------------------------------------------------------------------------------------------------------------------

const rate: Model<RatePool> = {
  read: ({ params, initial }) => ({
    ...createRatePool({
      nowSeconds: big(initial.now),
      feeE18: big(params.feeE18),
      withdrawDelaySeconds: big(params.withdrawDelay),
      legacyRounding: params.legacyRounding === true,
    }),
    totalDeposits: a(initial.totalDeposits),
    supply: s(initial.supply),
    balances: ledgerOf(initial.balances),
    rewardPool: a(initial.rewardPool),
    feeBalance: a(initial.feeBalance),
    poolCash: a(initial.poolCash),
    withdrawCash: a(initial.withdrawCash),
    requests: OrderedMap.from(
      (initial.requests ?? []).map((r: Any, i: number) => [
        BigInt(i),
        { owner: r.owner, shares: s(r.art), assets: a(r.metis), atSeconds: big(r.at), done: r.done },
      ]),
    ),
    nextUnlock: big(initial.nextUnlock),
    paid: ledgerOf(initial.paid),
  }),
  show: state => ({
    totalDeposits: state.totalDeposits,
    supply: state.supply,
    balances: recordOf(state.balances),
    rewardPool: state.rewardPool,
    feeBalance: state.feeBalance,
    poolCash: state.poolCash,
    withdrawCash: state.withdrawCash,
    requests: [...state.requests].map(([, r]) => ({
      owner: r.owner,
      art: r.shares,
      metis: r.assets,
      at: r.atSeconds,
      done: r.done,
    })),
    nextUnlock: state.nextUnlock,
    rateE18: state.supply === 0n ? 10n ** 18n : (state.totalDeposits * 10n ** 18n) / state.supply,
    now: state.nowSeconds,
    paid: recordOf(state.paid),
  }),
  ops: {
    deposit: (state, x) =>
      applyRatePool(state, {
        type: 'deposit',
        account: x.u,
        assets: a(x.a),
        ...((x.minOut ?? x.min_out) === undefined ? {} : { minShares: s(x.minOut ?? x.min_out) }),
      }),
    rewardarrives: (state, x) => applyRatePool(state, { type: 'rewardArrives', assets: a(x.amount ?? x.a) }),
    harvest: state => {
      const { state: next, result } = applyRatePool(state, { type: 'harvest' })
      return { state: next, result: [result.net, result.fee] }
    },
    request: (state, x) => {
      const { state: next, result } = applyRatePool(state, {
        type: 'request',
        account: x.u,
        shares: s(x.x),
        harvestFirst: (x.harvest_first ?? x.harvestFirst) !== false,
      })
      return { state: next, result: [result.nonce, result.assets] }
    },
    unlock: (state, x) => applyRatePool(state, { type: 'unlock', upto: big(x.upto) }),
    complete: (state, x) => {
      const { state: next, result } = applyRatePool(state, { type: 'complete', account: x.u })
      return { state: next, result: [result.nonce, result.assets] }
    },
    returnfromseat: (state, x) => applyRatePool(state, { type: 'returnFromSeat', assets: a(x.a) }),
    sendtoseat: (state, x) => applyRatePool(state, { type: 'sendToSeat', assets: a(x.a) }),
    loss: (state, x) => applyRatePool(state, { type: 'lose', assets: a(x.a) }),
    settime: (state, x) => applyRatePool(state, { type: 'advance', nowSeconds: big(x.now) }),
    rate: view(state => (state.supply === 0n ? 10n ** 18n : (state.totalDeposits * 10n ** 18n) / state.supply)),
  },
}

const snapshot: Model<SnapshotPool> = {
  read: ({ params, initial }) => ({
    ...createSnapshotPool({
      nowSeconds: big(initial.now),
      maxDeltaE18: big(params.maxDeltaE18),
      minIntervalSeconds: big(params.minInterval),
    }),
    snapshotAssets: a(initial.snapshotTotal),
    snapshotShares: s(initial.snapshotSupply),
    supply: s(initial.supply),
    balances: ledgerOf(initial.balances),
    cash: a(initial.cash),
    updatedAtSeconds: big(initial.lastUpdate),
  }),
  show: state => ({
    snapshotTotal: state.snapshotAssets,
    snapshotSupply: state.snapshotShares,
    supply: state.supply,
    balances: recordOf(state.balances),
    cash: state.cash,
    lastUpdate: state.updatedAtSeconds,
    now: state.nowSeconds,
  }),
  ops: {
    deposit: (state, x) => applySnapshotPool(state, { type: 'deposit', account: x.u, assets: a(x.a) }),
    burn: (state, x) => applySnapshotPool(state, { type: 'burn', account: x.u, shares: s(x.x) }),
    submit: (state, x) => applySnapshotPool(state, { type: 'update', assets: a(x.T), shares: s(x.R) }),
    settime: (state, x) => applySnapshotPool(state, { type: 'advance', nowSeconds: big(x.now) }),
  },
}

// ---- exits
// ---------------------------------------------------------------------------------------------------------------------

const tickets: Model<TicketQueue> = {
  read: ({ params, initial }) => ({
    ...createTicketQueue({
      nowSeconds: big(initial.now),
      feeE18: big(params.feePpm) * 10n ** 12n,
      cancelFeeE18: big(params.cancelPpm) * 10n ** 12n,
      lengthSeconds: big(params.length),
      minLengthSeconds: big(params.minLength),
      lpLockSeconds: big(params.lpLock),
    }),
    owed: a(initial.owed),
    fees: a(initial.fees),
    receiptHeld: a(initial.receiptHeld),
    cash: a(initial.cash),
    lpHeld: big(initial.lpHeld),
    tickets: OrderedMap.from(
      (initial.tickets ?? []).map((t: Any, i: number) => [
        BigInt(i),
        {
          owner: t.u,
          assets: a(t.a),
          matureAtSeconds: big(t.mat),
          state: t.state,
          lp: big(t.lp),
          lpUntilSeconds: big(t.lpmat),
          lpReturned: t.lpout,
          cancelFeeE18: big(params.cancelPpm) * 10n ** 12n,
        },
      ]),
    ),
  }),
  show: queue => ({
    now: queue.nowSeconds,
    owed: queue.owed,
    fees: queue.fees,
    receiptHeld: queue.receiptHeld,
    cash: queue.cash,
    lpHeld: queue.lpHeld,
    tickets: [...queue.tickets].map(([, t]) => ({
      u: t.owner,
      a: t.assets,
      mat: t.matureAtSeconds,
      state: t.state,
      lp: t.lp,
      lpmat: t.lpUntilSeconds,
      lpout: t.lpReturned,
    })),
  }),
  ops: {
    enter: (queue, x) => {
      const { state, result } = applyTickets(queue, { type: 'enter', account: x.u, assets: a(x.a) })
      return { state, result: [result.id, result.assets, result.fee] }
    },
    fund: (queue, x) => applyTickets(queue, { type: 'fund', assets: a(x.a) }),
    redeem: (queue, x) => applyTickets(queue, { type: 'redeem', id: big(x.i) }),
    cancel: (queue, x) => {
      const { state, result } = applyTickets(queue, { type: 'cancel', id: big(x.i) })
      return { state, result: [result.assets, result.fee, result.lp] }
    },
    setlpfactor: (queue, x) => applyTickets(queue, { type: 'setLpFactor', token: x.token, factor: big(x.factor) }),
    reduce: (queue, x) => applyTickets(queue, { type: 'reduce', id: big(x.i), token: x.tok ?? x.token, lp: big(x.lp) }),
    unlocklp: (queue, x) => applyTickets(queue, { type: 'unlockLp', id: big(x.i) }),
    settime: (queue, x) => applyTickets(queue, { type: 'advance', nowSeconds: big(x.now) }),
  },
}

const vesting: Model<ExitVesting> = {
  read: ({ params, initial }) => ({
    ...createExitVesting({
      nowSeconds: big(initial.now),
      durationSeconds: big(params.duration),
      stakePerUnit: big(params.stakePerUnit),
    }),
    users: OrderedMap.from(
      Object.entries(initial.users ?? {}).map(([name, u]: [string, Any]) => [
        name,
        { stake: big(u.stake), released: a(u.cum), claimed: a(u.claimed), balance: a(u.bal), lastSeconds: big(u.last) },
      ]),
    ),
  }),
  show: state => ({
    now: state.nowSeconds,
    users: Object.fromEntries(
      [...state.users].map(([name, u]) => [
        name,
        { stake: u.stake, cum: u.released, claimed: u.claimed, last: u.lastSeconds, bal: u.balance },
      ]),
    ),
  }),
  ops: {
    deposit: (state, x) => applyVesting(state, { type: 'deposit', account: x.u, assets: a(x.a) }),
    stake: (state, x) => applyVesting(state, { type: 'stake', account: x.u, tokens: big(x.a) }),
    unstake: (state, x) => {
      const { state: next, result } = applyVesting(state, { type: 'unstake', account: x.u })
      return { state: next, result: [result.assets, result.tokens] }
    },
    claim: (state, x) => applyVesting(state, { type: 'claim', account: x.u }),
    claimable: view((state, x) => vestedClaimable(state, x.u)),
    finish: view((state, x) => vestingFinish(state, x.u) ?? null),
    settime: (state, x) => applyVesting(state, { type: 'advance', nowSeconds: big(x.now) }),
  },
}

// ---- functions of their arguments
// ----------------------------------------------------------------------------------------------

const pure = (ops: Record<string, (args: Any) => unknown>): Model<null> => ({
  read: () => null,
  show: () => ({}),
  ops: Object.fromEntries(
    Object.entries(ops).map(([name, run]) => [name, (_: null, args: Any) => ({ state: null, result: run(args) })]),
  ),
})
const many = (values: Any): bigint[] => values.map(big)
const rebase = (x: Any): RebaseEvent => ({
  preAssets: big(x.preTotal),
  preShares: big(x.preShares),
  postAssets: big(x.postTotal),
  postShares: big(x.postShares),
  feeShares: big(x.feeShares ?? x.sharesMintedAsFees ?? x.feeSh),
  elapsedSeconds: big(x.timeElapsed),
  atSeconds: big(x.timestamp),
})
const seats = pure({
  relockorder: x => {
    const { added, left } = allocateInOrder(many(x.seats), big(x.funds), big(x.maxLock))
    return [added, left]
  },
  minfirst: x => {
    const { buckets, allocated } = allocateMinFirst(many(x.buckets), many(x.capacities), big(x.amount))
    return [buckets, allocated]
  },
  openfirst: x => {
    const plan = allocateOpenFirst({
      funds: big(x.funds),
      seats: many(x.seats),
      freeSeats: big(x.freeSeats),
      minSeat: big(x.minLock),
      maxSeat: big(x.maxLock),
    })
    return [plan.opened, plan.seats, plan.left]
  },
  exitplan: x => {
    const plan = planExit({
      need: big(x.need),
      idle: big(x.idle),
      seats: x.seats.map(([id, locked, batch]: Any[]) => ({ id, locked: big(locked), updatedBatch: big(batch) })),
      currentBatch: big(x.currentBatch),
      minSeat: big(x.minLock),
    })
    const pairs = (list: typeof plan.partial) => list.map(item => [item.id, item.assets])
    return { idle: plan.idle, partial: pairs(plan.partial), full: pairs(plan.full), over: plan.over, short: plan.short }
  },
  seatreward: x => seatReward(big(x.blocks), big(x.rewardPerBlock)),
  seatapr: x =>
    seatAprE18({
      rewardPerBlock: big(x.rewardPerBlock),
      blockSeconds: big(x.blockSeconds ?? x.blockTime ?? 2),
      locked: big(x.locked ?? x.totalLocked),
    }) /
    10n ** 12n,
})
const inflate = (x: Any): unknown =>
  inflationAttack({
    offset: maybe(x.offset),
    attackerDeposit: big(x.attackerDeposit),
    donation: big(x.donation),
    victimDeposit: big(x.victimDeposit),
    internalAccounting: x.internalAccounting === true,
    deadSeed: big(x.deadSeed),
  })
const incentives: Model<MerkleAirdrop | null> = {
  read: ({ initial }) => (initial?.root === undefined ? null : createAirdrop(initial.root)),
  show: state =>
    state === null
      ? {}
      : {
          root: state.root,
          withdrawEnabledBefore: state.withdrawEnabledBeforeSeconds,
          claimed: [...state.claimed].map(([i]) => i),
        },
  ops: {
    split: view((_, x) => splitSupply(big(x.supply), big(x.airdropBps))),
    emitted: view((_, x) =>
      emitted({
        emission: big(x.emission),
        startSeconds: big(x.start),
        seconds: big(x.seconds ?? x.duration),
        nowSeconds: big(x.now),
      }),
    ),
    weights: view((_, x) =>
      divideByWeight(
        big(x.emission ?? x.amount),
        x.weights.map(([pool, weight]: [string, string]) => ({ pool, weight: big(weight) })),
      ).map(part => [part.pool, part.amount]),
    ),
    accumulate: view((_, x) => {
      let state = createAccumulator()
      const names = new Set<string>()
      for (const [kind, ...rest] of x.events as string[][]) {
        if (kind === 'reward') state = applyAccumulator(state, { type: 'reward', assets: a(rest[0]) }).state
        else {
          names.add(rest[0]!)
          const account = rest[0]!
          if (kind === 'stake') state = applyAccumulator(state, { type: 'stake', account, amount: big(rest[1]) }).state
          else if (kind === 'unstake' || kind === 'withdraw')
            state = applyAccumulator(state, { type: 'unstake', account, amount: big(rest[1]) }).state
          else if (kind === 'claim') state = applyAccumulator(state, { type: 'claim', account }).state
          else throw new Error(`unknown event ${kind}`)
        }
      }
      return {
        accE27: state.perUnitE27,
        totals: Object.fromEntries([...names].map(name => [name, earned(state, name)])),
        carry: state.carry,
      }
    }),
    merkle: view((_, x) =>
      airdropTree(
        x.claims.map(([index, account, amount]: Any[]) => ({ index: big(index), account, amount: big(amount) })),
      ),
    ),
    bitmapclaim: (state, x) =>
      state === null
        ? fail('OPTION_INVALID', 'no root')
        : applyAirdrop(state, {
            type: 'claim',
            index: big(x.index),
            account: x.account,
            amount: big(x.amount),
            proof: x.proof,
          }),
  },
}

const models: Record<string, Model<Any>> = {
  'rebasing-shares': pool,
  'wrapped-rebasing': pool,
  'withdrawal-queue': pool,
  'vault-linear-cycle': cycle,
  'vault-instant': instant,
  'exchange-rate': rate,
  'exchange-rate-snapshot': snapshot,
  'ticket-redemption': tickets,
  'exit-vesting': vesting,
  'seat-allocation': seats,
  'seat-exit-plan': seats,
  'seat-reward': seats,
  sanity: pure({
    checkreport: x => {
      checkReport(
        {
          annualIncreaseBps: maybe(x.limits.annualIncreaseBps),
          maxLossBps: maybe(x.limits.maxLossBps),
          shareRateDeviationBps: maybe(x.limits.shareRateDeviationBps),
        },
        {
          pre: big(x.pre),
          post: big(x.post),
          elapsedSeconds: big(x.elapsed),
          finalization:
            x.rate === undefined
              ? undefined
              : {
                  postAssets: big(x.postE),
                  postShares: big(x.postS),
                  locked: big(x.eth),
                  burnt: big(x.wqBurn),
                  maxRate: big(x.rate),
                },
        },
      )
      return 'ok'
    },
  }),
  'rebase-limiter': pure({
    limiter: x => {
      let limiter = createLimiter({
        limitE18: billionths(x.limitE9),
        prePooled: a(x.prePooled),
        preShares: s(x.preShares),
      })
      const consumed: bigint[] = []
      for (const [kind, amount] of x.steps as [string, string][]) {
        if (kind === 'inc') {
          const { limiter: next, taken } = limiterAdd(limiter, big(amount))
          limiter = next
          consumed.push(taken)
        } else if (kind === 'dec') limiter = limiterRemove(limiter, big(amount))
        else throw new Error(`unknown step ${kind}`)
      }
      return { consumed, current: limiter.current, burnLimit: burnLimit(limiter) ?? limiter.preShares }
    },
    capfor: x => ({
      daily: rebaseCapE18(big(x.aprBps), 1n) / 10n ** 9n,
      weekly: rebaseCapE18(big(x.aprBps), 7n) / 10n ** 9n,
    }),
  }),
  apr: pure({
    aprfromevent: x => ({ aprE6: aprOf(rebase(x)).aprE18 / 10n ** 12n }),
    grossaprfromevent: x => ({ aprE6: grossAprOf(rebase(x)).aprE18 / 10n ** 12n }),
    grossapr: x => ({ aprE6: grossAprOf(rebase(x)).aprE18 / 10n ** 12n }),
    smaapr: x => {
      const { elapsedSeconds, aprE18 } = movingApr(x.events.map(rebase))
      return { timeElapsed: elapsedSeconds, aprE6: aprE18 / 10n ** 12n }
    },
    apye18: x => ({ apyE18: apyE18(big(x.aprE18), big(x.n)) }),
  }),
  'wait-estimate': pure({
    estimatewait: x =>
      estimateWait({
        ahead: big(x.ahead),
        idle: big(x.idle),
        dailyInflow: big(x.dailyInflow),
        partialCapacity: big(x.partialCapacity),
        partialSeconds: big(x.partialLatency),
        fullSeconds: big(x.fullLatency),
      }).seconds,
  }),
  'inflation-attack': pure({ inflate }),
  incentive: incentives,
}

// ---- repetition: `inner` is a list of operations or a line of `r=(…) mod 2^31; wrap(bob,1+r); …`
// -------------------------------

const signatures: Record<string, string[]> = {
  submit: ['u', 'a'],
  wrap: ['u', 'a'],
  unwrap: ['u', 'w'],
  unwrapshares: ['u', 'w'],
  transfer: ['f', 't', 'a'],
  report: ['seatsNow', 'appeared', 'elapsed'],
  setrewardsvault: ['amount'],
  rewardarrives: ['amount'],
  harvest: [],
  deposit: ['u', 'a'],
  request: ['u', 'x'],
  donate: ['a'],
  addassets: ['a'],
  sync: [],
}

/** Integer arithmetic with `+ - * / ^ mod` and parentheses over named values. */
function evaluate(text: string, names: Map<string, bigint>): bigint {
  const tokens = text.match(/\d+|[A-Za-z_]\w*|[-+*/^()]/g) ?? []
  let at = 0
  const atom = (): bigint => {
    const token = tokens[at++]
    if (token === '(') {
      const value = sum()
      at++
      return value
    }
    if (token === '-') return -atom()
    if (token !== undefined && /^\d/.test(token)) return BigInt(token)
    const value = names.get(token ?? '')
    if (value === undefined) throw new Error(`unknown name "${token}" in "${text}"`)
    return value
  }
  const power = (): bigint => {
    const base = atom()
    if (tokens[at] !== '^') return base
    at++
    return base ** power()
  }
  const product = (): bigint => {
    let value = power()
    while (['*', '/', 'mod'].includes(tokens[at] ?? '')) {
      const operator = tokens[at++]
      const right = power()
      value = operator === '*' ? value * right : operator === '/' ? value / right : value % right
    }
    return value
  }
  const sum = (): bigint => {
    let value = product()
    while (['+', '-'].includes(tokens[at] ?? '')) value = tokens[at++] === '+' ? value + product() : value - product()
    return value
  }
  return sum()
}

function repeat(model: Model<Any>, before: Any, args: Any): { state: Any; result: unknown } {
  let state = before
  let result: unknown = null
  const names = new Map<string, bigint>([['r', big(args.seed)]])
  const call = (op: string, values: Any): void => {
    const done = run(model, state, op, values)
    state = done.state
    result = done.result
  }
  let user: string | undefined
  for (let i = 0n; i < big(args.times); i++) {
    names.set('i', i)
    if (typeof args.inner !== 'string') {
      for (const inner of [args.inner].flat()) call(inner.op, inner.args ?? {})
      continue
    }
    for (const statement of args.inner.split(';').map((part: string) => part.trim())) {
      const assignment = /^(\w+)\s*=\s*(.+)$/.exec(statement)
      const invocation = /^(\w+)\((.*)\)$/.exec(statement)
      if (statement === 'unwrap the minted units') call('unwrap', { u: user, w: result })
      else if (assignment !== null) names.set(assignment[1]!, evaluate(assignment[2]!, names))
      else if (invocation !== null) {
        const op = invocation[1]!.toLowerCase()
        const values = invocation[2] === '' ? [] : invocation[2]!.split(',')
        const keys = signatures[op] ?? []
        if (keys.length < values.length) throw new Error(`unknown signature ${statement}`)
        const named: Record<string, unknown> = Object.fromEntries(
          values.map((value, j) => [
            keys[j]!,
            ['u', 'f', 't'].includes(keys[j]!) ? value.trim() : evaluate(value, names).toString(),
          ]),
        )
        user = (named['u'] as string | undefined) ?? user
        call(op, named)
      } else throw new Error(`unknown statement "${statement}"`)
    }
  }
  return { state, result }
}

function run(model: Model<Any>, state: Any, op: string, args: Any): { state: Any; result: unknown } {
  const name = op.replace(/_/g, '').toLowerCase()
  if (name === 'repeat' || name === 'repeatlcg') return repeat(model, state, args)
  const operation = Object.hasOwn(model.ops, name) ? model.ops[name] : undefined
  if (operation === undefined) throw new Error(`unknown operation "${op}"`)
  return operation(state, args)
}

/** Every key of `expected`, maps of amounts with an absent account counting as 0. */
function matches(shown: Record<string, unknown>, expected: Record<string, unknown>): void {
  for (const [key, want] of Object.entries(expected)) {
    expect(Object.keys(shown), `the state has no "${key}"`).toContain(key)
    const have = plain(shown[key])
    const amounts = (value: unknown): value is Record<string, string> =>
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      Object.values(value).every(v => typeof v === 'string')
    if (amounts(want) && amounts(have))
      for (const name of new Set([...Object.keys(want), ...Object.keys(have)]))
        expect(have[name] ?? '0', `${key}.${name}`).toBe(want[name] ?? '0')
    else expect(have, key).toEqual(want)
  }
}

function check(vector: Vector): void {
  const model = models[vector.model]
  if (model === undefined) throw new Error(`unknown model "${vector.model}"`)
  let state = model.read(vector)
  for (const { op, args, returns, error } of vector.ops) {
    if (error !== undefined) {
      const before = plain(model.show(state))
      let refusal: unknown
      try {
        run(model, state, op, args ?? {})
      } catch (thrown) {
        refusal = thrown
      }
      expect(isL2Error(refusal), `${op} should be refused with ${error}, got ${String(refusal)}`).toBe(true)
      const code = codes[error]
      if (code !== undefined && isL2Error(refusal)) expect(refusal.code, error).toBe(code)
      expect(plain(model.show(state)), `${op} changed the state before it failed`).toEqual(before)
      continue
    }
    const done = run(model, state, op, args ?? {})
    state = done.state
    if (returns !== undefined && returns !== null) expect(plain(done.result), `${op} returns`).toEqual(returns)
  }
  matches(model.show(state), vector.expected)
}

const files = vectorFiles('lst')
describe.skipIf(files === undefined)('liquid staking vectors', () => {
  for (const file of files ?? []) {
    const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { vectors: Vector[] }
    test(`${basename(file)} holds vectors`, () => expect(vectors.length).toBeGreaterThan(0))
    for (const vector of vectors) test(`${vector.id} ${vector.model}: ${vector.title}`, () => check(vector))
  }
})
