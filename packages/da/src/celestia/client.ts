import { hexToBytes, isL2Error } from '@l2/common'
import * as z from 'zod/mini'
import { DaError, type DaErrorCode } from '../errors.js'
import { fromBase64, toBase64 } from '../internal/base64.js'
import { plainText, withDeadline } from '../internal/call.js'
import { answerText, exchange, retryAfterMs } from '../internal/http.js'
import { parseOptions } from '../internal/options.js'
import { readServerUrl } from '../internal/server-url.js'
import type { DaCallOptions } from '../port.js'
import { merkleRoot } from './merkle.js'
import { nodeBytes } from './nmt.js'
import { type CommitmentProof, parseCommitmentProof } from './proof.js'
import { type CelestiaBlob, type ShareVersion, signerBytes } from './shares.js'

/** Plain settings of {@link createCelestiaClient}. */
export type CelestiaClientOptions = {
  /** HTTP address of celestia-node's JSON-RPC, as `http://127.0.0.1:26658`. */
  url: string
  /** What `celestia light auth write` prints. Sent in a header and never repeated anywhere. */
  token?: string | undefined
  /** Milliseconds of a call that reads; 30 000. */
  timeoutMs?: number | undefined
  /** Milliseconds of `blob.Submit`, which blocks until inclusion; 120 000. */
  submitTimeoutMs?: number | undefined
  /** Longest answer read, in bytes; 32 MiB. */
  maxAnswerBytes?: number | undefined
}

const positiveInt = /* @__PURE__ */ (() => z.int().check(z.positive()))()
const schema = /* @__PURE__ */ (() =>
  z.strictObject({
    url: z.string(),
    token: z._default(z.string(), ''),
    timeoutMs: z._default(positiveInt, 30_000),
    submitTimeoutMs: z._default(positiveInt, 120_000),
    maxAnswerBytes: z._default(positiveInt, 32 * 1024 * 1024),
  }))()

/** How a submission is paid for. Source: celestia-node `state.TxConfig`. */
export type CelestiaSubmitOptions = DaCallOptions & {
  /** utia per gas */
  gasPrice: number
  /** The node refuses to pay more; utia per gas. */
  maxGasPrice?: number | undefined
  gas?: bigint | undefined
  /** 1 low, 2 medium, 3 high */
  priority?: 1 | 2 | 3 | undefined
  /** Key of the node's keyring. */
  keyName?: string | undefined
  signerAddress?: string | undefined
  feeGranterAddress?: string | undefined
}

/** The part of a header that reading needs. */
export type CelestiaHeader = { height: bigint; timeMs: number; dataHash: Uint8Array }

/** A blob as a node returns it. */
export type FoundBlob = CelestiaBlob & { commitment: Uint8Array }

/** Celestia's JSON-RPC, as far as this package uses it: typed, every answer checked. */
export interface CelestiaClient {
  submit(blobs: readonly (CelestiaBlob & { commitment: Uint8Array })[], options: CelestiaSubmitOptions): Promise<bigint>
  /** @throws DaError `DA_NOT_FOUND`, `DA_NOT_YET`, `DA_EXPIRED` */
  get(height: bigint, namespace: Uint8Array, commitment: Uint8Array, call?: DaCallOptions): Promise<FoundBlob>
  getAll(height: bigint, namespaces: readonly Uint8Array[], call?: DaCallOptions): Promise<FoundBlob[]>
  /** The node's own opinion: it proves nothing to anybody else. */
  included(
    height: bigint,
    namespace: Uint8Array,
    proof: unknown,
    commitment: Uint8Array,
    call?: DaCallOptions,
  ): Promise<boolean>
  /** Range proofs of the whole namespace, in the node's JSON. */
  getProof(height: bigint, namespace: Uint8Array, commitment: Uint8Array, call?: DaCallOptions): Promise<unknown>
  getCommitmentProof(
    height: bigint,
    namespace: Uint8Array,
    commitment: Uint8Array,
    call?: DaCallOptions,
  ): Promise<CommitmentProof>
  header(height: bigint, call?: DaCallOptions): Promise<CelestiaHeader>
  /** Blocks until the node has the header. */
  waitForHeader(height: bigint, call?: DaCallOptions): Promise<CelestiaHeader>
  localHead(call?: DaCallOptions): Promise<CelestiaHeader>
  networkHead(call?: DaCallOptions): Promise<CelestiaHeader>
  /** The oldest header that the node keeps. */
  tail(call?: DaCallOptions): Promise<CelestiaHeader>
}

