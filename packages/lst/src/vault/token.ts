import { OrderedMap } from '@l2/common'
import * as z from 'zod/mini'
import { fail } from '../errors.js'
import { type Assets, account as checkAccount, type Shares } from '../math/units.js'
import { type Codec, codec, integer, mapOf } from '../state/codec.js'
import type { LstStep } from '../state/reducer.js'
import type { Erc4626 } from './face.js'

/** What owners let spenders take, in shares: owner, then spender. */
export type Approvals = OrderedMap<string, OrderedMap<string, Shares>>

/** A vault with the allowances of its share token: what a caller who is not the owner needs. */
export type VaultToken<State> = { readonly vault: State; readonly approvals: Approvals }

/** JSON of {@link Approvals}; the vault has its own codec. */
export const approvalCodec: Codec<Approvals> = /* @__PURE__ */ (() =>
  codec(mapOf(z.string(), mapOf(z.string(), integer))))()

function spend(approvals: Approvals, caller: string, owner: string, shares: bigint): Approvals {
  if (caller === owner) return approvals
  const of = approvals.get(owner)
  const allowed = of?.get(caller) ?? 0n
  if (of === undefined || shares > allowed)
    fail('ALLOWANCE_EXCEEDED', `${caller} may take ${allowed} shares of ${owner}, not ${shares}`, {
      allowed,
      asked: shares,
    })
  return approvals.set(owner, of.set(caller, (allowed - shares) as Shares))
}

/**
 * The share token's calls over any ERC-4626 face: `approve`, and exits by a caller for an owner. `limit` refuses what
 * `max*` does not promise.
 */
export const applyVaultToken = {
  /** Sets what a spender may take. */
  approve<State>(
    token: VaultToken<State>,
    args: { owner: string; spender: string; shares: Shares },
  ): VaultToken<State> {
    checkAccount(args.owner)
    checkAccount(args.spender)
    const of = token.approvals.get(args.owner) ?? OrderedMap.from<string, Shares>()
    return { ...token, approvals: token.approvals.set(args.owner, of.set(args.spender, args.shares)) }
  },
  /** Pays exactly `assets`; the result is the shares burnt. */
  withdraw<State>(
    face: Erc4626<State>,
    token: VaultToken<State>,
    args: { caller: string; owner: string; assets: Assets },
  ): LstStep<VaultToken<State>, Shares> {
    const most = face.maxWithdraw(token.vault, args.owner)
    if (args.assets > most)
      fail('LIMIT_EXCEEDED', `${args.owner} can withdraw ${most} wei, not ${args.assets}`, { limit: most })
    const { state, result, events } = face.withdraw(token.vault, args)
    return {
      state: { vault: state, approvals: spend(token.approvals, args.caller, args.owner, result) },
      result,
      events,
    }
  },
  /** Burns exactly `shares`; the result is the assets paid. */
  redeem<State>(
    face: Erc4626<State>,
    token: VaultToken<State>,
    args: { caller: string; owner: string; shares: Shares },
  ): LstStep<VaultToken<State>, Assets> {
    const most = face.maxRedeem(token.vault, args.owner)
    if (args.shares > most)
      fail('LIMIT_EXCEEDED', `${args.owner} can redeem ${most} shares, not ${args.shares}`, { limit: most })
    const { state, result, events } = face.redeem(token.vault, args)
    return {
      state: { vault: state, approvals: spend(token.approvals, args.caller, args.owner, args.shares) },
      result,
      events,
    }
  },
} as const
