import { isL2Error } from '@l2/common'
import { SequencerError } from '../errors.js'
import type { CallOptions } from './engine.js'

/** One request of a JSON-RPC batch: method, then its parameters. */
export type RpcCall = readonly [method: string, ...parameters: unknown[]]

/** What came back for one request. */
export type RpcAnswer = { readonly result: unknown } | { readonly error: RpcFailure }

/** The error object of an answer. */
export type RpcFailure = { readonly code: number; readonly message: string; readonly data?: unknown }

/** A JSON-RPC client over `fetch`, with batches. */
export type JsonRpc = {
  /** @throws SequencerError `ENGINE_UNAVAILABLE`, `ENGINE_RPC` */
  call<T>(method: string, parameters?: readonly unknown[], options?: CallOptions): Promise<T>
  /** The answers in the order of the calls, errors among them. @throws SequencerError `ENGINE_UNAVAILABLE`, `ENGINE_RPC` */
  batch(calls: readonly RpcCall[], options?: CallOptions): Promise<RpcAnswer[]>
}

export type JsonRpcOptions = {
  url: string
  /** Made anew for every request: a token may expire. */
  headers?: (() => Record<string, string>) | undefined
  /** Per HTTP request. */
  timeoutMs: number
  /** Requests per HTTP body. */
  maxBatch?: number | undefined
  fetch?: typeof fetch | undefined
}

type Wire = { id?: unknown; result?: unknown; error?: RpcFailure }

/** The error that a refused request becomes. The engine's own words stay in `details`, cut to a kilobyte. */
export function rpcError(engine: string, method: string, failure: RpcFailure): SequencerError {
  const message = String(failure.message).slice(0, 1024)
  return new SequencerError(`${engine}: ${method} was refused: ${message}`, {
    code: 'ENGINE_RPC',
    details: {
      method,
      rpcCode: failure.code,
      rpcMessage: message,
      ...(failure.data === undefined ? {} : { rpcData: JSON.stringify(failure.data).slice(0, 1024) }),
    },
  })
}

/** JSON in which bigints are numbers, exact above 2^53 too. No parameter of ours is a string with a NUL in front. */
function encodeJson(body: unknown): string {
  const text = JSON.stringify(body, (_, value: unknown) => (typeof value === 'bigint' ? `\0${value}` : value))
  return text.replace(/"\\u0000(\d+)"/g, '$1')
}

export function createJsonRpc(options: JsonRpcOptions): JsonRpc {
  const send = options.fetch ?? fetch
  const maxBatch = options.maxBatch ?? 500
  const origin = new URL(options.url).origin
  let nextId = 1

  const post = async (body: unknown, call: CallOptions | undefined): Promise<unknown> => {
    const timeout = AbortSignal.timeout(options.timeoutMs)
    const signal = call?.signal === undefined ? timeout : AbortSignal.any([call.signal, timeout])
    try {
      const response = await send(options.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...options.headers?.() },
        body: encodeJson(body),
        signal,
      })
      const text = await response.text()
      try {
        return JSON.parse(text) as unknown
      } catch (cause) {
        throw new SequencerError(`${origin} answered ${response.status} without JSON`, {
          code: 'ENGINE_UNAVAILABLE',
          recovery: 'retry',
          details: { origin, status: response.status },
          cause,
        })
      }
    } catch (cause) {
      if (call?.signal?.aborted) throw call.signal.reason
      if (isL2Error(cause)) throw cause
      throw new SequencerError(
        timeout.aborted ? `${origin} did not answer in ${options.timeoutMs} ms` : `${origin} cannot be reached`,
        { code: 'ENGINE_UNAVAILABLE', recovery: 'retry', details: { origin }, cause },
      )
    }
  }
  const malformed = () =>
    new SequencerError(`${origin} answered with something that is not JSON-RPC`, {
      code: 'ENGINE_UNAVAILABLE',
      recovery: 'retry',
      details: { origin },
    })

  return {
    async call<T>(method: string, parameters: readonly unknown[] = [], call?: CallOptions): Promise<T> {
      const answer = (await post({ jsonrpc: '2.0', id: nextId++, method, params: parameters }, call)) as Wire | null
      if (typeof answer !== 'object' || answer === null) throw malformed()
      if (answer.error) throw rpcError(origin, method, answer.error)
      return answer.result as T
    },
    async batch(calls, call) {
      const answers: RpcAnswer[] = []
      for (let start = 0; start < calls.length; start += maxBatch) {
        const part = calls.slice(start, start + maxBatch)
        const first = nextId
        nextId += part.length
        const body = part.map(([method, ...params], index) => ({ jsonrpc: '2.0', id: first + index, method, params }))
        const wire = await post(body, call)
        if (!Array.isArray(wire)) {
          const failure = (wire as Wire | null)?.error
          throw failure ? rpcError(origin, 'a batch', failure) : malformed()
        }
        const byId = new Map((wire as Wire[]).map(answer => [answer.id, answer]))
        for (let index = 0; index < part.length; index++) {
          const answer = byId.get(first + index)
          if (answer === undefined) throw malformed()
          answers.push(answer.error ? { error: answer.error } : { result: answer.result })
        }
      }
      return answers
    },
  }
}

/** The result of one answer of a batch. @throws SequencerError `ENGINE_RPC` */
export function resultOf<T>(engine: string, method: string, answer: RpcAnswer | undefined): T {
  if (answer === undefined || 'error' in answer) {
    throw rpcError(engine, method, answer?.error ?? { code: 0, message: 'no answer' })
  }
  return answer.result as T
}
