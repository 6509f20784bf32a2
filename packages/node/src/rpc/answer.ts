import { setMaxListeners } from 'node:events'
import { toJson } from '@l2/common'
import { RpcAnswerError } from './client.js'
import { inspectJson } from './json.js'

/** Who asks. */
export type Caller = {
  /** The connection that it came on: what is shared fairly is shared among these. */
  readonly client: object
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal
  /** Sends a notification; `undefined` where none can be sent. */
  readonly notify: ((method: string, params: unknown) => void) | undefined
}

/** One JSON-RPC method. What it throws as {@link RpcAnswerError} is the answer's error. */
export type RpcMethod = (params: readonly unknown[], caller: Caller) => unknown

/** Methods by name: a map, or what answers for more names than it lists. */
export type RpcMethods = { get(name: string): RpcMethod | undefined }

/** geth's limit of the answers to one batch, bytes. */
const maxBatchAnswerBytes = 25_000_000

/** An answer with an error; `id` as JSON. */
export const failure = (id: string, code: number, message: string, data?: unknown): string =>
  `{"jsonrpc":"2.0","id":${id},"error":${toJson(data === undefined ? { code, message } : { code, message, data })}}`

/** What any error is for somebody outside: words that were meant for them, or none. */
function outward(error: unknown): { code: number; message: string; data?: unknown } {
  return error instanceof RpcAnswerError ? error : { code: -32603, message: 'internal error' }
}

/** Answers one request; `undefined` for a notification. */
async function answerOne(
  request: unknown,
  writtenId: string | undefined,
  methods: RpcMethods,
  caller: Caller,
): Promise<string | undefined> {
  if (typeof request !== 'object' || request === null || Array.isArray(request)) {
    return failure('null', -32600, 'invalid request')
  }
  const { id, method, params } = request as { id?: unknown; method?: unknown; params?: unknown }
  if (id !== undefined && id !== null && typeof id !== 'string' && typeof id !== 'number') {
    return failure('null', -32600, 'invalid request')
  }
  const key = typeof id === 'number' ? (writtenId ?? String(id)) : JSON.stringify(id ?? null)
  if (typeof method !== 'string') return failure(key, -32600, 'invalid request')
  const answered = await run(method, params, methods, caller).then(
    result => `{"jsonrpc":"2.0","id":${key},"result":${toJson(result ?? null)}}`,
    (error: unknown) => {
      const { code, message, data } = outward(error)
      return failure(key, code, message, data)
    },
  )
  // A request without an id is a notification: it is carried out and not answered.
  return id === undefined ? undefined : answered
}

async function run(method: string, params: unknown, methods: RpcMethods, caller: Caller): Promise<unknown> {
  const handler = methods.get(method)
  if (handler === undefined) {
    const message = `the method ${method.slice(0, 64)} does not exist/is not available`
    throw new RpcAnswerError({ code: -32601, message })
  }
  if (params !== undefined && params !== null && !Array.isArray(params)) {
    throw new RpcAnswerError({ code: -32602, message: 'non-array args' })
  }
  return await handler((params as unknown[] | null | undefined) ?? [], caller)
}

/** Answers the requests of a batch side by side, so that what each waits for is waited for once. */
async function answerBatch(
  requests: readonly unknown[],
  ids: ReadonlyMap<number, string>,
  methods: RpcMethods,
  caller: Caller,
): Promise<string | undefined> {
  const tooLarge = new AbortController()
  // One for each of its requests that waits.
  const signal = AbortSignal.any([caller.signal, tooLarge.signal])
  setMaxListeners(0, signal)
  const within = { ...caller, signal }
  let bytes = 0
  const answers = await Promise.all(
    requests.map(async (request, index) => {
      const answer = await answerOne(request, ids.get(index), methods, within)
      if (answer === undefined) return undefined
      bytes += answer.length
      if (bytes <= maxBatchAnswerBytes) return answer
      const error = { code: -32003, message: 'response too large' }
      tooLarge.abort(new RpcAnswerError(error))
      const { id } = request as { id?: unknown }
      return failure(
        typeof id === 'number' ? (ids.get(index) ?? String(id)) : JSON.stringify(id),
        error.code,
        error.message,
      )
    }),
  )
  const said = answers.filter(answer => answer !== undefined)
  return said.length === 0 ? undefined : `[${said.join()}]`
}

/** Answers a JSON-RPC text, a request or a batch; `undefined`: there is nothing to say, for it held notifications only. */
export async function answerText(text: string, methods: RpcMethods, caller: Caller): Promise<string | undefined> {
  const { refused, ids } = inspectJson(text)
  if (refused !== undefined) return failure('null', -32600, refused)
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return failure('null', -32700, 'parse error')
  }
  if (!Array.isArray(body)) return await answerOne(body, ids.get(0), methods, caller)
  if (body.length === 0) return failure('null', -32600, 'empty batch')
  return await answerBatch(body, ids, methods, caller)
}
