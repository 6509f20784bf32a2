import { isL2Error } from '@l2/common'
import { type Random, runs, seededRandom, testSeed } from '@l2/common/testing'
import { describe, expect, test } from 'vitest'
import type { Assets, Shares } from './math/units.js'
import { heldAssets, owedAssets, queueOf } from './presets/cash.js'
import { type PresetName, type Profile, presets } from './presets/config.js'
import { coreTotals } from './presets/core.js'
import { applyLiquid, createLiquid, liquidShares } from './presets/liquid.js'
import { liquidCodec } from './presets/snapshot.js'
import type { Liquid } from './presets/state.js'

const oneMetis = 10n ** 18n
const people = ['alice', 'bob', 'carol', 'dave', 'erin']
const seats = [1, 2, 3]

/** Wei of every size: dust, odd amounts, whole seats. */
function amount(random: Random): bigint {
  const size = random.below(10)
  if (size === 0) return BigInt(random.below(3))
  if (size < 3) return BigInt(random.below(1_000_000))
  return BigInt(random.below(3_000)) * oneMetis + BigInt(random.below(1_000_000_000))
}

type Run = { lst: Liquid; nowSeconds: bigint; done: number; refused: Map<string, number> }

function perform(run: Run, random: Random): void {
  const account = random.pick(people)
  const nowSeconds = (run.nowSeconds += BigInt(random.below(20_000)))
  const { lst } = run
  const seat = random.pick(seats)
  switch (random.below(16)) {
    case 0:
    case 1:
    case 2:
      run.lst = applyLiquid(lst, { type: 'deposit', account, assets: amount(random) as Assets, nowSeconds }).state
      return
    case 3:
    case 4: {
      const shares = (liquidShares(lst, account) * BigInt(random.below(101))) / 400n
      run.lst = applyLiquid(lst, { type: 'requestWithdrawal', account, shares: shares as Shares, nowSeconds }).state
      return
    }
    case 5:
    case 6:
    case 7: {
      const claim = nextClaim(lst, random)
      if (claim !== undefined) run.lst = applyLiquid(lst, { type: 'claim', ...claim, nowSeconds }).state
      return
    }
    case 8:
      run.lst = applyLiquid(lst, { type: 'allocate', nowSeconds }).state
      return
    case 9:
      run.lst = applyLiquid(lst, { type: 'report', nowSeconds, confirmed: true }).state
      return
    case 10: {
      const event = {
        type: 'RewardAccrued',
        id: seat,
        operatorWei: BigInt(random.below(1e9)) * 10n ** 9n,
        delegatorsWei: 7n,
      }
      run.lst = applyLiquid(lst, { type: 'feed', sequence: lst.feedCursor + 1n, event }).state
      return
    }
    case 11: {
      if (random.below(4) > 0) return
      const event = {
        type: 'Slashed',
        id: seat,
        operatorWei: BigInt(random.below(1e9)) * 10n ** 11n + 1n,
        delegatorsWei: 3n,
      }
      run.lst = applyLiquid(lst, { type: 'feed', sequence: lst.feedCursor + 1n, event }).state
      return
    }
    case 12: {
      const type = random.bool() ? 'OffenceAdmitted' : 'CaseClosed'
      const event = { type, id: seat, evidenceId: `0x${random.below(3)}` }
      run.lst = applyLiquid(lst, { type: 'feed', sequence: lst.feedCursor + 1n, event }).state
      return
    }
    case 13:
      run.lst = applyLiquid(applyLiquid(lst, { type: 'nextBatch' }).state, { type: 'raiseCash', nowSeconds }).state
      return
    case 14: {
      const to = random.pick(people)
      const shares = liquidShares(lst, account) / BigInt(1 + random.below(50))
      run.lst = applyLiquid(lst, { type: 'transfer', from: account, to, shares: shares as Shares }).state
      return
    }
    default:
      if (lst.config.vestingBps > 0n && random.bool())
        run.lst = applyLiquid(lst, { type: 'claimVested', account, nowSeconds }).state
      else if (random.bool()) run.lst = applyLiquid(lst, { type: 'collectFees' }).state
      else run.lst = applyLiquid(lst, { type: 'stakeIncentive', account, tokens: oneMetis, nowSeconds }).state
  }
}

