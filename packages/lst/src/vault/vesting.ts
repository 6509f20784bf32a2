import { OrderedMap } from '@l2/common'
import * as z from 'zod/mini'
import { fail } from '../errors.js'
import { min, mulDown } from '../math/math.js'
import { type Assets, account as checkAccount, forward, positive, total } from '../math/units.js'
import { type Codec, codec, integer, mapOf } from '../state/codec.js'
import { type Apply, type LstStep, reducer, step } from '../state/reducer.js'

/** One account's vesting. */
export type Vested = {
  /** Incentive tokens staked. */
  readonly stake: bigint
  /** Wei released so far, and wei of them claimed. */
  readonly released: Assets
  readonly claimed: Assets
  /** Wei still vesting. */
  readonly balance: Assets
  /** When that was calculated, seconds; 0 after everything was unstaked. */
  readonly lastSeconds: bigint
}

/**
 * The part of an exit that only a stake of the incentive token (ENKI) releases: ten staked release one per duration.
 * Source: ENKI Vesting.
 */
export type ExitVesting = {
  readonly nowSeconds: bigint
  readonly durationSeconds: bigint
  readonly stakePerUnit: bigint
  readonly users: OrderedMap<string, Vested>
}

/** Options of {@link createExitVesting}. */
export type VestingOptions = {
  /** Seconds; default 0. */
  nowSeconds?: bigint
  /** Seconds; default 15,552,000 (180 days). */
  durationSeconds?: bigint
  /** Tokens staked per wei that vests in one duration; default 10. */
  stakePerUnit?: bigint
}

/** Nobody is vesting yet. */
export function createExitVesting(options: VestingOptions = {}): ExitVesting {
  const { nowSeconds = 0n, durationSeconds = 15_552_000n, stakePerUnit = 10n } = options
  forward(0n, nowSeconds)
  if (durationSeconds < 1n || stakePerUnit < 1n)
    fail('OPTION_INVALID', `duration and stake expected at least 1, got ${durationSeconds}, ${stakePerUnit}`)
  return { nowSeconds, durationSeconds, stakePerUnit, users: OrderedMap.from() }
}

const nobody: Vested = {
  stake: 0n,
  released: 0n as Assets,
  claimed: 0n as Assets,
  balance: 0n as Assets,
  lastSeconds: 0n,
}

/** Wei that vest per duration: all there was, or what the stake allows. */
function perDuration(vesting: ExitVesting, user: Vested): bigint {
  return min(user.balance + user.released, user.stake / vesting.stakePerUnit)
}

function touched(vesting: ExitVesting, account: string): Vested {
  const user = vesting.users.get(account) ?? { ...nobody, lastSeconds: vesting.nowSeconds }
  const due = min(
    mulDown(perDuration(vesting, user), vesting.nowSeconds - user.lastSeconds, vesting.durationSeconds),
    user.balance,
  )
  return {
    ...user,
    released: (user.released + due) as Assets,
    balance: (user.balance - due) as Assets,
    lastSeconds: vesting.nowSeconds,
  }
}

function put(vesting: ExitVesting, account: string, user: Vested): ExitVesting {
  return { ...vesting, users: vesting.users.set(account, user) }
}

/** What an account could claim now, wei. */
export function vestedClaimable(vesting: ExitVesting, account: string): Assets {
  const user = touched(vesting, account)
  return (user.released - user.claimed) as Assets
}

/**
 * When everything will have been released, seconds; `undefined` when nothing vests, or nothing is staked and so never.
 */
export function vestingFinish(vesting: ExitVesting, account: string): bigint | undefined {
  const user = vesting.users.get(account) ?? nobody
  const speed = perDuration(vesting, user)
  return user.balance === 0n || speed === 0n
    ? undefined
    : user.lastSeconds + mulDown(vesting.durationSeconds, user.balance, speed)
}

const operations = {
  /** Moves time forward. */
  advance(vesting: ExitVesting, args: { nowSeconds: bigint }): LstStep<ExitVesting, null> {
    forward(vesting.nowSeconds, args.nowSeconds)
    return step({ ...vesting, nowSeconds: args.nowSeconds }, null)
  },
  /** Adds wei; what was earned so far stays earned. */
  deposit(vesting: ExitVesting, args: { account: string; assets: Assets }): LstStep<ExitVesting, null> {
    checkAccount(args.account)
    positive('assets', args.assets)
    const user = touched(vesting, args.account)
    return step(
      put(vesting, args.account, { ...user, balance: total<Assets>('balance', user.balance + args.assets) }),
      null,
      { type: 'vesting', account: args.account, assets: args.assets },
    )
  },
  /** Stakes incentive tokens. */
  stake(vesting: ExitVesting, args: { account: string; tokens: bigint }): LstStep<ExitVesting, null> {
    checkAccount(args.account)
    positive('tokens', args.tokens)
    const user = touched(vesting, args.account)
    return step(put(vesting, args.account, { ...user, stake: total('stake', user.stake + args.tokens) }), null, {
      type: 'staked',
      account: args.account,
      tokens: args.tokens,
    })
  },
  /** Pays what is released. */
  claim(vesting: ExitVesting, args: { account: string }): LstStep<ExitVesting, Assets> {
    const user = touched(vesting, args.account)
    const due = (user.released - user.claimed) as Assets
    return step(put(vesting, args.account, { ...user, claimed: user.released }), due, {
      type: 'claimed',
      id: 0n,
      owner: args.account,
      assets: due,
    })
  },
  /** Claims, returns every staked token, and starts the counters anew; what still vests stays. */
  unstake(vesting: ExitVesting, args: { account: string }): LstStep<ExitVesting, { assets: Assets; tokens: bigint }> {
    const user = touched(vesting, args.account)
    if (user.stake === 0n) fail('BALANCE_EXCEEDED', `${args.account} has nothing staked`, { account: args.account })
    return step(
      put(vesting, args.account, {
        ...user,
        stake: 0n,
        released: 0n as Assets,
        claimed: 0n as Assets,
        lastSeconds: 0n,
      }),
      { assets: (user.released - user.claimed) as Assets, tokens: user.stake },
      { type: 'unstaked', account: args.account, tokens: user.stake },
    )
  },
}

/** Exit vesting as a reducer. */
export const applyVesting: Apply<ExitVesting, typeof operations> = /*#__PURE__*/ reducer<
  ExitVesting,
  typeof operations
>(operations)

/** Zod schema of an {@link ExitVesting}. */
export const vestingSchema = /* @__PURE__ */ (() =>
  z.strictObject({
    nowSeconds: integer,
    durationSeconds: integer,
    stakePerUnit: integer,
    users: mapOf(
      z.string(),
      z.strictObject({ stake: integer, released: integer, claimed: integer, balance: integer, lastSeconds: integer }),
    ),
  }))()

/** JSON of an {@link ExitVesting}. */
export const vestingCodec: Codec<ExitVesting> = /* @__PURE__ */ codec(vestingSchema)
