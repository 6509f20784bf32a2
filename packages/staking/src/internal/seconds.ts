/**
 * The last moment, and the longest span, that a pool counts with, in seconds: what a signed 64-bit number holds, so
 * that a contract, Go and a database hold every sum of a few of them too.
 */
export const maxSeconds: bigint = 2n ** 63n - 1n

/** Whether a value that a caller gave is a time: seconds since the Unix epoch, or a span of them. */
export function isSeconds(value: unknown): value is bigint {
  return typeof value === 'bigint' && value >= 0n && value <= maxSeconds
}

/** The later of two moments. */
export function later(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}
