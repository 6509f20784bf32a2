import { bytesToHex, equalBytes, hexToBytes, redactUrls } from '@l2/common'
import { keccak_256 } from '@noble/hashes/sha3.js'
import * as z from 'zod/mini'
import { alternativeToCommitment, type Commitment, commitmentToAlternative, daLayer } from '../commitment.js'
import { DaError, type RetryClass } from '../errors.js'
import { createSerial, withDeadline } from '../internal/call.js'
import { answerText, exchange, type HttpAnswer, retryAfterMs } from '../internal/http.js'
import { checkItems, createJournal, type JournalEntry } from '../internal/journal.js'
import { parseOptions } from '../internal/options.js'
import { createSubmissions, type Posted } from '../internal/submissions.js'
import type { DaCallOptions, DataAvailability } from '../port.js'
import { createMemoryStore, type Store } from '../store.js'

/** Plain settings of {@link createAltDa}. */
export type AltDaOptions = {
  /** Origin and path prefix of the server. */
  url: string
  /** `keccak`: the commitment is the hash of the data. `generic` (default): the server says what it is. */
  commitments?: 'keccak' | 'generic' | undefined
  /** Bytes of one item; 130 672 for keccak, because derivation skips longer ones, and 16 MiB for generic. */
  maxBytes?: number | undefined
  /** Items of one submission; 16. */
  maxItems?: number | undefined
  /** Milliseconds of one request; 30 000. */
  timeoutMs?: number | undefined
  /** Milliseconds of one put, which a server may answer only when its layer has included the data; 600 000. */
  putTimeoutMs?: number | undefined
  /** Whether data of a layer that nobody here can verify is believed; no. */
  trustServer?: boolean | undefined
  /** Sent with every request, as for an API key; never repeated anywhere. */
  headers?: Readonly<Record<string, string>> | undefined
}

/** What {@link createAltDa} works with. */
export type AltDaDeps = {
  /** Adapters that can verify generic commitments of their layer: `createMemoryDa()`, a Celestia adapter, … Only `reads` and `verify` are used. */
  verifiers?: readonly Pick<DataAvailability, 'reads' | 'verify'>[] | undefined
  store?: Store | undefined
  fetch?: typeof fetch | undefined
}