/**
 * What `blob.Submit` says beside that. The third word is `not sent` where nothing can have reached the network. Source: celestia-node v0.32.1
 * (`state/core_access.go`) and celestia-app v9 (`pkg/user/tx_client.go`, its transaction queue), whose errors the node passes on; ABCI codes of
 * the Cosmos SDK.
 */
const submitFailures: readonly (readonly [string | RegExp, DaErrorCode, 'not sent'?])[] = [
  // An account exists on chain from the first coin that it was sent.
  [/account (for signer )?\S+ (was )?not found/, 'DA_INSUFFICIENT_FUNDS', 'not sent'],
  [/account (for signer )?.{0,100}does not exist/, 'DA_INSUFFICIENT_FUNDS', 'not sent'],
  ['account for signer', 'DA_INSUFFICIENT_FUNDS', 'not sent'],
  ['key not found', 'DA_UNAUTHORIZED', 'not sent'],
  ['fee granter', 'DA_UNAUTHORIZED', 'not sent'],
  ['fee-grant not found', 'DA_UNAUTHORIZED', 'not sent'],
  ['fee allowance', 'DA_UNAUTHORIZED', 'not sent'],
  ['failed to setup a tx client', 'DA_UNAUTHORIZED', 'not sent'],
  ['tx queue not', 'DA_UNAVAILABLE', 'not sent'],
  ['tx queue full', 'DA_UNAVAILABLE', 'not sent'],
  ['message larger than max', 'DA_TOO_LARGE', 'not sent'],
  ['in mempool cache', 'DA_OUTCOME_UNKNOWN'],
  ['not found in tx client txtracker', 'DA_OUTCOME_UNKNOWN'],
]

/** The same when nothing above and below fits: the transaction was executed, and failed. */
const executionFailures: readonly (readonly [string, DaErrorCode, 'not sent'])[] = [
  ['out of gas', 'DA_REJECTED', 'not sent'],
  ['rejected by the node', 'DA_REJECTED', 'not sent'],
]

/** celestia-node gives every error the code 1, so the words have to tell. Most specific first. */
const failures: readonly (readonly [string, DaErrorCode, undefined?])[] = [
  ['blob: not found', 'DA_NOT_FOUND'],
  ['from the future', 'DA_NOT_YET'],
  ['is below tail', 'DA_EXPIRED'],
  ['account sequence mismatch', 'DA_NONCE_CONFLICT'],
  ['incorrect account sequence', 'DA_NONCE_CONFLICT'],
  ['tx already in mempool', 'DA_OUTCOME_UNKNOWN'],
  ['already exists in mempool', 'DA_OUTCOME_UNKNOWN'],
  ['timed out waiting for tx', 'DA_OUTCOME_UNKNOWN'],
  ['eviction poll timeout', 'DA_OUTCOME_UNKNOWN'],
  ['was evicted', 'DA_OUTCOME_UNKNOWN'],
  ['estimated gas price exceeds max gas price', 'DA_FEE_TOO_HIGH'],
  ['insufficient funds', 'DA_INSUFFICIENT_FUNDS'],
  ['insufficient fee', 'DA_UNDERPRICED'],
  ['insufficient minimum gas price', 'DA_UNDERPRICED'],
  ['failed to submit blobs due to insufficient', 'DA_UNDERPRICED'],
  ['gas price too low', 'DA_UNDERPRICED'],
  ['blob(s) too large', 'DA_TOO_LARGE'],
  ['blob too large', 'DA_TOO_LARGE'],
  ['over size limit', 'DA_TOO_LARGE'],
  ['exceeds max', 'DA_TOO_LARGE'],
  ['not allowed namespace', 'DA_REJECTED'],
  ['invalid namespace', 'DA_REJECTED'],
  ['missing permission', 'DA_UNAUTHORIZED'],
  ['unauthorized', 'DA_UNAUTHORIZED'],
  ['server busy', 'DA_UNAVAILABLE'],
  ['connection refused', 'DA_UNAVAILABLE'],
  ['context deadline exceeded', 'DA_OUTCOME_UNKNOWN'],
  ['context canceled', 'DA_OUTCOME_UNKNOWN'],
  ['tx not found', 'DA_OUTCOME_UNKNOWN'],
  ['mempool is full', 'DA_UNAVAILABLE'],
  ['syncing', 'DA_NOT_YET'],
  ['not found', 'DA_NOT_FOUND'],
]

