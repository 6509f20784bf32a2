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
  /** Predeploys of another level than the chain begins with, or something else than the frozen ones. */
  | 'LEVEL_INVALID'
  /** What is on L1 and in the L2's genesis is not what the chain may start with; `metaMessages` has each problem. */
  | 'SETTLEMENT_REFUSED'
  /** An address has no system configuration of a chain, or the contracts that it names do not belong together. */
  | 'SETTLEMENT_UNKNOWN'
  /** No execution engine is installed. */
  | 'ENGINE_MISSING'
  /** L1 cannot be reached. Try again. */
  | 'L1_UNAVAILABLE'
  /** L1's node has answered with an error. */
  | 'L1_REFUSED'
  /** A contract on L1 reverts; `details.reason` has its error's name. */
  | 'L1_REVERTED'
  /** The account that pays has less than a transaction needs. Nothing was sent. */
  | 'L1_FUNDS'
  /** L1 asks more for gas than is to be paid. Nothing was sent. */
  | 'L1_PRICE'
  /** Another transaction of the account is not mined yet. */
  | 'L1_BUSY'
  /** The engine lacks a block that derivation has made. Try again. */
  | 'OUTPUT_MISSING'

/** What this package throws. Recognise it by `isL2Error(error, code)`. */
export class SettlementError extends L2Error<SettlementErrorCode> {}
