import { L2Error, type L2ErrorOptions } from '@l2/common'

/** Every code a {@link ControlChainError} can carry. */
export type ControlChainErrorCode =
  /** Parameters, members or weights that cannot work; the message names the field. */
  | 'CONFIG_INVALID'
  /** A control block that does not follow the state's height. */
  | 'HEIGHT_INVALID'
  /** A list, vote or piece of evidence that its codec cannot hold. */
  | 'ENCODING_INVALID'
  /** Bytes that are no state of this version. */
  | 'SNAPSHOT_INVALID'
  /** A transaction that no honest operator takes, or that the state has already. */
  | 'TRANSACTION_REFUSED'
  /** The control chain does not answer at present (retry). */
  | 'CHAIN_UNAVAILABLE'
  /** There is no program of the consensus engine; the message says how to get it. */
  | 'ENGINE_MISSING'
  /** The consensus engine ended again and again, or does not start; the message has its last words. */
  | 'ENGINE_ENDED'
  /** A key that did not sign, or something that its signer must not sign. */
  | 'SIGNER_FAILED'
  /** A conformance suite found a broken promise. */
  | 'CONFORMANCE_FAILED'
  /** The consensus engine sends what it must not: the exception stops it. */
  | 'ENGINE_FAULT'
  /** L1 does not answer at present (retry). */
  | 'L1_UNAVAILABLE'
  /** L1 took back what was read of it (reset): read again from an older block. */
  | 'L1_REORGED'

/** What this package throws. Recognised by `isL2Error(error, code)`. */
export class ControlChainError extends L2Error<ControlChainErrorCode> {}

export function refuse(
  code: ControlChainErrorCode,
  message: string,
  details?: L2ErrorOptions<ControlChainErrorCode>['details'],
): never {
  const recovery = code === 'CHAIN_UNAVAILABLE' ? 'retry' : 'abort'
  throw new ControlChainError(message, { code, recovery, details })
}
