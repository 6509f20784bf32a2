import { hexToBytes, redactUrls } from '@l2/common'
import type { Hex } from 'viem'
import { bytesPerBlob } from '../constants.js'
import { BlobError } from '../errors.js'
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
  /** Origin and path prefix of the beacon API, as `https://beacon.example/key`. */
  url: string
  /**
   * What stands for the block in the request. `slot` (default) is computed from the block's timestamp; anvil takes the execution
   * block's number; a function may return a root from elsewhere.
   */
  blockId?: 'slot' | 'blockNumber' | 'blockHash' | ((block: BlobBlock) => string | Promise<string>) | undefined
  /** How hashes are asked for: repeated keys (default, the standard), one comma list, or not at all. */
  filterStyle?: 'repeat' | 'csv' | 'none' | undefined
  /** Unix seconds of slot 0; default: asked of the node once. */
  genesisTime?: number | undefined
  /** Default: asked of the node once; 12 where it does not say. */
  secondsPerSlot?: number | undefined
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
   * @throws BlobError `BLOCK_MISSED`, `BLOBS_NOT_CUSTODIED`, `BLOBS_PRUNED`, `RPC_RESPONSE`, `NODE_UNAVAILABLE`
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
  const { base, authorization } = splitCredentials(options.url)
  const origin = redactUrls(base)
  // A comma list can outgrow what a proxy takes as a URL; beyond this the answer is filtered here.
  const maxFilteredHashes = 32

  async function get(path: string, accept: string, signal: AbortSignal | undefined): Promise<Response> {
    const timeout = AbortSignal.timeout(timeoutMs)
    try {
      return await request(base + path, {
        headers: { ...authorization, ...options.headers, accept },
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      })
    } catch (cause) {
      signal?.throwIfAborted()
      throw unavailable(origin, path, describe(cause), cause)
    }
  }

  async function json(path: string, signal: AbortSignal | undefined): Promise<Record<string, unknown> | undefined> {
    const response = await get(path, 'application/json', signal)
    const body = await readBody(response, 1 << 20, origin, path)
    if (!response.ok) return undefined
    const data = (parseJson(body) as { data?: unknown } | undefined)?.data
    return typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : undefined
  }

  let clock: Promise<{ genesisTime: number; secondsPerSlot: number }> | undefined
  async function slotClock(signal: AbortSignal | undefined): Promise<{ genesisTime: number; secondsPerSlot: number }> {
    const genesisTime = options.genesisTime ?? Number((await json('/eth/v1/beacon/genesis', signal))?.['genesis_time'])
    const secondsPerSlot =
      options.secondsPerSlot ?? Number((await json('/eth/v1/config/spec', signal))?.['SECONDS_PER_SLOT'] ?? 12)
    if (!Number.isSafeInteger(genesisTime) || !(secondsPerSlot > 0)) {
      throw new BlobError(`${origin}: genesis time and slot length are not known`, {
        code: 'RPC_RESPONSE',
        details: { origin },
        meta: ['try: the options genesisTime and secondsPerSlot'],
      })
    }
    return { genesisTime, secondsPerSlot }
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
      const { genesisTime, secondsPerSlot } = await clock
      return String((timestamp - BigInt(genesisTime)) / BigInt(secondsPerSlot))
    },

    async fetchBlobs(id, versionedHashes, { signal } = {}) {
      const hashes = versionedHashes !== undefined && versionedHashes.length <= maxFilteredHashes ? versionedHashes : []
      const query =
        hashes.length === 0 || filterStyle === 'none'
          ? ''
          : filterStyle === 'csv'
            ? `?versioned_hashes=${hashes.join(',')}`
            : `?${hashes.map(hash => `versioned_hashes=${hash}`).join('&')}`
      const path = `/eth/v1/beacon/blobs/${encodeURIComponent(id)}`
      const response = await get(path + query, 'application/octet-stream, application/json;q=0.9', signal)
      const isJson = !(response.headers.get('content-type') ?? '').includes('application/octet-stream')
      // Hex doubles the bytes; 1 KiB a blob and 64 KiB are for what stands around it.
      const limit = maxBlobs * (isJson ? 2 * bytesPerBlob + 1024 : bytesPerBlob) + 65_536
      const body = await readBody(response, limit, origin, path, signal)
      if (!response.ok) throw refusal(response.status, body, origin, id)
      return isJson ? fromJson(body, origin) : fromOctets(body, origin)
    },
  }
}

/** `fetch` takes no credentials in a URL; providers hand them out so. */
function splitCredentials(url: string): { base: string; authorization: Record<string, string> } {
  try {
    const { protocol, host, pathname, username, password } = new URL(url)
    const credentials = btoa(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`)
    return {
      base: `${protocol}//${host}${pathname.replace(/\/+$/, '')}`,
      authorization: username === '' ? {} : { authorization: `Basic ${credentials}` },
    }
  } catch {
    throw new BlobError('"url" expected an absolute URL', { code: 'OPTION', details: { url: redactUrls(url) } })
  }
}

function describe(cause: unknown): string {
  const { message, cause: inner } = (cause ?? {}) as { message?: string; cause?: { code?: string; message?: string } }
  return redactUrls([message, inner?.code ?? inner?.message].filter(Boolean).join(': ') || String(cause)).slice(0, 300)
}

function unavailable(origin: string, path: string, reason: string, cause: unknown): BlobError {
  return new BlobError(`${origin}: ${path} failed: ${reason}`, {
    code: 'NODE_UNAVAILABLE',
    recovery: 'retry',
    details: { origin, path, reason },
    cause: redactedCause(cause),
  })
}

/** Reads an answer of at most `limit` bytes; a longer one is cut off, not stored. */
async function readBody(
  response: Response,
  limit: number,
  origin: string,
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
        throw new BlobError(`${origin}: ${path} answered more than ${limit} bytes`, {
          code: 'RPC_RESPONSE',
          details: { origin, path, limit },
        })
      }
      parts.push(part)
    }
  } catch (cause) {
    if (cause instanceof BlobError) throw cause
    signal?.throwIfAborted()
    throw unavailable(origin, path, describe(cause), cause)
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

/** What a status other than 200 means for the reader. */
function refusal(status: number, body: Uint8Array, origin: string, blockId: string): BlobError {
  const raw = (parseJson(body) as { message?: unknown } | undefined)?.message
  const message = typeof raw === 'string' ? redactUrls(raw).slice(0, 300) : ''
  const details = { origin, blockId, status, message }
  const said = message === '' ? `status ${status}` : message
  if (/custod|data column|columns to reconstruct|supernode/i.test(message)) {
    return new BlobError(`${origin} keeps too few columns to rebuild the blobs of block ${blockId}: ${said}`, {
      code: 'BLOBS_NOT_CUSTODIED',
      details,
      meta: ['try: another node, one that keeps all columns (supernode)'],
    })
  }
  if (/prun|retention|expired|too old|no longer available|data availability window|min_epochs/i.test(message)) {
    return new BlobError(`${origin} has dropped the blobs of block ${blockId}: ${said}`, {
      code: 'BLOBS_PRUNED',
      details,
      meta: ['try: an archive of blobs'],
    })
  }
  if (status === 404) {
    return new BlobError(`${origin} has no block ${blockId}: ${said}`, {
      code: 'BLOCK_MISSED',
      recovery: 'reset',
      details,
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