/**
 * What an error text of celestia-node means, in answer to `method`. What is not known counts as an outage, after which a submission is looked for
 * before it is sent again.
 *
 * @example
 * ```ts
 * import { classifyCelestiaFailure } from '@l2/da/celestia'
 *
 * console.log(classifyCelestiaFailure('tx already in mempool', 'blob.Submit')) // DA_OUTCOME_UNKNOWN
 * ```
 */
export function classifyCelestiaFailure(message: string, method: string): DaErrorCode {
  return failureOf(message, method).code
}

function failureOf(message: string, method: string): { code: DaErrorCode; sent?: false } {
  const text = message.toLowerCase()
  const submitting = method === 'blob.Submit'
  const table = submitting ? [...submitFailures, ...failures, ...executionFailures] : failures
  for (const [words, code, notSent] of table) {
    const fits = typeof words === 'string' ? text.includes(words) : words.test(text)
    if (!fits) continue
    // "Not found" answers a question; a submission asks none.
    if (submitting && code === 'DA_NOT_FOUND') continue
    return notSent === undefined ? { code } : { code, sent: false }
  }
  return { code: 'DA_UNAVAILABLE' }
}

/** Calls a method of the node: its `result`, unparsed. @throws DaError what {@link classifyCelestiaFailure} makes of an error */
type Call = (
  method: string,
  params: readonly unknown[],
  options: DaCallOptions | undefined,
  defaultMs?: number,
) => Promise<unknown>

function createCall(
  { url, token, timeoutMs, maxAnswerBytes }: z.infer<typeof schema>,
  deps: { fetch?: typeof fetch | undefined },
): Call {
  const server = readServerUrl('createCelestiaClient', url)
  const { origin } = server
  const secrets = [token, ...server.secrets]
  let id = 0

  return async (method, params, options, defaultMs = timeoutMs) => {
    const answer = await withDeadline(`Celestia ${method}`, options, defaultMs, signal =>
      exchange({
        url: server.at(''),
        method: 'POST',
        headers: {
          ...server.headers,
          'content-type': 'application/json',
          ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: ++id, method, params }),
        signal,
        maxBytes: maxAnswerBytes,
        secrets,
        fetch: deps.fetch,
      }),
    )
    const details = { origin, method, status: answer.status }
    const said = () => answerText(answer, secrets)
    if (answer.status === 401 || answer.status === 403) {
      throw new DaError(`${origin} refuses the token for ${method}`, { code: 'DA_UNAUTHORIZED', details })
    }
    if (answer.status === 429) {
      throw new DaError(`${origin} is asked too often`, {
        code: 'DA_RATE_LIMITED',
        details: { ...details, retryAfterMs: retryAfterMs(answer.headers) },
      })
    }
    if (answer.status === 413) throw new DaError(`${origin} refuses the size`, { code: 'DA_TOO_LARGE', details })
    if (answer.status >= 500) {
      // A gateway that gave up does not know what became of the call; 503 is the node's own "server busy".
      const code = answer.status === 504 || answer.status === 502 ? 'DA_OUTCOME_UNKNOWN' : 'DA_UNAVAILABLE'
      throw new DaError(`${origin} cannot answer ${method} now: ${said()}`, { code, details, retry: 'failover' })
    }
    const reply = parse(answer.body)
    if (reply?.['error'] !== undefined && reply['error'] !== null) {
      const { message } = reply['error'] as { message?: unknown }
      const text = plainText(typeof message === 'string' ? message : 'unknown error', secrets).slice(0, 300)
      const { code, ...sent } = failureOf(text, method)
      throw new DaError(`${method}: ${text}`, { code, details: { ...details, ...sent } })
    }
    if (reply === undefined || !('result' in reply)) {
      throw new DaError(`${origin} did not answer ${method} in JSON-RPC: ${said()}`, {
        code: 'DA_RESPONSE_INVALID',
        details,
      })
    }
    return reply['result']
  }
}

