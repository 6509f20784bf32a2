import { SequencerError } from '../errors.js'

/** Whether users have paid for the data that was posted for them. All in the gas token's units. */
export type Recovery = { readonly charged: bigint; readonly cost: bigint }

/**
 * Over- or under-recovery in basis points of the cost: 0 means that users paid exactly what posting cost; `undefined` while nothing was posted.
 *
 * @example
 * ```ts
 * import { recoveryBps } from '@l2/sequencer-core/fees'
 *
 * console.log(recoveryBps({ charged: 110n, cost: 100n }), recoveryBps({ charged: 0n, cost: 0n })) // 1000n undefined
 * ```
 */
export function recoveryBps({ charged, cost }: Recovery): bigint | undefined {
  return cost === 0n ? undefined : ((charged - cost) * 10_000n) / cost
}

/** Options of {@link createRecovery}. */
export type RecoveryOptions = {
  /** What users are to pay above the cost, basis points. Default 0. */
  readonly marginBps?: bigint | undefined
  /** The time over which charges and costs are compared, and at least between two adjustments, seconds. Default 86,400. */
  readonly windowSeconds?: bigint | undefined
  /** The most that one adjustment moves the factor, basis points of it. Default 1,000. */
  readonly maxStepBps?: bigint | undefined
  /** Bounds of the factor, basis points. Default 2,500 and 40,000. */
  readonly minFactorBps?: bigint | undefined
  readonly maxFactorBps?: bigint | undefined
}

/** Charges and costs of a part of the window. */
export type RecoveryBucket = Recovery & {
  /** Which stretch of time: seconds since the Unix epoch over its length. */
  readonly index: bigint
}

/** Charged against cost, in total and of late, and the factor that follows from it: plain immutable data of bounded size. */
export type RecoveryState = {
  readonly marginBps: bigint
  readonly windowSeconds: bigint
  readonly maxStepBps: bigint
  readonly minFactorBps: bigint
  readonly maxFactorBps: bigint
  readonly total: Recovery
  readonly buckets: readonly RecoveryBucket[]
  /** For `gasTokenScalars`: 10,000 charges what the scalars in ETH say. */
  readonly factorBps: bigint
  /** When the factor was set last, or the first amount was booked; seconds. */
  readonly sinceSeconds: bigint | undefined
}

/** `atSeconds` is in seconds since the Unix epoch; amounts are in the gas token's units. */
export type RecoveryCommand =
  | { readonly type: 'book'; readonly charged: bigint; readonly cost: bigint; readonly atSeconds: bigint }
  /** Moves the factor towards what would have recovered cost and margin over the window. Too early, or without data, nothing happens. */
  | { readonly type: 'adjust'; readonly atSeconds: bigint }

/** What {@link applyRecovery} tells. */
export type RecoveryEvent = {
  readonly type: 'factor-changed'
  readonly fromBps: bigint
  readonly toBps: bigint
  /** What it was taken from. */
  readonly window: Recovery
}

/** Parts of the window: how finely it moves. */
const bucketsPerWindow = 24n

/**
 * Nothing charged, nothing spent; the factor is the margin.
 *
 * @throws SequencerError `FEE_OPTIONS`
 *
 * @example
 * ```ts
 * import { createRecovery } from '@l2/sequencer-core/fees'
 *
 * console.log(createRecovery({ marginBps: 500n }).factorBps) // 10500n
 * ```
 */
export function createRecovery(options: RecoveryOptions = {}): RecoveryState {
  const { marginBps = 0n, windowSeconds = 86_400n, maxStepBps = 1_000n } = options
  const { minFactorBps = 2_500n, maxFactorBps = 40_000n } = options
  const check = (field: string, value: bigint, ok: boolean): void => {
    if (!ok) refuse(`"${field}": ${value} cannot be`, { field, value })
  }
  check('marginBps', marginBps, marginBps >= 0n)
  check('windowSeconds', windowSeconds, windowSeconds >= 1n)
  check('maxStepBps', maxStepBps, maxStepBps >= 1n && maxStepBps < 10_000n)
  check('minFactorBps', minFactorBps, minFactorBps >= 1n)
  check('maxFactorBps', maxFactorBps, maxFactorBps >= minFactorBps)
  return {
    marginBps,
    windowSeconds,
    maxStepBps,
    minFactorBps,
    maxFactorBps,
    total: { charged: 0n, cost: 0n },
    buckets: [],
    factorBps: within(10_000n + marginBps, minFactorBps, maxFactorBps),
    sinceSeconds: undefined,
  }
}

