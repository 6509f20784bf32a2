import type { Clock } from '@l2/common'

/** Keeps a failing layer from being asked. */
export type Breaker = {
  /** `closed`: use it. `open`: do not. `half-open`: one probe may find out. */
  state(): 'closed' | 'open' | 'half-open'
  succeeded(): void
  failed(): void
}

/** Opens after so many failures in a row, and lets a probe through after the cool-down, doubled up to eightfold while probes fail. */
export function createBreaker(clock: Clock, settings: { failures: number; cooldownMs: number }): Breaker {
  let failures = 0
  let openUntil = 0
  let openings = 0
  return {
    state: () => (failures < settings.failures ? 'closed' : clock.now() < openUntil ? 'open' : 'half-open'),
    succeeded() {
      failures = 0
      openings = 0
    },
    failed() {
      failures++
      if (failures < settings.failures) return
      openUntil = clock.now() + settings.cooldownMs * 2 ** Math.min(openings, 3)
      openings++
    },
  }
}
