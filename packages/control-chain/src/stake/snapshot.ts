import type { PoolState, Schedule } from '@l2/staking'
import { decodeSchedule, encodeSchedule } from '@l2/staking/epoch'
import { decodePool, encodePool } from '@l2/staking/pool'
import type { Hash } from 'viem'
import * as z from 'zod/mini'
import type { StakeState } from './stake.js'

const schema = /* @__PURE__ */ (() => {
  const hash = z.string().check(z.regex(/^0x[0-9a-f]{64}$/))
  const count = z.int().check(z.nonnegative())
  const uint = z.pipe(
    z.string().check(z.regex(/^(0|[1-9]\d{0,38})$/)),
    z.transform((text: string) => BigInt(text)),
  )
  const int = z.pipe(
    z.string().check(z.regex(/^(-1|0|[1-9]\d{0,38})$/)),
    z.transform((text: string) => BigInt(text)),
  )
  return z.strictObject({
    pool: z.string(),
    schedule: z.string(),
    seed: hash,
    seededAtBlock: int,
    root: hash,
    epochs: z.array(z.strictObject({ epoch: uint, startAtSeconds: uint, startHeight: uint })),
    turns: z.array(
      z.strictObject({ epoch: uint, startHeight: uint, leader: count, produced: count, l1Stalled: z.boolean() }),
    ),
    parameters: z.strictObject({ powerUnitWei: uint, windowTurns: count, minTurns: count }),
  })
})()

/** Pools and schedules are written when they changed, not with every control block. */
const pools = /* @__PURE__ */ new WeakMap<PoolState, string>()
const schedules = /* @__PURE__ */ new WeakMap<Schedule, string>()
function remembered<T extends object>(memory: WeakMap<T, string>, value: T, write: (value: T) => string): string {
  const known = memory.get(value) ?? write(value)
  memory.set(value, known)
  return known
}

/** The stake's part of a snapshot: plain data in one order. */
export function stakeOf(stake: StakeState): Record<string, unknown> {
  const { pool, schedule, seed, seededAtBlock, root, epochs, turns, parameters } = stake
  return {
    pool: remembered(pools, pool, encodePool),
    schedule: remembered(schedules, schedule, encodeSchedule),
    seed,
    seededAtBlock,
    root,
    epochs: epochs.map(({ epoch, startAtSeconds, startHeight }) => ({ epoch, startAtSeconds, startHeight })),
    turns: turns.map(({ epoch, startHeight, leader, produced, l1Stalled }) => ({
      epoch,
      startHeight,
      leader,
      produced,
      l1Stalled,
    })),
    parameters: {
      powerUnitWei: parameters.powerUnitWei,
      windowTurns: parameters.windowTurns,
      minTurns: parameters.minTurns,
    },
  }
}

/** @throws Error for whatever {@link stakeOf} does not make */
export function readStake(value: unknown): StakeState {
  const { seed, root, ...read } = schema.parse(value)
  return {
    ...read,
    seed: seed as Hash,
    root: root as Hash,
    pool: decodePool(read.pool),
    schedule: decodeSchedule(read.schedule),
  }
}
