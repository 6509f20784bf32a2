import { L2Error } from '@l2/common'

/** Every code a {@link SettlementError} can carry. */
export type SettlementErrorCode =
  /** The package with the contracts is not installed, is of another version, or has no contract of that name. */
  | 'ARTIFACT_MISSING'
  /** Options of a function are not what it takes; `metaMessages` has each. */
  | 'SETTLEMENT_OPTIONS_INVALID'
  /** L1 did not take a transaction, or executed it and reverted; the message names it. */
  | 'TRANSACTION_FAILED'
  /** L1 has not mined in time what was sent. */
  | 'TRANSACTION_NOT_MINED'
  /** Somebody deposited before the chain's first block: nobody would ever be credited. */
  | 'DEPOSIT_BEFORE_GENESIS'
  /** The contracts were told the genesis of another chain. */
  | 'ANCHOR_DIFFERS'
  /** A genesis has what it must not have, or lacks what it needs; `metaMessages` has each. */
  | 'ALLOCATION_REFUSED'
  /** No execution engine is installed. */
  | 'ENGINE_MISSING'

/** What this package throws. Recognise it by `isL2Error(error, code)`. */
export class SettlementError extends L2Error<SettlementErrorCode> {}
