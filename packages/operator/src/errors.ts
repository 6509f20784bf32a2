import { L2Error, type L2ErrorOptions } from '@l2/common'

/** Every code an {@link OperatorError} can carry. */
export type OperatorErrorCode =
  /** A home, genesis or configuration that cannot work; the message names the file and every field. */
  | 'HOME_INVALID'
  /** The genesis does not have this operator, or its keys are those of another. */
  | 'NOT_AN_OPERATOR'
  /** A command line that cannot be: the command was not run. */
  | 'USAGE_INVALID'
  /** Options of a command or a part that cannot be. */
  | 'CONFIG_INVALID'
  /** What a command asked of L1 or of an operator was refused. */
  | 'COMMAND_FAILED'
  /** A keystore that is none, or whose key is none. */
  | 'KEYSTORE_INVALID'
  /** The password does not open the keystore. */
  | 'PASSWORD_WRONG'
  /** A key that did not sign, or not in time, or with another key: nothing was signed. Try again. */
  | 'SIGNER_FAILED'
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
