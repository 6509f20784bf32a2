import { L2Error, type L2ErrorOptions } from '@l2/common'

/** Every code an {@link OperatorError} can carry. */
export type OperatorErrorCode =
  /** A home, genesis or configuration that cannot work; the message names the file and every field. */
  | 'HOME_INVALID'
  /** The genesis does not have this operator, or its keys are those of another. */
  | 'NOT_AN_OPERATOR'
  /** Used after it was closed. */
  | 'CLOSED'

/** What this package throws. Recognised by `isL2Error(error, code)`. */
export class OperatorError extends L2Error<OperatorErrorCode> {}

export function refuse(
  code: OperatorErrorCode,
  message: string,
  options: Omit<L2ErrorOptions<OperatorErrorCode>, 'code'> = {},
): never {
  throw new OperatorError(message, { code, ...options })
}
