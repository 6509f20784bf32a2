import { runs, testSeed } from '@l2/common/testing'
import {
  applyPool,
  createPool,
  createSchedule,
  electionWeights,
  leaderAt,
  type PoolCommand,
  type PoolState,
  planEpoch,
  type SequencerPoolEvent,
} from '@l2/staking'
import { sequencerOf } from '@l2/staking/pool'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Assets, Shares } from './math/units.js'
import { heldAssets, owedAssets, queueOf } from './presets/cash.js'
import { applyLiquid, createLiquid, liquidShares } from './presets/liquid.js'
import type { Liquid } from './presets/state.js'
import { liquidRate, seatsView } from './presets/views.js'
import { claimable, requested } from './withdrawal/queue.js'

// The same run every time; another one with L2_SEED.
fc.configureGlobal({ seed: testSeed() })

const oneMetis = 10n ** 18n
const daySeconds = 86_400n
const address = (n: number) => `0x${n.toString(16).padStart(40, '0')}` as const
const word = (n: number) => `0x${n.toString(16).padStart(64, '0')}` as const
const admin = address(0xad)

/** The sequencer pool and a liquid-staking protocol that owns its seats, joined by nothing but the stream of events. */
class World {
  lst: Liquid
  pool: PoolState
  sequence = 0n
  atSeconds = 100n * daySeconds
  slashed = 0n
  earned = 0n

  constructor(preset: 'enki' | 'accumulated' | 'artemis' | 'lido' | 'recommended', bond: bigint) {
    this.pool = createPool({ admin })
    this.lst = createLiquid({
      preset,
      entrySeconds: 0n,
      nowSeconds: this.atSeconds,
      maxPositiveRebaseE18: undefined,
      limits: {},
    })
    for (const seat of [1, 2, 3]) this.lst = applyLiquid(this.lst, { type: 'registerSeat', seat, bond }).state
    this.run({ type: 'fund', amountWei: 1_000_000n * oneMetis })
  }

  run(command: object): SequencerPoolEvent[] {
    const { state, events } = applyPool(this.pool, { by: admin, atSeconds: this.atSeconds, ...command } as PoolCommand)
    this.pool = state
    for (const event of events) {
      // Every event goes through the port as it is; what is not ours is ignored there.
      this.lst = applyLiquid(this.lst, { type: 'feed', sequence: ++this.sequence, event }).state
      if (event.type === 'Slashed') this.slashed += event.operatorWei
      if (event.type === 'RewardAccrued') this.earned += event.operatorWei
    }
    return events
  }

  /** What the protocol sends to seats is locked in the pool, by its own accounts. */
  allocate(): void {
    const { state, result } = applyLiquid(this.lst, { type: 'allocate', nowSeconds: this.atSeconds })
    this.lst = state
    for (const { seat, assets } of result) {
      const id = Number(seat)
      if (!this.locked.has(id)) {
        this.locked.add(id)
        this.run({ type: 'setWhitelist', owner: address(id), allowed: true })
        this.run({ type: 'lock', by: address(id), signer: address(1_000 + id), amountWei: assets })
      } else this.run({ type: 'relock', by: address(id), id, amountWei: assets, lockReward: false })
    }
  }
  private readonly locked = new Set<number>()

  /** Elects an epoch from frozen weights and lets its leaders build their blocks. */
  epoch(blocks: number): void {
    const epoch = this.pool.epoch
    const candidates = electionWeights(this.pool, epoch)
    const schedule = planEpoch(createSchedule({ firstEpoch: epoch, slotBlocks: 10n }), {
      epoch,
      seed: word(Number(epoch) + 7),
      candidates,
    })
    const first = BigInt(this.pool.atSeconds)
    for (let i = 0; i < blocks; i++) {
      const leader = leaderAt(schedule, BigInt(i))
      if (leader === undefined) break
      this.run({
        type: 'accrueBlock',
        height: first * 1_000n + BigInt(i) + this.pool.epoch * 1_000_000n,
        signer: leader.sequencer,
      })
    }
    this.run({ type: 'advanceEpoch', epoch: epoch + 1n })
  }

  advance(seconds: bigint): void {
    this.atSeconds += seconds
  }

  report(): void {
    this.lst = applyLiquid(this.lst, { type: 'report', nowSeconds: this.atSeconds, confirmed: true }).state
  }

