import type { Address } from 'viem'
import * as z from 'zod'
import { StakingError } from '../errors.js'

const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, 'expected an address')
  .transform(value => value.toLowerCase() as Address)
const wei = z.union([z.bigint(), z.string().regex(/^\d+$/).transform(BigInt)]).pipe(z.bigint().nonnegative())
const seconds = z.int().nonnegative()
const bps = z.int().min(0).max(10_000)
const day = 86_400
const metis = 10n ** 18n

/** The windows that hold stake back long enough to be slashed. All in seconds. */
export const windowsSchema = z.strictObject({
  exitDelaySeconds: seconds.default(21 * day),
  evidenceMaxAgeSeconds: seconds.default(14 * day),
  vetoWindowSeconds: seconds.default(3 * day),
  correlationSettleSeconds: seconds.default(3 * day),
  correlationWindowSeconds: seconds.default(7 * day),
  disputeWindowSeconds: seconds.default(7 * day),
  /** How long the council may hold one case; it resumes by itself. */
  maxPauseSeconds: seconds.default(3 * day),
  /** From the announcement of a commission to its first step, and from step to step. */
  commissionNoticeSeconds: seconds.default(7 * day),
})
/** See {@link windowsSchema}. */
export type Windows = z.output<typeof windowsSchema>

const poolSchema = z.strictObject({
  /** Seats, rewards, pause and forced exits. */
  admin: address,
  /** Cancels or pauses slashing cases, and can do nothing else. Default: `admin`. */
  council: address.optional(),
  /** Reports blocks or reward batches. Default: `admin`. */
  rewarder: address.optional(),
  /** Admits verified evidence and advances epochs: the chain's control plane. Default: `admin`. */
  operator: address.optional(),
  minLockWei: wei.default(20_000n * metis),
  /** The most one seat may weigh, delegations included. */
  maxLockWei: wei.default(100_000n * metis),
  maxSeats: z.int().min(1).max(1_000_000).default(100),
  /** L: weights of epoch e are those of the end of e−L−1. At least 2. */
  lookaheadEpochs: z.int().min(2).max(1000).default(2),
  /** `blocks`: paid as blocks are reported; `batches`: paid by epoch batches. */
  rewardSource: z.enum(['blocks', 'batches']).default('blocks'),
  /** Yield a year on what is staked, in basis points. */
  targetRateBps: bps.default(2000),
  /** Milliseconds between L2 blocks. */
  blockIntervalMs: z.int().min(1).max(3_600_000).default(2000),
  /** Share of a loss that the operator's own stake takes before delegators lose anything. */
  firstLossBps: bps.default(10_000),
  delegatorsSlashable: z.boolean().default(true),
  maxCommissionBps: bps.default(5000),
  /** The most that one step changes a commission. */
  maxCommissionStepBps: bps.min(1).default(500),
  /** The most of everything at stake that accounts of liquid-staking protocols may hold together. Default a quarter, as the Cosmos module. */
  liquidCapBps: bps.default(2500),
  windows: windowsSchema.prefault({}),
})
/** What {@link createPool} takes; every field but `admin` has a default. */
export type PoolOptions = z.input<typeof poolSchema>
/** A validated configuration: part of the state, so that a snapshot is whole. */
export type PoolConfig = Omit<z.output<typeof poolSchema>, 'council' | 'rewarder' | 'operator'> & {
  council: Address
  rewarder: Address
  operator: Address
}

function invalid(problems: string[], cause?: unknown): never {
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
  const parsed = poolSchema.safeParse(options)
  if (!parsed.success) {
    invalid(
      parsed.error.issues.map(issue => `"${issue.path.join('.')}" ${issue.message}`),
      parsed.error,
    )
  }
  const config = parsed.data
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

/** How long weights and the times of stake are remembered: until no case about them can be opened, paused, executed or correlated any more. */
export function rememberedSeconds(windows: Windows): number {
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
