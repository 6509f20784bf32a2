import type { Address } from 'viem'
import { refuse } from '../errors.js'
import type { PoolCommand } from '../pool/commands.js'
import {
  book,
  type Draft,
  find,
  joined,
  notFrozen,
  notPaused,
  put,
  requireAmount,
  requireStatus,
} from '../pool/draft.js'
import { noteLiquid, requireLiquidCap } from '../pool/liquid-cap.js'
import { horizonOf, weightsEpoch } from '../pool/sequencer.js'
import type { Delegation, PoolState, Sequencer } from '../pool/types.js'
import {
  addStake,
  delegationKey,
  isLong,
  joinLots,
  leaveStake,
  payStake,
  releaseMarks,
  settlePosition,
  valueWei,
} from '../stake/delegated.js'

type Command<Type extends PoolCommand['type']> = Extract<PoolCommand, { type: Type }>

/** What a delegator holds in a seat now; wei rounded down. */
export type DelegationView = {
  /** Wei as they were delegated. */
  shares: bigint
  /** What they are worth after the losses they answered for. */
  assetsWei: bigint
  redeemingShares: bigint
  redeemingWei: bigint
  rewardWei: bigint
}

/**
 * A delegator's position: what is at stake, what is on its way out, and the rewards due.
 * All zero when there is none.
 */
export function delegationOf(state: PoolState, id: number, delegator: Address): DelegationView {
  const sequencer = state.sequencers.get(id)
  const held = state.delegations.get(delegationKey(id, delegator.toLowerCase()))
  const view: DelegationView = { shares: 0n, assetsWei: 0n, redeemingShares: 0n, redeemingWei: 0n, rewardWei: 0n }
  if (sequencer === undefined || held === undefined) return view
  const { delegated } = sequencer
  for (const lot of held.lots) {
    view.shares += lot.shares
    view.assetsWei += valueWei(delegated, lot)
  }
  for (const redemption of held.redemptions) {
    view.redeemingShares += redemption.shares
    view.redeemingWei += valueWei(delegated, redemption, redemption.startedEpoch)
  }
  view.rewardWei = settlePosition(delegated, held).held.rewardWei
  return view
}

type Position = { sequencer: Sequencer; held: Delegation }

/** The seat and the caller's position in it, as they are. */
function positionAsIs(draft: Draft, id: number): Position {
  const sequencer = joined(draft, find(draft, id))
  const nothing = { id, delegator: draft.by, rewardWei: 0n, lots: [], tails: [], redemptions: [] }
  return { sequencer, held: draft.delegations.get(delegationKey(id, draft.by)) ?? nothing }
}

/** Both brought up to date. */
function settled(draft: Draft, { sequencer, held }: Position): Position {
  let next = settlePosition(sequencer.delegated, held)
  let delegated = releaseMarks(sequencer.delegated, next.released)
  if (sequencer.openCases === 0 && !sequencer.tombstoned) {
    const horizon = horizonOf(draft)
    next = joinLots(delegated, next.held, horizon, weightsEpoch(draft.config, horizon))
    delegated = releaseMarks(delegated, next.released)
  }
  return { sequencer: { ...sequencer, delegated }, held: next.held }
}

const position = (draft: Draft, id: number): Position => settled(draft, positionAsIs(draft, id))

/** A position to which stake is added need not be up to date: every lot knows how far it was paid. */
function positionToAdd(draft: Draft, id: number): Position {
  const found = positionAsIs(draft, id)
  const { delegated } = found.sequencer
  const isPaid = draft.epoch <= delegated.rewardedEpoch
  return isPaid || isLong(found.held, weightsEpoch(draft.config, horizonOf(draft))) ? settled(draft, found) : found
}

function store(draft: Draft, held: Delegation): void {
  const key = delegationKey(held.id, held.delegator)
  const empty =
    held.lots.length === 0 && held.tails.length === 0 && held.redemptions.length === 0 && held.rewardWei === 0n
  draft.delegations = empty ? draft.delegations.delete(key) : draft.delegations.set(key, held)
}

