import { type ControlState, leaderAt, planOf, proposalHold } from '@l2/control-chain'
import type { Leadership } from '@l2/node'
import type { SlotLeader } from '@l2/staking'
import { slotOf } from '@l2/staking/epoch'
import type { Address } from 'viem'
import type { OperatorEntry } from '../home/genesis.js'
import type { NamedChain } from './own-chain.js'

export type LeadersParts = {
  id: number
  operators: readonly Pick<OperatorEntry, 'id' | 'header'>[]
  state(): ControlState
  chain(): NamedChain
  /** Whether L1 dropped, in the term in force, what the own head stood on. */
  isOriginDropped(): boolean
}

/** Who leads by the control chain, by operator and by header key. */
export function createLeaders({ id, operators, state, chain, isOriginDropped }: LeadersParts) {
  const headerOf = new Map(operators.map(({ id, header }) => [id, header]))
  const idOf = new Map(operators.map(({ id, header }) => [header as string, id]))
  const leaderNow = (height: bigint): SlotLeader | undefined => {
    const now = state()
    const leader = leaderAt(now, planOf(now), height)
    const sequencer = leader === undefined ? undefined : headerOf.get(leader)
    const slot = now.stake === undefined ? undefined : slotOf(now.stake.schedule, height)
    if (leader === undefined || sequencer === undefined || slot === undefined) return undefined
    return { id: leader, sequencer, epoch: slot.epoch, term: now.view }
  }
  const leadership: Leadership = {
    leaderAt: leaderNow,
    hold(head) {
      const now = state()
      if (isOriginDropped()) return 'L1 dropped what the head stood on: this term signs nothing more'
      const held = proposalHold(now, planOf(now), chain(), id, head)
      if (held === undefined) return undefined
      if (held === 'notLeader') return `operator ${leaderNow(head + 1n)?.id ?? 'nobody'} leads`
      return held === 'ahead'
        ? `${now.parameters.ahead} blocks are above the milestone: waiting for more than two thirds`
        : 'the head is not where the term in force begins'
    },
  }
  return {
    leaderNow,
    leadership,
    operatorOf: (signer: Address): number | undefined => idOf.get(signer),
    headerOf: (operator: number): Address | undefined => headerOf.get(operator),
  }
}
