import type { SequencerHeader, SigningGuard, Watermark } from '@l2/sequencer-core/block'
import type { Hash } from 'viem'

/**
 * Where a header stands in its signer's history. Terms never fall, not even where L1 takes an epoch back, so they come first; the epoch follows from
 * the height.
 */
export function watermarkOf({ term, height }: SequencerHeader, digest: Hash): Watermark {
  return { epoch: BigInt(term), term: 0, height, digest }
}

/** A guard that orders what it allows by term and height. */
export function guardByTerm(guard: SigningGuard): SigningGuard {
  return {
    get watermark() {
      return guard.watermark
    },
    reserve: ({ epoch: _, term, ...rest }) => guard.reserve({ ...rest, epoch: BigInt(term), term: 0 }),
    pending: () => guard.pending(),
    skipTerm: (_, term) => guard.skipTerm(BigInt(term), 0),
    close: () => guard.close(),
    [Symbol.asyncDispose]: () => guard.close(),
  }
}
