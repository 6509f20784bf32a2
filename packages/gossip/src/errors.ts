import { L2Error, type L2ErrorOptions } from '@l2/common'

/** Every code a {@link GossipError} can carry. */
export type GossipErrorCode =
  /** Options, members or limits that cannot work; the message names the field. */
  | 'CONFIG_INVALID'
  /** A block or transaction that no message can hold. */
  | 'MESSAGE_INVALID'
  /** Nobody who is connected has what was asked for, or answered in time. */
  | 'PEER_UNAVAILABLE'
  /** Used after it was closed. */
  | 'CLOSED'
  /** A conformance suite found a broken promise. */
  | 'CONFORMANCE_FAILED'

/** What this package throws. Recognised by `isL2Error(error, code)`. */
export class GossipError extends L2Error<GossipErrorCode> {}

export function refuse(
  code: GossipErrorCode,
  message: string,
  options: Omit<L2ErrorOptions<GossipErrorCode>, 'code'> = {},
): never {
  throw new GossipError(message, { code, ...options })
}
