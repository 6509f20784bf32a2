import * as z from 'zod/mini'
import type { FeeRecipient, ProfitTest } from '../rebasing/state.js'
import { lidoReportLimits, limitsSchema, metisReportLimits, type ReportLimits } from '../report/guard.js'
import { integer } from '../state/codec.js'

/** The protocols there are presets of, and the default for a new rollup. */
export type PresetName = 'enki' | 'accumulated' | 'artemis' | 'lido' | 'recommended'
/** `protocol`: as the live contracts behave, defects included. `sdk`: as it should be. */
export type Profile = 'protocol' | 'sdk'

/** Everything a preset decides. Amounts in wei, times in seconds, parts in basis points. */
export type LiquidConfig = {
  readonly preset: PresetName
  readonly profile: Profile
  /** The accounting behind the token. */
  readonly model: 'instant' | 'cycle' | 'rate' | 'rebasing'
  /**
   * `queue`: first in, first out, worth min(asked, shares × rate when finalised). `fixed`: the amount is fixed when
   * asked for.
   */
  readonly exits: 'queue' | 'fixed'
  /** Whether a loss lowers the rate. Where it does not, somebody is not paid in the end. */
  readonly lossPath: boolean
  /** Taken from profit. Shares of the pool in the rebasing model, wei beside the pool in the others. */
  readonly feeRecipients: readonly FeeRecipient[]
  readonly profitTest: ProfitTest
  /** Billionths of the pool that one report may add; `undefined` is off. */
  readonly maxPositiveRebaseE18: bigint | undefined
  readonly limits: ReportLimits
  /** Wei that stay forever. */
  readonly seed: bigint
  /**
   * What of the seed stays: its shares, with what they earn (nobody holds them), or its wei (the deployer can take what
   * it earned; instant model).
   */
  readonly seedLock: 'shares' | 'value'
  /**
   * Whether the token is a vault over a 1:1 receipt that can be held by itself and earns nothing (`fixed` exits):
   * eMETIS under seMETIS.
   */
  readonly receipts: boolean
  /** δ of virtual shares, in the vault models. */
  readonly virtualOffset: bigint | undefined
  /** Part of an exit that vests (instant model, `fixed` exits). */
  readonly vestingBps: bigint
  readonly cycleSeconds: bigint
  readonly cycleAutoSync: boolean
  readonly cycleCheckpoint: boolean
  /** Seconds an exit of fixed amount waits at least. */
  readonly exitDelaySeconds: bigint
  readonly legacyRounding: boolean
  readonly minRequest: bigint
  readonly maxRequest: bigint
  readonly minSeat: bigint
  readonly maxSeat: bigint
  readonly entrySeconds: bigint
  readonly seatExitSeconds: bigint
  /** From a partial withdrawal to its wei. 0: the pool pays at once (Metis' contract). */
  readonly partialExitSeconds: bigint
  /**
   * When what leaves a seat is cash. `events`: when the sequencer pool says that it was paid, and never before: for a
   * protocol that is fed by it. `time`: the same for whatever the pool announced, and by time for the rest.
   */
  readonly seatReleases: 'time' | 'events'
  /** Wei: no seat may report more than its blocks times this. `undefined` is no bound. */
  readonly rewardPerBlock: bigint | undefined
  /**
   * A known fault that is not priced holds back what it can most cost for this long, or until the sequencer pool's own
   * pause of it ends.
   */
  readonly bunkerSeconds: bigint
  /** Faults that can together cost more than this part of the pool stop finalisation and deposits (bunker mode). */
  readonly bunkerBps: bigint
  /**
   * How long rebases are remembered for APR, and how much time one entry of the history covers at most when reports are
   * frequent.
   */
  readonly historySeconds: bigint
  readonly historyGrainSeconds: bigint
}

const oneMetis = 10n ** 18n

