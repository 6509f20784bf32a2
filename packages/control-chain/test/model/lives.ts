import * as rules from './rules.js'
import { type Outcome, runSchedule } from './schedule.js'

/** Lives whose seeds are far apart are of different kinds ({@link runSchedule}). */
export const kinds = [
  { what: 'crashes, partitions, reorgs of L1, liars below a third', from: 0 },
  { what: 'liars that only sign twice', from: 5_000_000 },
  { what: 'a pool of L1 that decides who is a member, and homes that are lost', from: 10_000_000 },
] as const

/** What many lives came to. */
export type Lives = {
  lives: number
  milestones: number
  views: number
  jailed: number
  rollbacks: number
  /** Longest time between two milestones after everything healed, ticks. */
  gap: number
  readonly violations: { readonly seed: number; readonly violations: Outcome['violations'] }[]
}

export const noLives = (): Lives => ({
  ...{ lives: 0, milestones: 0, views: 0, jailed: 0, rollbacks: 0, gap: 0 },
  violations: [],
})

export function addLives(to: Lives, more: Lives): void {
  for (const key of ['lives', 'milestones', 'views', 'jailed', 'rollbacks'] as const) to[key] += more[key]
  to.gap = Math.max(to.gap, more.gap)
  to.violations.push(...more.violations)
}

/** Lives of every `step`-th seed from `from` up to and without `end`. */
export function live(from: number, end: number, step = 1): Lives {
  const all = noLives()
  for (let seed = from; seed < end; seed += step) {
    const { violations, milestones, views, jailed, rollbacks, gap } = runSchedule(rules, seed)
    const found = violations.length === 0 ? [] : [{ seed, violations }]
    addLives(all, { lives: 1, milestones, views, jailed, rollbacks, gap, violations: found })
  }
  return all
}
