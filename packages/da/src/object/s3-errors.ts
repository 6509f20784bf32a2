import { DaError, type DaErrorCode, type RetryClass } from '../errors.js'
import { plainText } from '../internal/call.js'
import { answerText, type HttpAnswer, retryAfterMs } from '../internal/http.js'

/** What a refusal of an S3 server means: our code, whether asking again at once may help, and what to do about it where that is not obvious. */
export type S3Failure = { code: DaErrorCode; again: boolean; retry?: RetryClass; hint?: string }

/** By the `Code` of the answer. Source: Amazon S3 API reference, "Error responses", list of error codes; MinIO, Ceph and others use the same words. */
const byCode: Readonly<Record<string, S3Failure>> = {
  NoSuchKey: { code: 'DA_NOT_FOUND', again: false },
  // The short form of some servers.
  NotFound: { code: 'DA_NOT_FOUND', again: false },
  NoSuchBucket: { code: 'DA_REJECTED', again: false, hint: 'the bucket does not exist' },
  AccessDenied: {
    code: 'DA_UNAUTHORIZED',
    again: false,
    hint: 'without the right to list, absent objects look like this, too',
  },
  AccountProblem: { code: 'DA_UNAUTHORIZED', again: false },
  AllAccessDisabled: { code: 'DA_UNAUTHORIZED', again: false },
  ExpiredToken: { code: 'DA_UNAUTHORIZED', again: false },
  InvalidAccessKeyId: { code: 'DA_UNAUTHORIZED', again: false },
  // versitygw, with status 404.
  XAdminUserNotFound: { code: 'DA_UNAUTHORIZED', again: false },
  InvalidToken: { code: 'DA_UNAUTHORIZED', again: false },
  RequestTimeTooSkewed: { code: 'DA_UNAUTHORIZED', again: false, hint: 'the clocks differ by more than 15 minutes' },
  SignatureDoesNotMatch: { code: 'DA_UNAUTHORIZED', again: false },
  AuthorizationHeaderMalformed: { code: 'DA_UNAUTHORIZED', again: false, hint: 'is "region" the bucket’s?' },
  PermanentRedirect: { code: 'DA_REJECTED', again: false, hint: 'the bucket has another address: name its region' },
  TemporaryRedirect: { code: 'DA_UNAVAILABLE', again: true },
  EntityTooLarge: { code: 'DA_TOO_LARGE', again: false },
  InvalidObjectState: { code: 'DA_EXPIRED', again: false, hint: 'the object is in an archive class' },
  BadDigest: { code: 'DA_MISMATCH', again: true },
  InvalidDigest: { code: 'DA_MISMATCH', again: true },
  XAmzContentSHA256Mismatch: { code: 'DA_MISMATCH', again: true },
  IncompleteBody: { code: 'DA_UNAVAILABLE', again: true },
  RequestTimeout: { code: 'DA_UNAVAILABLE', again: true },
  InternalError: { code: 'DA_UNAVAILABLE', again: true },
  ServiceUnavailable: { code: 'DA_UNAVAILABLE', again: true },
  OperationAborted: { code: 'DA_UNAVAILABLE', again: true },
  ConditionalRequestConflict: { code: 'DA_UNAVAILABLE', again: true },
  SlowDown: { code: 'DA_RATE_LIMITED', again: true },
  ThrottlingException: { code: 'DA_RATE_LIMITED', again: true },
  RequestLimitExceeded: { code: 'DA_RATE_LIMITED', again: true },
  // Upload gone: completed by whoever had its answer lost, or removed by a rule of the bucket.
  NoSuchUpload: { code: 'DA_UNAVAILABLE', again: false },
  QuotaExceeded: { code: 'DA_UNAVAILABLE', again: false },
  // MinIO, and others that say when the disks are full.
  XMinioStorageFull: { code: 'DA_UNAVAILABLE', again: false, hint: 'the disks are full' },
}

/** By the status, where the code is none of the above or there is none. */
const byStatus: Readonly<Record<number, S3Failure>> = {
  301: byCode['PermanentRedirect']!,
  307: byCode['TemporaryRedirect']!,
  401: byCode['AccessDenied']!,
  403: byCode['AccessDenied']!,
  413: { code: 'DA_TOO_LARGE', again: false },
  429: { code: 'DA_RATE_LIMITED', again: true },
  507: { code: 'DA_UNAVAILABLE', again: false, hint: 'the disks are full' },
}

/** What an answer that is not a success means. What is unknown means later, not never. */
export function classifyS3Failure(status: number, code: string | undefined): S3Failure {
  const known = (code === undefined ? undefined : byCode[code]) ?? byStatus[status]
  if (known !== undefined) return known
  // That an object is not there is believed only from who says so: a bucket or a user that is not there is something else, and so is the page of
  // a proxy whose server is away.
  if (status === 404 && code === undefined) {
    return { code: 'DA_UNAVAILABLE', again: true, hint: 'is this the address of an S3 server?' }
  }
  if (status >= 500) return { code: 'DA_UNAVAILABLE', again: true }
  return { code: 'DA_RESPONSE_INVALID', again: false }
}

/** The text of the first element of a name; S3's answers are flat where this is used. */
export function xmlText(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1]
  return text && unescapeXml(text)
}

/** The texts of all elements of a name. */
export function xmlTexts(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map(match => unescapeXml(match[1]!))
}

function unescapeXml(text: string): string {
  const named: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(lt|gt|quot|apos|amp));/g, (whole, decimal, hex, name) => {
    if (name !== undefined) return named[name]!
    const point = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal)
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole
  })
}

/** An error out of an answer. */
export function s3Error(what: string, origin: string, answer: HttpAnswer, secrets: readonly string[]) {
  const said = answerText(answer, secrets)
  // Before the code can stand a message longer than what is repeated of it.
  const found = xmlText(new TextDecoder().decode(answer.body.subarray(0, 16_384)), 'Code')
  const s3Code = found && plainText(found, secrets).slice(0, 64)
  const { code, again, retry, hint } = classifyS3Failure(answer.status, s3Code)
  const text = (s3Code ?? said.slice(0, 100)) || `status ${answer.status}`
  const error = new DaError(`${origin} does not ${what}: ${text}${hint === undefined ? '' : ` (${hint})`}`, {
    code,
    retry,
    details: {
      origin,
      status: answer.status,
      s3Code,
      ...(code === 'DA_RATE_LIMITED' ? { retryAfterMs: retryAfterMs(answer.headers) } : {}),
    },
  })
  return { error, again }
}
