/** How far milestones lag: of so many settled blocks it is remembered. */
const keptLags = 4096
/** Blocks that may wait for their milestone: more than a leader may be ahead. */
const keptArrivals = 256

/** How long blocks take from being the head here to being settled here. */
export function createLags() {
  const lags: number[] = []
  /** When a block became the head here, by its height. */
  const arrivals = new Map<bigint, number>()
  return {
    /** Milliseconds, of the newest ones. */
    lags: lags as readonly number[],
    arrived(height: bigint): void {
      arrivals.set(height, performance.now())
      if (arrivals.size > keptArrivals) arrivals.delete(arrivals.keys().next().value!)
    },
    settled(blocks: readonly { readonly height: bigint }[]): void {
      for (const { height } of blocks) {
        const arrivedAtMs = arrivals.get(height)
        arrivals.delete(height)
        if (arrivedAtMs !== undefined) lags.push(Math.round(performance.now() - arrivedAtMs))
      }
      if (lags.length > keptLags) lags.splice(0, lags.length - keptLags)
    },
  }
}
