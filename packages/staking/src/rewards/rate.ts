const yearMs = 31_536_000_000n

/** Blocks in a year of 365 days, rounded down. */
export function blocksPerYear(blockIntervalMs: number): bigint {
  return yearMs / BigInt(blockIntervalMs)
}

/**
 * The reward a block, in wei, that yields `rateBps` a year on what is staked. Rounded down twice, as Metis' own task
 * does, so that the pool never pays more than the rate. Source: metis-sequencer-contract `tasks/l1.ts`.
 *
 * @example
 * ```ts
 * import { rewardPerBlockFor } from '@l2/staking/rewards'
 *
 * console.log(rewardPerBlockFor({ stakedWei: 60_000n * 10n ** 18n, rateBps: 2000, blockIntervalMs: 2000 })) // 761035007610350n
 * ```
 */
export function rewardPerBlockFor(input: { stakedWei: bigint; rateBps: number; blockIntervalMs: number }): bigint {
  return (input.stakedWei * BigInt(input.rateBps)) / 10_000n / blocksPerYear(input.blockIntervalMs)
}

/**
 * The yearly yield that a reward per block gives, in basis points, rounded down; `undefined` when nothing is staked.
 */
export function rateBpsOf(input: {
  stakedWei: bigint
  rewardPerBlockWei: bigint
  blockIntervalMs: number
}): bigint | undefined {
  if (input.stakedWei === 0n) return undefined
  return (input.rewardPerBlockWei * blocksPerYear(input.blockIntervalMs) * 10_000n) / input.stakedWei
}

/**
 * The highest rate, at most `targetRateBps`, that a budget pays for `seconds` of blocks, and the reward per block that
 * goes with it: how far, say, 3,000,000 of the fund's 4,600,000 METIS reach.
 */
export function solveRate(input: {
  stakedWei: bigint
  targetRateBps: number
  budgetWei: bigint
  seconds: bigint
  blockIntervalMs: number
}): { rewardPerBlockWei: bigint; rateBps: bigint; budgetLimited: boolean; spentWei: bigint; runwaySeconds: bigint } {
  const { stakedWei, targetRateBps, budgetWei, seconds, blockIntervalMs } = input
  const blocks = (seconds * 1000n) / BigInt(blockIntervalMs)
  const wanted = rewardPerBlockFor({ stakedWei, rateBps: targetRateBps, blockIntervalMs })
  const affordable = blocks === 0n ? wanted : budgetWei / blocks
  const rewardPerBlockWei = wanted < affordable ? wanted : affordable
  const runwayBlocks = rewardPerBlockWei === 0n ? 0n : budgetWei / rewardPerBlockWei
  return {
    rewardPerBlockWei,
    rateBps: rateBpsOf({ stakedWei, rewardPerBlockWei, blockIntervalMs }) ?? 0n,
    budgetLimited: affordable < wanted,
    spentWei: rewardPerBlockWei * blocks,
    runwaySeconds: (runwayBlocks * BigInt(blockIntervalMs)) / 1000n,
  }
}
