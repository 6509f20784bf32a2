import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { bytesToHex, type Closable, closable, hexToBytes } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import * as z from 'zod/mini'
import {
  alternativeToCommitment,
  type Commitment,
  commitmentToAlternative,
  commitmentToHex,
  daLayer,
  hexToCommitment,
  maxCommitmentBytes,
} from '../commitment.js'
import { DaError, type DaErrorCode, isDaError } from '../errors.js'
import { parseOptions } from '../internal/options.js'
import type { DataAvailability } from '../port.js'
import { createMemoryStore, type Store } from '../store.js'

/** Plain settings of {@link createAltDaServer}. */
export type AltDaServerOptions = {
  /** 0, the default, takes a free one. */
  port?: number | undefined
  /** Interface to listen on; 127.0.0.1. There is no authentication: whoever reaches it can spend. */
  host?: string | undefined
  /** Milliseconds of one request; 600 000. */
  timeoutMs?: number | undefined
  /** Requests at a time; 64. More are answered with 503. */
  maxConcurrent?: number | undefined
}

/** What {@link createAltDaServer} works with. */
export type AltDaServerDeps = {
  /** Where data goes. */
  da: DataAvailability
  /** Remembers which commitment of `da` a keccak commitment stands for; in memory by default. */
  index?: Store | undefined
}

/** A running server; closing it ends its connections. */
export interface AltDaServer extends Closable {
  readonly url: string
}

const positive = /* @__PURE__ */ (() => z.int().check(z.positive()))()
const schema = /* @__PURE__ */ (() =>
  z.strictObject({
    port: z._default(z.int().check(z.minimum(0), z.maximum(65_535)), 0),
    host: z._default(z.string(), '127.0.0.1'),
    timeoutMs: z._default(positive, 600_000),
    maxConcurrent: z._default(positive, 64),
  }))()

const statuses: Partial<Record<DaErrorCode, number>> = {
  DA_EMPTY: 400,
  DA_COMMITMENT_INVALID: 400,
  DA_KEY_REUSED: 400,
  DA_NOT_FOUND: 404,
  DA_NOT_YET: 404,
  DA_EXPIRED: 404,
  DA_TOO_LARGE: 413,
  DA_COMMITMENT_DEAD: 418,
  DA_RATE_LIMITED: 429,
}

/**
 * The OP Stack's alt-DA server over any adapter, so that an op-batcher or op-node uses it: `POST /put` (generic commitments), `POST /put/0x00…`
 * (keccak), `GET /get/0x…` (with `l1_inclusion_block_number` as EigenDA's proxy), `GET /health`. Equal data put twice is posted once. Errors carry a code and no text of the layer below.
 *
 * @throws DaError `DA_OPTIONS_INVALID`
 *
 * @example
 * ```ts
 * import { createMemoryDa } from '@l2/da/testing'
 * import { createAltDa } from '@l2/da/alt-da'
 * import { createAltDaServer } from '@l2/da/node'
 *
 * const server = await createAltDaServer({}, { da: createMemoryDa() })
 * const client = createAltDa({ url: server.url, commitments: 'keccak' })
 * const { commitments } = await client.submit([Uint8Array.of(0, 1, 2)])
 * console.log(await client.get(commitments[0]!)) // Uint8Array(3) [ 0, 1, 2 ]
 * await server.close()
 * ```
 */
