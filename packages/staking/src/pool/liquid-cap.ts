import type { Address } from 'viem'
import { refuse } from '../errors.js'
import { notZero } from '../internal/address.js'
import { delegationKey, valueWei } from '../stake/delegated.js'
import type { PoolCommand } from './commands.js'
import { type Draft, only } from './draft.js'
import type { PoolState } from './types.js'

/**
 * Names an account of a liquid-staking protocol, or says that it is none any more. What it has at stake already stays.
 */
export function setLiquidAccount(draft: Draft, command: Extract<PoolCommand, { type: 'setLiquidAccount' }>): void {
  only(draft, draft.config.admin, 'admin')
  const account = notZero(command.account, 'account')
  if (command.liquid) {
    const seats = new Set<number>()
    for (const [, held] of draft.delegations.entries()) if (held.delegator === account) seats.add(held.id)
    draft.liquidAccounts = draft.liquidAccounts.set(
      account,
      [...seats].sort((a, b) => a - b),
    )
  } else draft.liquidAccounts = draft.liquidAccounts.delete(account)
  draft.events.push({ type: 'LiquidAccountSet', account, liquid: command.liquid })
}

/** What accounts of liquid-staking protocols have at stake, as owners of seats and as delegators, wei. */
export function liquidStakeWei(state: PoolState): bigint {
  let sum = 0n
  for (const [account, seats] of state.liquidAccounts.entries()) {
    const own = state.owners.get(account)
    const seat = own === undefined ? undefined : state.sequencers.get(own)
    if (seat?.status === 'active') sum += seat.amountWei
    for (const id of seats) {
      const sequencer = state.sequencers.get(id)
      const held = state.delegations.get(delegationKey(id, account))
      if (sequencer?.status !== 'active' || held === undefined) continue
      for (const lot of held.lots) sum += valueWei(sequencer.delegated, lot)
    }
  }
  return sum
}

/**
 * Refuses stake of a liquid-staking protocol that would lift their share of everything above the cap. Others who leave
 * may still do so: nobody is locked in, or out of leaving, by the cap.
 *
 * @throws StakingError `LIQUID_CAP`
 */
export function requireLiquidCap(draft: Draft, account: Address, addedWei: bigint, totalAddedWei = addedWei): void {
  const { liquidCapBps } = draft.config
  if (liquidCapBps === 10_000 || !draft.liquidAccounts.has(account)) return
  const liquidWei = liquidStakeWei(draft) + addedWei
  const totalWei = draft.activeWei + totalAddedWei
  if (liquidWei * 10_000n <= totalWei * BigInt(liquidCapBps)) return
  refuse(
    'LIQUID_CAP',
    `liquid staking would hold ${liquidWei} of ${totalWei} wei, at most ${liquidCapBps} basis points`,
    {
      liquidWei,
      totalWei,
      liquidCapBps,
    },
  )
}

/** Notes that an account of a liquid-staking protocol has a position in a seat. */
export function noteLiquid(draft: Draft, account: Address, id: number): void {
  const seats = draft.liquidAccounts.get(account)
  if (seats === undefined || seats.includes(id)) return
  draft.liquidAccounts = draft.liquidAccounts.set(
    account,
    [...seats, id].sort((a, b) => a - b),
  )
}
