import type { Address, Hex } from 'viem'
import { OpEngineError } from '../errors.js'
import { busy, type Supervisor } from '../host/supervisor.js'

/** One JSON-RPC request. */
export type RpcRequest = { readonly method: string; readonly params?: readonly unknown[] | undefined }

/** What JSON-RPC would answer, in geth's words. */
export type RpcOutcome =
  | { readonly result: unknown; readonly error?: undefined }
  | {
      readonly error: { readonly code: number; readonly message: string; readonly data?: unknown }
      readonly result?: undefined
    }

/** Bounds of one read. */
export type ReadOptions = {
  readonly signal?: AbortSignal | undefined
  /** Gas that a call may use. Defaults to the reader's. */
  readonly gasCap?: number | undefined
  /** Milliseconds that it may run. Defaults to the reader's. */
  readonly timeoutMs?: number | undefined
}

/** Options of a reader. */
export type ReaderOptions = {
  /** Gas that a call may use. Default: 50 million, as geth's `--rpc.gascap`. */
  readonly gasCap?: number | undefined
  /** Milliseconds that a request may run. Default: 5000, as geth's `--rpc.evmtimeout`. */
  readonly timeoutMs?: number | undefined
  /** Milliseconds beyond it until the worker is taken away from a request that does not end. Default: 1000. */
  readonly graceMs?: number | undefined
  /** Milliseconds that a request may wait for its turn. Default: 10 000. */
  readonly maxWaitMs?: number | undefined
  /** Requests that may wait or run; more are `ENGINE_BUSY`. Default: 256. */
  readonly maxQueued?: number | undefined
}

/** Defaults of {@link ReaderOptions}. */
export const defaultReaderOptions: { readonly [K in keyof ReaderOptions]-?: number } = {
  gasCap: 50_000_000,
  timeoutMs: 5_000,
  graceMs: 1_000,
  maxWaitMs: 10_000,
  maxQueued: 256,
}

/**
 * Answers users from a worker of its own over the builder's store, or beside the builder in a sidecar: whatever is asked here, blocks are built meanwhile.
 */
export interface OpReader extends AsyncDisposable {
  /**
   * Answers one request of geth's JSON-RPC: `eth_call`, `eth_estimateGas`, `eth_getProof`, `eth_getLogs`, `debug_trace…` and the rest. An error that
   * JSON-RPC has is an outcome; what rejects has no words in JSON-RPC.
   *
   * @throws OpEngineError `ENGINE_BUSY`, `ENGINE_TIMEOUT`, `ENGINE_CRASHED`, `ENGINE_UNAVAILABLE`; the signal's reason
   */
  request(request: RpcRequest, options?: ReadOptions): Promise<RpcOutcome>
  /** Requests that wait or run. */
  readonly pending: number
  close(): Promise<void>
}

/** A reader over one supervised engine. */
export function createReader(supervisor: Supervisor, options: ReaderOptions, close: () => Promise<void>): OpReader {
  const limits = {
    gasCap: options.gasCap ?? defaultReaderOptions.gasCap,
    timeoutMs: options.timeoutMs ?? defaultReaderOptions.timeoutMs,
    graceMs: options.graceMs ?? defaultReaderOptions.graceMs,
    maxWaitMs: options.maxWaitMs ?? defaultReaderOptions.maxWaitMs,
    maxQueued: options.maxQueued ?? defaultReaderOptions.maxQueued,
  }
  let pending = 0
  let closing: Promise<void> | undefined
  const request: OpReader['request'] = async ({ method, params = [] }, { signal, gasCap, timeoutMs } = {}) => {
    // A sidecar's reader shares its process with the builder, which goes on.
    if (closing !== undefined) throw new OpEngineError('the reader is closed', { code: 'ENGINE_UNAVAILABLE' })
    if (pending >= limits.maxQueued) throw busy(`${pending} requests wait`)
    pending++
    try {
      const runMs = timeoutMs ?? limits.timeoutMs
      const { result } = await supervisor.call({
        method: 'rpc',
        params: { method, params, gasCap: gasCap ?? limits.gasCap, timeoutMs: Math.ceil(runMs) },
        lane: 'read',
        signal,
        maxWaitMs: limits.maxWaitMs,
        maxRunMs: runMs + limits.graceMs,
      })
      return outcome(result)
    } finally {
      pending--
    }
  }
  const closeOnce = (): Promise<void> => {
    closing ??= close()
    return closing
  }
  return {
    request,
    get pending() {
      return pending
    },
    close: closeOnce,
    [Symbol.asyncDispose]: closeOnce,
  }
}

function outcome(answer: Record<string, unknown>): RpcOutcome {
  const { error } = answer as { error?: { code?: unknown; message?: unknown; data?: unknown } }
  if (error === undefined || error === null) return { result: answer['result'] ?? null }
  if (typeof error.code !== 'number' || typeof error.message !== 'string') {
    throw new OpEngineError('the engine answered an error that cannot be read', { code: 'ENGINE_RPC' })
  }
  const { code, message, data } = error
  return { error: { code, message, ...(data === undefined || data === null ? {} : { data }) } }
}

/** The result of a request that has to succeed. @throws OpEngineError `ENGINE_RPC` */
export async function readResult<T>(reader: OpReader, request: RpcRequest, options?: ReadOptions): Promise<T> {
  const { result, error } = await reader.request(request, options)
  if (error === undefined) return result as T
  throw new OpEngineError(`${request.method}: ${error.message}`, {
    code: 'ENGINE_RPC',
    details: { method: request.method, rpcCode: error.code, rpcMessage: error.message },
  })
}

/** An access list in JSON-RPC. */
export type RpcAccessList = {
  accessList: readonly { address: Address; storageKeys: readonly Hex[] }[]
  gasUsed: Hex
  error?: string
}
