import { hexToBytes, isL2Error } from '@l2/common'
import type { Hex } from 'viem'
import { bytesPerBlob } from '../constants.js'
import { BlobError } from '../errors.js'
import { type Endpoint, readEndpoint } from '../internal/endpoint.js'
import { redactedCause } from '../internal/rpc.js'

/** An execution block, as far as it helps to name its beacon block. */
export type BlobBlock = {
  readonly number?: bigint | undefined
  readonly hash?: Hex | undefined
  /** Unix seconds. */
  readonly timestamp?: bigint | undefined
}

/** @see createBeacon */
export type BeaconOptions = {
  /** Where the beacon API is, as `https://beacon.example/key` or `https://user:key@beacon.example/eth?key=…`: all of it is sent, and nothing shown. */
  url: string
  /**
   * What stands for the block in the request. `slot` (default) is computed from the block's timestamp; anvil takes the execution
   * block's number; a function may return a root from elsewhere.
   */
  blockId?: 'slot' | 'blockNumber' | 'blockHash' | ((block: BlobBlock) => string | Promise<string>) | undefined
  /** How hashes are asked for: repeated keys (default, the standard), one comma list, or not at all. */
  filterStyle?: 'repeat' | 'csv' | 'none' | undefined
  /** Unix seconds of slot 0; default: asked of the node once. */
  genesisTimeSeconds?: bigint | undefined
  /** Default: asked of the node once; 12 where it does not say. */
  secondsPerSlot?: bigint | undefined
  headers?: Readonly<Record<string, string>> | undefined
  /** Per request. Default 10 000. */
  timeoutMs?: number | undefined
  /** Longest answer that is read, in blobs. Default 128. */
  maxBlobs?: number | undefined
  fetch?: typeof fetch | undefined
}

/** A beacon node as a source of blobs. */
export interface Beacon {
  /** What the API calls the block. */
  blockId(block: BlobBlock, options?: { signal?: AbortSignal | undefined }): Promise<string>
  /**
   * The blobs of a block as the node serves them: unverified, in the order of the block, perhaps without the filter.
   *
   * @throws BlobError `BLOCK_MISSED`, `BLOBS_NOT_CUSTODIED`, `BLOBS_PRUNED`, `BLOBS_NOT_OFFERED`, `RPC_RESPONSE`, `NODE_UNAVAILABLE`
   */
  fetchBlobs(
    blockId: string,
    versionedHashes: readonly Hex[] | undefined,
    options?: { signal?: AbortSignal | undefined },
  ): Promise<Uint8Array[]>
}

/** Options for the beacon endpoints of anvil: blocks by execution number, hashes as a comma list. */
export const anvilBeacon = { blockId: 'blockNumber', filterStyle: 'csv' } as const satisfies Partial<BeaconOptions>

/**
 * A client for the one endpoint that matters here, `GET /eth/v1/beacon/blobs/{block_id}`, and what is needed to name the block.
 *
 * Source: beacon-APIs, `getBlobs`.
 *
 * @throws BlobError `OPTION` when `url` is none
 */
