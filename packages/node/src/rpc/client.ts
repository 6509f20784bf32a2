import { redactUrls } from '@l2/common'
import { NodeError } from '../errors.js'

/** The error object of a JSON-RPC answer, passed on as it came. */
export class RpcAnswerError extends Error {
  readonly code: number
  readonly data: unknown
  constructor(error: { code: number; message: string; data?: unknown }) {
    super(error.message)
    this.name = 'RpcAnswerError'
    this.code = error.code
    this.data = error.data
  }
}

let nextId = 1

/** One JSON-RPC call. Answers with an error object throw {@link RpcAnswerError}, an unreachable server {@link NodeError}. */
export async function rpcCall<T = unknown>(
  url: string,
  method: string,
  params: readonly unknown[],
  signal?: AbortSignal,
): Promise<T> {
  let body: { result?: unknown; error?: { code: number; message: string; data?: unknown } }
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: nextId++, method, params }),
      signal: signal ?? AbortSignal.timeout(30_000),
    })
    body = (await response.json()) as typeof body
  } catch (cause) {
    throw new NodeError(`${method}: no answer from ${redactUrls(url)}`, {
      code: 'RPC_FAILED',
      recovery: 'retry',
      cause,
    })
  }
  if (body.error !== undefined) throw new RpcAnswerError(body.error)
  return body.result as T
}
