import type { Hash } from 'viem'
import { createMutex } from '../internal/mutex.js'
import { checkNotStale, checkWatermark, closedTermHeight, comparePositions, type Watermark } from './watermark.js'

/** What is about to be signed. */
export type Reservation = Watermark & {
  /**
   * What it takes to make the same signature again after a crash, up to 8 MiB: usually the block. Without it a crash between reservation and
   * publication costs the author the rest of the term, since a different block at this height will be refused.
   */
  readonly payload?: Uint8Array | undefined
}

/**
 * Stands before a signing key. {@link reserve} comes first and is durable when it resolves; only then may the signature be made.
 *
 * It protects one key used by one process. Two machines with the same key and a guard each are kept apart by the fence of the log, which a
 * block must pass before anybody sees its signature.
 */
export interface SigningGuard extends AsyncDisposable {
  readonly watermark: Watermark | undefined
  /**
   * @returns `repeat` when exactly this was reserved last
   * @throws SequencerError `GUARD_DOUBLE_SIGN`, `GUARD_FAILED`: nothing may be signed
   */
  reserve(next: Reservation): Promise<'new' | 'repeat'>
  /** The last reservation with its payload, to be finished after a crash; `undefined` when it had none. */
  pending(): Promise<Reservation | undefined>
  /** Closes a term, and all before it: nothing is signed up to its end. The way out of `GUARD_STALE`. @throws SequencerError `GUARD_FAILED` */
  skipTerm(epoch: bigint, term: number): Promise<void>
  /** Idempotent. */
  close(): Promise<void>
}

const zeroDigest: Hash = `0x${'00'.repeat(32)}`

/** The watermark that {@link SigningGuard.skipTerm} sets. */
export function closedTerm(epoch: bigint, term: number): Watermark {
  return { epoch, term, height: closedTermHeight, digest: zeroDigest }
}

/**
 * A {@link SigningGuard} that forgets when its process ends: for tests and for keys that are made anew with every start.
 *
 * @param seen the newest things that the key is known to have signed, see {@link checkNotStale}
 * @throws SequencerError `GUARD_STALE` when there are any
 */
export function createMemoryGuard(seen: readonly Watermark[] = []): SigningGuard {
  checkNotStale(undefined, seen)
  const exclusive = createMutex()
  let last: Reservation | undefined
  const close = async () => {}
  return {
    get watermark() {
      return last
    },
    reserve: next =>
      exclusive(async () => {
        const verdict = checkWatermark(last, next)
        if (verdict === 'new') last = { ...next, payload: next.payload?.slice() }
        return verdict
      }),
    pending: async () => (last?.payload === undefined ? undefined : last),
    skipTerm: (epoch, term) =>
      exclusive(async () => {
        const closed = closedTerm(epoch, term)
        if (last === undefined || comparePositions(closed, last) > 0) last = closed
      }),
    close,
    [Symbol.asyncDispose]: close,
  }
}
