import {
  applyPool,
  createPool,
  createSchedule,
  electionWeights,
  type PoolCommand,
  type PoolState,
  planEpoch,
  type Schedule,
} from '@l2/staking'
import type { Hash } from 'viem'
import type { ControlState } from '../../src/fold/state.js'
import type { L1Mark } from '../../src/list/list.js'
import type { Rules } from './schedule.js'

const account = (n: number) => `0x${n.toString(16).padStart(40, '0')}` as const
const admin = account(0xad)
const unit = 20_000n * 10n ** 18n
export const firstEpoch = 3n
export const stakeSlot = { blocks: 5, perEpoch: 9 }
/** Deeper than any reorg of the model's L1. */
const finalDepth = 7

const word = (text: string): Hash =>
  `0x${[...text]
    .map(letter => letter.charCodeAt(0).toString(16))
    .join('')
    .padEnd(64, '0')}`

/** What a pool of the model is told on L1, in which block, and the roots of so many commands. */
type Told = {
  readonly at: readonly number[]
  readonly commands: readonly PoolCommand[]
  readonly roots: readonly Hash[]
}

/**
 * The pool of a model's chain: seats 1 … n hold stake from the start, seat n + 1 has locked and seat 1 given up so that
 * both take effect with the second epoch, and L1 tells it more while the chain lives.
 */
export function createModelStake(
  rules: Rules,
  weights: readonly number[],
  windowTurns: number,
  pick: (below: number) => number,
): { genesis: Parameters<Rules['createControlState']>[0]['members']; told: Told } {
  const last = weights.length - 1
  let pool: PoolState = createPool({ admin, lookaheadEpochs: 2, liquidCapBps: 10_000 }, 0n)
  const apply = (command: PoolCommand): void => {
    pool = applyPool(pool, command).state
  }
  const lock = (id: number): PoolCommand[] => [
    { type: 'setWhitelist', by: admin, atSeconds: 0n, owner: account(id), allowed: true },
    {
      type: 'lock',
      by: account(id),
      atSeconds: 0n,
      signer: account(1000 + id),
      amountWei: unit * BigInt(weights[id] ?? 1),
    },
  ]
  for (let id = 1; id < last; id++) lock(id).forEach(apply)
  apply({ type: 'advanceEpoch', by: admin, atSeconds: 0n, epoch: 1n })
  lock(last).forEach(apply)
  apply({ type: 'unlock', by: account(1), atSeconds: 0n, id: 1 })
  for (const epoch of [2n, firstEpoch]) apply({ type: 'advanceEpoch', by: admin, atSeconds: 0n, epoch })
  const empty = createSchedule({
    ...{ firstHeight: 1n, firstEpoch, keepEpochs: 8 },
    ...{ slotBlocks: BigInt(stakeSlot.blocks), slotsPerEpoch: stakeSlot.perEpoch },
  })
  const schedule: Schedule = planEpoch(empty, {
    ...{ epoch: firstEpoch, seed: word(`seed ${pick(1 << 30)}`) },
    candidates: electionWeights(pool, firstEpoch),
  })
  // Whose stake grows without end is nobody: what L1 says later only tries the way of the commands.
  const at = Array.from({ length: 12 }, (_, i) => 2 + 3 * i + pick(3))
  const commands = at.map(
    (_, i): PoolCommand => ({ type: 'fund', by: admin, atSeconds: BigInt(3 * i), amountWei: BigInt(1 + pick(9)) }),
  )
  const roots: Hash[] = [rules.firstPoolRoot]
  for (const command of commands) roots.push(rules.poolRootOf(roots.at(-1)!, [command]))
  const parameters = { powerUnitWei: unit, windowTurns, minTurns: 2 }
  return { genesis: { pool, schedule, parameters }, told: { at, commands, roots } }
}

const known = ({ at }: Told, number: number): number => at.filter(one => one <= number).length

/** What an operator reads of L1's finalized block; `undefined` while there is none. */
export function markOf(chain: readonly string[], told: Told): L1Mark | undefined {
  const final = chain.length - 1 - finalDepth
  const number = final - (final % 2)
  if (number <= 0) return undefined
  const hash = word(chain[number]!)
  const poolRoot = told.roots[known(told, number)]!
  return { number: BigInt(number), hash, timestamp: BigInt(3 * number), prevRandao: hash, poolRoot }
}

/** What leads from the pool's root to the mark that was agreed on, as anybody brings it who reads L1. */
export function commandsDue({ stake, l1 }: ControlState, told: Told): readonly PoolCommand[] {
  if (stake === undefined || l1 === undefined || stake.root === l1.poolRoot) return []
  const from = told.roots.indexOf(stake.root)
  return from < 0 ? [] : told.commands.slice(from, known(told, Number(l1.number)))
}

/** Commands of liars: stake that nobody has locked. */
export const forgedCommands = (id: number): readonly PoolCommand[] => [
  { type: 'forceUnlock', by: admin, atSeconds: 1n, id },
  { type: 'fund', by: admin, atSeconds: 1n, amountWei: 1n },
]
