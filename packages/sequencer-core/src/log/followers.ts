/** Wakes readers that wait at the end of a log. */
export type Followers = {
  /** Resolves at the next {@link notify}; rejects with the signal's reason. */
  wait(signal: AbortSignal | undefined): Promise<void>
  notify(): void
}

export function createFollowers(): Followers {
  let waiting: (() => void)[] = []
  return {
    wait: signal =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const onAbort = () => reject(signal?.reason)
        signal?.addEventListener('abort', onAbort, { once: true })
        waiting.push(() => {
          signal?.removeEventListener('abort', onAbort)
          resolve()
        })
      }),
    notify() {
      const woken = waiting
      waiting = []
      for (const wake of woken) wake()
    },
  }
}
