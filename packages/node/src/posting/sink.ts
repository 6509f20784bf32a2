import { type Commitment, commitmentSink, type DataAvailability, type L1DataAvailability } from '@l2/da'
import type { BatcherSink } from '@l2/sequencer-core/batcher'
import type { Hex } from 'viem'
import type { Bookkeeper } from '../economics/bookkeeper.js'
import type { L1Cost } from '../economics/books.js'

/** What sinks are made of. */
export type SinkParts = {
  /** The adapters of the account that posts: one manager behind both knows every key. */
  blobs: Pick<DataAvailability, 'pending'>
  calldata: L1DataAvailability
  /** The L1 transaction of a commitment that L1 itself carries. */
  transactionOf(commitment: Commitment): Hex
  /** What an included transaction cost. */
  costOf(hash: Hex): Promise<L1Cost>
  keeper: Pick<Bookkeeper, 'begin' | 'paid' | 'end' | 'books'>
}

/** Sinks for the batcher that book what they pay. */
export type BookedSinks = {
  /** Everything that it submits ends up in a transaction to the inbox, in the order of the calls. */
  sinkOf(layer: DataAvailability): BatcherSink
  /**
   * Books what became of submissions whose end nobody waited for: a crash interrupted them, or the batcher gave them up and L1 included them
   * all the same. Those still on their way are left for the next call.
   */
  bookOpen(): Promise<void>
}

export function createBookedSinks({ blobs, calldata, transactionOf, costOf, keeper }: SinkParts): BookedSinks {
  /** Keys that somebody waits for. */
  const running = new Set<string>()
  const own = commitmentSink(calldata, calldata)
  const pending = new Set<Pick<DataAvailability, 'pending'>>([blobs, own])

  const book = async (key: string, onL1: readonly Commitment[]): Promise<void> => {
    for (const hash of new Set(onL1.map(transactionOf))) keeper.paid(key, await costOf(hash))
  }

  return {
    sinkOf(layer) {
      const sink = commitmentSink(layer, calldata)
      pending.add(sink)
      return {
        includedOn: sink.includedOn,
        limits: options => sink.limits(options),
        async submit(items, options) {
          const { key } = options
          const bytes = items.reduce((sum, { length }) => sum + length, 0)
          keeper.begin(key, bytes)
          running.add(key)
          try {
            const { height, onL1 } = await sink.submit(items, options)
            await book(key, onL1)
            keeper.end(key)
            return { height }
          } finally {
            running.delete(key)
          }
        },
      }
    },
    async bookOpen() {
      const open = [...keeper.books.open.keys()].filter(key => !running.has(key))
      if (open.length === 0) return
      const onTheirWay = new Set((await Promise.all([...pending].map(of => of.pending()))).flat())
      for (const key of open) {
        if (onTheirWay.has(key)) continue
        await book(key, await own.carried(key))
        // Taken up again meanwhile: whoever did ends it.
        if (!running.has(key)) keeper.end(key)
      }
    },
  }
}
