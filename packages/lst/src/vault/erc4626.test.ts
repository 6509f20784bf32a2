import { isL2Error, OrderedMap } from '@l2/common'
import { runs, testSeed } from '@l2/common/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Assets, Shares } from '../math/units.js'
import { applyRatePool, createRatePool, type RatePool, rateFace } from '../rate/pool.js'
import { applyRebasing } from '../rebasing/pool.js'
import { createRebasingPool } from '../rebasing/state.js'
import { balanceOf } from '../state/ledger.js'
import { applyWrapped, createWrapped, type WrappedShares, wrappedFace, wrapperAccount } from '../wrapped/wrapped.js'
import { applyCycleVault, type CycleVault, createCycleVault, cycleFace } from './cycle.js'
import type { Erc4626 } from './face.js'
import { applyInstantVault, createInstantVault, type InstantVault, instantFace } from './instant.js'
import { applyVaultToken, type VaultToken } from './token.js'

// The same run every time; another one with L2_SEED.
fc.configureGlobal({ seed: testSeed() })

// The properties of a16z/erc4626-tests with _delta_ = 0, over every vault. Four users with shares, then yield up or
// down.

const wei = (value: bigint): Assets => value as Assets
const units = (value: bigint): Shares => value as Shares
const users = ['alice', 'bob', 'carol', 'dave'] as const
type Setup = { deposits: bigint[]; yield: bigint; time: bigint }
type Vault<State> = {
  name: string
  face: Erc4626<State>
  make(setup: Setup): State
  /** What the vault holds in its asset, to the wei: what must move when a call says it moves. */
  held(state: State): bigint
  /** What the caller must have before: the wrapper takes pool tokens. */
  fund?(state: State, account: string, assets: bigint): State
}

const cycle = (name: string, virtualOffset: bigint | undefined): Vault<CycleVault> => ({
  name,
  face: cycleFace,
  held: vault => vault.assetBalance,
  make: setup => {
    let vault = createCycleVault({ virtualOffset, seed: 1_000n })
    setup.deposits.forEach((assets, i) => {
      vault = applyCycleVault(vault, { type: 'deposit', receiver: users[i]!, assets: wei(assets) }).state
    })
    if (setup.yield > 0n) {
      vault = applyCycleVault(vault, { type: 'donate', assets: wei(setup.yield) }).state
      vault = applyCycleVault(vault, { type: 'sync' }).state
    } else if (setup.yield < 0n)
      vault = applyCycleVault(vault, { type: 'loseAssets', assets: wei(-setup.yield % vault.assetBalance || 1n) }).state
    return applyCycleVault(vault, { type: 'advance', nowSeconds: setup.time }).state
  },
})
const instant = (name: string, virtualOffset: bigint | undefined, entryFeeBps: bigint): Vault<InstantVault> => ({
  name,
  face: instantFace,
  held: vault => vault.assets,
  make: setup => {
    let vault = createInstantVault({ virtualOffset, seed: 1_000n, entryFeeBps })
    setup.deposits.forEach((assets, i) => {
      vault = applyInstantVault(vault, { type: 'deposit', receiver: users[i]!, assets: wei(assets) }).state
    })
    if (setup.yield > 0n) vault = applyInstantVault(vault, { type: 'addAssets', assets: wei(setup.yield) }).state
    if (setup.yield < 0n)
      vault = applyInstantVault(vault, { type: 'loseAssets', assets: wei(-setup.yield % vault.assets || 1n) }).state
    return vault
  },
})
const rate: Vault<RatePool> = {
  name: 'rate pool',
  face: rateFace,
  held: pool => pool.poolCash,
  make: setup => {
    let pool = createRatePool({ seed: 1_000n, feeE18: 10n ** 17n })
    setup.deposits.forEach((assets, i) => {
      pool = applyRatePool(pool, { type: 'deposit', account: users[i]!, assets: wei(assets) }).state
    })
    if (setup.yield > 0n) {
      pool = applyRatePool(pool, { type: 'rewardArrives', assets: wei(setup.yield) }).state
      pool = applyRatePool(pool, { type: 'harvest' }).state
    } else if (setup.yield < 0n)
      pool = applyRatePool(pool, { type: 'lose', assets: wei(-setup.yield % pool.totalDeposits || 1n) }).state
    return pool
  },
}
const wrapped: Vault<WrappedShares> = {
  name: 'wrapper',
  face: wrappedFace,
  // Pool tokens are shares underneath: exactly as many as units must move.
  held: state => balanceOf(state.pool.shares, wrapperAccount),
  fund: (state, account, assets) => ({
    ...state,
    pool: applyRebasing(state.pool, { type: 'submit', account, assets: wei(assets * 2n + 10n ** 20n) }).state,
  }),
  make: setup => {
    let pool = createRebasingPool({ seed: 1_000n })
    setup.deposits.forEach((assets, i) => {
      pool = applyRebasing(pool, { type: 'submit', account: users[i]!, assets: wei(assets * 2n) }).state
    })
    let state = createWrapped(pool)
    setup.deposits.forEach((assets, i) => {
      state = applyWrapped(state, { type: 'wrap', account: users[i]!, assets: wei(assets) }).state
    })
    const reward = setup.yield > 0n ? setup.yield : 0n
    if (reward > 0n)
      state = { ...state, pool: applyRebasing(state.pool, { type: 'receiveRewards', assets: wei(reward) }).state }
    const report = { seatsNow: wei(0n), appeared: wei(0n), elapsedSeconds: 86_400n, nowSeconds: 86_400n }
    return { ...state, pool: applyRebasing(state.pool, { type: 'report', ...report }).state }
  },
}