const sdk: Omit<LiquidConfig, 'preset' | 'model'> = {
  profile: 'sdk',
  exits: 'queue',
  lossPath: true,
  feeRecipients: [{ account: 'treasury', bps: 1_000n }],
  profitTest: 'highWater',
  // A week at 20 % a year with a quarter to spare; a report after longer leaves the rest for the next one.
  maxPositiveRebaseE18: 4_794_521_000_000_000n,
  limits: metisReportLimits,
  seed: oneMetis,
  seedLock: 'shares',
  receipts: false,
  virtualOffset: undefined,
  vestingBps: 0n,
  cycleSeconds: 604_800n,
  cycleAutoSync: true,
  cycleCheckpoint: true,
  exitDelaySeconds: 0n,
  legacyRounding: false,
  minRequest: 100n,
  maxRequest: 1_000n * oneMetis,
  minSeat: 20_000n * oneMetis,
  maxSeat: 100_000n * oneMetis,
  entrySeconds: 604_800n,
  seatExitSeconds: 1_814_400n,
  partialExitSeconds: 1_814_400n,
  seatReleases: 'time',
  rewardPerBlock: undefined,
  bunkerSeconds: 518_400n,
  bunkerBps: 10n,
  historySeconds: 34_560_000n,
  historyGrainSeconds: 86_400n,
}

const live: Omit<LiquidConfig, 'preset' | 'model'> = {
  ...sdk,
  profile: 'protocol',
  exits: 'fixed',
  lossPath: false,
  profitTest: 'net',
  maxPositiveRebaseE18: undefined,
  limits: {},
  partialExitSeconds: 0n,
  maxRequest: 2n ** 128n - 1n,
}

/**
 * eMETIS and seMETIS of ENKI: 1:1 receipts in a vault that is credited at once.
 *
 * `protocol`: both tokens (`mintReceipt`, `stakeReceipt` and back): all METIS are staked, what they earn goes to those
 * who put their receipts into the vault; the deployer's first deposit is locked by value, what it earned is not. A
 * tenth of every reward to the treasury (the live ratio is not public), a tenth of every exit into vesting that only
 * staked ENKI releases, the rest a ticket of 20 days whose amount is fixed when it is taken and which is paid by
 * maturity, not in turn. No loss path: after a slash the tickets that come last are not paid.
 *
 * `sdk` differs: losses lower the rate, operators' bonds first; exits wait in turn in a queue and are worth min(asked,
 * shares × rate), so that leaving early is no escape from a slash; nothing vests, because an exit that earns nothing
 * while it waits already takes the profit out of entering just before a reward; a report is checked and limited; free
 * receipts are not offered, because a receipt that is always 1:1 has no place to carry a loss; the seed is locked by
 * shares and belongs to nobody.
 */
const enki = {
  protocol: {
    ...live,
    preset: 'enki',
    model: 'instant',
    seedLock: 'value',
    receipts: true,
    virtualOffset: 0n,
    vestingBps: 1_000n,
    exitDelaySeconds: 1_728_000n,
  },
  sdk: { ...sdk, preset: 'enki', model: 'instant', virtualOffset: 0n },
} satisfies Record<Profile, LiquidConfig>

/**
 * stMETIS and wstMETIS of Accumulated Finance: 1:1 receipts in a vault with weekly linear cycles.
 *
 * `protocol`: both tokens; no automatic sync (skipped cycles go to whoever is in at the late one), an exit near the end
 * of a cycle may fail although `maxWithdraw` promised it (xTRIBE M-01), redemption requests of fixed amount that the
 * owner pays in any order, no loss path, no seed.
 *
 * `sdk` differs: every report starts the next cycle when one is over, an exit moves what is unlocked first, a seed
 * keeps a holder for every reward, exits queue and share losses, a loss takes the unreleased reward before it lowers
 * the rate; reports are checked and limited.
 */
const accumulated = {
  protocol: {
    ...live,
    preset: 'accumulated',
    model: 'cycle',
    feeRecipients: [],
    seed: 0n,
    receipts: true,
    cycleAutoSync: false,
    cycleCheckpoint: false,
  },
  sdk: { ...sdk, preset: 'accumulated', model: 'cycle' },
} satisfies Record<Profile, LiquidConfig>

/**
 * artMETIS of Artemis: one token, rate = total deposits / supply.
 *
 * `protocol`: a tenth of every harvest as fee, exits of fixed amount priced by the last harvest through a floored
 * inverse rate (which pays a few wei too much, and blocks the last holder), unlocked by nonce, paid after 14 days. No
 * loss path, no seed.
 *
 * `sdk` differs: exits are priced `⌊x·T/S⌋`, queue, and share losses; the fee is taken from profit above the high-water
 * mark; a seed; checked, limited reports.
 */
