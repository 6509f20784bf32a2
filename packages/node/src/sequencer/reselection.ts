import { leaderAt } from '@l2/staking'
import { nextTerm, slotOf } from '@l2/staking/epoch'
import {
  castTermVote,
  openTermVotes,
  type TermDecision,
  termDecisionHash,
  termTimeoutMs,
} from '@l2/staking/reselection'
import { type Address, type Hash, isAddressEqual, type LocalAccount, recoverAddress } from 'viem'
import { advanceTerm, type ControlPlane, isBarred } from '../pool/control-plane.js'

/** What ends the turn of a leader that does not produce. */
export type Reselection = {
  /**
   * Says whether the leader of `height` has had its time, and has those who are up vote if so. The result is the control plane with the next
   * term, or `undefined` while there is no quorum.
   */
  tryNextTerm(control: ControlPlane, height: bigint, parentHash: Hash, nowMs: number): Promise<ControlPlane | undefined>
}

/** Each member's own key votes; more than two thirds of the stake decide, and only that the slot has passed: who follows is in the seed. */
export function createReselection(members: () => readonly LocalAccount[]): Reselection {
  /** Since when each height has been waited for. */
  let waiting: { height: bigint; term: number; sinceMs: number } | undefined
  return {
    async tryNextTerm(control, height, parentHash, nowMs) {
      const { schedule, pool } = control
      const leader = leaderAt(schedule, height)
      const slot = slotOf(schedule, height)
      if (leader === undefined || slot === undefined) return undefined
      if (waiting?.height !== height || waiting.term !== leader.term)
        waiting = { height, term: leader.term, sinceMs: nowMs }
      // A jailed leader need not be waited for.
      const patienceMs = isBarred(pool)(leader.id) ? 0 : termTimeoutMs(leader.term)
      if (nowMs - waiting.sinceMs < patienceMs) return undefined

      const next = nextTerm(schedule, height, isBarred(pool))
      const decision: TermDecision = {
        chainId: control.domain.chainId,
        epoch: next.epoch,
        slot: slot.slot,
        term: next.term,
        height,
        parentHash,
        leader: next.id,
      }
      const hash = termDecisionHash(decision)
      const plan = schedule.plans.find(({ epoch }) => epoch === next.epoch)!
      let votes = openTermVotes(plan.candidates)
      for (const { id, signer } of plan.candidates) {
        const member = members().find(({ address }) => isAddressEqual(address, signer))
        if (member === undefined || votes.decided !== undefined) continue
        const signature = await member.sign!({ hash })
        const voter: Address = await recoverAddress({ hash, signature })
        if (isAddressEqual(voter, signer)) votes = castTermVote(votes, { id, decision: hash })
      }
      if (votes.decided !== hash) return undefined
      return { ...control, schedule: advanceTerm(schedule, pool, height, next.term) }
    },
  }
}
