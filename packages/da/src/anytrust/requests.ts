import { DaError } from '../errors.js'
import { withDeadline } from '../internal/call.js'
import { answerText, exchange, type HttpAnswer } from '../internal/http.js'
import type { ServerUrl } from '../internal/server-url.js'
import type { DaCallOptions } from '../port.js'

/** One request to a member or a mirror: an answer of status 200, or a typed error. A POST when there is a body. */
export type Ask = (
  server: ServerUrl,
  request: { path: string; body?: string; maxBytes: number },
  call: DaCallOptions | undefined,
) => Promise<HttpAnswer>

/** Makes {@link Ask}. */
export function createAsk(timeoutMs: number, deps: { fetch: typeof fetch | undefined }): Ask {
  return async (server, { path, body, maxBytes }, call) => {
    const answer = await withDeadline('anytrust request', call, timeoutMs, signal =>
      exchange({
        url: server.at(path),
        method: body === undefined ? 'GET' : 'POST',
        headers: { ...server.headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        body,
        signal,
        maxBytes,
        secrets: server.secrets,
        fetch: deps.fetch,
      }),
    )
    if (answer.status === 200) return answer
    throw new DaError(`${server.origin} answered with status ${answer.status}: ${answerText(answer, server.secrets)}`, {
      code: answer.status === 404 ? 'DA_NOT_FOUND' : answer.status === 429 ? 'DA_RATE_LIMITED' : 'DA_UNAVAILABLE',
      details: { origin: server.origin, status: answer.status },
    })
  }
}

/** The fields of an answer in JSON; none when it is something else. */
export function fieldsOf(body: Uint8Array): Record<string, unknown> {
  try {
    return (JSON.parse(new TextDecoder().decode(body)) ?? {}) as Record<string, unknown>
  } catch {
    return {}
  }
}
