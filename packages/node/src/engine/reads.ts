import { RpcAnswerError, rpcCall } from '../rpc/client.js'
import type { Read, Reader, StateEngine } from './engine.js'

/** How users' reads of an engine that also builds are kept small. */
export type ReadLimits = {
  /** At work in the engine at the same time. */
  maxUnderWay: number
  /** Waiting for their turn; more are refused. */
  maxWaiting: number
  /** Gas that a call may use; `undefined`: the engine has a cap of its own. */
  gasCap: bigint | undefined
  /** From the question to the answer. */
  timeoutMs: number
  /** Whether the engine stops working on a question whose connection is closed. */
  canCancel: boolean
}

const callMethods = new Set(['eth_call', 'eth_estimateGas', 'eth_createAccessList'])

/**
 * Reads over an engine's own JSON-RPC, for engines that have no reader of their own. Few are under way at once and none begins while a block is being
 * built. A read that takes too long, or whose caller has gone, ends; in an engine that cannot cancel it keeps its place until the engine is done with it: what
 * cannot be stopped must not be forgotten either.
 */
export function createReads(
  url: string,
  limits: ReadLimits,
): { read: Read; building<T>(task: () => Promise<T>): Promise<T> } {
  let underWay = 0
  let builds = 0
  const waiting: (() => void)[] = []
  const startNext = (): void => {
    while (builds === 0 && underWay < limits.maxUnderWay) {
      const start = waiting.shift()
      if (start === undefined) return
      underWay++
      start()
    }
  }
  const read: Read = async <T>(method: string, params: readonly unknown[], reader?: Reader): Promise<T> => {
    if (waiting.length >= limits.maxWaiting) {
      throw new RpcAnswerError({ code: -32005, message: `${waiting.length} reads are waiting: try again` })
    }
    const over = new AbortController()
    const answer = new Promise<T>((resolve, reject) => {
      waiting.push(() => {
        // Nobody waits for it any more.
        const asked = over.signal.aborted
          ? Promise.reject(over.signal.reason)
          : rpcCall<T>(url, method, capped(method, params, limits), limits.canCancel ? over.signal : undefined)
        asked.then(resolve, reject).finally(() => {
          underWay--
          startNext()
        })
      })
    })
    // When it comes after the time-out, nobody listens.
    answer.catch(() => {})
    startNext()
    const ended = new Promise<never>((_, reject) => {
      over.signal.addEventListener('abort', () => reject(over.signal.reason), { once: true })
    })
    const end = (): void => over.abort(reader?.signal.reason)
    if (reader?.signal.aborted) end()
    reader?.signal.addEventListener('abort', end, { once: true })
    const timer = setTimeout(() => {
      const message = `execution aborted (timeout = ${limits.timeoutMs / 1000}s)`
      over.abort(new RpcAnswerError({ code: -32000, message }))
    }, limits.timeoutMs)
    try {
      return await Promise.race([answer, ended])
    } finally {
      clearTimeout(timer)
      reader?.signal.removeEventListener('abort', end)
      over.abort()
    }
  }
  return {
    read,
    building: async task => {
      builds++
      try {
        return await task()
      } finally {
        builds--
        startNext()
      }
    },
  }
}

/** A call with no more gas than it may have, as geth caps it. */
function capped(method: string, params: readonly unknown[], { gasCap }: ReadLimits): readonly unknown[] {
  const call = params[0]
  if (gasCap === undefined || !callMethods.has(method) || typeof call !== 'object' || call === null) return params
  const { gas } = call as { gas?: unknown }
  const isBelow = typeof gas === 'string' && /^0x[0-9a-f]{1,16}$/i.test(gas) && BigInt(gas) <= gasCap
  return isBelow ? params : [{ ...call, gas: `0x${gasCap.toString(16)}` }, ...params.slice(1)]
}

/** An engine during whose work no read begins. */
export function undisturbed(engine: StateEngine, building: <T>(task: () => Promise<T>) => Promise<T>): StateEngine {
  return {
    name: engine.name,
    build: (...call) => building(() => engine.build(...call)),
    import: (...call) => building(() => engine.import(...call)),
    setHead: (...call) => building(() => engine.setHead(...call)),
    block: (...call) => engine.block(...call),
    receipts: (...call) => building(() => engine.receipts(...call)),
    accounts: (...call) => engine.accounts(...call),
    close: () => engine.close(),
  }
}
