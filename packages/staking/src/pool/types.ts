import type { OrderedMap } from '@l2/common'
import type { Address, Hex } from 'viem'
import type { Timeline } from '../internal/timeline.js'
import type { OffenceKind } from '../slashing/penalty.js'
import type { Bond } from '../stake/bonds.js'
import type { PoolConfig } from './config.js'

/**
 * `queued` waits for a seat · `active` may be elected · `exiting` gave up its seat and waits for its stake · `exited`
 * is paid out. Jail and tombstone are kept beside it, because a jailed sequencer may exit too.
 */
export type SequencerStatus = 'queued' | 'active' | 'exiting' | 'exited'

/** A part of the operator's own stake on its way out. */
export type Unlocking = {
  readonly amountWei: bigint
  /** What it was when it began. */
  readonly initialWei: bigint
  /** `amountWei` by the epochs in which it had come in. */
  readonly bonds: readonly Bond[]
  readonly startedEpoch: bigint
  /** Seconds since the Unix epoch. */
  readonly claimableAtSeconds: bigint
}

/**
 * From the end of `epoch` on, until the next checkpoint: what a seat has at stake, its operator's and its delegators'.
 */
export type Checkpoint = {
  readonly epoch: bigint
  readonly ownWei: bigint
  readonly delegatedWei: bigint
  /** False while jailed. */
  readonly electable: boolean
}

/** Delegators' rewards per wei (times 2^96) for all weights before those of the end of `epoch`. */
export type RewardMark = {
  readonly epoch: bigint
  /** `undefined` while rewards of earlier weights may still come. */
  readonly perWei: bigint | undefined
  /** Positions that still need it. */
  readonly refs: number
}

/** A loss of delegators: of what was in when the fault was committed, `keptWei` of `ofWei` is left. */
export type DelegatorLoss = {
  readonly offenceEpoch: bigint
  /** The epoch in which it was taken: weights from its end on are smaller. */
  readonly epoch: bigint
  readonly keptWei: bigint
  readonly ofWei: bigint
  /** As {@link RewardMark.perWei} of `epoch`. */
  readonly perWei: bigint | undefined
}

/** What delegators have in a seat. Sums are those of their positions, plus the wei that divisions left over. */
export type DelegatedStake = {
  /** Bonded. */
  readonly wei: bigint
  readonly bonds: readonly Bond[]
  /** On its way out. */
  readonly redeemingWei: bigint
  /** What of it may still have to answer for a fault, by the epoch in which it left. */
  readonly redeeming: readonly { readonly startedEpoch: bigint; readonly bonds: readonly Bond[] }[]
  /** Rewards held for delegators. */
  readonly rewardWei: bigint
  /** Rewards per wei of weight, times 2^96, all that was ever credited. */
  readonly rewardPerWei: bigint
  /** The last epoch whose weights were paid for. */
  readonly rewardedEpoch: bigint
  /** By their epochs. */
  readonly marks: OrderedMap<bigint, RewardMark>
  readonly losses: readonly DelegatorLoss[]
}

/** The key that signs from the start of `fromEpoch` on. */
export type SignerKey = { readonly signer: Address; readonly fromEpoch: bigint }

/** The commission on rewards of epochs from `fromEpoch` on. */
export type Commission = { readonly bps: number; readonly fromEpoch: bigint }

/** One seat holder. Amounts in wei, times in seconds. */
export type Sequencer = {
  readonly id: number
  readonly owner: Address
  /** Where rewards go; the owner when undefined, so that an unset recipient traps nobody. */
  readonly rewardRecipient: Address | undefined
  readonly status: SequencerStatus
  /** The operator's own bonded stake. */
  readonly amountWei: bigint
  readonly bonds: readonly Bond[]
  readonly rewardWei: bigint
  readonly unlocking: readonly Unlocking[]
  readonly nonce: bigint
  /** Ascending `fromEpoch`; never deleted, so that rotating a key is no escape. */
  readonly keys: readonly SignerKey[]
  readonly activationEpoch: bigint
  readonly history: Timeline<Checkpoint>
  /** Ascending `fromEpoch`; the first counts for all earlier epochs as well. */
  readonly commissions: readonly Commission[]
  readonly delegated: DelegatedStake
  /** 0 free, `jailedForever` until the case is settled, else the second from which `unjail` works. */
  readonly jailedUntilSeconds: bigint
  readonly strikes: number
  readonly lastStrikeAtSeconds: bigint
  readonly tombstoned: boolean
  /** Cases, by the time they were admitted. */
  readonly caseIds: readonly Hex[]
  readonly openCases: number
  readonly maintenance: readonly { readonly fromEpoch: bigint; readonly toEpoch: bigint }[]
}

/** A part of a position that came in together. */
export type Lot = {
  /** Wei as they were delegated. */
  readonly shares: bigint
  /** What losses before `losses` left of them. */
  readonly wei: bigint
  readonly fromEpoch: bigint
  /** `rewardPerWei` up to which it is paid; `undefined` until its first weight has been paid for. */
  readonly paidPerWei: bigint | undefined
  /** How many of the seat's losses `wei` and `paidPerWei` have seen. */
  readonly losses: number
}

