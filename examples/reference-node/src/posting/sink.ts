import { type Commitment, commitmentToBatcherData, type DaReceipt, type DataAvailability } from '@l2/da'
import type { BatcherSink } from '@l2/sequencer-core'
import type { Hex } from 'viem'
import type { Bookkeeper } from '../economics/bookkeeper.js'
import type { L1Cost } from '../economics/books.js'

/** What sinks are made of. */
export type SinkParts = {
  /** The adapters of the account that posts: one manager behind both knows every key. */
  blobs: Pick<DataAvailability, 'pending'>
  calldata: Pick<DataAvailability, 'pending' | 'submit' | 'resume'>
  /** The L1 transaction of a commitment that L1 itself carries; `undefined` for the other layers. */
  onL1(commitment: Commitment): Hex | undefined
  /** What an included transaction cost. */
  costOf(hash: Hex): Promise<L1Cost>
  keeper: Pick<Bookkeeper, 'begin' | 'paid' | 'end' | 'books'>
}

/** Sinks for the batcher that book what they pay. */
export type BookedSinks = {
  /** Everything that it submits ends up in a transaction to the inbox, in the order of the calls. */
  sinkOf(layer: Pick<DataAvailability, 'limits' | 'submit' | 'pending'>): BatcherSink
  /**
   * Books what became of submissions whose end nobody waited for: a crash interrupted them, or the batcher gave them up and L1 included them
   * all the same. Those still on their way are left for the next call.
   */
  bookOpen(): Promise<void>
}

const commitmentKey = (key: string, index: number): string => `${key}/commitment/${index}`

export function createBookedSinks({ blobs, calldata, onL1, costOf, keeper }: SinkParts): BookedSinks {
  /** Keys that somebody waits for. */
  const running = new Set<string>()
  const layers = new Set<Pick<DataAvailability, 'pending'>>([blobs, calldata])
  /** When the commitments of all earlier calls have left. */
  let earlier: Promise<void> = Promise.resolve()

  const book = async (key: string, { commitments }: DaReceipt): Promise<void> => {
    const hash = onL1(commitments[0]!)
    if (hash !== undefined) keeper.paid(key, await costOf(hash))
  }

  /** What L1 does not carry is named there: each commitment in a transaction to the inbox, in the order of the data. */
  const name = async (
    key: string,
    commitments: readonly Commitment[],
    turn: Promise<void>,
    leave: () => void,
    options: object,
  ): Promise<bigint> => {
    await turn
    const sent = commitments.map((commitment, index) =>
      calldata.submit([commitmentToBatcherData(commitment)], { ...options, key: commitmentKey(key, index) }),
    )
    leave()
    let height = 0n
    for (const outcome of await Promise.allSettled(sent)) {
      if (outcome.status === 'rejected') throw outcome.reason
      await book(key, outcome.value)
      height = outcome.value.height
    }
    return height
  }

  const bookInterrupted = async (key: string): Promise<void> => {
    const own = await calldata.resume(key)
    if (own !== undefined) await book(key, own)
    for (let index = 0; ; index++) {
      const receipt = await calldata.resume(commitmentKey(key, index))
      if (receipt === undefined) break
      await book(key, receipt)
    }
  }

  return {
    sinkOf(layer) {
      layers.add(layer)
      return {
        limits: options => layer.limits(options),
        async submit(items, options) {
          const { key } = options
          const bytes = items.reduce((sum, { length }) => sum + length, 0)
          keeper.begin(key, bytes)
          running.add(key)
          const turn = earlier
          let leave = (): void => {}
          earlier = new Promise(resolve => {
            leave = () => resolve(turn)
          })
          try {
            const receipt = await layer.submit(items, options)
            const isOnL1 = onL1(receipt.commitments[0]!) !== undefined
            if (isOnL1) await book(key, receipt)
            const height = isOnL1 ? receipt.height : await name(key, receipt.commitments, turn, leave, options)
            keeper.end(key)
            return { height }
          } finally {
            leave()
            running.delete(key)
          }
        },
      }
    },
    async bookOpen() {
      const open = [...keeper.books.open.keys()].filter(key => !running.has(key))
      if (open.length === 0) return
      const pending = (await Promise.all([...layers].map(layer => layer.pending()))).flat()
      for (const key of open) {
        if (pending.some(other => other === key || other.startsWith(`${key}/commitment/`))) continue
        await bookInterrupted(key)
        // Taken up again meanwhile: whoever did ends it.
        if (!running.has(key)) keeper.end(key)
      }
    },
  }
}
