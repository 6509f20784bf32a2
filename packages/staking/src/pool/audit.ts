import { type Bond, bondsWei } from '../stake/bonds.js'
import { settlePosition, valueWei } from '../stake/delegated.js'
import type { DelegatedStake, PoolState } from './types.js'

/**
 * Where the wei of a pool are. `inWei` = `heldWei` + what was burnt, given to the treasury or paid out, or the books
 * are wrong.
 */
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
  const positions = sumPositions(state, problems)
  for (const [id, sequencer] of state.sequencers.entries()) {
    const { delegated } = sequencer
    bondedWei += sequencer.amountWei
    for (const entry of sequencer.unlocking) unlockingWei += entry.amountWei
    delegatedWei += delegated.wei + delegated.redeemingWei
    rewardsWei += sequencer.rewardWei + delegated.rewardWei
    if (bondsWei(sequencer.bonds) !== sequencer.amountWei) problems.push(`bonds of sequencer ${id}`)
    if (sequencer.unlocking.some(({ bonds, amountWei }) => bondsWei(bonds) !== amountWei)) {
      problems.push(`withdrawals of sequencer ${id}`)
    }
    problems.push(...delegatorProblems(id, delegated, positions.get(id) ?? noPositions))
    if (sequencer.status === 'exited' && sequencer.amountWei > 0n) {
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

type Positions = {
  readonly stakedWei: bigint
  readonly redeemingWei: bigint
  readonly rewardWei: bigint
  readonly refs: ReadonlyMap<bigint, number>
}
const noPositions: Positions = { stakedWei: 0n, redeemingWei: 0n, rewardWei: 0n, refs: new Map() }

/** What all positions of each seat are worth together. */
function sumPositions(state: PoolState, problems: string[]): Map<number, Positions> {
  const sums = new Map<number, Positions>()
  /** What positions have of each of their seat's bonds. */
  const claimed = new Map<Bond, bigint>()
  for (const [, held] of state.delegations.entries()) {
    const delegated = state.sequencers.get(held.id)?.delegated
    if (delegated === undefined) continue
    let { stakedWei, redeemingWei, rewardWei, refs: before } = sums.get(held.id) ?? noPositions
    const refs = new Map(before)
    const use = (epoch: bigint): void => {
      refs.set(epoch, (refs.get(epoch) ?? 0) + 1)
    }
    const seen = [...held.lots, ...held.tails, ...held.redemptions]
    if (seen.some(({ losses }) => losses > delegated.losses.length)) problems.push(`losses seen in seat ${held.id}`)
    const claim = (list: readonly Bond[], fromEpoch: bigint, wei: bigint): void => {
      const bond = list.find(item => item.fromEpoch >= fromEpoch)
      if (bond !== undefined) claimed.set(bond, (claimed.get(bond) ?? 0n) + wei)
      else if (wei > 0n) problems.push(`a position of nothing in seat ${held.id}`)
    }
    for (const lot of held.lots) {
      const wei = valueWei(delegated, lot)
      stakedWei += wei
      claim(delegated.bonds, lot.fromEpoch, wei)
      if (lot.paidPerWei === undefined) use(lot.fromEpoch)
    }
    for (const tail of held.tails) {
      use(tail.toEpoch)
      if (tail.paidPerWei === undefined) use(tail.fromEpoch)
    }
    for (const redemption of held.redemptions) {
      const wei = valueWei(delegated, redemption, redemption.startedEpoch)
      redeemingWei += wei
      const group = delegated.redeeming.find(({ startedEpoch }) => startedEpoch === redemption.startedEpoch)
      if (group !== undefined) claim(group.bonds, redemption.fromEpoch, wei)
    }
    rewardWei += settlePosition(delegated, held).held.rewardWei
    sums.set(held.id, { stakedWei, redeemingWei, rewardWei, refs })
  }
  for (const [bond, wei] of claimed) if (wei > bond.wei) problems.push(`${wei} wei are claimed of ${bond.wei}`)
  return sums
}

/** Sums of a seat against its positions: never less than them, or the last to come is not paid. */
function delegatorProblems(id: number, delegated: DelegatedStake, positions: Positions): string[] {
  const problems: string[] = []
  const { wei, bonds, redeemingWei, redeeming, rewardWei, marks } = delegated
  if (bondsWei(bonds) !== wei) problems.push(`delegated bonds of sequencer ${id}`)
  if (redeeming.reduce((sum, group) => sum + bondsWei(group.bonds), 0n) > redeemingWei) {
    problems.push(`redeeming bonds of sequencer ${id}`)
  }
  if (positions.stakedWei > wei) problems.push(`delegations to sequencer ${id}`)
  if (positions.redeemingWei > redeemingWei) problems.push(`redemptions from sequencer ${id}`)
  if (positions.rewardWei > rewardWei) problems.push(`rewards of the delegators of sequencer ${id}`)
  const refs = new Map([...marks].map(([epoch, mark]) => [epoch, mark.refs]))
  if (refs.size !== positions.refs.size || [...refs].some(([epoch, count]) => positions.refs.get(epoch) !== count)) {
    problems.push(`reward marks of sequencer ${id}`)
  }
  return problems
}
