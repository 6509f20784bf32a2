import { runs, testSeed } from '@l2/common/testing'
import { describe, expect, it } from 'vitest'
import { kinds, live } from './lives.js'
import { mutants, mutate } from './mutants.js'
import * as rules from './rules.js'
import { runSchedule } from './schedule.js'
import { runSmall } from './small.js'

describe('the protocol of terms and milestones, as a model that drives the package’s own rules', () => {
  it.each([
    { ...kinds[0], count: 20 },
    { ...kinds[1], count: 10 },
    { ...kinds[2], count: 6 },
  ])('holds every invariant under $what, and goes on when they heal', ({ from, count }) => {
    const first = from + testSeed(1)
    const { violations, milestones, views, jailed } = live(first, first + count)
    expect(violations).toEqual([])
    // A model in which nothing happens would hold everything.
    expect(milestones).toBeGreaterThan(20 * count)
    expect(views).toBeGreaterThan(count * 0.5)
    expect(jailed).toBeGreaterThan(0)
  })

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
