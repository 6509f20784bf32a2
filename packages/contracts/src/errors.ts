import { L2Error } from '@l2/common'

/** Every code a {@link ContractsError} can carry. */
export type ContractsErrorCode =
  /** A value is given for an immutable that the contract does not have, or one that it has is missing. */
  | 'IMMUTABLES_MISMATCH'
  /** A value does not fit into its word of 32 bytes. */
  | 'IMMUTABLE_OUT_OF_RANGE'
  /** The code is not the one that the offsets were made for. */
  | 'CODE_MISMATCH'
  /** The engine takes no state overrides in `eth_call`, without which a way out cannot be tried. */
  | 'OVERRIDES_REFUSED'

/** The error of `@l2/contracts`: stable `code`, `recovery`, machine-readable `details`. */
export class ContractsError extends L2Error<ContractsErrorCode> {
  override name = 'ContractsError'
}
