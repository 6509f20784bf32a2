import type { Read } from '../engine/engine.js'
import { createFairQueue } from './fair-queue.js'

/** What an engine is asked at the same time; with more it would only have a queue of its own. */
const maxUnderWay = 16
const maxWaiting = 4096
/** A little more than what a read may take. */
const maxWaitMs = 10_000

/** The reads of an engine, shared fairly among the connections that ask; what the node itself reads has a share as a connection has. */
export function fairReads(read: Read): Read {
  const queue = createFairQueue({ maxUnderWay, maxWaiting, maxWaitMs })
  const node = { client: {}, signal: new AbortController().signal }
  return async (method, params, reader = node) =>
    await queue.run(() => read(method, params, reader), reader.client, reader.signal)
}