/**
 * Books what users were charged and what posting cost, or adjusts the factor. Pure: an error leaves the state as it was.
 *
 * @throws SequencerError `FEE_OPTIONS` for a negative amount
 *
 * @example
 * ```ts
 * import { applyRecovery, createRecovery, recoveryBps } from '@l2/sequencer-core/fees'
 *
 * let state = createRecovery({ windowSeconds: 3600n })
 * state = applyRecovery(state, { type: 'book', charged: 95n, cost: 100n, atSeconds: 1000n }).state
 * console.log(recoveryBps(state.total)) // -500n
 * const adjusted = applyRecovery(state, { type: 'adjust', atSeconds: 4600n })
 * console.log(adjusted.state.factorBps) // 10527n
 * ```
 */
export function applyRecovery(
  state: RecoveryState,
  command: RecoveryCommand,
): { state: RecoveryState; events: RecoveryEvent[] } {
  if (command.type === 'adjust') return adjust(state, command.atSeconds)
  const { charged, cost, atSeconds } = command
  if (charged < 0n || cost < 0n || atSeconds < 0n)
    refuse(`charged ${charged}, cost ${cost}, at ${atSeconds}: expected at least 0`, { charged, cost, atSeconds })
  const newest = state.buckets.at(-1)?.index ?? 0n
  const now = bucketOf(state, atSeconds)
  // A clock that went back counts as one that stands.
  const index = newest > now ? newest : now
  const same = state.buckets.find(bucket => bucket.index === index)
  const older = state.buckets.filter(bucket => bucket.index >= index - bucketsPerWindow && bucket !== same)
  const bucket = { index, charged: (same?.charged ?? 0n) + charged, cost: (same?.cost ?? 0n) + cost }
  return {
    state: {
      ...state,
      total: { charged: state.total.charged + charged, cost: state.total.cost + cost },
      buckets: [...older, bucket],
      sinceSeconds: state.sinceSeconds ?? atSeconds,
    },
    events: [],
  }
}

/**
 * Charges and costs of the last `windowSeconds`, as far as they belong to the present factor.
 *
 * @param now seconds since the Unix epoch
 *
 * @example
 * ```ts
 * import { applyRecovery, createRecovery, windowRecovery } from '@l2/sequencer-core/fees'
 *
 * const state = createRecovery({ windowSeconds: 3600n })
 * const booked = applyRecovery(state, { type: 'book', charged: 95n, cost: 100n, atSeconds: 1000n }).state
 * console.log(windowRecovery(booked, 1060n).cost, windowRecovery(booked, 9000n).cost) // 100n 0n
 * ```
 */
export function windowRecovery(state: RecoveryState, nowSeconds: bigint): Recovery {
  const oldest = bucketOf(state, nowSeconds) - bucketsPerWindow
  let charged = 0n
  let cost = 0n
  for (const bucket of state.buckets) {
    if (bucket.index < oldest) continue
    charged += bucket.charged
    cost += bucket.cost
  }
  return { charged, cost }
}

function adjust(state: RecoveryState, atSeconds: bigint): { state: RecoveryState; events: RecoveryEvent[] } {
  const { sinceSeconds, windowSeconds, factorBps: fromBps } = state
  if (sinceSeconds === undefined || atSeconds - sinceSeconds < windowSeconds) return { state, events: [] }
  const window = windowRecovery(state, atSeconds)
  if (window.charged === 0n || window.cost === 0n) return { state, events: [] }
  // The factor under which the same traffic would have paid cost and margin, rounded up.
  const wanted = fromBps * window.cost * (10_000n + state.marginBps)
  const ideal = (wanted + window.charged * 10_000n - 1n) / (window.charged * 10_000n)
  const step = (fromBps * state.maxStepBps) / 10_000n
  const stepped = within(ideal, fromBps - step, fromBps + (step > 0n ? step : 1n))
  const toBps = within(stepped, state.minFactorBps, state.maxFactorBps)
  // What was charged under the old factor says nothing about the new one.
  const next = { ...state, factorBps: toBps, sinceSeconds: atSeconds, buckets: [] }
  return { state: next, events: toBps === fromBps ? [] : [{ type: 'factor-changed', fromBps, toBps, window }] }
}

function within(value: bigint, low: bigint, high: bigint): bigint {
  return value < low ? low : value > high ? high : value
}

function bucketOf({ windowSeconds }: RecoveryState, atSeconds: bigint): bigint {
  return (atSeconds * bucketsPerWindow) / windowSeconds
}

function refuse(message: string, details: Record<string, unknown>): never {
  throw new SequencerError(message, { code: 'FEE_OPTIONS', details })
}
