import { OrderedMap } from '@l2/common'
import * as z from 'zod/mini'
import { fail } from '../errors.js'
import { bpsOf, mulDown, rateOf, type Totals, toAssets, toShares } from '../math/math.js'
import {
  type Assets,
  atLeast,
  account as checkAccount,
  forward,
  positive,
  type RateE27,
  rateOne,
  type Shares,
  total,
  unlimited,
} from '../math/units.js'
import { type Codec, codec, integer, ledger, mapOf } from '../state/codec.js'
import { type Balances, balanceOf, credit, debit, move, sum } from '../state/ledger.js'
import { type Apply, type LstStep, reducer, step } from '../state/reducer.js'
import type { Erc4626 } from '../vault/face.js'

/**
 * A token over a liquid-staking token (an LRT): it holds units of the LST and answers with them for other services,
 * each up to its own part. Everything here is counted in units of the LST; METIS come in only through {@link
 * restakingRate}. A slash here lowers this token and no other; a slash of a seat lowers the LST, and this token through
 * its rate.
 */
export type Restaking = {
  /** Units of the LST held. */
  readonly units: Assets
  readonly supply: Shares
  readonly balances: Balances<Shares>
  /** Part of the units that each service may slash, basis points; together at most the whole. */
  readonly exposure: OrderedMap<string, bigint>
  /** Units on their way out, priced when they are paid: they share losses until then. */
  readonly leaving: OrderedMap<
    bigint,
    { readonly owner: string; readonly shares: Shares; readonly readyAtSeconds: bigint }
  >
  readonly nextId: bigint
  /** Seconds an exit waits, during which it can still be slashed. */
  readonly exitSeconds: bigint
}

/** The account that holds the shares of those who are leaving. */
const leavingAccount = 'leaving'

/** Options of {@link createRestaking}. */
export type RestakingOptions = {
  /** Units of the LST that the dead account deposits forever; default 10^18. */
  seed?: bigint
  /** Default 604,800 (one week). */
  exitSeconds?: bigint
}

/** A layer with its seed in it. */
export function createRestaking(options: RestakingOptions = {}): Restaking {
  const { seed = 10n ** 18n, exitSeconds = 604_800n } = options
  positive('seed', seed)
  if (exitSeconds < 0n) fail('OPTION_INVALID', `exit delay expected 0 s or more, got ${exitSeconds}`)
  return {
    units: seed as Assets,
    supply: seed as Shares,
    balances: OrderedMap.from([['dead', seed as Shares]]),
    exposure: OrderedMap.from(),
    leaving: OrderedMap.from(),
    nextId: 1n,
    exitSeconds,
  }
}

const totals = (state: Restaking): Totals => ({ assets: state.units, shares: state.supply })

/** Units of the LST per share of this token. */
export function restakingUnitRate(state: Restaking): RateE27 {
  return rateOf(totals(state))
}

/**
 * METIS per share: the rate provider that markets read. `lst` is the LST's own rate; floored twice, never above the
 * truth.
 */
export function restakingRate(state: Restaking, lst: RateE27): RateE27 {
  return mulDown(restakingUnitRate(state), lst, rateOne) as RateE27
}

function own(account: string): void {
  checkAccount(account)
  if (account === leavingAccount || account === 'dead')
    fail('ACCOUNT_INVALID', `"${account}" is an account of the protocol`, { account })
}

