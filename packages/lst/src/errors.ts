import { L2Error } from '@l2/common'

/** Every code a {@link LstError} can carry. */
export type LstErrorCode =
  /** An amount is negative, above 2^128−1, or would carry a total above it. */
  | 'AMOUNT_OUT_OF_RANGE'
  /** The amount is zero where something must move. */
  | 'ZERO_AMOUNT'
  /** The deposit is worth less than one share. */
  | 'ZERO_SHARES'
  /** The shares are worth less than one wei. */
  | 'ZERO_ASSETS'
  /** An account name is empty or longer than 128 characters, or reserved by the protocol. */
  | 'ACCOUNT_INVALID'
  /** The account holds less than that. */
  | 'BALANCE_EXCEEDED'
  /** The spender may take less than that. */
  | 'ALLOWANCE_EXCEEDED'
  /** A ceiling set by the protocol: stake limit, maximum deposit, maximum withdrawal. */
  | 'LIMIT_EXCEEDED'
  /** Deposits, requests or allocations are paused, or the rate is known to be too high. */
  | 'PAUSED'
  /** Time runs backwards. */
  | 'TIME_BACKWARDS'
  /** No assets are left behind the shares: a deposit would be given to them. */
  | 'INSOLVENT'
  /** Less cash is at hand than has to be paid. */
  | 'INSUFFICIENT_CASH'
  /** A counter of the protocol would fall below zero. */
  | 'TOTAL_UNDERFLOW'
  /** The exit is larger than the synced part of a cycle vault. */
  | 'STORED_UNDERFLOW'
  /** The reward cycle has not ended. */
  | 'SYNC_EARLY'
  /** There is nothing new to release. */
  | 'SYNC_NO_REWARDS'
  /** Fewer shares than the caller's minimum. */
  | 'SLIPPAGE'
  /** The report is not newer than the last one. */
  | 'REPORT_STALE'
  /** Figures of the report contradict each other or the books. */
  | 'REPORT_INCONSISTENT'
  /** The report would annualise above the cap. */
  | 'ANNUAL_INCREASE_TOO_HIGH'
  /** The report loses more than the cap. */
  | 'LOSS_TOO_HIGH'
  /** The share rate given with a report is too far from the one it implies. */
  | 'SHARE_RATE_DEVIATION'
  /** More seats became active than the cap per day. */
  | 'SEATS_APPEARED_TOO_FAST'
  /** The reward is above blocks × reward per block. */
  | 'REWARD_TOO_HIGH'
  /** A request of the batch is younger than the margin. */
  | 'REQUEST_TOO_FRESH'
  /** A request is below the minimum. */
  | 'REQUEST_TOO_SMALL'
  /** A request is above the maximum and must be split. */
  | 'REQUEST_TOO_LARGE'
  /** There is no such request, or it is already finalised. */
  | 'REQUEST_UNKNOWN'
  /** A report finalises with an empty list of batches. */
  | 'BATCHES_EMPTY'
  /** Batch ends do not rise. */
  | 'BATCHES_UNSORTED'
  /** The share rate is zero. */
  | 'ZERO_SHARE_RATE'
  /** More would be locked than the requests are worth nominally. */
  | 'FINALIZE_TOO_MUCH'
  /** The request is not finalised. */
  | 'NOT_FINALIZED'
  /** The caller does not own it. */
  | 'NOT_OWNER'
  /** It was claimed before. */
  | 'ALREADY_CLAIMED'
  /** The checkpoint hint does not hold the request. */
  | 'HINT_INVALID'
  /** It is too early to redeem. */
  | 'NOT_MATURE'
  /** The nonce has not been unlocked. */
  | 'NOT_UNLOCKED'
  /** The ticket was redeemed or cancelled. */
  | 'TICKET_CLOSED'
  /** The ticket was shortened before. */
  | 'ALREADY_REDUCED'
  /** The ticket would end before the minimum waiting time. */
  | 'REDUCE_TOO_MUCH'
  /** The LP lock has not ended. */
  | 'LP_LOCKED'
  /** The LP was returned before. */
  | 'LP_RETURNED'
  /** The seed of the vault can never leave. */
  | 'SEED_LOCKED'
  /** There is no such seat. */
  | 'SEAT_UNKNOWN'
  /** The seat would be below its minimum or above its maximum. */
  | 'SEAT_OUT_OF_RANGE'
  /** The seat cannot do that in its present state. */
  | 'SEAT_STATE'
  /** An oracle update comes too soon. */
  | 'UPDATE_EARLY'
  /** An oracle update moves the rate too far. */
  | 'RATE_DELTA_TOO_HIGH'
  /** An event of a feed was folded before, or is not the next one. */
  | 'FEED_ORDER'
  /** The Merkle proof does not lead to the root. */
  | 'PROOF_INVALID'
  /** A synchronous preview was asked of an asynchronous exit (ERC-7540). */
  | 'ASYNC_EXIT'
  /** JSON is not a state of this reducer. */
  | 'STATE_INVALID'
  /** An option is out of range. */
  | 'OPTION_INVALID'
  /** The reducer has no such operation. */
  | 'OPERATION_UNKNOWN'
  /** A contract could not be read. */
  | 'READ_FAILED'
  /** A contract refuses for a reason that no code here has; `details.revert` has its error name or string. */
  | 'CONTRACT_REVERT'

/** The error of `@l2/lst`: stable `code`, `recovery`, machine-readable `details`. */
export class LstError extends L2Error<LstErrorCode> {
  override name = 'LstError'
}

/** Throws with the offending values in `details`. */
export function fail(code: LstErrorCode, message: string, details: Record<string, unknown> = {}): never {
  throw new LstError(message, { code, details })
}
