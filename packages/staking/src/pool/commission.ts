import { refuse } from '../errors.js'
import type { PoolCommand } from './commands.js'
import { type Draft, find, owned, put } from './draft.js'
import { commissionAt, horizonOf } from './sequencer.js'

/** @throws StakingError `INPUT_INVALID` outside 0 … `maxCommissionBps` */
export function requireCommission(draft: Draft, commissionBps: number): void {
  const { maxCommissionBps } = draft.config
  if (!Number.isInteger(commissionBps) || commissionBps < 0 || commissionBps > maxCommissionBps) {
    refuse('INPUT_INVALID', `commissionBps expected 0 … ${maxCommissionBps}, got ${commissionBps}`, { commissionBps })
  }
}

/**
 * Announces a commission. Its first step is taken after the notice and not before those who leave now have earned for
 * the last time: who disagrees is gone before it counts. A new announcement replaces an earlier one.
 */
export function setCommission(draft: Draft, command: Extract<PoolCommand, { type: 'setCommission' }>): void {
  const { id } = owned(draft, command.id)
  const targetBps = command.commissionBps
  requireCommission(draft, targetBps)
  const dueAtSeconds = draft.atSeconds + draft.config.windows.commissionNoticeSeconds
  const fromEpoch = draft.epoch + BigInt(draft.config.lookaheadEpochs) + 1n
  draft.commissionPlans = [
    ...draft.commissionPlans.filter(plan => plan.id !== id),
    { id, targetBps, dueAtSeconds, fromEpoch },
  ]
  draft.events.push({ type: 'CommissionAnnounced', id, targetBps, dueAtSeconds })
}

/** At the start of an epoch: takes one step of every plan that is due. */
export function stepCommissions(draft: Draft): void {
  const { epoch, atSeconds, commissionPlans } = draft
  const isDue = (plan: { dueAtSeconds: bigint; fromEpoch: bigint }): boolean =>
    plan.dueAtSeconds <= atSeconds && plan.fromEpoch <= epoch
  if (!commissionPlans.some(isDue)) return
  const { maxCommissionStepBps, windows } = draft.config
  draft.commissionPlans = commissionPlans.flatMap(plan => {
    if (!isDue(plan)) return [plan]
    const { id, targetBps } = plan
    const sequencer = find(draft, id)
    if (sequencer.status === 'exited') return []
    const now = commissionAt(sequencer, epoch)
    const bps = Math.max(now - maxCommissionStepBps, Math.min(now + maxCommissionStepBps, targetBps))
    if (bps !== now) {
      const horizon = horizonOf(draft)
      const { commissions } = sequencer
      let first = 0
      while (first + 1 < commissions.length && commissions[first + 1]!.fromEpoch <= horizon) first++
      const kept = [...commissions.slice(first), { bps, fromEpoch: epoch }]
      put(draft, { ...sequencer, commissions: kept })
      draft.events.push({ type: 'CommissionChanged', id, commissionBps: bps, fromEpoch: epoch })
    }
    return bps === targetBps ? [] : [{ ...plan, dueAtSeconds: atSeconds + windows.commissionNoticeSeconds }]
  })
}
