import type { Hash } from 'viem'
import { SequencerError } from '../errors.js'

/** Where a signature stands in an author's history; ordered by epoch, then term, then height. */
export type SigningPosition = {
  readonly epoch: bigint
  /** Counter of re-selections inside the epoch. */
  readonly term: number
  readonly height: bigint
}

/** The newest thing that was, or may have been, signed. */
export type Watermark = SigningPosition & { readonly digest: Hash }

/** Negative when `a` comes before `b`. */
export function comparePositions(a: SigningPosition, b: SigningPosition): number {
  if (a.epoch !== b.epoch) return a.epoch < b.epoch ? -1 : 1
  if (a.term !== b.term) return a.term - b.term
  return a.height === b.height ? 0 : a.height < b.height ? -1 : 1
}

const place = (position: SigningPosition): string =>
  `epoch ${position.epoch} term ${position.term} height ${position.height}`

/**
 * The rule against double signing: a signature above the watermark is free, the one at the watermark may be repeated, and nothing else is
 * ever signed. It needs no memory of anything older.
 *
 * @throws SequencerError `GUARD_DOUBLE_SIGN`
 *
 * @example
 * ```ts
 * import { checkWatermark } from '@l2/sequencer-core/block'
 *
 * const digest = `0x${'11'.repeat(32)}` as const
 * const watermark = { epoch: 7n, term: 0, height: 100n, digest }
 * console.log(checkWatermark(watermark, { epoch: 7n, term: 0, height: 101n, digest })) // new
 * console.log(checkWatermark(watermark, watermark)) // repeat
 * ```
 */
export function checkWatermark(watermark: Watermark | undefined, next: Watermark): 'new' | 'repeat' {
  if (watermark === undefined) return 'new'
  const order = comparePositions(next, watermark)
  if (order > 0) return 'new'
  if (order === 0 && next.digest === watermark.digest) return 'repeat'
  throw new SequencerError(`refused to sign at ${place(next)}: the watermark is at ${place(watermark)}`, {
    code: 'GUARD_DOUBLE_SIGN',
    details: { next: { ...next }, watermark: { ...watermark } },
  })
}

/**
 * Compares a watermark with what the world shows that this key has signed (the newest header of its own in the log, or on L1). A watermark
 * below that is an old copy, or no copy at all, and must not sign: what it has forgotten it might contradict.
 *
 * @throws SequencerError `GUARD_STALE`
 */
export function checkNotStale(watermark: Watermark | undefined, seen: readonly Watermark[]): void {
  for (const shown of seen) {
    const order = watermark === undefined ? 1 : comparePositions(shown, watermark)
    if (order < 0 || (order === 0 && shown.digest === watermark?.digest)) continue
    throw new SequencerError(
      `the watermark ${watermark === undefined ? 'is empty' : `is at ${place(watermark)}`}, and the world shows ${place(shown)}`,
      {
        code: 'GUARD_STALE',
        meta: ['try: skipTerm of the term that the world shows, and sign from the next one on'],
        details: { watermark, shown },
      },
    )
  }
}

/** Sixty-four bits of ones: a height that no block has, so that a watermark on it closes its term. */
export const closedTermHeight: bigint = 2n ** 64n - 1n
