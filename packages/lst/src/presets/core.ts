import * as z from 'zod/mini'
import { type Totals, toShares } from '../math/math.js'
import { type Assets, account as checkAccount, type Shares } from '../math/units.js'
import { applyRatePool, checkRate, createRatePool, type RatePool, rateFace, rateSchema } from '../rate/pool.js'
import { applyRebasing, checkRebasing, rebasingSchema } from '../rebasing/pool.js'
import { createRebasingPool, deadAccount, pooled, queueAccount, type RebasingPool } from '../rebasing/state.js'
import { balanceOf } from '../state/ledger.js'
import {
  applyCycleVault,
  type CycleVault,
  checkCycle,
  createCycleVault,
  cycleAssets,
  cycleFace,
  cycleSchema,
  surplus,
} from '../vault/cycle.js'
import { virtualTotals } from '../vault/face.js'
import {
  applyInstantVault,
  checkInstant,
  createInstantVault,
  type InstantVault,
  instantFace,
  instantSchema,
} from '../vault/instant.js'
import type { LiquidConfig } from './config.js'

/** The accounting behind a preset's token. */
export type Core =
  | { readonly model: 'instant'; readonly state: InstantVault }
  | { readonly model: 'cycle'; readonly state: CycleVault }
  | { readonly model: 'rate'; readonly state: RatePool }
  | { readonly model: 'rebasing'; readonly state: RebasingPool }

/** Zod schema of a {@link Core}. */
export const coreSchema = /* @__PURE__ */ (() =>
  z.discriminatedUnion('model', [
    z.strictObject({ model: z.literal('instant'), state: instantSchema }),
    z.strictObject({ model: z.literal('cycle'), state: cycleSchema }),
    z.strictObject({ model: z.literal('rate'), state: rateSchema }),
    z.strictObject({ model: z.literal('rebasing'), state: rebasingSchema }),
  ]))()

/** Who holds the seed: nobody, or the deployer of a vault that locks it by value. */
export function seedAccount(config: Pick<LiquidConfig, 'seedLock'>): string {
  return config.seedLock === 'value' ? 'deployer' : deadAccount
}

/** Shares of the seed. */
export function seedShares(core: Core): bigint {
  return core.model === 'rebasing' ? balanceOf(core.state.shares, deadAccount) : core.state.seedShares
}

export function createCore(config: LiquidConfig, nowSeconds: bigint): Core {
  const { seed, virtualOffset } = config
  switch (config.model) {
    case 'instant':
      return {
        model: 'instant',
        state: createInstantVault({
          seed,
          seedAccount: seedAccount(config),
          seedLock: config.seedLock,
          virtualOffset,
          vestingBps: config.vestingBps,
        }),
      }
    case 'cycle':
      return {
        model: 'cycle',
        state: createCycleVault({
          nowSeconds,
          seed,
          virtualOffset,
          cycleLengthSeconds: config.cycleSeconds,
          autoSync: config.cycleAutoSync,
          checkpointOnExit: config.cycleCheckpoint,
        }),
      }
    case 'rate':
      return {
        model: 'rate',
        state: createRatePool({
          nowSeconds,
          seed,
          // The protocol takes its fee before the pool harvests what is left.
          feeE18: 0n,
          withdrawDelaySeconds: config.exitDelaySeconds,
          legacyRounding: config.legacyRounding,
        }),
      }
    case 'rebasing':
      return { model: 'rebasing', state: createRebasingPool({ ...config, nowSeconds }) }
  }
}

/** What shares are shares of now, and how many there are. */
export function coreTotals(core: Core): Totals {
  switch (core.model) {
    case 'instant':
      return { assets: core.state.assets, shares: core.state.supply }
    case 'cycle':
      return { assets: cycleAssets(core.state), shares: core.state.supply }
    case 'rate':
      return { assets: rateFace.totalAssets(core.state), shares: core.state.supply }
    case 'rebasing':
      return { assets: pooled(core.state), shares: core.state.totalShares }
  }
}

/**
 * What entries and exits are priced with: the totals, with the virtual shares of a vault that has them. One price for
 * both, so that nobody gains by going in and out.
 */
export function corePrice(core: Core): Totals {
  const totals = coreTotals(core)
  return core.model === 'instant' || core.model === 'cycle' ? virtualTotals(totals, core.state.virtualOffset) : totals
}

/** Every wei the core answers for, whether or not it is released to the holders yet. */
export function coreAssets(core: Core): bigint {
  return core.model === 'cycle' ? core.state.assetBalance : coreTotals(core).assets
}

export function coreBalance(core: Core, account: string): Shares {
  return balanceOf(core.model === 'rebasing' ? core.state.shares : core.state.balances, account)
}

export function coreAdvance(core: Core, nowSeconds: bigint): Core {
  if (core.model === 'cycle')
    return { ...core, state: applyCycleVault(core.state, { type: 'advance', nowSeconds }).state }
  if (core.model === 'rate') return { ...core, state: applyRatePool(core.state, { type: 'advance', nowSeconds }).state }
  return core
}

