import { isL2Error } from '@l2/common'
import type { ForwardAnswer, HeaderGossip } from '@l2/gossip'
import type { Feed, SequencerLoop } from '@l2/node'
import type { Hash } from 'viem'

/** Transactions of one call; how many wait is bounded by the mempool. */
const batch = 200
/** A leader that has no room is left alone for so long. */
const restMs = 250

export type ForwardingParts = {
  gossip: Pick<HeaderGossip, 'forward' | 'receive'>
  sequencer: Pick<SequencerLoop, 'mempool' | 'submit'>
  feed: Feed
  /** Who leads now, and in which term; `undefined`: nobody, or oneself. */
  leader(): { readonly id: number; readonly term: number } | undefined
}

/** Brings what users hand in here to whoever leads, so that every operator's door serves. */
export type Forwarding = {
  /** Hands on what waits. The next leader is handed everything that is still in the pool. */
  step(): Promise<void>
  close(): void
}

export function createForwarding({ gossip, sequencer, feed, leader }: ForwardingParts): Forwarding {
  const { mempool } = sequencer
  /** In the order in which they came: of one sender, those before come first. */
  const pooled = (): Map<Hash, Uint8Array> =>
    new Map(
      [...mempool.content()]
        .flatMap(({ pending, queued }) => [...pending, ...queued])
        .sort((a, b) => a.arrival - b.arrival)
        .map(({ transaction }) => [transaction.hash, transaction.raw]),
    )
  /** What an earlier run left is handed on again, and so is what comes out of blocks that are taken back. */
  let waiting = pooled()
  let isReturned = false
  let handed = new Map<Hash, Uint8Array>()
  let led: string | undefined
  let restUntilMs = 0

  const unlisten = feed.listen(event => {
    if (event.type === 'pending') waiting.set(event.transaction.hash, event.transaction.raw)
    if (event.type === 'rollback') isReturned = true
  })
  const inPool = (entries: Map<Hash, Uint8Array>): Map<Hash, Uint8Array> =>
    new Map([...entries].filter(([hash]) => mempool.get(hash) !== undefined))

  const stop = gossip.receive(async (raw): Promise<ForwardAnswer> => {
    try {
      await sequencer.submit(raw)
      return { type: 'taken' }
    } catch (error) {
      if (!isL2Error(error)) throw error
      if (error.code === 'TX_ALREADY_KNOWN') return { type: 'taken' }
      if (error.recovery === 'retry') return { type: 'limited' }
      return { type: 'refused', reason: error.shortMessage }
    }
  })

  return {
    async step() {
      const now = leader()
      if (isReturned) {
        waiting = pooled()
        handed = new Map()
        isReturned = false
      }
      const turn = now === undefined ? undefined : `${now.term}/${now.id}`
      if (turn !== led) {
        // What the last leader had and did not include goes to the next one.
        waiting = inPool(new Map([...handed, ...waiting]))
        handed = new Map()
        led = turn
      }
      if (now === undefined) {
        if (waiting.size > 0) waiting = inPool(waiting)
        return
      }
      if (waiting.size === 0 || performance.now() < restUntilMs) return
      const next = [...waiting].slice(0, batch)
      const answers = await gossip
        .forward(
          now.id,
          next.map(([, raw]) => raw),
        )
        .catch(error => {
          if (!isL2Error(error)) throw error
          return undefined
        })
      if (answers === undefined) {
        restUntilMs = performance.now() + restMs
        return
      }
      next.forEach(([hash, raw], index) => {
        const answer = answers[index]
        if (answer === undefined || answer.type === 'limited') {
          restUntilMs = performance.now() + restMs
          return
        }
        waiting.delete(hash)
        handed.set(hash, raw)
      })
      if (handed.size > 4 * batch) handed = inPool(handed)
    },
    close() {
      unlisten()
      stop()
    },
  }
}