/**
 * Makes a {@link CelestiaClient}; nothing is sent before the first call.
 *
 * @example
 * ```ts
 * import { createCelestiaClient } from '@l2/da/celestia'
 * import { createCelestiaServer } from '@l2/da/testing/celestia'
 *
 * const server = await createCelestiaServer()
 * const client = createCelestiaClient({ url: server.url, token: server.readToken })
 * console.log((await client.localHead()).height) // 1n
 * await server.close()
 * ```
 */
export function createCelestiaClient(
  options: CelestiaClientOptions,
  deps: { fetch?: typeof fetch | undefined } = {},
): CelestiaClient {
  const settings = parseOptions('createCelestiaClient', schema, options)
  const call = createCall(settings, deps)

  return {
    async submit(blobs, submit) {
      const result = await call(
        'blob.Submit',
        [
          blobs.map(({ namespace, data, shareVersion, commitment, signer }) => ({
            namespace: toBase64(namespace),
            data: toBase64(data),
            share_version: shareVersion,
            commitment: toBase64(commitment),
            ...(signer === undefined ? {} : { signer: toBase64(signer) }),
            index: -1,
          })),
          {
            // The price counts only together with the flag.
            gas_price: submit.gasPrice,
            is_gas_price_set: true,
            ...(submit.maxGasPrice === undefined ? {} : { max_gas_price: submit.maxGasPrice }),
            ...(submit.gas === undefined ? {} : { gas: Number(submit.gas) }),
            ...(submit.priority === undefined ? {} : { tx_priority: submit.priority }),
            ...(submit.keyName === undefined ? {} : { key_name: submit.keyName }),
            ...(submit.signerAddress === undefined ? {} : { signer_address: submit.signerAddress }),
            ...(submit.feeGranterAddress === undefined ? {} : { fee_granter_address: submit.feeGranterAddress }),
          },
        ],
        submit,
        settings.submitTimeoutMs,
      )
      return positive(result, 'blob.Submit')
    },
    get: async (height, namespace, commitment, options) =>
      parseBlob(await call('blob.Get', [Number(height), toBase64(namespace), toBase64(commitment)], options)),
    async getAll(height, namespaces, options) {
      let result: unknown
      try {
        result = await call('blob.GetAll', [Number(height), namespaces.map(toBase64)], options)
      } catch (error) {
        // Older versions say "not found" where newer ones give an empty list.
        if (isL2Error(error, 'DA_NOT_FOUND')) return []
        throw error
      }
      if (result === null) return []
      if (!Array.isArray(result)) throw malformed('blob.GetAll')
      return result.map(parseBlob)
    },
    included: async (height, namespace, proof, commitment, options) =>
      (await call('blob.Included', [Number(height), toBase64(namespace), proof, toBase64(commitment)], options)) ===
      true,
    getProof: (height, namespace, commitment, options) =>
      call('blob.GetProof', [Number(height), toBase64(namespace), toBase64(commitment)], options),
    getCommitmentProof: async (height, namespace, commitment, options) =>
      parseCommitmentProof(
        await call('blob.GetCommitmentProof', [Number(height), toBase64(namespace), toBase64(commitment)], options),
      ),
    header: async (height, options) => parseHeader(await call('header.GetByHeight', [Number(height)], options)),
    waitForHeader: async (height, options) =>
      parseHeader(await call('header.WaitForHeight', [Number(height)], options)),
    localHead: async options => parseHeader(await call('header.LocalHead', [], options)),
    networkHead: async options => parseHeader(await call('header.NetworkHead', [], options)),
    tail: async options => parseHeader(await call('header.Tail', [], options)),
  }
}

