import { OrderedMap } from '@l2/common'
import { slotOf } from '@l2/staking/epoch'
import { type HeaderId, passesThrough } from '../list/list.js'
import type { StakeState } from '../stake/stake.js'
import { type LeaderPlan, leaderAt } from './leaders.js'
import type { ControlState, Member, OperatorRecord } from './state.js'

const noneJailed: ControlState['jailed'] = /* @__PURE__ */ OrderedMap.from()
const blank: OperatorRecord = { led: 0, missed: 0, named: 0, late: 0 }

/** The record of an operator; of one that was never heard of, an empty one. */
export function recordOf(state: Pick<ControlState, 'records'>, operator: number): OperatorRecord {
  return state.records.get(operator) ?? blank
}

/**
 * Books what was settled: to leaders, their blocks; to every member, whether its latest list stood behind the milestone.
 * Statistics: a late extension is no fault, and a proposer may leave one out.
 */
export function bookSettled(
  state: ControlState,
  members: readonly Member[],
  plan: LeaderPlan,
  blocks: readonly HeaderId[],
): Pick<ControlState, 'records' | 'stake'> {
  let { records, stake } = state
  const add = (operator: number, field: keyof OperatorRecord): void => {
    const record = records.get(operator) ?? blank
    records = records.set(operator, { ...record, [field]: record[field] + 1 })
  }
  for (const { height } of blocks) {
    const leader = leaderAt(state, plan, height)
    if (leader === undefined || isOfConvicted(state, plan, height)) continue
    add(leader, 'led')
    stake = stake === undefined ? undefined : bookTurn(stake, height, leader, 1, members.length)
  }
  const milestone = blocks.at(-1)
  for (const { id } of milestone === undefined ? [] : members) {
    const list = state.lists.get(id)
    add(id, list !== undefined && passesThrough(list, milestone!) ? 'named' : 'late')
  }
  return { records, stake }
}

/** Below the start of the term stand blocks of leaders who were convicted since: nobody else may be credited with them. */
function isOfConvicted(state: ControlState, plan: LeaderPlan, height: bigint): boolean {
  if (height > state.start.height) return false
  const elected = leaderAt({ changes: state.changes, jailed: noneJailed }, plan, height)
  return elected !== undefined && state.jailed.has(elected)
}

/** Books a turn that ended without what it was for. */
export function bookMissed(
  state: ControlState,
  members: readonly Member[],
  leader: number,
  height: bigint,
): Pick<ControlState, 'records' | 'stake'> {
  const record = state.records.get(leader) ?? blank
  return {
    records: state.records.set(leader, { ...record, missed: record.missed + 1 }),
    stake: state.stake === undefined ? undefined : bookTurn(state.stake, height, leader, 0, members.length),
  }
}

/** A turn is a leader's part of a slot: one entry, from its first block or its end without one. */
function bookTurn(stake: StakeState, height: bigint, leader: number, produced: number, members: number): StakeState {
  const slot = slotOf(stake.schedule, height)
  if (slot === undefined) return stake
  const at = stake.turns.findIndex(turn => turn.startHeight === slot.start && turn.leader === leader)
  const turns = at === -1 ? stake.turns.slice(-stake.parameters.windowTurns * members) : [...stake.turns]
  if (at === -1) turns.push({ epoch: slot.epoch, startHeight: slot.start, leader, produced, l1Stalled: false })
  else turns[at] = { ...turns[at]!, produced: turns[at]!.produced + produced }
  return { ...stake, turns }
}
