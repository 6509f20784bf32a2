import type { Schedule } from '@l2/staking'
import { buildElection, electFallback } from '@l2/staking/election'
import { slotOf } from '@l2/staking/epoch'
import { refuse } from '../errors.js'
import type { LeaderPlan } from '../fold/leaders.js'
import type { ControlState } from '../fold/state.js'

/**
 * The election that a schedule holds, as the fold asks for it. Whoever takes over a slot is drawn from the seed of its
 * epoch and the term, so that it is known as soon as the term is.
 *
 * @example
 * ```ts
 * import { electionOf } from '@l2/control-chain'
 * import { createSchedule, planEpoch } from '@l2/staking'
 *
 * const candidates = [1, 2, 3, 4].map(id => ({ id, weight: 20_000n, signer: `0x${String(id).repeat(40)}` as const }))
 * const schedule = planEpoch(createSchedule({ slotBlocks: 5n, slotsPerEpoch: 4 }), {
 *   epoch: 0n, seed: `0x${'07'.repeat(32)}`, candidates,
 * })
 * const plan = electionOf(schedule)
 * const slot = plan.slotAt(7n)
 * console.log(slot?.start, slot?.end) // 5n 9n
 * console.log(plan.fallback(7n, 1, id => id === slot?.leader) === slot?.leader) // false
 * ```
 */
export function electionOf(schedule: Schedule): LeaderPlan {
  const planAt = (height: bigint) => {
    const at = slotOf(schedule, height)
    const first = schedule.plans[0]
    const plan =
      at === undefined || first === undefined || at.epoch < first.epoch
        ? undefined
        : schedule.plans[Number(at.epoch - first.epoch)]
    return at === undefined || plan === undefined ? undefined : { at, plan }
  }
  return {
    slotAt(height) {
      const found = planAt(height)
      if (found === undefined) return undefined
      const { start, end, slot } = found.at
      return { start, end, leader: found.plan.leaders[slot]! }
    },
    fallback(height, view, isExcluded) {
      // The fold asks for heights of planned epochs only; the last plan answers for others.
      const found = planAt(height)
      const plan = found?.plan ?? schedule.plans.at(-1)!
      const excluded = plan.candidates.filter(({ id }) => isExcluded(id)).map(({ id }) => id)
      return electFallback(buildElection(plan.candidates), plan.seed, found?.at.slot ?? 0, view, excluded)
    },
  }
}

/**
 * Who leads when, in a state: by the election of its pool, or by the plan of a chain that has none.
 *
 * @throws ControlChainError `CONFIG_INVALID` with neither
 */
export function planOf({ stake }: Pick<ControlState, 'stake'>, fixed?: LeaderPlan): LeaderPlan {
  if (stake !== undefined) return electionOf(stake.schedule)
  if (fixed === undefined) refuse('CONFIG_INVALID', 'a chain without a pool needs a plan of its leaders')
  return fixed
}
