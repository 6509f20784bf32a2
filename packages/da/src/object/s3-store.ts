import { isL2Error } from '@l2/common'
import * as z from 'zod/mini'
import { DaError } from '../errors.js'
import { parseOptions } from '../internal/options.js'
import type { Store } from '../store.js'
import { createS3Client, type S3Client, type S3StoreDeps } from './s3-client.js'
import { xmlText, xmlTexts } from './s3-errors.js'

/** Plain settings of {@link createS3Store}. */
export type S3StoreOptions = {
  /**
   * The bucket, and a folder in it if wanted: `https://s3.example/bucket/rollup` (path style, what MinIO and SeaweedFS take) or
   * `https://bucket.s3.eu-central-1.amazonaws.com/rollup`.
   */
  url: string
  /**
   * Which part of the address names the bucket: the host, or the first segment of the path. By default the host where it is a bucket of Amazon's or
   * nothing follows it, else the path; for `https://bucket.s3.example/rollup` of another vendor say `host`.
   */
  bucketIn?: 'host' | 'path' | undefined
  /** What requests are signed for; `us-east-1`, which most servers that are not Amazon's take. */
  region?: string | undefined
  /** Bytes of the largest object written and read; 64 MiB. */
  maxBytes?: number | undefined
  /** Bytes of a part: what is larger than one is uploaded in several; 8 MiB, at least 5 MiB as S3 asks. */
  partBytes?: number | undefined
  /** Attempts of one request that fails for a reason that may pass; 4. */
  attempts?: number | undefined
  /** Milliseconds before the second attempt, doubled for each further one, half of them random; 200. */
  backoffMs?: number | undefined
  /** Milliseconds of one request; 60 000. */
  timeoutMs?: number | undefined
}