export function createBeacon(options: BeaconOptions): Beacon {
  const { blockId = 'slot', filterStyle = 'repeat', timeoutMs = 10_000, maxBlobs = 128 } = options
  const request = options.fetch ?? fetch
  const endpoint = readEndpoint(options.url, options.headers)
  const { origin } = endpoint
  // A comma list can outgrow what a proxy takes as a URL; beyond this the answer is filtered here.
  const maxFilteredHashes = 32

  async function get(
    path: string,
    accept: string,
    signal: AbortSignal | undefined,
    query?: string | undefined,
  ): Promise<Response> {
    const timeout = AbortSignal.timeout(timeoutMs)
    try {
      return await request(endpoint.at(path, query), {
        headers: { ...endpoint.headers, accept },
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      })
    } catch (cause) {
      signal?.throwIfAborted()
      throw unavailable(endpoint, path, cause)
    }
  }

  async function json(path: string, signal: AbortSignal | undefined): Promise<Record<string, unknown> | undefined> {
    const response = await get(path, 'application/json', signal)
    const body = await readBody(response, 1 << 20, endpoint, path)
    if (!response.ok) return undefined
    const data = (parseJson(body) as { data?: unknown } | undefined)?.data
    return typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : undefined
  }

  /** What a 404 that does not say what is missing means: asked of the node, in the only case in which it can be in doubt. */
  async function missing(id: string, said: string, signal: AbortSignal | undefined): Promise<Missing> {
    const known = meaningOf404(said)
    if (known !== undefined) return known
    const has = async (path: string): Promise<boolean> => {
      try {
        return (await json(path, signal)) !== undefined
      } catch {
        signal?.throwIfAborted()
        return false
      }
    }
    if (await has(`/eth/v1/beacon/headers/${encodeURIComponent(id)}`)) return 'blobs'
    return (await has('/eth/v1/node/version')) ? 'block' : 'endpoint'
  }

  let clock: Promise<{ genesisTimeSeconds: bigint; secondsPerSlot: bigint }> | undefined
  async function slotClock(
    signal: AbortSignal | undefined,
  ): Promise<{ genesisTimeSeconds: bigint; secondsPerSlot: bigint }> {
    const genesisTimeSeconds =
      options.genesisTimeSeconds ?? seconds((await json('/eth/v1/beacon/genesis', signal))?.['genesis_time'])
    const secondsPerSlot =
      options.secondsPerSlot ?? seconds((await json('/eth/v1/config/spec', signal))?.['SECONDS_PER_SLOT'] ?? '12')
    if (genesisTimeSeconds === undefined || secondsPerSlot === undefined || secondsPerSlot < 1n) {
      throw new BlobError(`${origin}: genesis time and slot length are not known`, {
        code: 'RPC_RESPONSE',
        details: { origin },
        meta: ['try: the options genesisTimeSeconds and secondsPerSlot'],
      })
    }
    return { genesisTimeSeconds, secondsPerSlot }
  }

  /** A decimal string of the API. */
  function seconds(value: unknown): bigint | undefined {
    return typeof value === 'string' && /^\d{1,19}$/.test(value) ? BigInt(value) : undefined
  }

  function need<T>(value: T | undefined, field: keyof BlobBlock): T {
    if (value !== undefined) return value
    throw new BlobError(`the block's ${field} is needed to name it to the beacon node`, {
      code: 'OPTION',
      details: { field, blockId: String(blockId) },
    })
  }

  return {
    async blockId(block, { signal } = {}) {
      if (typeof blockId === 'function') return blockId(block)
      if (blockId === 'blockNumber') return String(need(block.number, 'number'))
      if (blockId === 'blockHash') return need(block.hash, 'hash')
      const timestamp = need(block.timestamp, 'timestamp')
      clock ??= slotClock(signal).catch(error => {
        clock = undefined
        throw error
      })
      const { genesisTimeSeconds, secondsPerSlot } = await clock
      return String((timestamp - genesisTimeSeconds) / secondsPerSlot)
    },

    async fetchBlobs(id, versionedHashes, { signal } = {}) {
      const hashes = versionedHashes !== undefined && versionedHashes.length <= maxFilteredHashes ? versionedHashes : []
      const query =
        hashes.length === 0 || filterStyle === 'none'
          ? undefined
          : filterStyle === 'csv'
            ? `versioned_hashes=${hashes.join(',')}`
            : hashes.map(hash => `versioned_hashes=${hash}`).join('&')
      const path = `/eth/v1/beacon/blobs/${encodeURIComponent(id)}`
      const response = await get(path, 'application/octet-stream, application/json;q=0.9', signal, query)
      const isJson = !(response.headers.get('content-type') ?? '').includes('application/octet-stream')
      // Hex doubles the bytes; 1 KiB a blob and 64 KiB are for what stands around it.
      const limit = maxBlobs * (isJson ? 2 * bytesPerBlob + 1024 : bytesPerBlob) + 65_536
      const body = await readBody(response, limit, endpoint, path, signal)
      if (!response.ok) {
        const said = messageOf(body, endpoint)
        if (response.status !== 404) throw refusal(response.status, said, origin, id)
        throw notFound(await missing(id, said, signal), said, origin, id)
      }
      return isJson ? fromJson(body, origin) : fromOctets(body, origin)
    },
  }
}

function unavailable(endpoint: Endpoint, path: string, cause: unknown): BlobError {
  const { origin } = endpoint
  const { message, cause: inner } = (cause ?? {}) as { message?: string; cause?: { code?: string; message?: string } }
  const said = [message, inner?.code ?? inner?.message].filter(Boolean).join(': ') || String(cause)
  const reason = endpoint.plain(said).slice(0, 300)
  const kept = redactedCause(cause)
  kept.message = endpoint.plain(kept.message)
  return new BlobError(`${origin}: ${path} failed: ${reason}`, {
    code: 'NODE_UNAVAILABLE',
    recovery: 'retry',
    details: { origin, path, reason },
    cause: kept,
  })
}

/** Reads an answer of at most `limit` bytes; a longer one is cut off, not stored. */
async function readBody(
  response: Response,
  limit: number,
  endpoint: Endpoint,
  path: string,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  try {
    const reader = response.body?.getReader()
    for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
      const part = next.value as Uint8Array
      length += part.length
      if (length > limit) {
        await reader?.cancel()
        const { origin } = endpoint
        throw new BlobError(`${origin}: ${path} answered more than ${limit} bytes`, {
          code: 'RPC_RESPONSE',
          details: { origin, path, limit },
        })
      }
      parts.push(part)
    }
  } catch (cause) {
    if (isL2Error(cause)) throw cause
    signal?.throwIfAborted()
    throw unavailable(endpoint, path, cause)
  }
  const body = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    body.set(part, offset)
    offset += part.length
  }
  return body
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body))
  } catch {
    return undefined
  }
}

