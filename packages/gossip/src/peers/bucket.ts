/** A rate with a burst: so much a second, saved up for so many seconds. */
export type Bucket = {
  /** Takes `amount` when it is there. One that is larger than the whole bucket is taken from a full one. */
  take(amount: number): boolean
  /** Takes it whether it is there or not: what follows waits for it. */
  spend(amount: number): void
}

/** @param monotonicMs the clock of the refill */
export function createBucket(perSecond: number, burstSeconds: number, monotonicMs: () => number): Bucket {
  const size = perSecond * burstSeconds
  let level = size
  let at = monotonicMs()
  const refill = (): void => {
    const now = monotonicMs()
    level = Math.min(size, level + (perSecond * (now - at)) / 1000)
    at = now
  }
  return {
    take(amount) {
      refill()
      if (level < Math.min(amount, size)) return false
      level -= amount
      return true
    },
    spend(amount) {
      refill()
      level -= amount
    },
  }
}
