import type { Transaction } from '@l2/sequencer-core'

/** What a node tells as it happens. */
export type FeedEvent =
  /** Readers see this head. */
  | { readonly type: 'head'; readonly number: bigint }
  /** The pool took it, and whoever asks may see it. */
  | { readonly type: 'pending'; readonly transaction: Transaction }

/** Brings what happens to whoever listens. */
export type Feed = {
  emit(event: FeedEvent): void
  listen(listener: (event: FeedEvent) => void): void
}

export function createFeed(): Feed {
  const listeners: ((event: FeedEvent) => void)[] = []
  return {
    emit: event => {
      for (const listener of listeners) listener(event)
    },
    listen: listener => void listeners.push(listener),
  }
}