const artemis = {
  protocol: {
    ...live,
    preset: 'artemis',
    model: 'rate',
    feeRecipients: [{ account: 'treasury', bps: 1_000n }],
    exitDelaySeconds: 1_209_600n,
    legacyRounding: true,
    seed: 0n,
  },
  sdk: { ...sdk, preset: 'artemis', model: 'rate' },
} satisfies Record<Profile, LiquidConfig>

/**
 * stETH of Lido, on Metis' seats: rebasing shares and the withdrawal queue.
 *
 * `protocol`: Lido's own figures (0.075 % a report, 10 % a year: of what Metis' seats earn, half waits forever) and
 * its fee test, which on Metis' income never charges a fee, because rewards arrive beside the seats and not in them.
 *
 * `sdk` differs: the fee is taken from what lifts the rate above its highest; the limits are those of 20 % a year.
 */
const lido = {
  protocol: {
    ...sdk,
    profile: 'protocol',
    preset: 'lido',
    model: 'rebasing',
    profitTest: 'principal',
    partialExitSeconds: 0n,
    maxPositiveRebaseE18: 750_000_000_000_000n,
    limits: lidoReportLimits,
    feeRecipients: [
      { account: 'operators', bps: 500n },
      { account: 'treasury', bps: 500n },
    ],
  },
  sdk: {
    ...sdk,
    preset: 'lido',
    model: 'rebasing',
    feeRecipients: [
      { account: 'operators', bps: 500n },
      { account: 'treasury', bps: 500n },
    ],
  },
} satisfies Record<Profile, LiquidConfig>

/**
 * What a new rollup should take: rebasing shares that count their own wei, a seed that can never leave, fee shares on
 * profit above the high-water mark, the queue in which exits share losses, the limiter, and seats opened before they
 * are filled. There is no live protocol behind it: both profiles are the same.
 */
const recommended = {
  protocol: { ...sdk, profile: 'protocol', preset: 'recommended', model: 'rebasing' },
  sdk: { ...sdk, preset: 'recommended', model: 'rebasing' },
} satisfies Record<Profile, LiquidConfig>

/**
 * Every preset in both profiles; the differences are in the comment of each in `presets/config.ts` and in the README.
 */
export const presets: Readonly<Record<PresetName, Readonly<Record<Profile, LiquidConfig>>>> = {
  enki,
  accumulated,
  artemis,
  lido,
  recommended,
}

/** Zod schema of a {@link LiquidConfig}. */
export const configSchema = /* @__PURE__ */ (() =>
  z.strictObject({
    preset: z.enum(['enki', 'accumulated', 'artemis', 'lido', 'recommended']),
    profile: z.enum(['protocol', 'sdk']),
    model: z.enum(['instant', 'cycle', 'rate', 'rebasing']),
    exits: z.enum(['queue', 'fixed']),
    lossPath: z.boolean(),
    feeRecipients: z.array(z.strictObject({ account: z.string(), bps: integer })),
    profitTest: z.enum(['highWater', 'net', 'principal']),
    maxPositiveRebaseE18: z.optional(integer),
    limits: limitsSchema,
    seed: integer,
    seedLock: z.enum(['shares', 'value']),
    receipts: z.boolean(),
    virtualOffset: z.optional(integer),
    vestingBps: integer,
    cycleSeconds: integer,
    cycleAutoSync: z.boolean(),
    cycleCheckpoint: z.boolean(),
    exitDelaySeconds: integer,
    legacyRounding: z.boolean(),
    minRequest: integer,
    maxRequest: integer,
    minSeat: integer,
    maxSeat: integer,
    entrySeconds: integer,
    seatExitSeconds: integer,
    partialExitSeconds: integer,
    seatReleases: z.enum(['time', 'events']),
    rewardPerBlock: z.optional(integer),
    bunkerSeconds: integer,
    bunkerBps: integer,
    historySeconds: integer,
    historyGrainSeconds: integer,
  }))()