export async function createAltDaServer(options: AltDaServerOptions, deps: AltDaServerDeps): Promise<AltDaServer> {
  const { port, host, timeoutMs, maxConcurrent } = parseOptions('createAltDaServer', schema, options)
  const { da } = deps
  const index = deps.index ?? createMemoryStore()
  const text = new TextEncoder()
  let active = 0

  const indexKey = (hash: Uint8Array) => `alt-da/keccak/${bytesToHex(hash).slice(2)}`
  const commitmentIn = (path: string): Commitment => {
    const hex = path.slice(path.lastIndexOf('/') + 1)
    const bytes = hex.length <= 2 * maxCommitmentBytes + 2 ? hexToBytes(hex) : undefined
    if (bytes === undefined) throw new DaError('a commitment in hex expected', { code: 'DA_COMMITMENT_INVALID' })
    return alternativeToCommitment(bytes)
  }

  async function put(path: string, body: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    if (/^\/put\/?$/.test(path)) {
      const { commitments } = await da.submit([body], { signal })
      return commitmentToAlternative(commitments[0]!)
    }
    const commitment = commitmentIn(path)
    const hash = keccak256(body)
    if (commitment.layer !== daLayer.keccak || bytesToHex(commitment.payload) !== bytesToHex(hash)) {
      throw new DaError('the commitment is not the keccak256 of the body', { code: 'DA_COMMITMENT_INVALID' })
    }
    const { commitments } = await da.submit([body], { signal })
    await index.put(indexKey(hash), text.encode(commitmentToHex(commitments[0]!)))
    return new Uint8Array()
  }

  async function get(path: string, query: URLSearchParams, signal: AbortSignal): Promise<Uint8Array> {
    const commitment = commitmentIn(path)
    // As EigenDA's proxy takes it: readers that know the L1 block have certificates judged by their age then.
    const block = query.get('l1_inclusion_block_number') ?? ''
    if (!/^\d{0,18}$/.test(block)) throw new DaError('not an L1 block number', { code: 'DA_COMMITMENT_INVALID' })
    const l1InclusionBlock = block === '' ? undefined : BigInt(block)
    if (commitment.layer !== daLayer.keccak) {
      if (!da.reads(commitment)) {
        throw new DaError('a commitment of a layer not served here', { code: 'DA_COMMITMENT_INVALID' })
      }
      return da.get(commitment, { signal, l1InclusionBlock })
    }
    const found = await index.get(indexKey(commitment.payload))
    if (found === undefined) throw new DaError('no such data', { code: 'DA_NOT_FOUND' })
    const data = await da.get(hexToCommitment(new TextDecoder().decode(found)), { signal })
    if (bytesToHex(keccak256(data)) !== bytesToHex(commitment.payload)) {
      throw new DaError('the layer returned other data', { code: 'DA_MISMATCH' })
    }
    return data
  }

  async function readBody(request: IncomingMessage): Promise<Uint8Array> {
    const { maxBytes } = await da.limits()
    const parts: Buffer[] = []
    let length = 0
    for await (const part of request as AsyncIterable<Buffer>) {
      length += part.length
      if (length > maxBytes) throw new DaError(`at most ${maxBytes} bytes`, { code: 'DA_TOO_LARGE' })
      parts.push(part)
    }
    return new Uint8Array(Buffer.concat(parts))
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = '/', search = ''] = (request.url ?? '/').split('?', 2)
    const answer = (status: number, body: Uint8Array | string) => void response.writeHead(status).end(body)
    if (request.method === 'GET' && path === '/health') return answer(200, 'ok')
    const isPut = request.method === 'POST' && /^\/put(\/|$)/.test(path)
    const isGet = request.method === 'GET' && path.startsWith('/get/')
    if (!isPut && !isGet) return answer(404, 'no such route')
    if (active >= maxConcurrent) return answer(503, 'busy')
    active++
    const gone = new AbortController()
    response.once('close', () => gone.abort(new DaError('the client went away', { code: 'DA_CLOSED' })))
    const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(timeoutMs)])
    try {
      answer(
        200,
        isPut ? await put(path, await readBody(request), signal) : await get(path, new URLSearchParams(search), signal),
      )
    } catch (error) {
      const { code, retry, details } = isDaError(error) ? error : ({} as Partial<DaError>)
      const status = (code && statuses[code]) ?? (retry === 'failover' ? 503 : 500)
      if (status === 413) response.setHeader('connection', 'close')
      answer(
        status,
        status === 418 ? JSON.stringify({ StatusCode: details?.['statusCode'] ?? 3, Msg: code }) : (code ?? 'failed'),
      )
    } finally {
      active--
    }
  }

  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve)
  })
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    ...closable(async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    }),
  }
}
