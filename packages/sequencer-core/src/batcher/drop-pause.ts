import type { SyncStatus } from './sync-actions.js'

/**
 * Paces the tries after channels that derivation dropped. The first goes out again at once; when that is dropped as well, and the next, something
 * else is wrong, and each try costs money: they are made less and less often, the longest pause apart at most (0: no limit).
 */
export function createDropPause(longestBlocks: bigint) {
  let safe = -1n
  let count = 0
  let retryAt = 0n
  return {
    /** A channel was dropped at this status. */
    note({ safe: { number }, headL1 }: Pick<SyncStatus, 'safe' | 'headL1'>): void {
      count = number === safe ? count + 1 : 1
      safe = number
      const pause = 2n ** BigInt(Math.min(count, 20))
      const bounded = longestBlocks === 0n || pause < longestBlocks ? pause : longestBlocks
      retryAt = count === 1 ? 0n : headL1 + bounded
    },
    /** Whether the next try is not due. */
    holds: (headL1: bigint): boolean => headL1 < retryAt,
  }
}