export function delegate(draft: Draft, command: Command<'delegate'>): void {
  notPaused(draft)
  const { sequencer, held } = positionToAdd(draft, command.id)
  requireStatus(sequencer, 'active')
  if (sequencer.jailedUntilSeconds > 0n) refuse('DELEGATION_REFUSED', 'the sequencer is jailed', { id: sequencer.id })
  const { amountWei } = command
  const room = draft.config.maxLockWei - sequencer.amountWei - sequencer.delegated.wei
  requireAmount(amountWei, 1n, room > 0n ? room : 0n, 'amountWei')
  requireLiquidCap(draft, draft.by, amountWei)
  const next = addStake(sequencer.delegated, held, draft.epoch, amountWei)
  store(draft, next.held)
  put(draft, { ...sequencer, delegated: next.delegated })
  book(draft, { depositedWei: amountWei })
  noteLiquid(draft, draft.by, sequencer.id)
  draft.events.push({ type: 'Delegated', id: sequencer.id, delegator: draft.by, amountWei, shares: amountWei })
}

export function undelegate(draft: Draft, command: Command<'undelegate'>): void {
  const { sequencer, held } = position(draft, command.id)
  const { shares } = command
  requireAmount(
    shares,
    1n,
    held.lots.reduce((sum, lot) => sum + lot.shares, 0n),
    'shares',
  )
  const waiting = new Set(held.redemptions.map(({ claimableAtSeconds }) => claimableAtSeconds))
  if (waiting.size >= 16) refuse('DELEGATION_REFUSED', 'claim earlier redemptions first', { id: sequencer.id })
  const claimableAtSeconds = draft.atSeconds + draft.config.windows.exitDelaySeconds
  const next = leaveStake(sequencer.delegated, held, { shares, epoch: draft.epoch, claimableAtSeconds })
  store(draft, next.held)
  put(draft, { ...sequencer, delegated: next.delegated })
  draft.events.push({ type: 'Undelegated', id: sequencer.id, delegator: draft.by, shares, claimableAtSeconds })
}

export function claimDelegation(draft: Draft, command: Command<'claimDelegation'>): bigint {
  const { sequencer, held } = position(draft, command.id)
  notFrozen(draft, sequencer)
  const due = held.redemptions.filter(({ claimableAtSeconds }) => claimableAtSeconds <= draft.atSeconds)
  if (due.length === 0) {
    refuse('NOTHING_TO_CLAIM', 'no redemption is due', {
      id: sequencer.id,
      nextAt: held.redemptions[0]?.claimableAtSeconds,
    })
  }
  const { delegated, amountWei } = payStake(sequencer.delegated, due)
  store(draft, {
    ...held,
    redemptions: held.redemptions.filter(({ claimableAtSeconds }) => claimableAtSeconds > draft.atSeconds),
  })
  put(draft, { ...sequencer, delegated })
  book(draft, { paidOutWei: amountWei })
  const shares = due.reduce((sum, redemption) => sum + redemption.shares, 0n)
  draft.events.push({ type: 'DelegationPaid', id: sequencer.id, delegator: draft.by, shares, amountWei })
  return amountWei
}

export function claimDelegationRewards(draft: Draft, command: Command<'claimDelegationRewards'>): bigint {
  const { sequencer, held } = position(draft, command.id)
  const amountWei = held.rewardWei
  if (amountWei === 0n) refuse('NOTHING_TO_CLAIM', 'no rewards', { id: sequencer.id })
  store(draft, { ...held, rewardWei: 0n })
  const { delegated } = sequencer
  put(draft, { ...sequencer, delegated: { ...delegated, rewardWei: delegated.rewardWei - amountWei } })
  book(draft, { paidOutWei: amountWei })
  draft.events.push({ type: 'DelegationRewardsPaid', id: sequencer.id, delegator: draft.by, amountWei })
  return amountWei
}
