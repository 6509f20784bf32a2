import { type Plan, type PlanInput, planBatcher } from '../batcher/planner.js'
import { invalid } from './invalid.js'

/** A line of a {@link priceList}. */
export type PriceTier = {
  readonly transactionsPerDay: number
  /** What posting 1,000 transactions costs with the best plan, and what is asked for it, wei. */
  readonly costWei: bigint
  readonly priceWei: bigint
  readonly plan: Plan
}

/**
 * What to ask for 1,000 transactions at given prices and volumes: the cost of the best plan for each volume, and a margin on it, rounded up.
 *
 * @throws SequencerError `ECONOMICS_INVALID` when the margin is negative or no whole basis points, or a volume is not positive; `BATCHER_OPTIONS` as `planBatcher`
 *
 * @example
 * ```ts
 * import { priceList } from '@l2/sequencer-core/economics'
 *
 * const [small, large] = priceList({
 *   transactionsPerDay: [10_000, 1_000_000],
 *   marginBps: 2000,
 *   compressors: [{ name: 'brotli-10', bytesPerTransaction: 125 }],
 *   gasPriceWei: 1_000_000_000n,
 *   blobBaseFeeWei: 100_000_000n,
 *   latencyTargetMs: 1_800_000,
 * })
 * console.log(small!.priceWei > large!.priceWei, large!.plan.da) // true blobs
 * ```
 */
export function priceList(
  options: Omit<PlanInput, 'transactionsPerSecond'> & {
    readonly transactionsPerDay: readonly number[]
    readonly marginBps: number
  },
): PriceTier[] {
  const { transactionsPerDay, marginBps, ...prices } = options
  if (!Number.isSafeInteger(marginBps) || marginBps < 0)
    invalid(`"marginBps" expected whole basis points of at least 0, got ${marginBps}`, { marginBps })
  for (const perDay of transactionsPerDay)
    if (!Number.isFinite(perDay) || perDay <= 0)
      invalid(`"transactionsPerDay" expected more than 0, got ${perDay}`, { perDay })
  return transactionsPerDay.map(perDay => {
    const { plan } = planBatcher({ ...prices, transactionsPerSecond: perDay / 86_400 })
    const costWei = plan.weiPerThousandTransactions
    const priceWei = (costWei * (10_000n + BigInt(marginBps)) + 9_999n) / 10_000n
    return { transactionsPerDay: perDay, costWei, priceWei, plan }
  })
}
