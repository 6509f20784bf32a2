import { L2Error } from '@l2/common'

/** Every code a {@link SettlementError} can carry. */
export type SettlementErrorCode =
  /** The package with the contracts is not installed, is of another version, or has no contract of that name. */
  'ARTIFACT_MISSING'

/** What this package throws. Recognise it by `isL2Error(error, code)`. */
export class SettlementError extends L2Error<SettlementErrorCode> {}