const positive = /* @__PURE__ */ (() => z.int().check(z.positive()))()
const schema = /* @__PURE__ */ (() =>
  z.strictObject({
    url: z
      .string()
      .check(
        z.regex(
          /^https?:\/\/[^/?#@\s]+(\/[A-Za-z0-9._~-]+)*\/?$/,
          'expected http(s)://host/bucket without query or credentials',
        ),
      ),
    bucketIn: z.optional(z.enum(['host', 'path'])),
    region: z._default(z.string().check(z.regex(/^[a-z0-9-]+$/)), 'us-east-1'),
    maxBytes: z._default(positive, 64 * 1024 * 1024),
    partBytes: z._default(z.int().check(z.minimum(5 * 1024 * 1024)), 8 * 1024 * 1024),
    attempts: z._default(positive, 4),
    backoffMs: z._default(positive, 200),
    timeoutMs: z._default(positive, 60_000),
  }))()

/** Parts of one object that are under way together. */
const partsAtATime = 3

/**
 * A {@link Store} in a bucket of any server that speaks S3. Every request is signed with the hash of its body, which the server checks, and is
 * repeated while it fails for reasons that may pass. Large objects go up in parts and appear only when they are whole. What a crash leaves of an
 * upload is invisible and costs space: give the bucket a rule that aborts incomplete uploads.
 *
 * @throws DaError `DA_OPTIONS_INVALID`; its calls `DA_UNAUTHORIZED`, `DA_REJECTED` (no such bucket), `DA_TOO_LARGE`, `DA_RATE_LIMITED`, `DA_UNAVAILABLE`
 * @example
 * ```ts no-run
 * import { createObjectDa, createS3Store } from '@l2/da/object'
 *
 * const credentials = () => ({
 *   accessKeyId: process.env['AWS_ACCESS_KEY_ID']!,
 *   secretAccessKey: process.env['AWS_SECRET_ACCESS_KEY']!,
 * })
 * const objects = createS3Store({ url: 'https://s3.example/batches' }, { credentials })
 * const da = createObjectDa({}, { objects })
 * const { commitments } = await da.submit([Uint8Array.of(0, 1)])
 * console.log(await da.get(commitments[0]!)) // Uint8Array(2) [ 0, 1 ]
 * ```
 */
export function createS3Store(options: S3StoreOptions, deps: S3StoreDeps = {}): Store {
  const settings = parseOptions('createS3Store', schema, options)
  const client = createS3Client(settings, deps)
  const { ask, prefix } = client

  const objectOf = (key: string): string => {
    if (!/^[a-z0-9._/-]{1,200}$/.test(key) || /(^|\/)\.{0,2}(\/|$)/.test(key)) {
      throw new DaError('a key of an S3 store has other characters than a-z 0-9 . _ / -, or an empty or dotted part', {
        code: 'DA_OPTIONS_INVALID',
        details: { key: key.slice(0, 64) },
      })
    }
    return prefix + key
  }

  return {
    async get(key) {
      const request = {
        method: 'GET',
        key: objectOf(key),
        maxBytes: settings.maxBytes,
        what: 'give an object',
      } as const
      try {
        return (await ask(request)).body
      } catch (error) {
        if (isL2Error(error, 'DA_NOT_FOUND')) return undefined
        throw error
      }
    },
    async put(key, value) {
      const object = objectOf(key)
      if (value.length > settings.maxBytes) {
        throw new DaError(`an object has ${value.length} bytes, the S3 store takes ${settings.maxBytes}`, {
          code: 'DA_TOO_LARGE',
          details: { bytes: value.length, maxBytes: settings.maxBytes },
        })
      }
      // What the caller does to its bytes afterwards is not written.
      const bytes = value.slice()
      if (bytes.length > settings.partBytes) return putInParts(client, object, bytes, settings.partBytes)
      await ask({ method: 'PUT', key: object, body: bytes, what: 'take an object' })
    },
    async delete(key) {
      await ask({ method: 'DELETE', key: objectOf(key), what: 'delete an object' }).catch(error => {
        if (!isL2Error(error, 'DA_NOT_FOUND')) throw error
      })
    },
    keys: wanted => listKeys(client, wanted),
  }
}

/** Uploads an object in parts: it appears only when it is whole. */
async function putInParts(client: S3Client, key: string, value: Uint8Array, partBytes: number): Promise<void> {
  const { ask, once, origin } = client
  const what = 'take an object in parts'
  const begun = await ask({ method: 'POST', key, query: { uploads: '' }, what })
  const uploadId = xmlText(new TextDecoder().decode(begun.body), 'UploadId')
  if (uploadId === undefined) {
    throw new DaError(`${origin} began an upload without naming it`, {
      code: 'DA_RESPONSE_INVALID',
      details: { origin },
    })
  }
  try {
    const tags: string[] = []
    const count = Math.ceil(value.length / partBytes)
    let next = 0
    const worker = async (): Promise<void> => {
      for (let index = next++; index < count; index = next++) {
        const body = value.subarray(index * partBytes, (index + 1) * partBytes)
        const query = { partNumber: String(index + 1), uploadId }
        const answer = await ask({ method: 'PUT', key, query, body, what })
        tags[index] = answer.headers.get('etag') ?? ''
      }
    }
    const outcomes = await Promise.allSettled(Array.from({ length: partsAtATime }, worker))
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
    const parts = tags.map(
      (tag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${escapeXml(tag)}</ETag></Part>`,
    )
    const body = new TextEncoder().encode(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`)
    await ask({ method: 'POST', key, query: { uploadId }, body, what })
  } catch (error) {
    // What stays of it is for the bucket's rule.
    await once({ method: 'DELETE', key, query: { uploadId }, what: 'drop an upload' }).catch(() => {})
    throw error
  }
}

/** The keys that begin with `wanted`, in order, however many answers they take. */
async function listKeys({ ask, origin, prefix }: S3Client, wanted: string): Promise<string[]> {
  const keys: string[] = []
  const seen = new Set<string>()
  let token: string | undefined
  do {
    const query = {
      'list-type': '2',
      prefix: prefix + wanted,
      ...(token === undefined ? {} : { 'continuation-token': token }),
    }
    const answer = await ask({ method: 'GET', key: '', query, what: 'list objects', maxBytes: 16 * 1024 * 1024 })
    const text = new TextDecoder().decode(answer.body)
    if (!text.includes('<ListBucketResult')) {
      throw new DaError(`${origin} answered a listing with something else`, {
        code: 'DA_RESPONSE_INVALID',
        details: { origin },
      })
    }
    for (const key of xmlTexts(text, 'Key')) if (key.startsWith(prefix)) keys.push(key.slice(prefix.length))
    const isTruncated = xmlText(text, 'IsTruncated') === 'true'
    const following = isTruncated ? xmlText(text, 'NextContinuationToken') : undefined
    // Half a listing must not pass for a whole one, and a server that repeats itself would be listed for ever.
    if (isTruncated && (following === undefined || seen.has(following))) {
      throw new DaError(`${origin} breaks a listing off without saying how it goes on`, {
        code: 'DA_RESPONSE_INVALID',
        details: { origin },
      })
    }
    if (following !== undefined) seen.add(following)
    token = following
  } while (token !== undefined)
  return [...new Set(keys)].sort()
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
