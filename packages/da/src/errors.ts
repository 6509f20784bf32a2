import { isL2Error, L2Error, type L2ErrorOptions, type Recovery } from '@l2/common'

/** Every code a {@link DaError} can carry. */
export type DaErrorCode =
  /** An option has a value that nothing can work with. */
  | 'DA_OPTIONS_INVALID'
  /** A submission without items, or with an empty item. */
  | 'DA_EMPTY'
  /** An item, or the number of items, is beyond the layer's limit: ask `limits()` again and cut smaller. */
  | 'DA_TOO_LARGE'
  /** The adapter was built without what submitting needs. */
  | 'DA_READ_ONLY'
  /** The bytes or the string are no commitment, or none of this adapter's. */
  | 'DA_COMMITMENT_INVALID'
  /** The layer declared this commitment invalid for ever: derivation drops it. */
  | 'DA_COMMITMENT_DEAD'
  /** The layer returned bytes that do not match the commitment: it lies, or is broken. */
  | 'DA_MISMATCH'
  /** A proof does not prove what it should. */
  | 'DA_PROOF_INVALID'
  /** Nobody on this side can check this commitment against data. */
  | 'DA_UNVERIFIABLE'
  /** The layer does not know the data. */
  | 'DA_NOT_FOUND'
  /** The layer has not got that far yet. */
  | 'DA_NOT_YET'
  /** The data is past the layer's retention. */
  | 'DA_EXPIRED'
  /** The node asked keeps too few columns to serve blobs: ask another. */
  | 'DA_NOT_CUSTODIED'
  /** The layer or its node is down or unreachable. */
  | 'DA_UNAVAILABLE'
  /** The node asks to be asked less often. */
  | 'DA_RATE_LIMITED'
  /** The node refuses the credentials or the permission. */
  | 'DA_UNAUTHORIZED'
  /** The node answered something that its API does not allow. */
  | 'DA_RESPONSE_INVALID'
  /** Nothing came within the time allowed. */
  | 'DA_TIMEOUT'
  /** The submission may or may not have got through: `resume(key)` finds out. */
  | 'DA_OUTCOME_UNKNOWN'
  /** The price offered is below what the layer wants. */
  | 'DA_UNDERPRICED'
  /** The price is above the caller's limit. */
  | 'DA_FEE_TOO_HIGH'
  /** The account cannot pay. */
  | 'DA_INSUFFICIENT_FUNDS'
  /** A transaction that is not ours took the nonce or sequence number. */
  | 'DA_NONCE_CONFLICT'
  /** The layer refuses the submission for good. */
  | 'DA_REJECTED'
  /** The submission was replaced by a cancellation. */
  | 'DA_CANCELLED'
  /** The idempotency key was used for other data. */
  | 'DA_KEY_REUSED'
  /** Stored state does not pass its checksum or shape. */
  | 'DA_STORE_CORRUPT'
  /** Every layer of a router failed; `details.layers` says how. */
  | 'DA_ALL_FAILED'
  /** The adapter was closed. */
  | 'DA_CLOSED'
  /** An adapter does not do what the port asks; only the conformance suite throws it. */
  | 'DA_CONFORMANCE'

/**
 * What to do about a failed call: try again at once, try again later, use another layer or node, or stop.
 */
export type RetryClass = 'retry' | 'backoff' | 'failover' | 'fatal'

const classes: Record<DaErrorCode, RetryClass> = {
  DA_OPTIONS_INVALID: 'fatal',
  DA_EMPTY: 'fatal',
  DA_TOO_LARGE: 'fatal',
  DA_READ_ONLY: 'fatal',
  DA_COMMITMENT_INVALID: 'fatal',
  DA_COMMITMENT_DEAD: 'fatal',
  DA_MISMATCH: 'failover',
  DA_PROOF_INVALID: 'failover',
  DA_UNVERIFIABLE: 'fatal',
  DA_NOT_FOUND: 'backoff',
  DA_NOT_YET: 'backoff',
  DA_EXPIRED: 'failover',
  DA_NOT_CUSTODIED: 'failover',
  DA_UNAVAILABLE: 'failover',
  DA_RATE_LIMITED: 'backoff',
  DA_UNAUTHORIZED: 'fatal',
  DA_RESPONSE_INVALID: 'failover',
  DA_TIMEOUT: 'failover',
  DA_OUTCOME_UNKNOWN: 'backoff',
  DA_UNDERPRICED: 'retry',
  DA_FEE_TOO_HIGH: 'failover',
  DA_INSUFFICIENT_FUNDS: 'failover',
  DA_NONCE_CONFLICT: 'retry',
  DA_REJECTED: 'fatal',
  DA_CANCELLED: 'fatal',
  DA_KEY_REUSED: 'fatal',
  DA_STORE_CORRUPT: 'fatal',
  DA_ALL_FAILED: 'backoff',
  DA_CLOSED: 'fatal',
  DA_CONFORMANCE: 'fatal',
}

const recoveries: Record<RetryClass, Recovery> = {
  retry: 'retry',
  backoff: 'retry',
  failover: 'retry',
  fatal: 'abort',
}

/**
 * The error of `@l2/da`: stable `code`, a `retry` class beside the kernel's `recovery`, machine-readable `details`.
 *
 * @example
 * ```ts
 * import { isL2Error, retryClassOf } from '@l2/da'
 * import { createMemoryDa } from '@l2/da/testing'
 *
 * const error = await createMemoryDa().submit([]).catch((failure: unknown) => failure)
 * console.log(isL2Error(error) && [error.code, retryClassOf(error)]) // [ 'DA_EMPTY', 'fatal' ]
 * ```
 */
export class DaError extends L2Error<DaErrorCode> {
  /** What a caller with several layers does about it; `failover` means that this layer or node will not do it soon. */
  readonly retry: RetryClass

  constructor(message: string, options: L2ErrorOptions<DaErrorCode> & { retry?: RetryClass | undefined }) {
    const retry = options.retry ?? classes[options.code]
    super(message, { recovery: recoveries[retry], ...options })
    this.name = 'DaError'
    this.retry = retry
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), retry: this.retry }
  }
}

/** Whether `error` comes from this package, whatever copy of it. */
export function isDaError(error: unknown): error is DaError {
  return isL2Error<DaErrorCode>(error) && 'retry' in error
}

/**
 * The retry class of anything thrown; what is not from this package counts as `fatal`.
 *
 * @example
 * ```ts
 * import { DaError, retryClassOf } from '@l2/da'
 *
 * console.log(retryClassOf(new DaError('down', { code: 'DA_UNAVAILABLE' }))) // failover
 * ```
 */
export function retryClassOf(error: unknown): RetryClass {
  return (error as { retry?: RetryClass } | undefined)?.retry ?? 'fatal'
}

/** Whether a failed submission with this code may have got through all the same. */
export function isUndecided(code: string): boolean {
  return code === 'DA_TIMEOUT' || code === 'DA_OUTCOME_UNKNOWN' || code === 'DA_CLOSED'
}
