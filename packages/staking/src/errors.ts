import { L2Error } from '@l2/common'

/** Every code a {@link StakingError} can carry; docs/errors.md has a row for each. */
export type StakingErrorCode =
  /** A configuration that cannot work; the message has the field or the inequality that fails. */
  | 'CONFIG_INVALID'
  /** A value that is no address, key, hash or amount of the kind asked for. */
  | 'INPUT_INVALID'
  /** JSON that is no snapshot of this version. */
  | 'SNAPSHOT_INVALID'
  /** A command older than the state it is applied to. */
  | 'TIME_REVERSED'
  /** The pool is paused; exits never are. */
  | 'POOL_PAUSED'
  /** The caller is not who may do this; `details.role` says who may. */
  | 'NOT_AUTHORIZED'
  /** The owner has no seat permit. */
  | 'NOT_WHITELISTED'
  /** The owner already holds a seat. */
  | 'OWNER_HAS_SEAT'
  /** The signer address has been used before; addresses are used once, ever. */
  | 'SIGNER_USED'
  /** The public key is not 64 bytes, or is not the signer's. */
  | 'PUBKEY_INVALID'
  /** An amount below the least or above the most. */
  | 'AMOUNT_OUT_OF_RANGE'
  /** No such sequencer. */
  | 'SEQUENCER_UNKNOWN'
  /** The sequencer's status does not allow this; `details.status` has it. */
  | 'SEQUENCER_STATUS'
  /** Evidence against the sequencer is open: nothing leaves until it is settled. */
  | 'EXIT_FROZEN'
  /** Nothing to pay out yet. */
  | 'NOTHING_TO_CLAIM'
  /** An epoch, slot, term or height out of order. */
  | 'EPOCH_INVALID'
  /** Weights or entropy asked for before they exist or after they were pruned. */
  | 'EPOCH_UNKNOWN'
  /** Rewards by the block in a pool that is paid by batches, or the other way round. */
  | 'REWARD_SOURCE'
  /** A reward batch whose number or epoch range does not follow the last one. */
  | 'REWARD_BATCH_INVALID'
  /** Delegation refused: the sequencer is jailed, or too many redemptions are on their way. */
  | 'DELEGATION_REFUSED'
  /** Liquid staking would hold more than its share of everything at stake. */
  | 'LIQUID_CAP'
  /** No such case, or the same fault twice. */
  | 'CASE_UNKNOWN'
  | 'CASE_DUPLICATE'
  /** The case is in another stage, or its window has not closed (or has). */
  | 'CASE_STAGE'
  /** An offence outside the evidence window, or in the future. */
  | 'OFFENCE_WINDOW'
  /** No report commitment, or one that does not open to this evidence. */
  | 'REPORT_INVALID'
  /** Nobody can be drawn: no weight left. */
  | 'ELECTION_EMPTY'
  /** Entropy that is missing, malformed or not signed by its source. */
  | 'ENTROPY_INVALID'
  /** A vote that is not a member's, is repeated, or names another decision. */
  | 'VOTE_INVALID'
  /** A proposal, ballot or pairing that governance refuses. */
  | 'GOVERNANCE_INVALID'
  /** The Metis contract would revert; `details.revert` has its error name or string. */
  | 'METIS_REVERT'
  /** A contract on L1 refuses for a reason that no code here has; `details.revert` has its error name or string. */
  | 'CONTRACT_REVERT'
  /** A log that is not one of the Metis contracts', or does not follow the state. */
  | 'METIS_LOG'

/** The error of `@l2/staking`: stable `code`, `recovery`, machine-readable `details`. */
export class StakingError extends L2Error<StakingErrorCode> {
  override name = 'StakingError'
}

/** Throws a {@link StakingError}; short, because reducers are made of guards. */
export function refuse(code: StakingErrorCode, message: string, details: Record<string, unknown> = {}): never {
  throw new StakingError(message, { code, details })
}