const amount = fc.oneof(
  fc.bigInt({ min: 1n, max: 100n }),
  fc.bigInt({ min: 1n, max: 10n ** 9n }),
  fc.bigInt({ min: 1n, max: 10n ** 24n }),
)
const setups: fc.Arbitrary<Setup> = fc.record({
  deposits: fc.array(fc.bigInt({ min: 10n, max: 10n ** 24n }), { minLength: 4, maxLength: 4 }),
  yield: fc.oneof(fc.constant(0n), fc.bigInt({ min: 1n, max: 10n ** 23n }), fc.bigInt({ min: -(10n ** 9n), max: -1n })),
  time: fc.bigInt({ min: 0n, max: 700_000n }),
})
const who = fc.constantFrom(...users)

/** A refusal because nothing would move is right, and says nothing about the property. */
function unlessNothing<T>(run: () => T): T {
  try {
    return run()
  } catch (error) {
    fc.pre(
      !(
        isL2Error(error) &&
        (error.code === 'ZERO_SHARES' || error.code === 'ZERO_ASSETS' || error.code === 'ZERO_AMOUNT')
      ),
    )
    throw error
  }
}

function properties<State>({ name, face, make, held, fund }: Vault<State>): void {
  const funded = (state: State, account: string, assets: bigint): State => fund?.(state, account, assets) ?? state
  /** Runs with a made vault, a user, another one and an amount. */
  const holds = (title: string, run: (state: State, caller: string, other: string, x: bigint) => void): void => {
    test(title, () => {
      fc.assert(
        fc.property(setups, who, who, amount, (setup, caller, other, x) => {
          let state: State
          try {
            state = make(setup)
          } catch (error) {
            if (!isL2Error(error)) throw error
            return fc.pre(false)
          }
          run(funded(state, caller, x), caller, other, x)
        }),
        { numRuns: runs({ suite: 60, soak: 1_200 }) },
      )
    })
  }
  /** An exit amount that the owner can make, or none. */
  const within = (x: bigint, most: bigint): bigint => {
    fc.pre(most > 0n)
    return (x % most) + 1n > most ? most : (x % most) + 1n
  }
  const worth = (state: State, account: string): bigint => face.convertToAssets(state, face.balanceOf(state, account))

  describe(name, () => {
    for (const call of ['totalAssets', 'totalSupply'] as const)
      holds(`${call === 'totalSupply' ? 'asset (supply)' : call} never reverts`, state => void face[call](state))
    for (const call of ['maxDeposit', 'maxMint', 'maxWithdraw', 'maxRedeem'] as const)
      holds(`${call} never reverts`, (state, caller) => void face[call](state, caller))
    holds('convertToShares is the same for everybody, and no amount of caller moves it', (state, caller, other, x) => {
      const before = face.convertToShares(state, wei(x))
      const moved = unlessNothing(
        () => face.deposit(funded(state, other, x), { receiver: other, assets: wei(x) }).state,
      )
      expect(face.convertToShares(state, wei(x))).toBe(before)
      void moved
      void caller
    })
    holds('convertToAssets is the same for everybody', (state, _caller, _other, x) => {
      expect(face.convertToAssets(state, units(x))).toBe(face.convertToAssets(state, units(x)))
      expect(face.convertToAssets(state, units(x))).toBeLessThanOrEqual(face.previewMint(state, units(x)))
    })
    holds('previewDeposit ≤ deposit', (state, caller, _other, x) => {
      const preview = face.previewDeposit(state, wei(x))
      expect(
        unlessNothing(() => face.deposit(state, { receiver: caller, assets: wei(x) })).result,
      ).toBeGreaterThanOrEqual(preview)
    })
    holds('previewMint ≥ mint', (state, caller, _other, x) => {
      // The preview is of the very state the call meets: funding the caller is a deposit, and may move the price by its
      // rounding.
      const before = funded(state, caller, face.previewMint(state, units(x)))
      const minted = unlessNothing(() => face.mint(before, { receiver: caller, shares: units(x) }))
      expect(minted.result).toBeLessThanOrEqual(face.previewMint(before, units(x)))
    })
    holds('previewWithdraw ≥ withdraw', (state, caller, _other, x) => {
      const assets = wei(within(x, face.maxWithdraw(state, caller)))
      expect(face.withdraw(state, { owner: caller, assets }).result).toBeLessThanOrEqual(
        face.previewWithdraw(state, assets),
      )
    })
    holds('previewRedeem ≤ redeem', (state, caller, _other, x) => {
      const shares = units(within(x, face.maxRedeem(state, caller)))
      const redeemed = unlessNothing(() => face.redeem(state, { owner: caller, shares }))
      expect(redeemed.result).toBeGreaterThanOrEqual(face.previewRedeem(state, shares))
    })
    holds('deposit moves exactly what it says', (state, caller, other, x) => {
      const done = unlessNothing(() => face.deposit(funded(state, other, x), { receiver: other, assets: wei(x) }))
      const before = funded(state, other, x)
      expect(face.balanceOf(done.state, other) - face.balanceOf(before, other)).toBe(done.result)
      expect(held(done.state) - held(before)).toBe(fund === undefined ? x : done.result)
      if (caller !== other) expect(face.balanceOf(done.state, caller)).toBe(face.balanceOf(before, caller))
    })
    holds('mint moves exactly what it says', (state, _caller, other, x) => {
      const before = funded(state, other, face.previewMint(state, units(x)))
      const done = unlessNothing(() => face.mint(before, { receiver: other, shares: units(x) }))
      expect(face.balanceOf(done.state, other) - face.balanceOf(before, other)).toBe(x)
      expect(held(done.state) - held(before)).toBe(fund === undefined ? done.result : x)
    })
    const token = (vault: State): VaultToken<State> => ({ vault, approvals: OrderedMap.from() })
    holds('withdraw moves exactly what it says, and takes it from the allowance', (state, owner, _other, x) => {
      const assets = wei(within(x, face.maxWithdraw(state, owner)))
      const shares = face.previewWithdraw(state, assets)
      const approved = applyVaultToken.approve(token(state), { owner, spender: 'spender', shares: units(shares + 5n) })
      const done = applyVaultToken.withdraw(face, approved, { caller: 'spender', owner, assets })
      expect(face.balanceOf(state, owner) - face.balanceOf(done.state.vault, owner)).toBe(done.result)
      expect(held(state) - held(done.state.vault)).toBe(fund === undefined ? assets : done.result)
      expect(done.state.approvals.get(owner)?.get('spender')).toBe(shares + 5n - done.result)
      expect(applyVaultToken.withdraw(face, token(state), { caller: owner, owner, assets }).result).toBe(done.result)
    })
    holds('redeem moves exactly what it says, and takes it from the allowance', (state, owner, _other, x) => {
      const shares = units(within(x, face.maxRedeem(state, owner)))
      const approved = applyVaultToken.approve(token(state), { owner, spender: 'spender', shares: units(shares + 5n) })
      const done = unlessNothing(() => applyVaultToken.redeem(face, approved, { caller: 'spender', owner, shares }))
      expect(face.balanceOf(state, owner) - face.balanceOf(done.state.vault, owner)).toBe(shares)
      expect(held(state) - held(done.state.vault)).toBe(fund === undefined ? done.result : shares)
      expect(done.state.approvals.get(owner)?.get('spender')).toBe(5n)
    })
    holds('withdraw needs an allowance', (state, owner, _other, x) => {
      const assets = wei(within(x, face.maxWithdraw(state, owner)))
      expect(() => applyVaultToken.withdraw(face, token(state), { caller: 'spender', owner, assets })).toThrow(
        /may take 0/,
      )
    })
    holds('redeem needs an allowance', (state, owner, _other, x) => {
      const shares = units(within(x, face.maxRedeem(state, owner)))
      const run = () => applyVaultToken.redeem(face, token(state), { caller: 'spender', owner, shares })
      unlessNothing(() => face.redeem(state, { owner, shares }))
      expect(run).toThrow(/may take 0/)
    })
    holds('RT deposit, redeem: not more assets', (state, caller, _other, x) => {
      const { state: in_, result } = unlessNothing(() => face.deposit(state, { receiver: caller, assets: wei(x) }))
      expect(unlessNothing(() => face.redeem(in_, { owner: caller, shares: result })).result).toBeLessThanOrEqual(x)
    })
    holds('RT deposit, withdraw: not fewer shares', (state, caller, _other, x) => {
      const { state: in_, result } = unlessNothing(() => face.deposit(state, { receiver: caller, assets: wei(x) }))
      fc.pre(x <= face.maxWithdraw(in_, caller))
      expect(face.withdraw(in_, { owner: caller, assets: wei(x) }).result).toBeGreaterThanOrEqual(result)
    })
    holds('RT redeem, deposit: not more shares', (state, caller, _other, x) => {
      const shares = units(within(x, face.maxRedeem(state, caller)))
      const out = unlessNothing(() => face.redeem(state, { owner: caller, shares }))
      const back = unlessNothing(() => face.deposit(out.state, { receiver: caller, assets: out.result }))
      expect(back.result).toBeLessThanOrEqual(shares)
    })
    holds('RT redeem, mint: not fewer assets', (state, caller, _other, x) => {
      const shares = units(within(x, face.maxRedeem(state, caller)))
      const out = unlessNothing(() => face.redeem(state, { owner: caller, shares }))
      expect(unlessNothing(() => face.mint(out.state, { receiver: caller, shares })).result).toBeGreaterThanOrEqual(
        out.result,
      )
    })
    holds('RT mint, withdraw: not fewer shares', (state, caller, _other, x) => {
      const before = funded(state, caller, face.previewMint(state, units(x)))
      const { state: in_, result } = unlessNothing(() => face.mint(before, { receiver: caller, shares: units(x) }))
      fc.pre(result <= face.maxWithdraw(in_, caller))
      expect(face.withdraw(in_, { owner: caller, assets: result }).result).toBeGreaterThanOrEqual(x)
    })
    holds('RT mint, redeem: not more assets', (state, caller, _other, x) => {
      const before = funded(state, caller, face.previewMint(state, units(x)))
      const { state: in_, result } = unlessNothing(() => face.mint(before, { receiver: caller, shares: units(x) }))
      expect(unlessNothing(() => face.redeem(in_, { owner: caller, shares: units(x) })).result).toBeLessThanOrEqual(
        result,
      )
    })
    holds('RT withdraw, mint: not fewer assets', (state, caller, _other, x) => {
      const assets = wei(within(x, face.maxWithdraw(state, caller)))
      const out = face.withdraw(state, { owner: caller, assets })
      expect(
        unlessNothing(() => face.mint(out.state, { receiver: caller, shares: out.result })).result,
      ).toBeGreaterThanOrEqual(assets)
    })
    holds('RT withdraw, deposit: not more shares', (state, caller, _other, x) => {
      const assets = wei(within(x, face.maxWithdraw(state, caller)))
      const out = face.withdraw(state, { owner: caller, assets })
      expect(unlessNothing(() => face.deposit(out.state, { receiver: caller, assets })).result).toBeLessThanOrEqual(
        out.result,
      )
    })
    holds('what maxWithdraw and maxRedeem promise can be done', (state, caller) => {
      const assets = face.maxWithdraw(state, caller)
      if (assets > 0n) face.withdraw(state, { owner: caller, assets })
      const shares = face.maxRedeem(state, caller)
      if (shares > 0n) unlessNothing(() => face.redeem(state, { owner: caller, shares }))
    })
    // One wei, because the floor of a sum can be one above the sum of floors.
    holds('no call raises what the caller has', (state, caller, _other, x) => {
      const before = worth(state, caller)
      const in_ = unlessNothing(() => face.deposit(state, { receiver: caller, assets: wei(x) }))
      expect(worth(in_.state, caller)).toBeLessThanOrEqual(before + x + 1n)
      const shares = units(within(x, face.maxRedeem(state, caller)))
      const out = unlessNothing(() => face.redeem(state, { owner: caller, shares }))
      expect(worth(out.state, caller) + out.result).toBeLessThanOrEqual(before + 1n)
    })
  })
}

describe('ERC-4626 with delta 0', () => {
  properties(cycle('cycle vault (solmate conversions)', undefined))
  properties(cycle('cycle vault (δ = 6)', 6n))
  properties(instant('instant vault (δ = 0)', 0n, 0n))
  properties(instant('instant vault (δ = 3, entry fee 5 bps)', 3n, 5n))
  properties(rate)
  properties(wrapped)
})
