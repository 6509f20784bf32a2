import type { Read } from '../engine/engine.js'
import { createFairQueue } from './fair-queue.js'

/** What an engine is asked at the same time; with more it would only have a queue of its own. */
const maxUnderWay = 16
/** The same of what may take long: fewer than a sidecar answers side by side, so that there is always one for what takes no time. */
const maxLongUnderWay = 3
const maxWaiting = 4096
/** A little more than what a read may take. */
const maxWaitMs = 10_000

/** Reads that execute or search, and take as long as their caller likes within the bounds. */
const long =
  /^(debug_(trace|intermediateRoots|storageRangeAt)|eth_(call|estimateGas|createAccessList|simulateV1|getLogs|getProof|feeHistory)$)/

/** Whether a read may take long. */
export const takesLong = (method: string): boolean => long.test(method)

/**
 * The reads of an engine, shared fairly among the connections that ask; what the node itself reads has a share as a connection has. What may take long
 * waits in a queue of its own: nobody's balance waits behind somebody's trace.
 */
export function fairReads(read: Read): Read {
  const queue = createFairQueue({ maxUnderWay, maxWaiting, maxWaitMs })
  const longQueue = createFairQueue({ maxUnderWay: maxLongUnderWay, maxWaiting, maxWaitMs })
  const node = { client: {}, signal: new AbortController().signal }
  return async (method, params, reader = node) =>
    await (takesLong(method) ? longQueue : queue).run(() => read(method, params, reader), reader.client, reader.signal)
}