  /** Both sides, to the wei. */
  agree(): void {
    const seats = seatsView(this.lst)
    for (const seat of seats) {
      const id = Number(seat.seat)
      if (!this.locked.has(id)) continue
      const sequencer = sequencerOf(this.pool, id)
      expect(seat.assets).toBe(
        sequencer.amountWei + sequencer.unlocking.reduce((sum, part) => sum + part.amountWei, 0n),
      )
      expect(seat.earned).toBe(sequencer.rewardWei)
    }
    expect(this.lst.totals.rewarded).toBe(this.earned)
    const { deposited, rewarded, paid, lost } = this.lst.totals
    expect(deposited + rewarded).toBe(heldAssets(this.lst) + paid + lost)
    expect(owedAssets(this.lst)).toBe(heldAssets(this.lst))
  }
}

describe('with the sequencer pool', () => {
  for (const preset of ['enki', 'accumulated', 'artemis', 'lido', 'recommended'] as const)
    test(`${preset}: deposits, seats, elected epochs, rewards, report, rate; slash, loss, discount`, () => {
      fc.assert(
        fc.property(
          fc.array(fc.bigInt({ min: 9_000n, max: 40_000n }), { minLength: 3, maxLength: 5 }),
          fc.integer({ min: 1, max: 30 }),
          fc.constantFrom(0n, 10n * oneMetis),
          fc.bigInt({ min: 1n, max: 900n }),
          (deposits, blocks, bond, asked) => {
            const world = new World(preset, bond)
            deposits.forEach((metis, i) => {
              const assets = (metis * oneMetis) as Assets
              world.lst = applyLiquid(world.lst, {
                type: 'deposit',
                account: `user${i}`,
                assets,
                nowSeconds: BigInt(world.atSeconds),
              }).state
            })
            // Exits are paid from what is not in seats.
            const keep = 2_000n * oneMetis
            const buffered = {
              type: 'deposit',
              account: 'late',
              assets: keep as Assets,
              nowSeconds: BigInt(world.atSeconds),
            } as const
            world.allocate()
            world.lst = applyLiquid(world.lst, buffered).state
            for (let i = 0; i < 4; i++) world.run({ type: 'advanceEpoch', epoch: world.pool.epoch + 1n })
            world.agree()
            const before = liquidRate(world.lst).rate
            for (let i = 0; i < 3; i++) world.epoch(blocks)
            world.agree()
            // Nothing moves before the report…
            expect(liquidRate(world.lst).rate).toBe(before)
            world.advance(daySeconds)
            world.report()
            // …and then all of it does (a cycle vault releases it over a week).
            if (preset === 'accumulated') {
              world.advance(8n * daySeconds)
              world.report()
            }
            expect(world.earned).toBeGreaterThan(0n)
            const risen = liquidRate(world.lst).rate
            expect(risen).toBeGreaterThan(before)
            world.agree()

            // Somebody asks to leave; then a fault is admitted, priced and executed.
            const shares = (
              liquidShares(world.lst, 'user0') < asked * oneMetis ? liquidShares(world.lst, 'user0') : asked * oneMetis
            ) as Shares
            const exit = applyLiquid(world.lst, {
              type: 'requestWithdrawal',
              account: 'user0',
              shares,
              nowSeconds: BigInt(world.atSeconds),
            })
            world.lst = exit.state
            world.run({
              type: 'admitOffence',
              offence: {
                kind: 'ATTESTED_INVALID',
                id: 1,
                evidenceId: word(1),
                evidenceHash: word(2),
                offenceEpoch: world.pool.epoch,
                offenceAtSeconds: world.atSeconds,
              },
            })
            world.advance(daySeconds)
            world.report()
            // Known and not priced: nobody gets out whole.
            expect(queueOf(world.lst).lastFinalizedId).toBe(0n)
            world.advance(6n * daySeconds)
            world.run({ type: 'executeCase', evidenceId: word(1) })
            expect(world.slashed).toBeGreaterThan(0n)
            world.agree()
            world.advance(daySeconds)
            world.report()
            world.agree()
            const seat = seatsView(world.lst).find(view => view.seat === 1)!
            expect(seat.lost + (bond - seat.bond)).toBe(world.slashed)
            expect(world.lst.totals.lost).toBe(seat.lost)
            expect(liquidRate(world.lst).rate).toBeLessThan(risen)
            const queue = queueOf(world.lst)
            expect(queue.lastFinalizedId).toBe(exit.result.ids.at(-1))
            for (const id of exit.result.ids) expect(claimable(queue, id)).toBeLessThan(requested(queue, id).assets)
            for (const id of exit.result.ids)
              world.lst = applyLiquid(world.lst, {
                type: 'claim',
                id,
                account: 'user0',
                nowSeconds: BigInt(world.atSeconds),
              }).state
            world.agree()
          },
        ),
        { numRuns: runs({ suite: 12, soak: 240 }) },
      )
    })
})
