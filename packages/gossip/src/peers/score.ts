import type { PeerFault } from '../port/gossip.js'
import type { GossipLimits } from '../port/options.js'

/** What a fault costs. Twenty timeouts at once or four messages of garbage cut a peer off. */
const costs: Readonly<Record<PeerFault, number>> = { garbage: 25, rejected: 20, answer: 20, timeout: 5, limit: 1 }

const noFaults: Readonly<Record<PeerFault, number>> = { garbage: 0, rejected: 0, answer: 0, timeout: 0, limit: 0 }

/** How one peer stands. */
export type Score = {
  /** Books a fault; true when the peer has to be cut off now. */
  add(fault: PeerFault): boolean
  score(): number
  bannedForMs(): number
  readonly faults: Readonly<Record<PeerFault, number>>
}

/** @param monotonicMs the clock in which scores heal and bans end */
export function createScore(
  { banScore, banMs, scoreHalfLifeMs }: Pick<GossipLimits, 'banScore' | 'banMs' | 'scoreHalfLifeMs'>,
  monotonicMs: () => number,
): Score {
  const faults = { ...noFaults }
  let value = 0
  let at = monotonicMs()
  let bannedUntil = Number.NEGATIVE_INFINITY
  const current = (): number => {
    const now = monotonicMs()
    value *= 2 ** (-(now - at) / scoreHalfLifeMs)
    at = now
    return value
  }
  const bannedForMs = (): number => Math.max(0, bannedUntil - monotonicMs())
  return {
    faults,
    bannedForMs,
    score: current,
    add(fault) {
      faults[fault]++
      // What still arrives of a connection that is being closed must not lengthen the ban.
      if (bannedForMs() > 0) return false
      value = current() - costs[fault]
      if (value > banScore) return false
      bannedUntil = monotonicMs() + banMs
      // It comes back with half of its patience used up.
      value = banScore / 2
      return true
    },
  }
}
