import { runs, seededRandom, testSeed } from '@l2/common/testing'
import type { PoolCommand } from '@l2/staking'
import { reportCommitment } from '@l2/staking/slashing'
import { numberToHex } from 'viem'
import { describe, expect, it } from 'vitest'
import { account, admin } from '../../staking/test/pool-simulation.js'
import { createPoolWorld, poolDifferential } from './pool-world.js'

describe('SequencerPool beside its reducer, on anvil', () => {
  it.each([
    { rewardSource: 'blocks', firstLossBps: 2500 },
    { rewardSource: 'batches', firstLossBps: 10_000 },
  ] as const)(
    'has the same state, events and refusals after every random command: $rewardSource',
    async options => {
      const seed = testSeed()
      const operations = runs({ suite: 150, soak: 5_000 })
      const line = await poolDifferential(seededRandom(seed), operations, { ...options, maxSeats: 4 })
      expect(line, `seed ${seed}`).toContain(`${operations} commands`)
    },
    3_600_000,
  )

  it('does alike what chance rarely comes to: jail and unjail, a reveal, a queue that is left, used keys', async () => {
    const world = await createPoolWorld({ maxSeats: 4 })
    try {
      let atSeconds = world.atSeconds + 100n
      const word = (n: number) => numberToHex(n, { size: 32 })
      const run = async (command: object, isDone = true): Promise<void> => {
        atSeconds += 1n
        expect(
          await world.step({ by: admin, atSeconds, ...command } as PoolCommand),
          JSON.stringify(command, (_, v) => `${v}`),
        ).toBe(isDone)
        await world.compare([account(9)])
      }
      const lock = { type: 'lock', amountWei: 20_000n * 10n ** 18n, commissionBps: 0 }
      for (const n of [1, 2, 3, 4, 5, 6]) await run({ type: 'setWhitelist', owner: account(n), allowed: true })
      for (const n of [1, 2, 3, 4, 5]) await run({ ...lock, by: account(n), signer: account(100 + n) })
      await run({ ...lock, by: account(6), signer: account(101) }, false)
      await run({ type: 'leaveQueue', by: account(5), id: 5 })
      await run({ type: 'advanceEpoch', epoch: 1n })
      await run({ type: 'setWatcher', watcher: account(9), allowed: true })
      const salt = word(7)
      const commitment = reportCommitment(word(2), account(9), salt)
      await run({ type: 'commitReport', by: account(9), commitment })
      await run({ type: 'commitReport', by: account(9), commitment }, false)
      const offence = (id: number, kind: string, n: number) => ({
        type: 'admitOffence',
        offence: {
          kind,
          id,
          evidenceId: word(n),
          evidenceHash: word(n),
          offenceEpoch: 1n,
          offenceAtSeconds: atSeconds - 3n,
        },
      })
      await run(offence(1, 'DOWNTIME', 1))
      await run({ type: 'unjail', by: account(1), id: 1 }, false)
      await run({ ...offence(2, 'EQUIVOCATION_BLOCK', 2) })
      await run({ type: 'delegate', by: account(9), id: 2, amountWei: 1n }, false)
      const reveal = { type: 'revealReport', evidenceId: word(2), salt }
      await run({ ...reveal, by: account(2) }, false)
      await run({ ...reveal, by: account(9) })
      await run({ ...reveal, by: account(9) }, false)
      atSeconds += 600n
      await run({ type: 'unjail', by: account(1), id: 1 })
      atSeconds += 6n * 86_400n
      await run({ type: 'executeCase', by: account(3), evidenceId: word(2) })
      await run({ type: 'executeCase', by: account(3), evidenceId: word(1) })
      expect(world.state.ledger.paidOutWei).toBeGreaterThan(0n)
      world.replay()
    } finally {
      await world.close()
    }
  })
})
