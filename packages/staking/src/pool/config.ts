import { readSchema } from '@l2/common/schema'
import type { Address } from 'viem'
import * as z from 'zod/mini'
import { StakingError } from '../errors.js'
import { maxSeconds } from '../internal/seconds.js'

const address = /* @__PURE__ */ (() =>
  z.pipe(
    z.string().check(z.regex(/^0x[0-9a-fA-F]{40}$/, 'expected an address')),
    z.transform(value => value.toLowerCase() as Address),
  ))()
const wei = /* @__PURE__ */ (() =>
  z.pipe(
    z.union([
      z.bigint(),
      z.pipe(
        z.string().check(z.regex(/^\d+$/)),
        z.transform((text: string) => BigInt(text)),
      ),
    ]),
    z.bigint().check(z.nonnegative()),
  ))()
const seconds = /* @__PURE__ */ (() =>
  z.pipe(
    z.union([
      z.bigint(),
      z.pipe(
        z.string().check(z.regex(/^\d{1,20}$/)),
        z.transform((text: string) => BigInt(text)),
      ),
    ]),
    z.bigint().check(z.nonnegative(), z.maximum(maxSeconds)),
  ))()
const bps = /* @__PURE__ */ (() => z.int().check(z.minimum(0), z.maximum(10_000)))()
const day = 86_400n
const metis = 10n ** 18n

/** The windows that hold stake back long enough to be slashed. All in seconds. */
export const windowsSchema = /* @__PURE__ */ (() =>
  z.strictObject({
    exitDelaySeconds: z._default(seconds, 21n * day),
    evidenceMaxAgeSeconds: z._default(seconds, 14n * day),
    vetoWindowSeconds: z._default(seconds, 3n * day),
    correlationSettleSeconds: z._default(seconds, 3n * day),
    correlationWindowSeconds: z._default(seconds, 7n * day),
    disputeWindowSeconds: z._default(seconds, 7n * day),
    /** How long the council may hold one case; it resumes by itself. */
    maxPauseSeconds: z._default(seconds, 3n * day),
    /** From the announcement of a commission to its first step, and from step to step. */
    commissionNoticeSeconds: z._default(seconds, 7n * day),
  }))()
/** See {@link windowsSchema}. */
export type Windows = z.output<typeof windowsSchema>

const poolSchema = /* @__PURE__ */ (() =>
  z.strictObject({
    /** Seats, rewards, pause and forced exits. */
    admin: address,
    /** Cancels or pauses slashing cases, and can do nothing else. Default: `admin`. */
    council: z.optional(address),
    /** Reports blocks or reward batches. Default: `admin`. */
    rewarder: z.optional(address),
    /** Admits verified evidence and advances epochs: the chain's control plane. Default: `admin`. */
    operator: z.optional(address),
    minLockWei: z._default(wei, 20_000n * metis),
    /** The most one seat may weigh, delegations included. */
    maxLockWei: z._default(wei, 100_000n * metis),
    maxSeats: z._default(z.int().check(z.minimum(1), z.maximum(1_000_000)), 100),
    /** L: weights of epoch e are those of the end of e−L−1. At least 2. */
    lookaheadEpochs: z._default(z.int().check(z.minimum(2), z.maximum(1000)), 2),
    /** `blocks`: paid as blocks are reported; `batches`: paid by epoch batches. */
    rewardSource: z._default(z.enum(['blocks', 'batches']), 'blocks'),
    /** Yield a year on what is staked, in basis points. */
    targetRateBps: z._default(bps, 2000),
    /** Milliseconds between L2 blocks. */
    blockIntervalMs: z._default(z.int().check(z.minimum(1), z.maximum(3_600_000)), 2000),
    /** Share of a loss that the operator's own stake takes before delegators lose anything. */
    firstLossBps: z._default(bps, 10_000),
    delegatorsSlashable: z._default(z.boolean(), true),
    maxCommissionBps: z._default(bps, 5000),
    /** The most that one step changes a commission. */
    maxCommissionStepBps: z._default(bps.check(z.minimum(1)), 500),
    /**
     * The most of everything at stake that accounts of liquid-staking protocols may hold together. Default a quarter,
     * as the Cosmos module.
     */
    liquidCapBps: z._default(bps, 2500),
    windows: z.prefault(windowsSchema, {}),
  }))()
/** What {@link createPool} takes; every field but `admin` has a default. */
export type PoolOptions = z.input<typeof poolSchema>
/** A validated configuration: part of the state, so that a snapshot is whole. */
export type PoolConfig = Omit<z.output<typeof poolSchema>, 'council' | 'rewarder' | 'operator'> & {
  council: Address
  rewarder: Address
  operator: Address
}

function invalid(problems: readonly string[], cause?: unknown): never {
  throw new StakingError(`invalid pool configuration: ${problems[0]}`, {
    code: 'CONFIG_INVALID',
    meta: problems.slice(1),
    details: { problems },
    ...(cause === undefined ? {} : { cause }),
  })
}

/**
 * Checks that stake cannot leave before it can be slashed.
 *
 * @throws StakingError `CONFIG_INVALID` with the inequality that fails, its values filled in
 */
export function checkWindows(windows: Windows): void {
  const { exitDelaySeconds, evidenceMaxAgeSeconds, vetoWindowSeconds, correlationSettleSeconds, disputeWindowSeconds } =
    windows
  const problems: string[] = []
  if (evidenceMaxAgeSeconds + vetoWindowSeconds + correlationSettleSeconds > exitDelaySeconds) {
    problems.push(
      `evidenceMaxAge + vetoWindow + correlationSettle <= exitDelay fails: ${evidenceMaxAgeSeconds} + ${vetoWindowSeconds} + ${correlationSettleSeconds} > ${exitDelaySeconds} seconds`,
    )
  }
  if (disputeWindowSeconds > evidenceMaxAgeSeconds) {
    problems.push(`disputeWindow <= evidenceMaxAge fails: ${disputeWindowSeconds} > ${evidenceMaxAgeSeconds} seconds`)
  }
  if (problems.length > 0) invalid(problems)
}

/**
 * Validates the options of a pool.
 *
 * @throws StakingError `CONFIG_INVALID` naming every field and inequality that fails
 */
export function parsePoolConfig(options: unknown): PoolConfig {
  const parsed = readSchema(poolSchema, options)
  if (!parsed.ok) {
    invalid(parsed.issues, parsed.cause)
  }
  const config = parsed.value
  if (config.minLockWei === 0n) invalid(['"minLockWei" expected more than 0'])
  if (config.minLockWei > config.maxLockWei) {
    invalid([`minLockWei <= maxLockWei fails: ${config.minLockWei} > ${config.maxLockWei}`])
  }
  checkWindows(config.windows)
  const { admin } = config
  const full: PoolConfig = {
    ...config,
    council: config.council ?? admin,
    rewarder: config.rewarder ?? admin,
    operator: config.operator ?? admin,
  }
  // One order of keys whatever the order they came in: the configuration is part of the state's hash.
  return sorted({ ...full, windows: sorted(full.windows) })
}

/**
 * How long weights and the times of stake are remembered: until no case about them can be opened, paused, executed or
 * correlated any more.
 */
export function rememberedSeconds(windows: Windows): bigint {
  const {
    evidenceMaxAgeSeconds,
    vetoWindowSeconds,
    correlationSettleSeconds,
    correlationWindowSeconds,
    maxPauseSeconds,
  } = windows
  return (
    evidenceMaxAgeSeconds + vetoWindowSeconds + correlationSettleSeconds + correlationWindowSeconds + maxPauseSeconds
  )
}

function sorted<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) as T
}
