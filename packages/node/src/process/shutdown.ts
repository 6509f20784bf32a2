import type { Batching } from '../posting/batching.js'
import type { SequencerLoop } from '../sequencer/sequencer.js'
import type { Verifier } from '../verifier/verifier.js'
import type { Supervision } from './supervision.js'

/** How a node ends, and how far it has come with that. */
export type Shutdown = {
  /** No new transactions are taken. */
  readonly isStopping: boolean
  /** No new blocks are made. */
  readonly isPaused: boolean
  /** Whether everything that the sequencer made is derived from L1. */
  caughtUp(): boolean
  /** Ends in order: no new transactions, the rest posted and verified within `graceMs`, then every loop and every part. Idempotent. */
  stop(graceMs: number): Promise<void>
}

const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** @param closeParts closes what the node has opened */
export function createShutdown(
  parts: { sequencer: SequencerLoop; batching: Batching; verifier: Verifier; supervision: Supervision },
  closeParts: () => Promise<void>,
): Shutdown {
  const { sequencer, batching, verifier, supervision } = parts
  let isStopping = false
  let isPaused = false
  let ended: Promise<void> | undefined
  const caughtUp = (): boolean => verifier.status.safe.number >= sequencer.head.number
  const end = async (graceMs: number): Promise<void> => {
    isStopping = true
    const until = Date.now() + graceMs
    while (sequencer.mempool.pendingCount > 0 && Date.now() < until) await sleep(100)
    isPaused = true
    // What is another's to post is not waited for.
    while (!caughtUp() && batching.waiting === undefined && Date.now() < until) {
      batching.flush()
      await sleep(200)
    }
    await supervision.stop()
    await closeParts()
  }
  return {
    get isStopping() {
      return isStopping
    },
    get isPaused() {
      return isPaused
    },
    caughtUp,
    stop: graceMs => (ended ??= end(graceMs)),
  }
}
