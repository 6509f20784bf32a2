/**
 * The first answer out of several: each candidate is tried when the one before it has failed or has taken `hedgeMs`. What is still under way
 * when there is an answer is aborted.
 *
 * @returns `undefined` when all have failed or answered `undefined`
 * @throws the signal's reason
 */
export async function firstOf<C, T>(
  candidates: readonly C[],
  attempt: (candidate: C, signal: AbortSignal) => Promise<T | undefined>,
  { hedgeMs, signal }: { hedgeMs: number; signal?: AbortSignal | undefined },
): Promise<T | undefined> {
  signal?.throwIfAborted()
  const done = new AbortController()
  const onAbort = (): void => done.abort(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  let timer: ReturnType<typeof setTimeout> | undefined
  try {
    return await new Promise<T | undefined>((resolve, reject) => {
      done.signal.addEventListener('abort', () => reject(done.signal.reason), { once: true })
      let next = 0
      let underWay = 0
      const start = (): void => {
        clearTimeout(timer)
        if (done.signal.aborted) return
        if (next >= candidates.length) {
          if (underWay === 0) resolve(undefined)
          return
        }
        const candidate = candidates[next++] as C
        underWay++
        timer = setTimeout(start, hedgeMs)
        attempt(candidate, done.signal)
          .catch(() => undefined)
          .then(answer => {
            underWay--
            if (answer !== undefined) resolve(answer)
            else start()
          })
      }
      start()
    })
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
    done.abort()
  }
}
