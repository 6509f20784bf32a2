import { bytesToHex, closable, equalBytes, hexToBytes, isL2Error } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import * as z from 'zod/mini'
import {
  alternativeToCommitment,
  type Commitment,
  commitmentToAlternative,
  daLayer,
  maxCommitmentBytes,
} from '../commitment.js'
import { DaError, type RetryClass } from '../errors.js'
import { createSerial, withDeadline } from '../internal/call.js'
import { answerText, exchange, type HttpAnswer, type HttpRequest, retryAfterMs } from '../internal/http.js'
import { checkItems, createJournal, type JournalEntry } from '../internal/journal.js'
import { parseOptions } from '../internal/options.js'
import { readServerUrl, type ServerUrl } from '../internal/server-url.js'
import { createSubmissions, type Posted } from '../internal/submissions.js'
import { unmetered } from '../internal/unmetered.js'
import type { DaCallOptions, DaGetOptions, DaLimits, DataAvailability } from '../port.js'
import { createMemoryStore, type Store } from '../store.js'

/** Plain settings of {@link createAltDa}. */
export type AltDaOptions = {
  /** Address of the server; a path prefix, a query and credentials in it are sent with every request. */
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
  /** Whether data of a layer that nobody here can verify is believed, and that a generic commitment is void (418); no. */
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

/** Bytes of the longest answer that is read, whatever may be put. */
const maxReadBytes = 16 * 1024 * 1024

const positive = /* @__PURE__ */ (() => z.int().check(z.positive()))()
const schema = /* @__PURE__ */ (() =>
  z.strictObject({
    url: z.string(),
    commitments: z._default(z.enum(['keccak', 'generic']), 'generic'),
    maxBytes: z.optional(positive),
    maxItems: z._default(positive, 16),
    timeoutMs: z._default(positive, 30_000),
    putTimeoutMs: z._default(positive, 600_000),
    trustServer: z._default(z.boolean(), false),
    headers: z._default(z.record(z.string(), z.string()), {}),
  }))()

/**
 * A client of the OP Stack's alt-DA server: op-alt-da, EigenDA's proxy, Celestia's and Avail's servers, or `createAltDaServer` of `@l2/da/node`. Keccak
 * commitments are verified here; generic ones by an adapter of their layer. Repeating a put after an unknown outcome is safe because
 * servers deduplicate by content. Source: OP specs, alt-DA, "DA Server"; EigenDA proxy for 418 and 503.
 *
 * @throws DaError `DA_OPTIONS_INVALID`
 * @example
 * ```ts
 * import { createMemoryDa } from '@l2/da/testing'
 * import { createAltDa } from '@l2/da/alt-da'
 * import { createAltDaServer } from '@l2/da/node'
 *
 * const server = await createAltDaServer({}, { da: createMemoryDa() })
 * // Generic commitments are the server's; an adapter of its layer verifies them.
 * const client = createAltDa({ url: server.url }, { verifiers: [createMemoryDa()] })
 * const { commitments } = await client.submit([Uint8Array.of(0, 1)])
 * console.log(await client.get(commitments[0]!)) // Uint8Array(2) [ 0, 1 ]
 * await server.close()
 * ```
 */
export function createAltDa(options: AltDaOptions, deps: AltDaDeps = {}): DataAvailability {
  const settings = parseOptions('createAltDa', schema, options)
  const keccak = settings.commitments === 'keccak'
  const maxBytes = settings.maxBytes ?? (keccak ? 130_672 : 16 * 1024 * 1024)
  const limits = { maxBytes, maxItems: settings.maxItems }
  const verifies = async (commitment: Commitment, data: Uint8Array, call?: DaCallOptions): Promise<boolean> => {
    if (commitment.layer === daLayer.keccak) return equalBytes(keccak256(data), commitment.payload)
    const verifier = deps.verifiers?.find(candidate => candidate.reads(commitment))
    if (verifier !== undefined) return verifier.verify(commitment, data, call)
    if (settings.trustServer) return true
    throw new DaError(`no verifier for layer ${commitment.layer}, and the server is not trusted`, {
      code: 'DA_UNVERIFIABLE',
      details: { layer: commitment.layer },
      meta: ['try: pass an adapter of that layer in "verifiers", or set "trustServer"'],
    })
  }
  return openAltDa(
    {
      name: 'alt-da',
      server: readServerUrl('createAltDa', settings.url),
      keccak,
      limits: async () => limits,
      // What is longer than a chain takes is skipped by its derivation, which has to see it for that.
      maxReadBytes: Math.max(maxBytes, maxReadBytes),
      retentionSeconds: undefined,
      reads: ({ layer }) =>
        keccak
          ? layer === daLayer.keccak
          : settings.trustServer ||
            (deps.verifiers ?? []).some(({ reads }) => reads({ layer, payload: new Uint8Array() })),
      verifies,
      refusal: (answer, origin, secrets) => refusal(answer, origin, secrets, !keccak && settings.trustServer),
    },
    settings,
    deps,
  )
}

/** What makes a server's clients differ. */
export type AltDaProfile = {
  name: string
  server: ServerUrl
  /** Commitments are hashes of the data, known before it is put. */
  keccak: boolean
  limits(call: DaCallOptions | undefined): Promise<DaLimits>
  /** Bytes of the longest item read; `maxBytes` of the limits by default. */
  maxReadBytes?: number
  retentionSeconds: bigint | undefined
  reads(commitment: Commitment): boolean
  /** Refuses what is no commitment of the server, before it is asked. @throws DaError `DA_COMMITMENT_INVALID` */
  check?(commitment: Commitment): void
  /** What goes into the query when the data is asked for. */
  query?(call: DaGetOptions | undefined): Readonly<Record<string, string>>
  verifies(commitment: Commitment, data: Uint8Array, call?: DaCallOptions): Promise<boolean>
  /** The port's `verify` where it cannot go as far as `get`, which has the server's word. */
  verify?(commitment: Commitment, data: Uint8Array): Promise<boolean>
  /** Throws where the server is not the one that the chain's data may be read from, before anything is asked. */
  agree?(call: DaCallOptions | undefined): Promise<unknown>
  /** Throws where nothing can be put, before anything is. */
  approve?(call: DaCallOptions | undefined): Promise<void>
  /** Told of what was put. */
  onPut?(commitment: Commitment, data: Uint8Array): void
  /** What a status other than 200 means. */
  refusal(answer: HttpAnswer, origin: string, secrets: readonly string[]): DaError
}

/** Settings that all of them have. */
export type AltDaSettings = {
  timeoutMs: number
  putTimeoutMs: number
  headers: Readonly<Record<string, string>>
}

/** The client of a server with the routes of OP alt-DA. */
export function openAltDa(
  profile: AltDaProfile,
  settings: AltDaSettings,
  deps: Pick<AltDaDeps, 'store' | 'fetch'>,
): DataAvailability {
  const { name, server, keccak, verifies } = profile
  const { origin } = server
  const secrets = [...Object.values(settings.headers), ...server.secrets]
  const oneByOne = createSerial()
  const submissions = createSubmissions({
    name,
    journal: createJournal(deps.store ?? createMemoryStore(), name),
    post: (entry, signal) => oneByOne(() => post(entry, signal)),
  })

  const ask = (
    request: Pick<HttpRequest, 'url' | 'method' | 'body' | 'maxBytes'>,
    signal: AbortSignal,
  ): Promise<HttpAnswer> =>
    exchange({
      ...request,
      headers: {
        ...server.headers,
        ...settings.headers,
        ...(request.body === undefined ? {} : { 'content-type': 'application/octet-stream' }),
      },
      signal,
      secrets,
      fetch: deps.fetch,
    })
  const hexOf = (commitment: Commitment) => bytesToHex(commitmentToAlternative(commitment))

  async function put(data: Uint8Array, signal: AbortSignal): Promise<Commitment> {
    const expected = { layer: daLayer.keccak, payload: keccak256(data) }
    const answer = await withDeadline(`${name} put`, { signal }, settings.putTimeoutMs, inner => {
      const url = server.at(keccak ? `/put/${hexOf(expected)}` : '/put')
      return ask({ url, method: 'POST', body: data, maxBytes: 2 * maxCommitmentBytes + 4096 }, inner)
    })
    if (answer.status !== 200) throw profile.refusal(answer, origin, secrets)
    const commitment = keccak ? expected : readCommitment(answer.body, origin)
    profile.onPut?.(commitment, data)
    return commitment
  }

  async function get(commitment: Commitment, call: DaGetOptions | undefined): Promise<Uint8Array> {
    profile.check?.(commitment)
    await profile.agree?.(call)
    const maxBytes = profile.maxReadBytes ?? (await profile.limits(call)).maxBytes
    const answer = await withDeadline(`${name} get`, call, settings.timeoutMs, signal => {
      const url = server.at(`/get/${hexOf(commitment)}`, profile.query?.(call))
      return ask({ url, method: 'GET', body: undefined, maxBytes: maxBytes + 4096 }, signal)
    })
    if (answer.status !== 200) throw profile.refusal(answer, origin, secrets)
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
    capabilities: { retentionSeconds: profile.retentionSeconds, finality: 'instant' },
    ...unmetered(name, profile.limits),
    submit: (items, call) =>
      submissions.submit(items, call, async () => {
        const sizes = items.map(item => item.length)
        checkItems(name, sizes, await profile.limits(call))
        await profile.approve?.(call)
      }),
    pending: call => submissions.pending(call),
    resume: (key, call) => submissions.resume(key, call),
    reads: profile.reads,
    get,
    verify: async (commitment, data, call) => {
      profile.check?.(commitment)
      return (profile.verify ?? verifies)(commitment, data, call)
    },
    status: async (commitment, call) => {
      try {
        await get(commitment, call)
        return 'final'
      } catch (error) {
        if (isL2Error(error, 'DA_NOT_FOUND')) return 'lost'
        throw error
      }
    },
    ...closable(() => submissions.close(new DaError(`${name} is closed`, { code: 'DA_CLOSED' }))),
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

/** Why EigenDA's proxy drops a certificate, by its `StatusCode`. Source: EigenDA, `coretypes.DerivationError`. */
const derivationErrors = ['unparsable', 'too-old', 'invalid', 'undecodable'] as const

function teapot({ body }: HttpAnswer): { statusCode?: number; reason?: string } {
  try {
    const { StatusCode } = JSON.parse(new TextDecoder().decode(body)) as { StatusCode?: unknown }
    if (typeof StatusCode !== 'number') return {}
    return { statusCode: StatusCode, reason: derivationErrors[StatusCode - 1] ?? 'unknown' }
  } catch {
    return {}
  }
}

/** What a status other than 200 means. `isTrusted`: whether a commitment is void because this server says so. */
export function refusal(answer: HttpAnswer, origin: string, secrets: readonly string[], isTrusted: boolean): DaError {
  const { status } = answer
  const said = answerText(answer, secrets)
  const details = { origin, status, said, ...(status === 418 ? teapot(answer) : {}) }
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
      // Derivation skips what is dead: on the word of a server whose data is checked, that would be a way to fork its readers off.
      return isTrusted
        ? as('DA_COMMITMENT_DEAD', 'declares the commitment invalid for ever')
        : as('DA_RESPONSE_INVALID', 'declares the commitment invalid for ever, and is not trusted to')
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
