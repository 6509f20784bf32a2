import { seededRandom, testSeed } from '@l2/common/testing'
import { expect, it } from 'vitest'
import { createReference } from '../soak/reference.js'
import { target } from '../soak/staking.soak.js'
import { applyPool, auditPool, createPool, type PoolCommand } from '../src/index.js'
import { decodePool, encodePool } from '../src/pool/index.js'
import { account, admin } from './pool-simulation.js'

it.each(target.cases)('rewards of the work, penalties of the fault, every wei somewhere: $name', async ({ run }) => {
  const seed = testSeed()
  expect(await run(seededRandom(seed), 6000), `seed ${seed}`).toContain('6000 commands')
})

it.each([1, 7, 150])(
  'a delegator who adds every half day for a year has a short position and what is his, when blocks are paid every %i epochs',
  payEvery => {
    const seed = testSeed()
    const random = seededRandom(seed)
    const metis = 10n ** 18n
    const reference = createReference()
    let state = createPool({ admin, firstLossBps: 0, maxLockWei: 10n ** 30n })
    let atSeconds = 1n
    const run = (input: object): void => {
      const command = { by: admin, atSeconds, ...input } as PoolCommand
      const before = state
      const { state: after, events } = applyPool(state, command)
      state = after
      reference.add(command, events, before, after)
    }
    const [owner, signer] = [account(1), account(1000)]
    run({ type: 'fund', amountWei: 10n ** 30n })
    run({ type: 'setWhitelist', owner, allowed: true })
    run({ type: 'lock', by: owner, signer, amountWei: 20_000n * metis })
    let [lots, marks] = [0, 0]
    for (let epoch = 1n; epoch <= 730n; epoch++) {
      atSeconds += 43_200n
      run({ type: 'advanceEpoch', epoch })
      if (epoch % BigInt(payEvery) === 0n) run({ type: 'accrueBlock', height: epoch, signer })
      if (epoch % 40n === 39n) {
        const evidenceId = `0x${epoch.toString(16).padStart(64, '0')}`
        const offenceEpoch = epoch - BigInt(random.below(20))
        const offence = { kind: 'CENSORSHIP_FORCED', id: 1, evidenceId, evidenceHash: evidenceId, offenceEpoch }
        run({
          type: 'admitOffence',
          offence: { ...offence, offenceAtSeconds: atSeconds - BigInt(random.below(10)) * 86_400n },
        })
      }
      for (const { evidenceId, status, executableAtSeconds } of [...state.cases.entries()].map(([, found]) => found)) {
        if (status === 'pending' && executableAtSeconds <= atSeconds) run({ type: 'executeCase', evidenceId })
      }
      // The first one only ever adds; of the others one claims, and one leaves and comes again.
      for (const n of [50, 51, 52]) {
        run({ type: 'delegate', by: account(n), id: 1, amountWei: metis + BigInt(random.uint32()) })
      }
      if (state.delegations.get(`1:${account(51)}`)!.rewardWei > 0n && random.bool(0.2)) {
        run({ type: 'claimDelegationRewards', by: account(51), id: 1 })
      }
      if (random.bool(0.02)) run({ type: 'undelegate', by: account(52), id: 1, shares: metis * 2n })
      lots = Math.max(lots, state.delegations.get(`1:${account(50)}`)!.lots.length)
      marks = Math.max(marks, state.sequencers.get(1)!.delegated.marks.size)
      if (epoch % 73n !== 0n) continue
      reference.compare(state)
      expect(auditPool(state).problems, `seed ${seed}`).toEqual([])
      expect(encodePool(decodePool(encodePool(state)))).toBe(encodePool(state))
    }
    // What can still be brought forward are 60 epochs; twice that, and what waits for an open case.
    expect(lots, `seed ${seed}`).toBeLessThan(180)
    expect(marks, `seed ${seed}`).toBeLessThan(240)
    expect(reference.figures.delegatorPenalties, `seed ${seed}`).toBeGreaterThan(5)
  },
)
