import { fail } from '../errors.js'
import { min } from '../math/math.js'
import { type Assets, amount, type Shares } from '../math/units.js'

/** Limits of a rebase are whole billionths of the pool: in these Lido's limiter and the vault on L1 count and round. */
const billionthE18 = 10n ** 9n
const e9 = 10n ** 9n
/** How both say that there is no limit: 2^64−1 billionths. */
export const rebaseLimitOffE18: bigint = (2n ** 64n - 1n) * billionthE18

/** Refuses a limit that the contracts could not count. */
export function checkRebaseLimit(limitE18: bigint | undefined): void {
  if (limitE18 !== undefined && (limitE18 < 0n || limitE18 % billionthE18 !== 0n))
    fail('OPTION_INVALID', `rebase limit expected a multiple of 10^9 that is not negative, got ${limitE18}`, {
      option: 'maxPositiveRebaseE18',
    })
}

/**
 * How much a single report may raise the rate. Whatever is not taken stays where it is for a later report, so that
 * nobody gains by entering just before a large one. Source: Lido PositiveTokenRebaseLimiter; the ceiling in wei is
 * ours.
 */
export type Limiter = {
  /** Part of the pool, 10^18 the whole, in steps of 10^9; `undefined` when off. */
  readonly limitE18: bigint | undefined
  readonly prePooled: Assets
  readonly preShares: Shares
  /**
   * The pool may not grow beyond this, wei; `undefined` when nothing bounds it, and then the limiter leaves its figures
   * alone.
   */
  readonly cap: bigint | undefined
  /** The pool as it would be with what was taken so far. */
  readonly current: bigint
}

/** What {@link createLimiter} takes: the pool before the report, and how far it may grow. */
export type LimiterOptions = Pick<Limiter, 'limitE18' | 'prePooled' | 'preShares'> & {
  /** Another ceiling of what is added, wei. */
  readonly most?: bigint | undefined
}

/** A limiter over a pool before its report. @throws LstError `OPTION_INVALID`, `AMOUNT_INVALID` */
export function createLimiter({ limitE18, prePooled, preShares, most }: LimiterOptions): Limiter {
  checkRebaseLimit(limitE18)
  if (most !== undefined) amount('most', most)
  // A pool of nothing has no rate to hold.
  const off = limitE18 === undefined || limitE18 >= rebaseLimitOffE18 || prePooled === 0n
  const growth = off ? undefined : ((limitE18 / billionthE18) * prePooled) / e9
  const bounds = [growth, prePooled === 0n ? undefined : most].filter(bound => bound !== undefined)
  return {
    limitE18: off ? undefined : limitE18,
    prePooled,
    preShares,
    cap: bounds.length === 0 ? undefined : prePooled + bounds.reduce(min),
    current: prePooled,
  }
}

/** Takes as much of `wei` as the limit allows. */
export function limiterAdd(limiter: Limiter, wei: bigint): { limiter: Limiter; taken: Assets } {
  amount('wei', wei)
  if (limiter.cap === undefined) return { limiter, taken: wei as Assets }
  const current = min(limiter.current + wei, limiter.cap)
  // A seat that grew past the limit on its own is not refused, but leaves no room.
  if (current <= limiter.current) return { limiter, taken: 0n as Assets }
  return { limiter: { ...limiter, current }, taken: (current - limiter.current) as Assets }
}

/** Removes `wei`: losses, and what is locked for withdrawals. @throws LstError `TOTAL_UNDERFLOW` */
export function limiterRemove(limiter: Limiter, wei: bigint): Limiter {
  amount('wei', wei)
  if (limiter.cap === undefined) return limiter
  if (wei > limiter.current)
    fail('TOTAL_UNDERFLOW', `the pool has ${limiter.current} wei, cannot give ${wei}`, { limit: limiter.current })
  return { ...limiter, current: limiter.current - wei }
}

/** A seat's gain uses up room but is never itself refused. */
export function limiterSeats(limiter: Limiter, before: bigint, after: bigint): Limiter {
  if (limiter.cap === undefined) return limiter
  return after >= before
    ? { ...limiter, current: limiter.current + (after - before) }
    : limiterRemove(limiter, before - after)
}

/** How many shares may be burnt on top without passing the limit; `undefined` when there is none. */
export function burnLimit(limiter: Limiter): Shares | undefined {
  if (limiter.limitE18 === undefined) return undefined
  const limit = limiter.limitE18 / billionthE18
  if (limiter.current >= limiter.prePooled + (limit * limiter.prePooled) / e9) return 0n as Shares
  const one = limit + e9
  return ((limiter.preShares * (one - (limiter.current * e9) / limiter.prePooled)) / one) as Shares
}

/**
 * The limit per report, of 10^18 in whole billionths, that a yearly rate needs at a cadence of `days`; `headroomBps`
 * 10,000 is none.
 */
export function rebaseCapE18(aprBps: bigint, days: bigint, headroomBps = 10_000n): bigint {
  const scaled = aprBps * 100_000n * days * headroomBps
  const over = 365n * 10_000n
  return (headroomBps === 10_000n ? scaled / over : (scaled + over - 1n) / over) * billionthE18
}
