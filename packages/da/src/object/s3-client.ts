import { awake, bytesToHex, type Clock, isL2Error, redactUrls, systemClock } from '@l2/common'
import { AwsV4Signer } from 'aws4fetch'
import { withDeadline } from '../internal/call.js'
import { exchange, type HttpAnswer } from '../internal/http.js'
import { s3Error } from './s3-errors.js'

/** Keys of an S3 account; none of them is repeated anywhere. */
export type S3Credentials = {
  accessKeyId: string
  secretAccessKey: string
  /** Of temporary credentials. */
  sessionToken?: string | undefined
}

/** What `createS3Store` works with. */
export type S3StoreDeps = {
  /** Asked before every request, so that temporary keys can be renewed. Without it requests are not signed: public buckets can be read. */
  credentials?: (() => S3Credentials | Promise<S3Credentials>) | undefined
  fetch?: typeof fetch | undefined
  clock?: Clock | undefined
  /** From 0 up to 1; spreads attempts of many clients. */
  random?: (() => number) | undefined
}

/** Where a bucket is: what of its address names it, and what stands before every key. */
type Bucket = { url: string; isPathStyle: boolean; prefix: string }

/** Reads the address of a bucket, as `S3StoreOptions` explains it. */
function bucketOf({ url, bucketIn }: { url: string; bucketIn?: 'host' | 'path' | undefined }): Bucket {
  const base = url.replace(/\/+$/, '')
  const [host] = /^https?:\/\/[^/]+/.exec(base)!
  const [withSegment] = /^https?:\/\/[^/]+(\/[^/]+)?/.exec(base)!
  const isAmazonBucket = /^https?:\/\/[^/]+\.s3[.-][a-z0-9.-]*amazonaws\.com(\.cn)?(:\d+)?(\/|$)/i.test(base)
  // What follows the bucket is a prefix of the keys.
  const isPathStyle = (bucketIn ?? (isAmazonBucket ? 'host' : 'path')) === 'path' && withSegment !== host
  const bucketUrl = isPathStyle ? withSegment : host
  const folder = base.slice(bucketUrl.length).replace(/^\//, '')
  return { url: bucketUrl, isPathStyle, prefix: folder === '' ? '' : `${folder}/` }
}

/** A request of the S3 API. */
type S3Request = {
  method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  key: string
  query?: Readonly<Record<string, string>>
  body?: Uint8Array
  /** Longest answer; what is no object is short. */
  maxBytes?: number
  /** For messages: "the server does not …". */
  what: string
}

/** Speaks S3 with one bucket. */
export type S3Client = {
  /** The address for messages, without what is secret in it. */
  origin: string
  /** What stands before every key of this store. */
  prefix: string
  /** One request, signed. */
  once(request: S3Request): Promise<HttpAnswer>
  /** The same, again while it fails for a reason that may pass. */
  ask(request: S3Request): Promise<HttpAnswer>
}

/** What of `S3StoreOptions` requests need. */
type S3ClientSettings = {
  url: string
  bucketIn?: 'host' | 'path' | undefined
  region: string
  attempts: number
  backoffMs: number
  timeoutMs: number
}

/** Makes the {@link S3Client} of a bucket; nothing is sent before the first request. */
export function createS3Client(settings: S3ClientSettings, deps: S3StoreDeps): S3Client {
  const clock = deps.clock ?? systemClock
  const random = deps.random ?? Math.random
  const origin = redactUrls(settings.url.replace(/\/+$/, ''))
  const bucket = bucketOf(settings)
  // One entry a day and account.
  let signingKeys = new Map<string, ArrayBuffer>()

  const urlOf = ({ key, query }: S3Request): string => {
    const path = key === '' ? (bucket.isPathStyle ? '' : '/') : `/${key}`
    const asked = new URLSearchParams(query).toString()
    return bucket.url + path + (asked === '' ? '' : `?${asked}`)
  }

  async function signed(
    request: S3Request,
    url: string,
  ): Promise<{ headers: Record<string, string>; secrets: string[] }> {
    const credentials = await deps.credentials?.()
    if (credentials === undefined) return { headers: {}, secrets: [] }
    const { accessKeyId, secretAccessKey, sessionToken } = credentials
    const body = new Uint8Array(request.body ?? [])
    const bodyHash = bytesToHex(new Uint8Array(await crypto.subtle.digest('SHA-256', body))).slice(2)
    if (signingKeys.size > 16) signingKeys = new Map()
    const signer = new AwsV4Signer({
      method: request.method,
      url,
      headers: { 'x-amz-content-sha256': bodyHash },
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
      service: 's3',
      region: settings.region,
      cache: signingKeys,
      datetime: new Date(clock.now()).toISOString().replace(/[:-]|\.\d{3}/g, ''),
    })
    const { headers } = await signer.sign()
    return { headers: Object.fromEntries(headers), secrets: [accessKeyId, secretAccessKey, sessionToken ?? ''] }
  }

  async function once(request: S3Request): Promise<HttpAnswer> {
    const url = urlOf(request)
    const { headers, secrets } = await signed(request, url)
    const answer = await withDeadline(`S3 ${request.method}`, undefined, settings.timeoutMs, signal =>
      exchange({
        url,
        method: request.method,
        headers,
        body: request.body,
        signal,
        maxBytes: request.maxBytes ?? 1024 * 1024,
        secrets,
        fetch: deps.fetch,
        redirect: 'manual',
      }),
    )
    // A completed upload can fail after its 200 has been sent: then the body says so.
    const text = request.method === 'POST' ? new TextDecoder().decode(answer.body) : ''
    const isFailure = answer.status >= 300 || /<Error[\s>]/.test(text)
    if (!isFailure) return answer
    const status = answer.status >= 300 ? answer.status : 500
    const { error, again } = s3Error(request.what, origin, { ...answer, status }, secrets)
    throw Object.assign(error, { again })
  }

  async function ask(request: S3Request): Promise<HttpAnswer> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await once(request)
      } catch (error) {
        const { again = isL2Error(error, 'DA_UNAVAILABLE') || isL2Error(error, 'DA_TIMEOUT'), details } = error as {
          again?: boolean
          details?: { retryAfterMs?: number }
        }
        if (!again || attempt >= settings.attempts) throw error
        const backoffMs = settings.backoffMs * 2 ** (attempt - 1)
        const waitMs = details?.retryAfterMs ?? backoffMs / 2 + (random() * backoffMs) / 2
        // A server may ask for hours; who calls decides about them.
        if (waitMs > settings.timeoutMs) throw error
        await awake(clock.sleep(waitMs))
      }
    }
  }

  return { origin, prefix: bucket.prefix, once, ask }
}
