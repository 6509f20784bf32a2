import { toJsonRpcError } from '@l2/sequencer-core/transaction'
import type { EngineFamily, Read } from '../engine/engine.js'
import type { History } from '../engine/history.js'
import type { SequencerLoop } from '../sequencer/sequencer.js'
import type { RpcMethods } from './answer.js'
import type { Heads } from './block-reference.js'
import { RpcAnswerError } from './client.js'
import { ethMethods } from './eth.js'
import { createFairQueue } from './fair-queue.js'
import { fairReads } from './fair-reads.js'
import type { Feed } from './feed.js'
import { filterMethods } from './filters.js'
import { faultMethods, type L2View, l2Methods } from './l2.js'
import { type RollupView, rollupMethods } from './rollup.js'
import { subscriptionMethods } from './subscriptions.js'

/** What a node answers strangers with. */
export type RpcView = L2View & {
  sequencer: SequencerLoop
  chainId: number
  /** What answers {@link read}. */
  family: EngineFamily
  /** Reads of the engine, which never stand in front of what builds. */
  read: Read
  heads(): Heads
  /** What an engine of the OP family keeps. */
  history: History
  /** What was given to the sequencer, too. */
  feed: Feed
  /** Nothing is taken in any more. */
  isStopping(): boolean
  /** What stock programs of the OP Stack ask. */
  rollup: RollupView
  /** Whether faults may be ordered. */
  faults: boolean
}

/** Transactions that are on their way into the pool at the same time: their accounts are read together, and their journal is synced once. */
const admission = { maxUnderWay: 64, maxWaiting: 8192, maxWaitMs: 10_000 }

/** Every method of a node. Reads and transactions stand in queues that have an end, and in which connections take turns. */
export function rpcMethods(view: RpcView): RpcMethods {
  const { sequencer, chainId, family, feed, heads, history, isStopping } = view
  const { mempool } = sequencer
  const read = fairReads(view.read)
  const door = createFairQueue(admission)
  const submit = async (raw: Uint8Array): Promise<`0x${string}`> => {
    if (isStopping()) throw new RpcAnswerError({ code: -32000, message: 'the node is stopping' })
    try {
      return await sequencer.submit(raw)
    } catch (error) {
      throw new RpcAnswerError(toJsonRpcError(error))
    }
  }
  const eth = {
    ...{ chainId, family, read, heads, history, mempool, feed },
    submit: (raw: Uint8Array, { client, signal }: { client: object; signal: AbortSignal }) =>
      door.run(() => submit(raw), client, signal),
  }
  return new Map([
    ...ethMethods(eth),
    ...filterMethods({ read, head: () => heads().unsafe, feed, nowMs: Date.now }),
    ...subscriptionMethods({ read, feed, chainId }),
    ...l2Methods(view),
    ...rollupMethods(view.rollup),
    ...(view.faults ? faultMethods(sequencer) : []),
  ])
}
