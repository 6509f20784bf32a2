import { runs, testSeed } from '@l2/common/testing'
import { describe, expect, it } from 'vitest'
import { mutants, mutate } from './mutants.js'
import * as rules from './rules.js'
import { runSchedule } from './schedule.js'
import { runSmall } from './small.js'

describe('the protocol of terms and milestones, as a model that drives the package’s own rules', () => {
  it.each([
    {
      what: 'crashes, partitions, reorgs of L1, liars below a third',
      from: testSeed(1),
      count: { suite: 20, soak: 90_000 },
    },
    { what: 'liars that only sign twice', from: 5_000_000 + testSeed(1), count: { suite: 10, soak: 15_000 } },
    {
      what: 'a pool of L1 that decides who is a member, and homes that are lost',
      from: 10_000_000 + testSeed(1),
      count: { suite: 6, soak: 20_000 },
    },
  ])(
    'holds every invariant under $what, and goes on when they heal',
    ({ from, count }) => {
      const total = { milestones: 0, views: 0, jailed: 0, rollbacks: 0 }
      for (let seed = from; seed < from + runs(count); seed++) {
        const outcome = runSchedule(rules, seed)
        expect(outcome.violations, `L2_SEED=${seed}`).toEqual([])
        for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += outcome[key]
      }
      // A model in which nothing happens would hold everything.
      expect(total.milestones).toBeGreaterThan(100 * runs(count) * 0.5)
      expect(total.views).toBeGreaterThan(runs(count) * 0.5)
      expect(total.jailed).toBeGreaterThan(0)
    },
    7_200_000,
  )

  it('holds in every interleaving of three honest operators and a liar', () => {
    const small = runSmall(rules, runs({ suite: 2, soak: 3 }), 2, 2)
    expect([...small.violations]).toEqual([])
    expect(small.states).toBeGreaterThan(20)
  }, 1_800_000)

  describe('each rule taken away breaks an invariant', () => {
    it.each(mutants)('$name: $breaks', async ({ patches, faults, breaks, from }) => {
      const mutant = patches === undefined ? rules : await mutate(patches)
      const broken = new Set<string>()
      for (let seed = from; seed < from + runs({ suite: 15, soak: 300 }) && !broken.has(breaks); seed++) {
        for (const { invariant } of runSchedule(mutant, seed, new Set(faults)).violations) broken.add(invariant)
      }
      expect([...broken]).toContain(breaks)
    })

    // A minute each: the soak's.
    const exhaustively = it.skipIf(runs({ suite: 0, soak: 1 }) === 0)
    exhaustively(
      'a list need not pass through the milestone: the exhaustive case finds a start beside it',
      async () => {
        const mutant = await mutate([
          ['fold/climb.ts', 'list !== undefined && passesThrough(list, state.milestone) ?', 'list !== undefined ?'],
          ['fold/climb.ts', 'lists = lists.filter(({ list }) => passesThrough(list, block))', ''],
        ])
        expect([...runSmall(mutant, 3, 2, 1).violations.keys()]).toContain('I1')
      },
      600_000,
    )

    exhaustively(
      'lists of an ended term count: the exhaustive case finds a milestone that passes by the start',
      async () => {
        const mutant = await mutate([
          ['fold/apply.ts', 'list.view !== state.view || (', '('],
          ['fold/term.ts', '      lists: OrderedMap.from(),\n', ''],
        ])
        expect([...runSmall(mutant, 3, 2, 1).violations.keys()]).toContain('I8')
      },
      600_000,
    )
  })
})