/** Stake that has left and still earns for the epochs for which it was weighed. */
export type Tail = Omit<Lot, 'shares'> & { readonly toEpoch: bigint }

/** Stake on its way out; it answers for faults of the time before it left. */
export type DelegationExit = {
  readonly shares: bigint
  readonly wei: bigint
  readonly fromEpoch: bigint
  readonly startedEpoch: bigint
  readonly claimableAtSeconds: bigint
  readonly losses: number
}

/** A delegator's position in one seat. */
export type Delegation = {
  readonly id: number
  readonly delegator: Address
  /** Settled rewards. */
  readonly rewardWei: bigint
  readonly lots: readonly Lot[]
  readonly tails: readonly Tail[]
  readonly redemptions: readonly DelegationExit[]
}

/** A fault that was admitted, until it is executed or cancelled. */
export type SlashCase = {
  readonly evidenceId: Hex
  /** Hash of the evidence that was admitted: what a reporter must have committed to. */
  readonly evidenceHash: Hex
  readonly kind: OffenceKind
  readonly id: number
  readonly offenceEpoch: bigint
  /**
   * The epoch whose end the operator's stake is looked up at: of the offence, or of the weights when a leaving leader
   * led with them.
   */
  readonly stakeEpoch: bigint
  readonly offenceAtSeconds: bigint
  readonly admittedAtSeconds: bigint
  readonly executableAtSeconds: bigint
  readonly status: 'pending' | 'executed' | 'vetoed'
  /** The offender's weight at the offence, and everybody's. */
  readonly stakeWei: bigint
  readonly totalWei: bigint
  /** Downtime only: stake offline beyond the usual, in basis points. */
  readonly excessOfflineBps: number
  /** What was charged for it: its own part, and what other offenders add. */
  readonly ownWei: bigint
  readonly correlatedWei: bigint
  readonly reporter: Address | undefined
  readonly reporterOrder: number
  readonly pauses: number
}

/** Somebody's word, before the evidence is public, that he has it. */
export type ReportCommitment = {
  readonly commitment: Hex
  readonly reporter: Address
  readonly order: number
  readonly atSeconds: bigint
}

/** A change of commission that was announced. */
export type CommissionPlan = {
  readonly id: number
  readonly targetBps: number
  /** The next step is taken by the first epoch that begins then, and not before `fromEpoch`. */
  readonly dueAtSeconds: bigint
  readonly fromEpoch: bigint
}

/** Where every wei that ever came in is, beside what seats and delegators hold. */
export type PoolLedger = {
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
  readonly atSeconds: bigint
  readonly epoch: bigint
  /**
   * When epochs began, not all of them: the first is the newest that began before everything that can still be judged.
   */
  readonly epochStarts: Timeline<{ readonly epoch: bigint; readonly atSeconds: bigint }>
  readonly paused: boolean
  readonly rewardPerBlockWei: bigint
  /** `rewardPerBlockWei` from `epoch` on. */
  readonly rates: Timeline<{ readonly epoch: bigint; readonly wei: bigint }>
  readonly rewardBatch: { readonly id: bigint; readonly endEpoch: bigint }
  readonly lastPaidHeight: bigint
  /** No block of an earlier epoch will be paid any more. */
  readonly lastPaidEpoch: bigint
  readonly nextId: number
  readonly seats: number
  /** Bonded weight of all active sequencers, and that of the jailed ones among them. */
  readonly activeWei: bigint
  readonly jailedWei: bigint
  /**
   * `activeWei` at the end of the epochs in which it changed: what everybody had at stake when an offence was
   * committed.
   */
  readonly totals: Timeline<{ readonly epoch: bigint; readonly wei: bigint }>
  readonly ledger: PoolLedger
  readonly whitelist: OrderedMap<Address, true>
  readonly sequencers: OrderedMap<number, Sequencer>
  readonly owners: OrderedMap<Address, number>
  /** Every signer there ever was. */
  readonly signers: OrderedMap<Address, number>
  /** Ids waiting for a seat, first come first served. */
  readonly queue: readonly number[]
  readonly delegations: OrderedMap<string, Delegation>
  readonly cases: OrderedMap<Hex, SlashCase>
  /** Safety cases young enough to be correlated with a new one. */
  readonly recentSafety: readonly Hex[]
  /** Who may earn a reporter's share beside the owners of seats. */
  readonly watchers: OrderedMap<Address, true>
  /** Of the time in which evidence counts, in order. */
  readonly reports: readonly ReportCommitment[]
  readonly reportCount: number
  readonly commissionPlans: readonly CommissionPlan[]
  /** Accounts of liquid-staking protocols, and the seats to which they have delegated. */
  readonly liquidAccounts: OrderedMap<Address, readonly number[]>
}
