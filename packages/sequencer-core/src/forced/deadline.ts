import { SequencerError } from '../errors.js'

/**
 * How long a sequencer may let the L1 queue wait. All in seconds, of L1 time.
 *
 * The delay buffer makes the window shrink for a sequencer that uses it up: delays beyond the threshold are taken from the buffer, time
 * fills it again. Source of the idea: Arbitrum's BoLD "delay buffer"; figures are parameters.
 */
export type ForcedInclusionRule = {
  /** No entry waits longer than this, whatever the buffer holds. OP Stack: 12 hours. */
  readonly windowSeconds: bigint
  /** The buffer at its fullest. */
  readonly maxBufferSeconds: bigint
  /** Delay that costs no buffer, and the least that a used-up buffer still allows. */
  readonly delayThresholdSeconds: bigint
  /** Buffer gained for a time that passes, in basis points of it. */
  readonly replenishBps: bigint
}

/** Twelve hours, half of it buffered down to one hour; a twentieth of the time passed is gained back. */
export const defaultForcedInclusionRule: ForcedInclusionRule = {
  windowSeconds: 43_200n,
  maxBufferSeconds: 43_200n,
  delayThresholdSeconds: 3_600n,
  replenishBps: 500n,
}

/** @throws SequencerError `FORCED_RULE` */
export function checkForcedInclusionRule(rule: ForcedInclusionRule): void {
  const { windowSeconds, maxBufferSeconds, delayThresholdSeconds, replenishBps } = rule
  if (
    windowSeconds > 0n &&
    delayThresholdSeconds > 0n &&
    delayThresholdSeconds <= maxBufferSeconds &&
    replenishBps >= 0n &&
    replenishBps <= 10_000n
  ) {
    return
  }
  throw new SequencerError(
    'a forced-inclusion rule needs 0 < threshold ≤ buffer, a window, and 0 to 10000 basis points',
    {
      code: 'FORCED_RULE',
      details: { ...rule },
    },
  )
}

/**
 * From which time on an entry cannot be left out: `enqueuedAtSeconds + min(window, buffer)`, seconds. The first L2 block whose timestamp is
 * not before it must have carried it.
 *
 * @example
 * ```ts
 * import { defaultForcedInclusionRule, forcedDeadline } from '@l2/sequencer-core/block'
 *
 * console.log(forcedDeadline(1_000n, defaultForcedInclusionRule, 3_600n)) // 4600n
 * console.log(forcedDeadline(1_000n, defaultForcedInclusionRule, 50_000n)) // 44200n
 * ```
 */
export function forcedDeadline(enqueuedAtSeconds: bigint, rule: ForcedInclusionRule, bufferSeconds: bigint): bigint {
  return enqueuedAtSeconds + (bufferSeconds < rule.windowSeconds ? bufferSeconds : rule.windowSeconds)
}

/** The buffer as the last entry left it, and that entry, whose delay counts from the next one on. */
export type DelayBuffer = {
  readonly bufferSeconds: bigint
  /** L1 times, seconds, of the entry that was carried last; `undefined` before the first. */
  readonly last: { readonly enqueuedAtSeconds: bigint; readonly includedAtSeconds: bigint } | undefined
}

export function fullDelayBuffer(rule: ForcedInclusionRule): DelayBuffer {
  return { bufferSeconds: rule.maxBufferSeconds, last: undefined }
}

/**
 * The buffer for an entry that is enqueued at `enqueuedAtSeconds`: filled for the time since the entry before it, emptied by that one's delay beyond
 * the threshold (no more than that same time, so that overlapping delays count once), kept between the threshold and the maximum. Seconds.
 */
export function delayBufferAt(buffer: DelayBuffer, rule: ForcedInclusionRule, enqueuedAtSeconds: bigint): bigint {
  const { last } = buffer
  if (last === undefined) return buffer.bufferSeconds
  const elapsed = enqueuedAtSeconds > last.enqueuedAtSeconds ? enqueuedAtSeconds - last.enqueuedAtSeconds : 0n
  const delay = last.includedAtSeconds > last.enqueuedAtSeconds ? last.includedAtSeconds - last.enqueuedAtSeconds : 0n
  const beyond = delay > rule.delayThresholdSeconds ? delay - rule.delayThresholdSeconds : 0n
  const left = buffer.bufferSeconds + (elapsed * rule.replenishBps) / 10_000n - (beyond < elapsed ? beyond : elapsed)
  if (left < rule.delayThresholdSeconds) return rule.delayThresholdSeconds
  return left > rule.maxBufferSeconds ? rule.maxBufferSeconds : left
}

/** The buffer after an entry was carried. Entries are counted in queue order, each once. Times of L1, seconds. */
export function countDelay(
  buffer: DelayBuffer,
  rule: ForcedInclusionRule,
  enqueuedAtSeconds: bigint,
  includedAtSeconds: bigint,
): DelayBuffer {
  return {
    bufferSeconds: delayBufferAt(buffer, rule, enqueuedAtSeconds),
    last: { enqueuedAtSeconds, includedAtSeconds },
  }
}
