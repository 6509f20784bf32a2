import { type Clock, hexToBytes, isL2Error, systemClock } from '@l2/common'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import type { Hex } from 'viem'
import { bytesPerBlob, bytesPerPoint, cellsPerExtBlob } from '../constants.js'
import { BlobError } from '../errors.js'
import { readEndpoint } from '../internal/endpoint.js'
import { redactedCause } from '../internal/rpc.js'
import type { WrapperVersion } from '../sidecar/sidecar.js'

/** @see createEngineBlobs */
export type EngineBlobsOptions = {
  /** The authenticated endpoint of the execution node, usually port 8551. */
  url: string
  /** The 32 bytes that both sides share. Never shown in errors. */
  jwtSecret: Uint8Array
  /** Per request. Default 10 000. */
  timeoutMs?: number | undefined
  fetch?: typeof fetch | undefined
}

/** A blob of the node's pool with its proofs: one in version 0, 128 in version 1. Not verified. */
export type PooledBlob = {
  readonly version: WrapperVersion
  readonly blob: Uint8Array
  readonly proofs: readonly Uint8Array[]
}

/** The blob pool of an execution node. Only what waits there or was mined lately: not a way to read old blobs. */
export interface EngineBlobs {
  /**
   * `engine_getBlobsV1`, until Prague: `undefined` where the pool lacks a blob.
   *
   * @throws BlobError `OPTION` above 128 hashes, `RPC_RESPONSE`, `NODE_UNAVAILABLE`
   */
  getBlobsV1(
    hashes: readonly Hex[],
    options?: { signal?: AbortSignal | undefined },
  ): Promise<(PooledBlob | undefined)[]>
  /**
   * `engine_getBlobsV2`, from Osaka: all blobs, or `undefined` when the pool lacks one of them.
   *
   * @throws BlobError as `getBlobsV1`
   */
  getBlobsV2(hashes: readonly Hex[], options?: { signal?: AbortSignal | undefined }): Promise<PooledBlob[] | undefined>
}

const maxHashes = 128
const answerOverhead = 65_536

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replace(/\+/g, '-')
    .replace(/\//g, '_')
    .replace(/=+$/, '')
}

/** A token as the Engine API wants it: HS256 over the time of issue alone. */
function token(secret: Uint8Array, seconds: number): string {
  const encode = (value: object): string => base64url(new TextEncoder().encode(JSON.stringify(value)))
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ iat: seconds })}`
  return `${signed}.${base64url(hmac(sha256, secret, new TextEncoder().encode(signed)))}`
}

/**
 * Reads blobs from the pool of one's own execution node through the Engine API.
 *
 * Source: execution-apis, Cancun and Osaka.
 *
 * @throws BlobError `OPTION` for a secret that is not 32 bytes, or an URL that is none
 */
export function createEngineBlobs(options: EngineBlobsOptions, clock: Clock = systemClock): EngineBlobs {
  const { jwtSecret, timeoutMs = 10_000 } = options
  const request = options.fetch ?? fetch
  const endpoint = readEndpoint(options.url)
  const { origin } = endpoint
  if (!(jwtSecret instanceof Uint8Array) || jwtSecret.length !== 32) {
    throw new BlobError('"jwtSecret" expected 32 bytes', { code: 'OPTION' })
  }

  async function call(method: string, hashes: readonly Hex[], signal: AbortSignal | undefined): Promise<unknown> {
    if (hashes.length > maxHashes) {
      throw new BlobError(`${method}: expected at most ${maxHashes} hashes, got ${hashes.length}`, {
        code: 'OPTION',
        details: { hashes: hashes.length },
      })
    }
    const timeout = AbortSignal.timeout(timeoutMs)
    let status: number
    let body: { result?: unknown; error?: { code?: unknown; message?: unknown } } | undefined
    try {
      const response = await request(endpoint.at(''), {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${token(jwtSecret, Math.floor(clock.now() / 1000))}`,
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: [hashes] }),
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      })
      status = response.status
      body = (await readJson(response, hashes.length)) as typeof body
    } catch (cause) {
      signal?.throwIfAborted()
      if (isL2Error(cause)) throw cause
      const reason = endpoint.plain(cause instanceof Error ? cause.message : String(cause))
      throw new BlobError(`${origin}: ${method} failed: ${reason}`, {
        code: 'NODE_UNAVAILABLE',
        recovery: 'retry',
        details: { origin, method, reason },
        cause: redactedCause(cause),
      })
    }
    if (status !== 200 || body?.error !== undefined || body?.result === undefined) {
      const reason = endpoint.plain(String(body?.error?.message ?? `status ${status}`)).slice(0, 300)
      throw new BlobError(`${origin}: ${method} was refused: ${reason}`, {
        code: 'RPC_RESPONSE',
        details: { origin, method, status, rpcCode: body?.error?.code, reason },
      })
    }
    return body.result
  }

  async function readJson(response: Response, hashes: number): Promise<unknown> {
    const limit = hashes * 2 * (bytesPerBlob + cellsPerExtBlob * (bytesPerPoint + 4)) + answerOverhead
    const parts: Uint8Array[] = []
    let length = 0
    const reader = response.body?.getReader()
    for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
      length += (next.value as Uint8Array).length
      if (length > limit) {
        await reader?.cancel()
        throw new BlobError(`${origin}: the answer has more than ${limit} bytes`, {
          code: 'RPC_RESPONSE',
          details: { origin, limit },
        })
      }
      parts.push(next.value as Uint8Array)
    }
    const decoder = new TextDecoder()
    const text = parts.map(part => decoder.decode(part, { stream: true })).join('') + decoder.decode()
    try {
      return JSON.parse(text)
    } catch {
      return undefined
    }
  }

  function pooled(version: WrapperVersion, item: unknown, index: number): PooledBlob {
    const { blob, proof, proofs } = (item ?? {}) as Record<string, unknown>
    const wanted = version === 0 ? [proof] : Array.isArray(proofs) ? proofs : []
    const raw = bytes(blob, bytesPerBlob)
    const points = wanted.map(point => bytes(point, bytesPerPoint))
    if (raw === undefined || points.includes(undefined) || points.length !== (version === 0 ? 1 : cellsPerExtBlob)) {
      throw new BlobError(`${origin}: answer ${index} is no blob with its proofs`, {
        code: 'RPC_RESPONSE',
        details: { origin, index },
      })
    }
    return { version, blob: raw, proofs: points as Uint8Array[] }
  }

  function list(result: unknown, hashes: readonly Hex[]): unknown[] {
    if (Array.isArray(result) && result.length === hashes.length) return result
    throw new BlobError(`${origin}: expected ${hashes.length} answers`, { code: 'RPC_RESPONSE', details: { origin } })
  }

  return {
    async getBlobsV1(hashes, { signal } = {}) {
      const result = list(await call('engine_getBlobsV1', hashes, signal), hashes)
      return result.map((item, i) => (item === null ? undefined : pooled(0, item, i)))
    },
    async getBlobsV2(hashes, { signal } = {}) {
      const result = await call('engine_getBlobsV2', hashes, signal)
      return result === null ? undefined : list(result, hashes).map((item, i) => pooled(1, item, i))
    },
  }
}

function bytes(hex: unknown, length: number): Uint8Array | undefined {
  return typeof hex === 'string' && hex.length === 2 + 2 * length ? hexToBytes(hex) : undefined
}