/** What a node says besides its status: the message of the API, or whatever came in its place, if that is text. */
function messageOf(body: Uint8Array, endpoint: Endpoint): string {
  const text = new TextDecoder().decode(body.subarray(0, 1000))
  const { message } = (parseJson(body) ?? {}) as { message?: unknown }
  const said = typeof message === 'string' ? message : /^\s*[{[]/.test(text) ? '' : text.replace(/<[^>]*>/g, ' ')
  return endpoint.plain(said.trim()).slice(0, 300)
}

/** What is not found: the block, the blobs of a block that is there, or the endpoint itself. */
type Missing = 'block' | 'blobs' | 'custody' | 'pruned' | 'endpoint'

const custody = /custod|data column|columns to reconstruct|supernode/i
const pruned = /prun|retention|expired|too old|no longer available|data availability window|min_epochs/i

/** What a 404 is about, by the words of Prysm, Lighthouse, Teku, Nimbus, Lodestar and of web servers; `undefined` where it only says so. */
function meaningOf404(said: string): Missing | undefined {
  if (custody.test(said)) return 'custody'
  if (pruned.test(said)) return 'pruned'
  if (/page not found|cannot get|no such route|route .*not found|unknown (path|route|endpoint)/i.test(said))
    return 'endpoint'
  if (/blobs?( sidecars?)? (are |is )?not (found|available)|no (blobs?|columns?)\b|blobs? .*not found/i.test(said))
    return 'blobs'
  if (
    /(block|slot|header|state|root).*(not (been )?found|missing|unknown)|(not.found:|missing|unknown|no) .*(block|slot|root)/i.test(
      said,
    )
  )
    return 'block'
  return undefined
}

function notFound(missing: Missing, message: string, origin: string, blockId: string): BlobError {
  const details = { origin, blockId, status: 404, message }
  const said = message === '' ? 'status 404' : message
  switch (missing) {
    case 'custody':
    case 'pruned':
      return refusal(404, message, origin, blockId)
    case 'block':
      return new BlobError(`${origin} has no block ${blockId}: ${said}`, {
        code: 'BLOCK_MISSED',
        recovery: 'reset',
        details,
      })
    case 'blobs':
      return new BlobError(`${origin} has the block ${blockId} and not its blobs: ${said}`, {
        code: 'BLOBS_PRUNED',
        details,
        meta: ['try: another node, an archive of blobs'],
      })
    case 'endpoint':
      return new BlobError(`${origin} has no endpoint for blobs: ${said}`, {
        code: 'BLOBS_NOT_OFFERED',
        details,
        meta: ['try: the address of a beacon node that is new enough for /eth/v1/beacon/blobs'],
      })
  }
}

/** What a status other than 200 means for the reader. */
function refusal(status: number, message: string, origin: string, blockId: string): BlobError {
  const details = { origin, blockId, status, message }
  const said = message === '' ? `status ${status}` : message
  if (custody.test(message)) {
    return new BlobError(`${origin} keeps too few columns to rebuild the blobs of block ${blockId}: ${said}`, {
      code: 'BLOBS_NOT_CUSTODIED',
      details,
      meta: ['try: another node, one that keeps all columns (supernode)'],
    })
  }
  if (pruned.test(message)) {
    return new BlobError(`${origin} has dropped the blobs of block ${blockId}: ${said}`, {
      code: 'BLOBS_PRUNED',
      details,
      meta: ['try: an archive of blobs'],
    })
  }
  if (status === 429 || status >= 500) {
    return new BlobError(`${origin} cannot answer now: ${said}`, {
      code: 'NODE_UNAVAILABLE',
      recovery: 'retry',
      details,
    })
  }
  return new BlobError(`${origin} refused the request for block ${blockId}: ${said}`, { code: 'RPC_RESPONSE', details })
}

function notBlobs(origin: string, reason: string): BlobError {
  return new BlobError(`${origin}: the answer is no list of blobs: ${reason}`, {
    code: 'RPC_RESPONSE',
    details: { origin, reason },
  })
}

function fromOctets(body: Uint8Array, origin: string): Uint8Array[] {
  if (body.length % bytesPerBlob !== 0) throw notBlobs(origin, `${body.length} bytes`)
  return Array.from({ length: body.length / bytesPerBlob }, (_, i) =>
    body.slice(i * bytesPerBlob, (i + 1) * bytesPerBlob),
  )
}

function fromJson(body: Uint8Array, origin: string): Uint8Array[] {
  const data = (parseJson(body) as { data?: unknown } | undefined)?.data
  if (!Array.isArray(data)) throw notBlobs(origin, 'no "data" array')
  return data.map((hex, i) => {
    const blob = typeof hex === 'string' && hex.length === 2 + 2 * bytesPerBlob ? hexToBytes(hex) : undefined
    if (blob === undefined) throw notBlobs(origin, `data[${i}] is not a blob in hex`)
    return blob
  })
}
