import type { Address } from 'viem'
import { refuse } from '../errors.js'
import type { PoolCommand } from '../pool/commands.js'
import { book, type Draft, find, notFrozen, notPaused, put, requireAmount, requireStatus } from '../pool/draft.js'
import { activeDelegatedWei } from '../pool/sequencer.js'
import type { Delegation, PoolState, Sequencer } from '../pool/types.js'
import { shareScaleBits } from '../rewards/accrue.js'

type Command<Type extends PoolCommand['type']> = Extract<PoolCommand, { type: Type }>

const keyOf = (id: number, delegator: Address): string => `${id}:${delegator}`

/** What a delegator holds in a seat, priced now; wei rounded down. */
export type DelegationView = {
  shares: bigint
  assetsWei: bigint
  redeemingShares: bigint
  redeemingWei: bigint
  rewardWei: bigint
}

/**
 * A delegator's position: shares at today's price, what is on its way out, and the rewards due.
 * All zero when there is none.
 */
export function delegationOf(state: PoolState, id: number, delegator: Address): DelegationView {
  const sequencer = state.sequencers.get(id)
  const held = state.delegations.get(keyOf(id, delegator.toLowerCase() as Address))
  if (sequencer === undefined || held === undefined) {
    return { shares: 0n, assetsWei: 0n, redeemingShares: 0n, redeemingWei: 0n, rewardWei: 0n }
  }
  const redeemingShares = held.redemptions.reduce((sum, { shares }) => sum + shares, 0n)
  const total = sequencer.activeShares + sequencer.redeemingShares
  const priced = (shares: bigint): bigint => (total === 0n ? 0n : (sequencer.delegatedWei * shares) / total)
  return {
    shares: held.shares,
    assetsWei: priced(held.shares),
    redeemingShares,
    redeemingWei: priced(redeemingShares),
    rewardWei: settled(sequencer, held).rewardWei,
  }
}

/** Brings a position's rewards up to the accumulator: the F1 step, before anything about its shares changes. */
function settled(sequencer: Sequencer, held: Delegation): Delegation {
  const due = (held.shares * (sequencer.rewardPerShare - held.paidPerShare)) >> shareScaleBits
  return { ...held, rewardWei: held.rewardWei + due, paidPerShare: sequencer.rewardPerShare }
}

function position(draft: Draft, sequencer: Sequencer): Delegation {
  const held = draft.delegations.get(keyOf(sequencer.id, draft.by))
  if (held !== undefined) return settled(sequencer, held)
  const paidPerShare = sequencer.rewardPerShare
  return { id: sequencer.id, delegator: draft.by, shares: 0n, paidPerShare, rewardWei: 0n, redemptions: [] }
}

function store(draft: Draft, held: Delegation): void {
  const key = keyOf(held.id, held.delegator)
  const empty = held.shares === 0n && held.rewardWei === 0n && held.redemptions.length === 0
  draft.delegations = empty ? draft.delegations.delete(key) : draft.delegations.set(key, held)
}

export function delegate(draft: Draft, command: Command<'delegate'>): void {
  notPaused(draft)
  const sequencer = find(draft, command.id)
  requireStatus(sequencer, 'active')
  if (sequencer.jailedUntil > 0) refuse('DELEGATION_REFUSED', 'the sequencer is jailed', { id: sequencer.id })
  const room = draft.config.maxLockWei - sequencer.amountWei - activeDelegatedWei(sequencer)
  requireAmount(command.amountWei, 1n, room > 0n ? room : 0n, 'amountWei')
  const total = sequencer.activeShares + sequencer.redeemingShares
  if (total > 0n && sequencer.delegatedWei === 0n) {
    refuse('DELEGATION_REFUSED', 'the share price is zero: earlier delegators have lost everything', {
      id: sequencer.id,
    })
  }
  const shares = total === 0n ? command.amountWei : (command.amountWei * total) / sequencer.delegatedWei
  if (shares === 0n) refuse('DELEGATION_REFUSED', 'less than one share', { amountWei: command.amountWei })
  const held = position(draft, sequencer)
  store(draft, { ...held, shares: held.shares + shares })
  put(draft, {
    ...sequencer,
    delegatedWei: sequencer.delegatedWei + command.amountWei,
    activeShares: sequencer.activeShares + shares,
  })
  book(draft, { depositedWei: command.amountWei })
  const { amountWei } = command
  draft.events.push({ type: 'Delegated', id: sequencer.id, delegator: draft.by, amountWei, shares })
}

export function undelegate(draft: Draft, command: Command<'undelegate'>): void {
  const sequencer = find(draft, command.id)
  const held = position(draft, sequencer)
  const { shares } = command
  requireAmount(shares, 1n, held.shares, 'shares')
  if (held.redemptions.length >= 16) {
    refuse('DELEGATION_REFUSED', 'claim earlier redemptions first', { id: sequencer.id })
  }
  const claimableAt = draft.at + draft.config.windows.exitDelaySeconds
  store(draft, {
    ...held,
    shares: held.shares - shares,
    redemptions: [...held.redemptions, { shares, claimableAt }],
  })
  put(draft, {
    ...sequencer,
    activeShares: sequencer.activeShares - shares,
    redeemingShares: sequencer.redeemingShares + shares,
  })
  draft.events.push({ type: 'Undelegated', id: sequencer.id, delegator: draft.by, shares, claimableAt })
}

export function claimDelegation(draft: Draft, command: Command<'claimDelegation'>): void {
  const sequencer = find(draft, command.id)
  notFrozen(sequencer)
  const held = position(draft, sequencer)
  const rest = held.redemptions.filter(({ claimableAt }) => claimableAt > draft.at)
  if (rest.length === held.redemptions.length) {
    refuse('NOTHING_TO_CLAIM', 'no redemption is due', { id: sequencer.id, nextAt: held.redemptions[0]?.claimableAt })
  }
  let shares = 0n
  for (const redemption of held.redemptions) if (redemption.claimableAt <= draft.at) shares += redemption.shares
  // Priced now, not when it was asked for: who leaves bears the losses until the day he is paid.
  const amountWei = (sequencer.delegatedWei * shares) / (sequencer.activeShares + sequencer.redeemingShares)
  store(draft, { ...held, redemptions: rest })
  put(draft, {
    ...sequencer,
    delegatedWei: sequencer.delegatedWei - amountWei,
    redeemingShares: sequencer.redeemingShares - shares,
  })
  book(draft, { paidOutWei: amountWei })
  draft.events.push({ type: 'DelegationPaid', id: sequencer.id, delegator: draft.by, shares, amountWei })
}

export function claimDelegationRewards(draft: Draft, command: Command<'claimDelegationRewards'>): void {
  const sequencer = find(draft, command.id)
  const held = position(draft, sequencer)
  const amountWei = held.rewardWei
  if (amountWei === 0n) refuse('NOTHING_TO_CLAIM', 'no rewards', { id: sequencer.id })
  store(draft, { ...held, rewardWei: 0n })
  put(draft, { ...sequencer, delegatorRewardWei: sequencer.delegatorRewardWei - amountWei })
  book(draft, { paidOutWei: amountWei })
  draft.events.push({ type: 'DelegationRewardsPaid', id: sequencer.id, delegator: draft.by, amountWei })
}
