/**
 * What this package listens to of a sequencer pool: `@l2/staking`'s `SequencerPoolEvent` fits as it is, and nothing is
 * imported from there. Events of other types, and of sequencers that are no seats of ours, are ignored.
 */
export type StakingFeedEvent = { readonly type: string }

/** A seat earned: the operator's part and its delegators' part, wei. */
export type RewardAccrued = {
  readonly type: 'RewardAccrued'
  readonly id: number
  /** Blocks it is for, when known: the reward is then held to blocks × reward per block. */
  readonly blocks?: bigint | undefined
  readonly operatorWei: bigint
  readonly delegatorsWei: bigint
}

/** A seat was slashed: what each side lost, wei, and how much of it came out of what was on its way out. */
export type Slashed = {
  readonly type: 'Slashed'
  readonly id: number
  readonly operatorWei: bigint
  readonly delegatorsWei: bigint
  readonly unlockingWei?: bigint | undefined
  readonly redeemingWei?: bigint | undefined
}

/**
 * The most that a fault can take from a seat, from its operator and from its delegators; everything when it is not
 * said.
 */
export type PossibleCost = {
  readonly id: number
  readonly mostWei?: bigint | undefined
  readonly mostOperatorWei?: bigint | undefined
  readonly mostDelegatorsWei?: bigint | undefined
}

/** A fault of a seat is known and not priced yet; seats convicted before may pay more because of it. */
export type OffenceAdmitted = PossibleCost & {
  readonly type: 'OffenceAdmitted'
  readonly evidenceId: string
  readonly kind?: string | undefined
  readonly correlated?: readonly PossibleCost[] | undefined
}

/** Its case is stopped, until `untilSeconds` at the latest. */
export type CasePaused = { readonly type: 'CasePaused'; readonly evidenceId: string; readonly untilSeconds: bigint }

/** …and now it is priced, or dropped (`vetoed`). */
export type CaseClosed = {
  readonly type: 'CaseClosed'
  readonly evidenceId: string
  readonly outcome?: string | undefined
}

/**
 * The operator's stake begins its way out, on our word or by force: all of it (`whole`) or what is above the minimum.
 */
export type UnlockStarted = {
  readonly type: 'UnlockStarted'
  readonly id: number
  readonly amountWei: bigint
  readonly claimableAtSeconds: bigint
  readonly whole: boolean
}

/**
 * The operator's stake was paid: `amountWei` came of what had been `unlockedWei` when it began its way out; `whole`:
 * the seat is gone.
 */
export type StakePaid = {
  readonly type: 'StakePaid'
  readonly id: number
  readonly amountWei: bigint
  readonly unlockedWei?: bigint | undefined
  readonly whole?: boolean | undefined
}

/** A delegation begins its way out; `shares` is what it was delegated as, wei. */
export type Undelegated = {
  readonly type: 'Undelegated'
  readonly id: number
  readonly shares: bigint
  readonly claimableAtSeconds: bigint
}

/** A delegation was paid. */
export type DelegationPaid = {
  readonly type: 'DelegationPaid'
  readonly id: number
  readonly shares: bigint
  readonly amountWei: bigint
}

/** The events that are folded. */
export type FoldedEvent =
  | RewardAccrued
  | Slashed
  | OffenceAdmitted
  | CasePaused
  | CaseClosed
  | UnlockStarted
  | StakePaid
  | Undelegated
  | DelegationPaid

/** Which part of a sequencer's stake the pool holds: as its owner, as its delegators, or both. */
export type SeatPart = 'operator' | 'delegators' | 'whole'

const folded: ReadonlySet<string> = new Set<FoldedEvent['type']>([
  'RewardAccrued',
  'Slashed',
  'OffenceAdmitted',
  'CasePaused',
  'CaseClosed',
  'UnlockStarted',
  'StakePaid',
  'Undelegated',
  'DelegationPaid',
])

/** Whether an event is one of those that are folded. */
export function isFolded(event: StakingFeedEvent): event is FoldedEvent {
  return folded.has(event.type)
}

/** The wei of an event that concern the pool. */
export function partOf(event: { operatorWei: bigint; delegatorsWei: bigint }, part: SeatPart): bigint {
  if (part === 'operator') return event.operatorWei
  return part === 'delegators' ? event.delegatorsWei : event.operatorWei + event.delegatorsWei
}

/** How much of a penalty came out of what was on its way out, wei. */
export function leavingPartOf(event: Slashed, part: SeatPart): bigint {
  return partOf({ operatorWei: event.unlockingWei ?? 0n, delegatorsWei: event.redeemingWei ?? 0n }, part)
}

/** The most a fault can take from the pool's part of a seat, wei. */
export function mostOf(cost: PossibleCost, part: SeatPart): bigint | undefined {
  if (part === 'operator') return cost.mostOperatorWei ?? cost.mostWei
  return part === 'delegators' ? (cost.mostDelegatorsWei ?? cost.mostWei) : cost.mostWei
}
