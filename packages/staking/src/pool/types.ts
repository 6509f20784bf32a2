import type { Address, Hex } from 'viem'
import type { PersistentMap } from '../internal/persistent-map.js'
import type { OffenceKind } from '../slashing/penalty.js'
import type { PoolConfig } from './config.js'

/**
 * `queued` waits for a seat · `active` may be elected · `exiting` gave up its seat and waits for its stake · `exited` is paid out.
 * Jail and tombstone are kept beside it, because a jailed sequencer may exit too.
 */
export type SequencerStatus = 'queued' | 'active' | 'exiting' | 'exited'

/** A part of the operator's own stake on its way out. */
export type Unlocking = {
  readonly amountWei: bigint
  /** What it was when it began: the base of a slash. */
  readonly initialWei: bigint
  readonly startedEpoch: bigint
  /** Seconds since the Unix epoch. */
  readonly claimableAt: number
}

/** From the end of `epoch` on, until the next checkpoint, the sequencer has `wei` at stake, delegations included. */
export type Checkpoint = {
  readonly epoch: bigint
  readonly wei: bigint
  /** False while jailed. */
  readonly electable: boolean
}

/** The key that signs from the start of `fromEpoch` on. */
export type SignerKey = { readonly signer: Address; readonly fromEpoch: bigint }

/** From unjail to the next jail: within it only the worst offence is paid. */
export type SlashingSpan = { readonly startedAt: number; readonly slashedWei: bigint }

/** One seat holder. Amounts in wei, times in seconds. */
export type Sequencer = {
  readonly id: number
  readonly owner: Address
  /** Where rewards go; the owner when undefined, so that an unset recipient traps nobody. */
  readonly rewardRecipient: Address | undefined
  readonly status: SequencerStatus
  /** The operator's own bonded stake. */
  readonly amountWei: bigint
  readonly rewardWei: bigint
  readonly unlocking: readonly Unlocking[]
  readonly nonce: bigint
  /** Ascending `fromEpoch`; never deleted, so that rotating a key is no escape. */
  readonly keys: readonly SignerKey[]
  readonly activationEpoch: bigint
  readonly history: readonly Checkpoint[]
  readonly commissionBps: number
  /** Assets of the delegators, redeeming shares included. */
  readonly delegatedWei: bigint
  readonly activeShares: bigint
  readonly redeemingShares: bigint
  /** Delegators' rewards per active share, times 2^96. */
  readonly rewardPerShare: bigint
  /** Rewards held for delegators, dust included. */
  readonly delegatorRewardWei: bigint
  /** 0 free, `Infinity` until the case is settled, else the second from which `unjail` works. */
  readonly jailedUntil: number
  readonly strikes: number
  readonly lastStrikeAt: number
  readonly tombstoned: boolean
  readonly spans: readonly SlashingSpan[]
  /** Cases, by the time they were admitted. */
  readonly caseIds: readonly Hex[]
  readonly openCases: number
  readonly maintenance: readonly { readonly fromEpoch: bigint; readonly toEpoch: bigint }[]
}

/** A delegator's position in one seat. */
export type Delegation = {
  readonly id: number
  readonly delegator: Address
  readonly shares: bigint
  /** `rewardPerShare` up to which `rewardWei` is settled. */
  readonly paidPerShare: bigint
  readonly rewardWei: bigint
  /** Shares on their way out, priced when they are paid. */
  readonly redemptions: readonly { readonly shares: bigint; readonly claimableAt: number }[]
}

/** A fault that was admitted, until it is executed or cancelled. */
export type SlashCase = {
  readonly evidenceId: Hex
  /** Hash of the evidence that was admitted: what a reporter must have committed to. */
  readonly evidenceHash: Hex
  readonly kind: OffenceKind
  readonly id: number
  readonly offenceEpoch: bigint
  readonly offenceAt: number
  readonly admittedAt: number
  readonly executableAt: number
  readonly status: 'pending' | 'executed' | 'vetoed'
  /** The offender's weight at the offence, and everybody's. */
  readonly stakeWei: bigint
  readonly totalWei: bigint
  /** Downtime only: stake offline beyond the usual, in basis points. */
  readonly excessOfflineBps: number
  /** Which of the offender's slashing spans the offence fell in. */
  readonly span: number
  readonly reporter: Address | undefined
  readonly reporterOrder: number
  readonly pauses: number
}

/** Where every wei that ever came in is, beside what seats and delegators hold. */
export type Ledger = {
  readonly depositedWei: bigint
  readonly fundedWei: bigint
  readonly budgetWei: bigint
  readonly burntWei: bigint
  readonly treasuryWei: bigint
  readonly paidOutWei: bigint
}

/** The pool: plain immutable data. Two states of one history share all that did not change. */
export type PoolState = {
  readonly profile: 'safe'
  readonly config: PoolConfig
  /** Seconds of the last command. */
  readonly at: number
  readonly epoch: bigint
  readonly paused: boolean
  readonly rewardPerBlockWei: bigint
  readonly rewardBatch: { readonly id: bigint; readonly endEpoch: bigint }
  readonly lastPaidHeight: bigint
  readonly nextId: number
  readonly seats: number
  /** Bonded weight of all active sequencers, and that of the jailed ones among them. */
  readonly activeWei: bigint
  readonly jailedWei: bigint
  /** `activeWei` at the end of the epochs in which it changed: what everybody had at stake when an offence was committed. */
  readonly totals: readonly { readonly epoch: bigint; readonly wei: bigint }[]
  readonly ledger: Ledger
  readonly whitelist: PersistentMap<Address, true>
  readonly sequencers: PersistentMap<number, Sequencer>
  readonly owners: PersistentMap<Address, number>
  /** Every signer there ever was. */
  readonly signers: PersistentMap<Address, number>
  /** Ids waiting for a seat, first come first served. */
  readonly queue: readonly number[]
  readonly delegations: PersistentMap<string, Delegation>
  readonly cases: PersistentMap<Hex, SlashCase>
  /** Safety cases young enough to be correlated with a new one. */
  readonly recentSafety: readonly Hex[]
  readonly reports: PersistentMap<Hex, { readonly reporter: Address; readonly order: number; readonly at: number }>
  readonly reportCount: number
}
