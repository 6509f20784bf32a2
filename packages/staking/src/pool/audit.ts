import type { PoolState } from './types.js'

/** Where the wei of a pool are. `inWei` = `heldWei` + what was burnt, given to the treasury or paid out, or the books are wrong. */
export type PoolAudit = {
  /** Deposits of operators and delegators, and funds for rewards. */
  inWei: bigint
  bondedWei: bigint
  unlockingWei: bigint
  delegatedWei: bigint
  rewardsWei: bigint
  budgetWei: bigint
  burntWei: bigint
  treasuryWei: bigint
  paidOutWei: bigint
  /** Empty when everything adds up. */
  problems: string[]
}

/** Adds up every account of the pool and every share of every delegator. O(sequencers + delegations). */
export function auditPool(state: PoolState): PoolAudit {
  let bondedWei = 0n
  let unlockingWei = 0n
  let delegatedWei = 0n
  let rewardsWei = 0n
  const problems: string[] = []
  const active = new Map<number, bigint>()
  const redeeming = new Map<number, bigint>()
  for (const [, held] of state.delegations.entries()) {
    active.set(held.id, (active.get(held.id) ?? 0n) + held.shares)
    for (const { shares } of held.redemptions) redeeming.set(held.id, (redeeming.get(held.id) ?? 0n) + shares)
  }
  for (const [id, sequencer] of state.sequencers.entries()) {
    bondedWei += sequencer.amountWei
    for (const entry of sequencer.unlocking) unlockingWei += entry.amountWei
    delegatedWei += sequencer.delegatedWei
    rewardsWei += sequencer.rewardWei + sequencer.delegatorRewardWei
    if ((active.get(id) ?? 0n) !== sequencer.activeShares) problems.push(`active shares of sequencer ${id}`)
    if ((redeeming.get(id) ?? 0n) !== sequencer.redeemingShares) problems.push(`redeeming shares of sequencer ${id}`)
    if (sequencer.status === 'exited' && sequencer.amountWei + sequencer.rewardWei > 0n) {
      problems.push(`sequencer ${id} is gone and still holds wei`)
    }
  }
  const { depositedWei, fundedWei, budgetWei, burntWei, treasuryWei, paidOutWei } = state.ledger
  const inWei = depositedWei + fundedWei
  const accounted =
    bondedWei + unlockingWei + delegatedWei + rewardsWei + budgetWei + burntWei + treasuryWei + paidOutWei
  if (inWei !== accounted) problems.push(`${inWei} wei came in, ${accounted} are accounted for`)
  return {
    inWei,
    bondedWei,
    unlockingWei,
    delegatedWei,
    rewardsWei,
    budgetWei,
    burntWei,
    treasuryWei,
    paidOutWei,
    problems,
  }
}