/** Some exit that may be ready; picked without walking the whole queue. */
function nextClaim(lst: Liquid, random: Random): { id: bigint; account: string } | undefined {
  if (lst.config.exits === 'queue') {
    const queue = queueOf(lst)
    if (queue.lastFinalizedId === 0n) return undefined
    const id = queue.lastFinalizedId - BigInt(random.below(Math.min(30, Number(queue.lastFinalizedId))))
    return { id, account: queue.requests.get(id)!.owner }
  }
  const exits = lst.core.model === 'rate' ? lst.core.state.requests : lst.tickets.tickets
  if (exits.size === 0) return undefined
  if (lst.core.model === 'rate') {
    for (const [id, exit] of exits.entries(
      lst.core.state.nextUnlock - BigInt(Math.min(30, Number(lst.core.state.nextUnlock))),
    ))
      if (!('done' in exit && exit.done)) return { id, account: exit.owner }
    return undefined
  }
  const id = BigInt(exits.size - 1 - random.below(Math.min(60, exits.size)))
  return { id, account: exits.get(id)!.owner }
}

/**
 * What must hold after every single operation. A plain comparison: a matcher a million times would be most of the run.
 */
function solvent(lst: Liquid): string | undefined {
  const { deposited, rewarded, paid, lost } = lst.totals
  const held = heldAssets(lst)
  if (deposited + rewarded !== held + paid + lost)
    return `in ${deposited + rewarded} ≠ held ${held} + paid ${paid} + lost ${lost}`
  if (lst.config.exits === 'queue') {
    const owed = owedAssets(lst)
    if (owed !== held) return `owed ${owed} ≠ held ${held}`
  }
  return undefined
}

function exercise(preset: PresetName, profile: Profile, operations: number, seed: number): Run {
  const random = seededRandom(seed)
  let lst = createLiquid({ preset, profile, entrySeconds: 3_600n, historySeconds: 864_000n })
  for (const seat of seats) lst = applyLiquid(lst, { type: 'registerSeat', seat, bond: 10n * oneMetis }).state
  const run: Run = { lst, nowSeconds: 0n, done: 0, refused: new Map() }
  while (run.done < operations) {
    const before = run.lst
    try {
      perform(run, random)
    } catch (error) {
      if (!isL2Error(error)) throw error
      run.refused.set(error.code, (run.refused.get(error.code) ?? 0) + 1)
      if (run.lst !== before) throw new Error(`a refused operation changed the state: ${error.code}`)
    }
    run.done += 1
    const wrong = solvent(run.lst)
    if (wrong !== undefined) expect.fail(`${preset} ${profile}, seed ${seed}, operation ${run.done}: ${wrong}`)
  }
  return run
}

const seed = testSeed(20_261_121)
/** A million over the sdk profiles in a soak, and a tenth of it in the suite. */
const count = { sdk: runs({ suite: 20_000, soak: 200_000 }), protocol: runs({ suite: 4_000, soak: 20_000 }) }

describe(`conservation over random operations, seed ${seed}`, () => {
  for (const preset of Object.keys(presets) as PresetName[])
    for (const profile of ['sdk', 'protocol'] as const)
      test(`${preset} ${profile}: ${count[profile]} operations, every wei accounted for at every step`, {
        timeout: 600_000,
      }, () => {
        const { lst, done, refused } = exercise(preset, profile, count[profile], seed)
        expect(done).toBe(count[profile])
        // A run in which nothing was ever finalised, slashed or refused would prove nothing.
        expect(lst.totals.paid).toBeGreaterThan(0n)
        expect(lst.totals.lost).toBeGreaterThan(0n)
        expect(lst.totals.rewarded).toBeGreaterThan(0n)
        expect(refused.size).toBeGreaterThan(0)
        if (profile === 'sdk') expect(lst.unbacked).toBe(0n)
        expect(coreTotals(lst.core).assets).toBeGreaterThanOrEqual(0n)
        const json = liquidCodec.encode(lst)
        expect(liquidCodec.encode(liquidCodec.decode(JSON.parse(JSON.stringify(json))))).toEqual(json)
      })
})
