import { concatBytes, isL2Error, redactUrls } from '@l2/common'
import { DaError } from '../errors.js'
import { foreignCause, plainText } from './call.js'

/** One HTTP exchange. */
export type HttpRequest = {
  url: string
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  headers?: Readonly<Record<string, string>> | undefined
  body?: Uint8Array | string | undefined
  signal: AbortSignal
  /** A longer answer is cut off, not stored. */
  maxBytes: number
  /** Never repeated in errors. */
  secrets: readonly string[]
  fetch?: typeof fetch | undefined
  /** `manual`: a redirect is an answer, to say something about. By default it is refused: it would carry a token to whoever it names. */
  redirect?: 'error' | 'manual' | undefined
}

export type HttpAnswer = { status: number; headers: Headers; body: Uint8Array }

const neverSent = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']

/**
 * Asks and reads the answer. `details.sent` of the error tells whether the request may have reached the peer.
 *
 * @throws DaError `DA_UNAVAILABLE`, `DA_RESPONSE_INVALID`
 */
export async function exchange(request: HttpRequest): Promise<HttpAnswer> {
  const { signal, maxBytes, secrets } = request
  const origin = redactUrls(request.url)
  try {
    const response = await (request.fetch ?? fetch)(request.url, {
      method: request.method,
      signal,
      redirect: request.redirect ?? 'error',
      ...(request.headers === undefined ? {} : { headers: { ...request.headers } }),
      ...(request.body === undefined ? {} : { body: request.body as BodyInit }),
    })
    const parts: Uint8Array[] = []
    let length = 0
    const reader = response.body?.getReader()
    for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
      const part = next.value as Uint8Array
      length += part.length
      if (length > maxBytes) {
        await reader?.cancel()
        throw new DaError(`${origin} answered more than ${maxBytes} bytes`, {
          code: 'DA_RESPONSE_INVALID',
          details: { origin, maxBytes },
        })
      }
      parts.push(part)
    }
    return { status: response.status, headers: response.headers, body: concatBytes(...parts) }
  } catch (error) {
    signal.throwIfAborted()
    if (isL2Error(error)) throw error
    const code = codeOf(error)
    throw new DaError(`${origin} cannot be reached${code === undefined ? '' : ` (${code})`}`, {
      code: 'DA_UNAVAILABLE',
      details: { origin, sent: code === undefined || !neverSent.includes(code) },
      cause: foreignCause(error, secrets),
    })
  }
}

function codeOf(error: unknown): string | undefined {
  for (let at = error, depth = 0; at !== null && typeof at === 'object' && depth < 8; depth++) {
    const { code, cause } = at as { code?: unknown; cause?: unknown }
    if (typeof code === 'string' && /^[A-Z_]{2,40}$/.test(code)) return code
    at = cause
  }
  return undefined
}

/** What a peer said in a refusal, short and without secrets. */
export function answerText(answer: HttpAnswer, secrets: readonly string[]): string {
  return plainText(new TextDecoder().decode(answer.body.subarray(0, 2000)), secrets)
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, 200)
}

/** Milliseconds of a `Retry-After` header in seconds. */
export function retryAfterMs(headers: Headers): number | undefined {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 && seconds < 86_400 ? seconds * 1000 : undefined
}
