import { SequencerError } from '../errors.js'
import type { BatcherView } from './ports.js'

/** Limits on the data-availability size of what a sequencer may put into blocks; `undefined` means none. */
export type BlockDaLimits = {
  readonly maxTransactionBytes: number | undefined
  readonly maxBlockBytes: number | undefined
}

/** Bytes of a batcher that wait to be posted: raw in loaded blocks, and compressed in closed channels. */
export function backlogOf({ loadedBytes, unsentBytes }: Pick<BatcherView, 'loadedBytes' | 'unsentBytes'>): number {
  return loadedBytes + unsentBytes
}

/** How back-pressure grows with the bytes that wait to be posted. */
export type ThrottleOptions = {
  /** `step` is all or nothing at the lower threshold; `linear` and `quadratic` grow between the two. */
  readonly curve: 'step' | 'linear' | 'quadratic'
  /** Bytes of unposted blocks from which throttling begins. */
  readonly lowerBytes: number
  /** Bytes from which it is at its strongest. */
  readonly upperBytes: number
  /** Transaction limit where throttling begins, and at its strongest. */
  readonly transactionBytes: { readonly light: number; readonly full: number }
  /** Block limit while nothing is throttled, and at the strongest. */
  readonly blockBytes: { readonly light: number; readonly full: number }
}

/** op-batcher's values: between 3.2 and 12.8 MB of backlog, blocks shrink from 130 kB to 2 kB and transactions from 20 kB to 150 bytes. */
export const defaultThrottleOptions: ThrottleOptions = {
  curve: 'quadratic',
  lowerBytes: 3_200_000,
  upperBytes: 12_800_000,
  transactionBytes: { light: 20_000, full: 150 },
  blockBytes: { light: 130_000, full: 2_000 },
}

/**
 * Strength of throttling at a backlog, 0 to 1.
 *
 * @throws SequencerError `BATCHER_OPTIONS` when the thresholds are not an interval
 */
export function throttleIntensity(backlogBytes: number, options: ThrottleOptions = defaultThrottleOptions): number {
  const { curve, lowerBytes, upperBytes } = options
  if (!(lowerBytes >= 0 && upperBytes > lowerBytes)) {
    throw new SequencerError(`throttle thresholds ${lowerBytes} to ${upperBytes}: expected 0 <= lower < upper`, {
      code: 'BATCHER_OPTIONS',
      details: { lowerBytes, upperBytes },
    })
  }
  if (backlogBytes <= lowerBytes) return 0
  if (curve === 'step' || backlogBytes >= upperBytes) return 1
  const linear = (backlogBytes - lowerBytes) / (upperBytes - lowerBytes)
  return curve === 'linear' ? linear : linear * linear
}

/** The limits at a strength of throttling, 0 to 1. A limit is never 0, which engines read as "none". */
export function limitsAt(
  intensity: number,
  options: Pick<ThrottleOptions, 'transactionBytes' | 'blockBytes'>,
): BlockDaLimits {
  const between = ({ light, full }: { light: number; full: number }): number =>
    Math.max(1, Math.ceil(light + (full - light) * intensity))
  return {
    maxTransactionBytes: intensity === 0 ? undefined : between(options.transactionBytes),
    maxBlockBytes: between(options.blockBytes),
  }
}

/**
 * The limits that a backlog of unposted data puts on new blocks, for `miner_setMaxDASize` of an engine or for our own block builder.
 *
 * Source: op-batcher, throttling.
 *
 * @throws SequencerError `BATCHER_OPTIONS`
 *
 * @example
 * ```ts
 * import { throttledLimits } from '@l2/sequencer-core/batcher'
 *
 * console.log(throttledLimits(0).maxTransactionBytes) // undefined
 * console.log(throttledLimits(8_000_000)) // { maxTransactionBytes: 15038, maxBlockBytes: 98000 }
 * console.log(throttledLimits(20_000_000)) // { maxTransactionBytes: 150, maxBlockBytes: 2000 }
 * ```
 */
export function throttledLimits(
  backlogBytes: number,
  options: ThrottleOptions = defaultThrottleOptions,
): BlockDaLimits {
  return limitsAt(throttleIntensity(backlogBytes, options), options)
}

/**
 * The alternative to throttling by the engine: the scalar of Jovian's DA footprint that keeps blocks of a gas limit within so many estimated
 * bytes, which every node enforces. At most 65 535, the field's limit; a DA footprint is the bytes times the scalar, and must stay below the gas
 * limit.
 *
 * Source: OP specs, Jovian, "DA footprint block limit".
 *
 * @throws SequencerError `BATCHER_OPTIONS`
 *
 * @example
 * ```ts
 * import { footprintScalarFor } from '@l2/sequencer-core/batcher'
 *
 * console.log(footprintScalarFor(30_000_000n, 130_000)) // 231n
 * ```
 */
export function footprintScalarFor(gasLimit: bigint, maxBlockBytes: number): bigint {
  if (!Number.isSafeInteger(maxBlockBytes) || maxBlockBytes < 1 || gasLimit < 1n) {
    throw new SequencerError(`${maxBlockBytes} bytes in a block of ${gasLimit} gas`, {
      code: 'BATCHER_OPTIONS',
      details: { gasLimit, maxBlockBytes },
    })
  }
  const bytes = BigInt(maxBlockBytes)
  const scalar = (gasLimit + bytes - 1n) / bytes
  return scalar < 65_535n ? scalar : 65_535n
}