type Json = Record<string, unknown>

function parse(body: Uint8Array): Json | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body))
    return typeof value === 'object' && value !== null ? (value as Json) : undefined
  } catch {
    return undefined
  }
}

function malformed(what: string): DaError {
  return new DaError(`the Celestia node answered ${what} with something else`, {
    code: 'DA_RESPONSE_INVALID',
    details: { what },
  })
}

function positive(value: unknown, what: string): bigint {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return BigInt(value)
  if (typeof value === 'string' && /^[1-9]\d{0,18}$/.test(value)) return BigInt(value)
  throw malformed(what)
}

function bytes(value: unknown, what: string): Uint8Array {
  const read = typeof value === 'string' ? fromBase64(value) : undefined
  if (read === undefined) throw malformed(what)
  return read
}

function parseBlob(value: unknown): FoundBlob {
  if (typeof value !== 'object' || value === null) throw malformed('a blob')
  const blob = value as Json
  const version = blob['share_version'] ?? 0
  if (version !== 0 && version !== 1 && version !== 2) throw malformed('"share_version" of a blob')
  const signer = blob['signer'] === undefined || blob['signer'] === null ? undefined : bytes(blob['signer'], '"signer"')
  const namespace = bytes(blob['namespace'], '"namespace" of a blob')
  const commitment = bytes(blob['commitment'], '"commitment" of a blob')
  if (namespace.length !== 29 || commitment.length !== 32) throw malformed('a blob')
  const found = {
    namespace,
    commitment,
    data: bytes(blob['data'], '"data" of a blob'),
    shareVersion: version as ShareVersion,
  }
  return signer === undefined || signer.length === 0
    ? found
    : signer.length === signerBytes
      ? { ...found, signer }
      : (() => {
          throw malformed('"signer" of a blob')
        })()
}

function parseHeader(value: unknown): CelestiaHeader {
  const extended = value as { header?: Json; dah?: { row_roots?: unknown; column_roots?: unknown } } | null
  const header = extended?.header
  if (typeof header !== 'object' || header === null) throw malformed('a header')
  const dataHash = typeof header['data_hash'] === 'string' ? hexToBytes(header['data_hash']) : undefined
  if (dataHash?.length !== 32) throw malformed('"data_hash" of a header')
  const timeMs = Date.parse(String(header['time']))
  const roots = [extended?.dah?.row_roots, extended?.dah?.column_roots].flatMap(list =>
    Array.isArray(list) ? list : [],
  )
  if (roots.length > 0 && roots.length <= 4096) {
    const read = roots.map(root => bytes(root, 'a root of a header'))
    if (read.some(root => root.length !== nodeBytes)) throw malformed('a root of a header')
    const made = merkleRoot(read)
    if (made.some((byte, i) => byte !== dataHash[i])) throw malformed('a header: its roots make another "data_hash"')
  }
  return {
    height: positive(header['height'], '"height" of a header'),
    timeMs: Number.isNaN(timeMs) ? 0 : timeMs,
    dataHash,
  }
}
