/**
 * What this package listens to of a sequencer pool: `@l2/staking`'s `PoolEvent` fits as it is, and nothing is imported from there. Events of
 * other types, and of sequencers that are no seats of ours, are ignored.
 */
export type StakingFeedEvent = { readonly type: string }

/** A seat earned: the operator's part and its delegators' part, wei. */
export type RewardAccrued = {
  readonly type: 'RewardAccrued'
  readonly id: number | bigint | string
  /** Blocks it is for, when known: the reward is then held to blocks × reward per block. */
  readonly blocks?: bigint | undefined
  readonly operatorWei: bigint
  readonly delegatorsWei: bigint
}

/** A seat was slashed: what each side lost, wei. */
export type Slashed = {
  readonly type: 'Slashed'
  readonly id: number | bigint | string
  readonly operatorWei: bigint
  readonly delegatorsWei: bigint
}

/** A fault of a seat is known and not priced yet. */
export type OffenceAdmitted = {
  readonly type: 'OffenceAdmitted'
  readonly id: number | bigint | string
  readonly evidenceId: string
}

/** …and now it is. */
export type CaseClosed = {
  readonly type: 'CaseClosed'
  readonly id: number | bigint | string
  readonly evidenceId: string
}

/** A seat is being left, on our word or by force; `whole: false` is a partial withdrawal, which the seat book has of its own. */
export type UnlockStarted = {
  readonly type: 'UnlockStarted'
  readonly id: number | bigint | string
  /** Seconds. */
  readonly claimableAt: number | bigint
  readonly whole: boolean
}

/** A seat's stake was paid. */
export type StakePaid = { readonly type: 'StakePaid'; readonly id: number | bigint | string }

/** The events that are folded. */
export type FoldedEvent = RewardAccrued | Slashed | OffenceAdmitted | CaseClosed | UnlockStarted | StakePaid

/** Which part of a sequencer's stake the pool holds: as its owner, as its delegators, or both. */
export type SeatPart = 'operator' | 'delegators' | 'whole'

const folded = new Set(['RewardAccrued', 'Slashed', 'OffenceAdmitted', 'CaseClosed', 'UnlockStarted', 'StakePaid'])

/** Whether an event is one of those that are folded. */
export function isFolded(event: StakingFeedEvent): event is FoldedEvent {
  return folded.has(event.type)
}

/** The wei of an event that concern the pool. */
export function partOf(event: RewardAccrued | Slashed, part: SeatPart): bigint {
  if (part === 'operator') return event.operatorWei
  return part === 'delegators' ? event.delegatorsWei : event.operatorWei + event.delegatorsWei
}