const positive = z.int().check(z.positive())
const schema = z.strictObject({
  url: z.string().check(z.regex(/^https?:\/\//, 'expected an http(s) URL')),
  commitments: z._default(z.enum(['keccak', 'generic']), 'generic'),
  maxBytes: z.optional(positive),
  maxItems: z._default(positive, 16),
  timeoutMs: z._default(positive, 30_000),
  putTimeoutMs: z._default(positive, 600_000),
  trustServer: z._default(z.boolean(), false),
  headers: z._default(z.record(z.string(), z.string()), {}),
})

/**
 * A client of the OP Stack's alt-DA server: op-alt-da, EigenDA's proxy, Celestia's and Avail's servers, or `createAltDaServer` of `@l2/da/node`. Keccak
 * commitments are verified here; generic ones by an adapter of their layer. Repeating a put after an unknown outcome is safe because
 * servers deduplicate by content. Source: OP specs, alt-DA, "DA Server"; EigenDA proxy for 418 and 503.
 *
 * @throws DaError `DA_OPTIONS_INVALID`
 * @example
 * ```ts
 * import { createMemoryDa } from '@l2/da'
 * import { createAltDa } from '@l2/da/alt-da'
 * import { createAltDaServer } from '@l2/da/node'
 *
 * const server = await createAltDaServer({ da: createMemoryDa() })
 * // Generic commitments are the server's; an adapter of its layer verifies them.
 * const client = createAltDa({ url: server.url }, { verifiers: [createMemoryDa()] })
 * const { commitments } = await client.submit([Uint8Array.of(0, 1)])
 * console.log(await client.get(commitments[0]!)) // Uint8Array(2) [ 0, 1 ]
 * await server[Symbol.asyncDispose]()
 * ```
 */
export function createAltDa(options: AltDaOptions, deps: AltDaDeps = {}): DataAvailability {
  const settings = parseOptions('createAltDa', schema, options)
  const keccak = settings.commitments === 'keccak'
  const base = settings.url.replace(/\/+$/, '')
  const origin = redactUrls(base)
  const name = 'alt-da'
  const secrets = Object.values(settings.headers)
  const maxBytes = settings.maxBytes ?? (keccak ? 130_672 : 16 * 1024 * 1024)
  const limits = { maxBytes, maxItems: settings.maxItems }
  const oneByOne = createSerial()
  const submissions = createSubmissions({
    name,
    journal: createJournal(deps.store ?? createMemoryStore(), 'alt-da'),
    post: (entry, signal) => oneByOne(() => post(entry, signal)),
  })

  const ask = (method: 'GET' | 'POST', path: string, body: Uint8Array | undefined, signal: AbortSignal) =>
    exchange({
      url: base + path,
      method,
      body,
      headers: { ...settings.headers, ...(body === undefined ? {} : { 'content-type': 'application/octet-stream' }) },
      signal,
      maxBytes: maxBytes + 4096,
      secrets,
      fetch: deps.fetch,
    })
  const hexOf = (commitment: Commitment) => bytesToHex(commitmentToAlternative(commitment))

  async function put(data: Uint8Array, signal: AbortSignal): Promise<Commitment> {
    const expected = { layer: daLayer.keccak, payload: keccak_256(data) }
    const answer = await withDeadline(`${name} put`, { signal }, settings.putTimeoutMs, inner =>
      ask('POST', keccak ? `/put/${hexOf(expected)}` : '/put', data, inner),
    )
    if (answer.status !== 200) throw refusal(answer, origin, secrets)
    return keccak ? expected : readCommitment(answer.body, origin)
  }

  async function verifies(commitment: Commitment, data: Uint8Array, call?: DaCallOptions): Promise<boolean> {
    if (commitment.layer === daLayer.keccak) return equalBytes(keccak_256(data), commitment.payload)
    const verifier = deps.verifiers?.find(candidate => candidate.reads(commitment))
    if (verifier !== undefined) return verifier.verify(commitment, data, call)
    if (settings.trustServer) return true
    throw new DaError(`no verifier for layer ${commitment.layer}, and the server is not trusted`, {
      code: 'DA_UNVERIFIABLE',
      details: { layer: commitment.layer },
      meta: ['try: pass an adapter of that layer in "verifiers", or set "trustServer"'],
    })
  }

  async function get(commitment: Commitment, call: DaCallOptions | undefined): Promise<Uint8Array> {
    const answer = await withDeadline(`${name} get`, call, settings.timeoutMs, signal =>
      ask('GET', `/get/${hexOf(commitment)}`, undefined, signal),
    )
    if (answer.status !== 200) throw refusal(answer, origin, secrets)
    if (!(await verifies(commitment, answer.body, call))) {
      throw new DaError(`${origin} returned data that does not match the commitment`, {
        code: 'DA_MISMATCH',
        details: { origin, layer: commitment.layer, length: answer.body.length },
      })
    }
    return answer.body
  }

  async function post(entry: JournalEntry, signal: AbortSignal): Promise<Posted> {
    const commitments: Commitment[] = []
    try {
      for (const item of entry.items) commitments.push(await put(item, signal))
    } catch (error) {
      signal.throwIfAborted()
      if ((error as DaError).code === 'DA_OUTCOME_UNKNOWN') throw error
      return { refused: error }
    }
    return { receipt: { key: entry.key, commitments, height: 0n } }
  }

  return {
    name,
    capabilities: { retentionSeconds: undefined, finality: 'instant' },
    limits: async call => {
      call?.signal?.throwIfAborted()
      return limits
    },
    quote: async (sizes, call) => {
      call?.signal?.throwIfAborted()
      checkItems(name, sizes, limits)
      return { cost: 0n, unit: 'wei', validUntilMs: Number.MAX_SAFE_INTEGER }
    },
    submit: async (items, call) => {
      checkItems(
        name,
        items.map(item => item.length),
        limits,
      )
      return submissions.submit(items, call)
    },
    pending: call => submissions.pending(call),
    resume: (key, call) => submissions.resume(key, call),
    reads: ({ layer }) =>
      keccak
        ? layer === daLayer.keccak
        : settings.trustServer ||
          (deps.verifiers ?? []).some(({ reads }) => reads({ layer, payload: new Uint8Array() })),
    get,
    verify: verifies,
    status: async (commitment, call) => {
      try {
        await get(commitment, call)
        return 'final'
      } catch (error) {
        if (error instanceof DaError && error.code === 'DA_NOT_FOUND') return 'lost'
        throw error
      }
    },
    [Symbol.asyncDispose]: () => submissions.close(new DaError(`${name} is closed`, { code: 'DA_CLOSED' })),
  }
}

/** The answer to a put: the commitment's bytes, or, from servers that follow the text of the specification, its hex. */
function readCommitment(body: Uint8Array, origin: string): Commitment {
  const text = body[0] === 48 ? new TextDecoder().decode(body).trim() : ''
  const bytes = /^0x[0-9a-fA-F]+$/.test(text) ? (hexToBytes(text) ?? body) : body
  try {
    return alternativeToCommitment(bytes)
  } catch (cause) {
    throw new DaError(`${origin} answered a put with no commitment`, {
      code: 'DA_RESPONSE_INVALID',
      details: { origin, length: body.length },
      cause,
    })
  }
}

/** What a status other than 200 means. */
function refusal(answer: HttpAnswer, origin: string, secrets: readonly string[]): DaError {
  const { status } = answer
  const said = answerText(answer, secrets)
  const details = { origin, status, said }
  const as = (code: DaError['code'], text: string, retry?: RetryClass) =>
    new DaError(`${origin} ${text}${said === '' ? '' : `: ${said}`}`, {
      code,
      retry,
      details: { ...details, ...(status === 429 ? { retryAfterMs: retryAfterMs(answer.headers) } : {}) },
    })
  switch (status) {
    case 400:
      return as('DA_COMMITMENT_INVALID', 'refuses the request')
    case 401:
    case 403:
      return as('DA_UNAUTHORIZED', 'refuses the credentials')
    case 404:
      return as('DA_NOT_FOUND', 'has no such data')
    case 413:
      return as('DA_TOO_LARGE', 'refuses the size')
    case 418:
      return as('DA_COMMITMENT_DEAD', 'declares the commitment invalid for ever')
    case 429:
      return as('DA_RATE_LIMITED', 'is asked too often')
    case 503:
      return as('DA_UNAVAILABLE', 'says that its layer is down')
    default:
      // Only 503 is an explicit "go elsewhere"; any other failure must not make a caller pay for another layer.
      return status >= 500
        ? as('DA_UNAVAILABLE', 'failed', 'backoff')
        : as('DA_RESPONSE_INVALID', `answered with status ${status}`)
  }
}
