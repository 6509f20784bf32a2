import type { L2BlockRef } from '@l2/sequencer-core/derivation'
import type { Transaction } from '@l2/sequencer-core/transaction'

/** What a node tells as it happens. */
export type FeedEvent =
  /** Readers see this head. */
  | { readonly type: 'head'; readonly number: bigint }
  /** The pool took it, and whoever asks may see it. */
  | { readonly type: 'pending'; readonly transaction: Transaction }
  /** The chain went back to a height: blocks above it, the oldest first, are no longer of it. The engine may have them still, by their hashes. */
  | { readonly type: 'rollback'; readonly to: bigint; readonly abandoned: readonly L2BlockRef[] }

/** Brings what happens to whoever listens. */
export type Feed = {
  emit(event: FeedEvent): void
  /** @returns ends it */
  listen(listener: (event: FeedEvent) => void): () => void
}

export function createFeed(): Feed {
  const listeners = new Set<(event: FeedEvent) => void>()
  return {
    emit: event => {
      for (const listener of listeners) listener(event)
    },
    listen: listener => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
