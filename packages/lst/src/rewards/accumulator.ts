import { OrderedMap } from '@l2/common'
import * as z from 'zod/mini'
import { fail } from '../errors.js'
import { type Assets, account as checkAccount, positive, rateOne, total } from '../math/units.js'
import { type Codec, codec, integer, mapOf } from '../state/codec.js'
import { type Apply, type LstStep, reducer, step } from '../state/reducer.js'

/** One staker: stake, the accumulator up to which it is settled, and wei settled but not claimed. */
export type Staker = { readonly stake: bigint; readonly paidE27: bigint; readonly owed: Assets }

/**
 * Rewards per unit of stake, accumulated: a reward costs the same whether one or a million hold. What nobody is there
 * to take is carried to the next reward. Source: the standard accumulator of staking contracts, at 10^27.
 */
export type RewardAccumulator = {
  readonly perUnitE27: bigint
  readonly staked: bigint
  /** Wei that came while nothing was staked. */
  readonly carry: Assets
  /** Wei ever rewarded and ever claimed. */
  readonly rewarded: Assets
  readonly claimed: Assets
  readonly stakers: OrderedMap<string, Staker>
}

/** Nobody stakes. */
export function createAccumulator(): RewardAccumulator {
  const none = 0n as Assets
  return { perUnitE27: 0n, staked: 0n, carry: none, rewarded: none, claimed: none, stakers: OrderedMap.from() }
}

const nobody: Staker = { stake: 0n, paidE27: 0n, owed: 0n as Assets }

function settled(state: RewardAccumulator, account: string): Staker {
  const staker = state.stakers.get(account) ?? nobody
  return {
    stake: staker.stake,
    paidE27: state.perUnitE27,
    owed: (staker.owed + (staker.stake * (state.perUnitE27 - staker.paidE27)) / rateOne) as Assets,
  }
}

/** What an account could claim now, wei. */
export function earned(state: RewardAccumulator, account: string): Assets {
  return settled(state, account).owed
}

function put(state: RewardAccumulator, account: string, staker: Staker): RewardAccumulator {
  const gone = staker.stake === 0n && staker.owed === 0n
  return { ...state, stakers: gone ? state.stakers.delete(account) : state.stakers.set(account, staker) }
}

const operations = {
  /** Shares a reward among all stake. */
  reward(state: RewardAccumulator, args: { assets: Assets }): LstStep<RewardAccumulator, null> {
    positive('assets', args.assets)
    const rewarded = total<Assets>('rewarded', state.rewarded + args.assets)
    const due = state.carry + args.assets
    if (state.staked === 0n) return step({ ...state, carry: due as Assets, rewarded }, null)
    return step(
      { ...state, perUnitE27: state.perUnitE27 + (due * rateOne) / state.staked, carry: 0n as Assets, rewarded },
      null,
      { type: 'rewarded', assets: due },
    )
  },
  /** Adds stake. */
  stake(state: RewardAccumulator, args: { account: string; amount: bigint }): LstStep<RewardAccumulator, null> {
    checkAccount(args.account)
    positive('amount', args.amount)
    const staker = settled(state, args.account)
    const staked = total<bigint>('staked', state.staked + args.amount)
    return step(put({ ...state, staked }, args.account, { ...staker, stake: staker.stake + args.amount }), null, {
      type: 'staked',
      account: args.account,
      tokens: args.amount,
    })
  },
  /** Takes stake out; what it earned stays to be claimed. */
  unstake(state: RewardAccumulator, args: { account: string; amount: bigint }): LstStep<RewardAccumulator, null> {
    positive('amount', args.amount)
    const staker = settled(state, args.account)
    if (args.amount > staker.stake)
      fail('BALANCE_EXCEEDED', `${args.account} has ${staker.stake} staked, asked for ${args.amount}`, {
        held: staker.stake,
      })
    return step(
      put({ ...state, staked: state.staked - args.amount }, args.account, {
        ...staker,
        stake: staker.stake - args.amount,
      }),
      null,
      { type: 'unstaked', account: args.account, tokens: args.amount },
    )
  },
  /** Pays what an account earned. */
  claim(state: RewardAccumulator, args: { account: string }): LstStep<RewardAccumulator, Assets> {
    const staker = settled(state, args.account)
    return step(
      {
        ...put(state, args.account, { ...staker, owed: 0n as Assets }),
        claimed: (state.claimed + staker.owed) as Assets,
      },
      staker.owed,
      { type: 'claimed', id: 0n, owner: args.account, assets: staker.owed },
    )
  },
}

/** The accumulator as a reducer. */
export const applyAccumulator: Apply<RewardAccumulator, typeof operations> = /*#__PURE__*/ reducer<
  RewardAccumulator,
  typeof operations
>(operations)

/** JSON of a {@link RewardAccumulator}. */
export const accumulatorCodec: Codec<RewardAccumulator> = /* @__PURE__ */ (() =>
  codec(
    z.strictObject({
      perUnitE27: z.codec(z.string().check(z.regex(/^(0|[1-9]\d{0,120})$/)), z.bigint(), {
        decode: text => BigInt(text),
        encode: value => value.toString(),
      }),
      staked: integer,
      carry: integer,
      rewarded: integer,
      claimed: integer,
      stakers: mapOf(
        z.string(),
        z.strictObject({
          stake: integer,
          paidE27: z.codec(z.string().check(z.regex(/^(0|[1-9]\d{0,120})$/)), z.bigint(), {
            decode: text => BigInt(text),
            encode: value => value.toString(),
          }),
          owed: integer,
        }),
      ),
    }),
    state => {
      let staked = 0n
      for (const [, staker] of state.stakers) staked += staker.stake
      return staked === state.staked ? undefined : 'stakes of all accounts are not the total'
    },
  ))()