export function coreMint(
  core: Core,
  account: string,
  assets: Assets,
  minShares: Shares | undefined,
): { core: Core; shares: Shares } {
  switch (core.model) {
    case 'instant': {
      const { state, result } = applyInstantVault(core.state, { type: 'deposit', receiver: account, assets, minShares })
      return { core: { ...core, state }, shares: result }
    }
    case 'cycle': {
      const { state, result } = applyCycleVault(core.state, { type: 'deposit', receiver: account, assets, minShares })
      return { core: { ...core, state }, shares: result }
    }
    case 'rate': {
      const { state, result } = applyRatePool(core.state, { type: 'deposit', account, assets, minShares })
      return { core: { ...core, state }, shares: result }
    }
    case 'rebasing': {
      const { state, result } = applyRebasing(core.state, { type: 'submit', account, assets, minShares })
      return { core: { ...core, state }, shares: result }
    }
  }
}

/** What a deposit would mint now: exactly what {@link coreMint} mints. */
export function corePreviewDeposit(core: Core, assets: Assets): Shares {
  switch (core.model) {
    case 'instant':
      return instantFace.previewDeposit(core.state, assets)
    case 'cycle':
      return cycleFace.previewDeposit(core.state, assets)
    case 'rate':
      return rateFace.previewDeposit(core.state, assets)
    case 'rebasing':
      return toShares(assets, coreTotals(core), 'down')
  }
}

export function coreMove(core: Core, from: string, to: string, shares: Shares): Core {
  checkAccount(to)
  switch (core.model) {
    case 'instant':
      return { ...core, state: applyInstantVault(core.state, { type: 'transfer', from, to, shares }).state }
    case 'cycle':
      return { ...core, state: applyCycleVault(core.state, { type: 'transfer', from, to, shares }).state }
    case 'rate':
      return { ...core, state: applyRatePool(core.state, { type: 'transfer', from, to, shares }).state }
    case 'rebasing':
      return { ...core, state: applyRebasing(core.state, { type: 'transferShares', from, to, shares }).state }
  }
}

/** Vault models: credits `assets` to the holders; their cash is left to the caller. */
export function coreEarn(core: Core, assets: Assets): Core {
  if (assets === 0n) return core
  switch (core.model) {
    case 'instant':
      return { ...core, state: applyInstantVault(core.state, { type: 'addAssets', assets }).state }
    case 'cycle':
      return { ...core, state: applyCycleVault(core.state, { type: 'donate', assets }).state }
    case 'rate': {
      const arrived = applyRatePool(core.state, { type: 'rewardArrives', assets }).state
      const { state } = applyRatePool(arrived, { type: 'harvest' })
      return { ...core, state: { ...state, poolCash: core.state.poolCash } }
    }
    case 'rebasing':
      return core
  }
}

/** Vault models: takes `assets` from the holders; they were lost elsewhere. */
export function coreLose(core: Core, assets: Assets): Core {
  if (assets === 0n) return core
  switch (core.model) {
    case 'instant':
      return { ...core, state: applyInstantVault(core.state, { type: 'loseAssets', assets }).state }
    case 'cycle':
      return { ...core, state: applyCycleVault(core.state, { type: 'loseAssets', assets }).state }
    case 'rate': {
      const { state } = applyRatePool(core.state, { type: 'lose', assets })
      return { ...core, state: { ...state, poolCash: core.state.poolCash } }
    }
    case 'rebasing':
      return core
  }
}

/** A report is somebody calling `syncRewards`. */
export function coreSync(core: Core): Core {
  if (core.model !== 'cycle' || core.state.nowSeconds < core.state.cycleEndSeconds || surplus(core.state) === 0n)
    return core
  return { ...core, state: applyCycleVault(core.state, { type: 'sync' }).state }
}

/** Vault models: burns what the queue holds for `assets`. */
export function coreSettle(core: Core, shares: Shares, assets: Assets): Core {
  const args = { type: 'settle' as const, owner: queueAccount, shares, assets }
  switch (core.model) {
    case 'instant':
      return { ...core, state: applyInstantVault(core.state, args).state }
    case 'cycle':
      return { ...core, state: applyCycleVault(core.state, args).state }
    case 'rate': {
      // The pool pays out of its own cash, and the caller has other ideas of what leaves it.
      const funded = { ...core.state, poolCash: assets }
      return { ...core, state: { ...applyRatePool(funded, args).state, poolCash: core.state.poolCash } }
    }
    case 'rebasing':
      return core
  }
}

/** What must hold within the core; a sentence when it does not. */
export function checkCore(core: Core): string | undefined {
  switch (core.model) {
    case 'instant':
      return checkInstant(core.state)
    case 'cycle':
      return checkCycle(core.state)
    case 'rate':
      return checkRate(core.state)
    case 'rebasing':
      return checkRebasing(core.state)
  }
}
