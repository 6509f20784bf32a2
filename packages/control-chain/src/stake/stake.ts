import type { PoolState, Schedule } from '@l2/staking'
import type { Turn } from '@l2/staking/evidence'
import type { Hash } from 'viem'
import { refuse } from '../errors.js'
import { firstPoolRoot } from './pool-commands.js'

/**
 * The pool of L1 as the control chain has it: who has stake, who is elected for which epoch, and what is being judged.
 * A chain whose members are given at genesis and stay has none.
 */
export type StakeState = {
  readonly pool: PoolState
  /** Epochs as they were elected. Ends of terms are not in it: the fold has them. */
  readonly schedule: Schedule
  /** Of the last epoch that was elected. */
  readonly seed: Hash
  /** Of the mark of L1 that gave that seed its randomness: the next one needs a later mark, or is degraded. */
  readonly seededAtBlock: bigint
  /** Over the commands that the pool was told so far. */
  readonly root: Hash
  /** When the recent epochs began, by the time of L1 that the operators agreed on. */
  readonly epochs: readonly { readonly epoch: bigint; readonly startAtSeconds: bigint; readonly startHeight: bigint }[]
  /** Turns of the settled chain, in their order: what downtime is judged by. Bounded by {@link StakeParameters}. */
  readonly turns: readonly Turn[]
  readonly parameters: StakeParameters
}

/** How the pool decides about members. Every operator must have them alike. */
export type StakeParameters = {
  /** Stake that is one unit of the consensus engine's power. Default 10^15 wei. */
  readonly powerUnitWei: bigint
  /** Turns of its own by which an operator's downtime is judged. Default 20. */
  readonly windowTurns: number
  /** Of these it must have led so many. Default 10. */
  readonly minTurns: number
}

export const defaultStakeParameters: StakeParameters = { powerUnitWei: 10n ** 15n, windowTurns: 20, minTurns: 10 }

export type StakeGenesis = {
  /** Operators are its sequencers: an operator's id is that of its seat. */
  pool: PoolState
  /** With the first epoch elected. */
  schedule: Schedule
  parameters?: StakeParameters
}

/**
 * The pool that a control chain begins with.
 *
 * @throws ControlChainError `CONFIG_INVALID` without an elected epoch, or with parameters that cannot be
 */
export function createStake({ pool, schedule, parameters = defaultStakeParameters }: StakeGenesis): StakeState {
  const plan = schedule.plans.at(-1)
  if (plan?.epoch !== pool.epoch)
    refuse('CONFIG_INVALID', `epoch ${pool.epoch} of the pool expected to be elected last`)
  const { powerUnitWei, windowTurns, minTurns } = parameters
  if (powerUnitWei < 1n) refuse('CONFIG_INVALID', `powerUnitWei expected at least 1, got ${powerUnitWei}`)
  if (!Number.isInteger(windowTurns) || windowTurns < 1 || windowTurns > 1_000 || !(minTurns >= 1)) {
    refuse('CONFIG_INVALID', 'windowTurns expected 1 … 1000, minTurns at least 1', { windowTurns, minTurns })
  }
  return {
    pool,
    schedule,
    seed: plan.seed,
    seededAtBlock: -1n,
    root: firstPoolRoot,
    epochs: [{ epoch: plan.epoch, startAtSeconds: pool.atSeconds, startHeight: schedule.options.firstHeight }],
    turns: [],
    parameters,
  }
}

/** Power of each operator by the weights of the pool's epoch: those that are free to lead and to vote. */
export function stakeMembers({ pool, schedule, parameters }: StakeState): { id: number; power: bigint }[] {
  const weighed = schedule.plans.find(({ epoch }) => epoch === pool.epoch)?.candidates ?? []
  return weighed.flatMap(({ id, weight }) => {
    const power = weight / parameters.powerUnitWei
    return power > 0n && isFree(pool, id) ? [{ id, power }] : []
  })
}

/** Whether a seat may lead and vote: neither jailed by the pool nor convicted. */
export function isFree(pool: PoolState, id: number): boolean {
  const seat = pool.sequencers.get(id)
  return seat !== undefined && seat.jailedUntilSeconds === 0n && !seat.tombstoned
}