const operations = {
  /** LST units in, shares out, floored. */
  deposit(
    state: Restaking,
    args: { account: string; units: Assets; minShares?: Shares | undefined },
  ): LstStep<Restaking, Shares> {
    own(args.account)
    positive('units', args.units)
    const shares = toShares(args.units, totals(state), 'down')
    if (shares === 0n) fail('ZERO_SHARES', `${args.units} units are worth less than one share`, { units: args.units })
    atLeast(args.units, shares, args.minShares)
    return step(
      {
        ...state,
        units: total<Assets>('units', state.units + args.units),
        supply: total<Shares>('supply', state.supply + shares),
        balances: credit(state.balances, args.account, shares),
      },
      shares,
      { type: 'submitted', account: args.account, assets: args.units, shares },
    )
  },
  /** Moves shares. */
  transfer(state: Restaking, args: { from: string; to: string; shares: Shares }): LstStep<Restaking, null> {
    own(args.from)
    own(args.to)
    positive('shares', args.shares)
    return step({ ...state, balances: move(state.balances, args.from, args.to, args.shares) }, null)
  },
  /** Starts an exit; it is priced when it is paid. */
  request(state: Restaking, args: { account: string; shares: Shares; nowSeconds: bigint }): LstStep<Restaking, bigint> {
    forward(0n, args.nowSeconds)
    own(args.account)
    positive('shares', args.shares)
    const id = state.nextId
    return step(
      {
        ...state,
        balances: move(state.balances, args.account, leavingAccount, args.shares),
        leaving: state.leaving.set(id, {
          owner: args.account,
          shares: args.shares,
          readyAtSeconds: args.nowSeconds + state.exitSeconds,
        }),
        nextId: id + 1n,
      },
      id,
      { type: 'requested', id, owner: args.account, assets: 0n, shares: args.shares, atSeconds: args.nowSeconds },
    )
  },
  /** Pays an exit in LST units at the present rate. */
  claim(state: Restaking, args: { id: bigint; account: string; nowSeconds: bigint }): LstStep<Restaking, Assets> {
    const exit = state.leaving.get(args.id) ?? fail('REQUEST_UNKNOWN', `there is no exit ${args.id}`, { id: args.id })
    if (exit.owner !== args.account) fail('NOT_OWNER', `exit ${args.id} belongs to ${exit.owner}`, { id: args.id })
    forward(0n, args.nowSeconds)
    if (args.nowSeconds < exit.readyAtSeconds)
      fail('NOT_MATURE', `exit ${args.id} is paid from ${exit.readyAtSeconds} s on, it is ${args.nowSeconds} s`, {
        limit: exit.readyAtSeconds,
      })
    const units = toAssets(exit.shares, totals(state), 'down')
    return step(
      {
        ...state,
        units: (state.units - units) as Assets,
        supply: (state.supply - exit.shares) as Shares,
        balances: debit(state.balances, leavingAccount, exit.shares),
        leaving: state.leaving.delete(args.id),
      },
      units,
      { type: 'claimed', id: args.id, owner: args.account, assets: units },
    )
  },
  /** Lets a service slash up to `bps` of the units; 0 ends it. */
  expose(state: Restaking, args: { service: string; bps: bigint }): LstStep<Restaking, null> {
    checkAccount(args.service)
    if (args.bps < 0n || args.bps > 10_000n) fail('OPTION_INVALID', `exposure expected 0 … 10000 bps, got ${args.bps}`)
    let all = args.bps
    for (const [service, bps] of state.exposure) if (service !== args.service) all += bps
    if (all > 10_000n)
      fail('LIMIT_EXCEEDED', `exposures would be ${all} bps together, at most 10000`, { limit: 10_000n })
    const exposure = args.bps === 0n ? state.exposure.delete(args.service) : state.exposure.set(args.service, args.bps)
    return step({ ...state, exposure }, null)
  },
  /** A service pays its stakers. */
  reward(state: Restaking, args: { units: Assets }): LstStep<Restaking, null> {
    positive('units', args.units)
    return step({ ...state, units: total<Assets>('units', state.units + args.units) }, null, {
      type: 'rewarded',
      assets: args.units,
    })
  },
  /** A service slashes, at most its part; those who are leaving lose as well. */
  slash(state: Restaking, args: { service: string; units: Assets }): LstStep<Restaking, null> {
    positive('units', args.units)
    const most = bpsOf(state.units, state.exposure.get(args.service) ?? 0n)
    if (args.units > most)
      fail('LIMIT_EXCEEDED', `"${args.service}" may slash ${most} units, not ${args.units}`, { limit: most })
    return step({ ...state, units: (state.units - args.units) as Assets }, null, { type: 'lost', assets: args.units })
  },
}

/** The restaking layer as a reducer. */
export const applyRestaking: Apply<Restaking, typeof operations> = /*#__PURE__*/ reducer<Restaking, typeof operations>(
  operations,
)

/** The synchronous half of ERC-4626 for the layer: entries only, because exits are asynchronous. */
export const restakingFace: Pick<
  Erc4626<Restaking>,
  | 'totalAssets'
  | 'totalSupply'
  | 'balanceOf'
  | 'convertToShares'
  | 'convertToAssets'
  | 'previewDeposit'
  | 'previewMint'
  | 'maxDeposit'
  | 'maxMint'
> = {
  totalAssets: state => state.units,
  totalSupply: state => state.supply,
  balanceOf: (state, account) => balanceOf(state.balances, account),
  convertToShares: (state, units) => toShares(units, totals(state), 'down'),
  convertToAssets: (state, shares) => toAssets(shares, totals(state), 'down'),
  previewDeposit: (state, units) => toShares(units, totals(state), 'down'),
  previewMint: (state, shares) => toAssets(shares, totals(state), 'up'),
  maxDeposit: () => unlimited,
  maxMint: () => unlimited,
}

/** JSON of a {@link Restaking}. */
export const restakingCodec: Codec<Restaking> = /* @__PURE__ */ (() =>
  codec(
    z.strictObject({
      units: integer,
      supply: integer,
      balances: ledger,
      exposure: mapOf(z.string(), integer),
      leaving: mapOf(integer, z.strictObject({ owner: z.string(), shares: integer, readyAtSeconds: integer })),
      nextId: integer,
      exitSeconds: integer,
    }),
    state => (sum(state.balances) === state.supply ? undefined : 'shares of all accounts are not the supply'),
  ))()
