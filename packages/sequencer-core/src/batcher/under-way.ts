import { SequencerError } from '../errors.js'

/** Submissions that are on their way, what they may cost together, and the first failure until somebody has heard of it. */
export function createUnderWay<Entry extends { readonly costWei: bigint }>() {
  const submissions = new Map<Promise<void>, Entry>()
  let failure: { error: unknown } | undefined
  const takeFailure = (): { error: unknown } | undefined => {
    const taken = failure
    failure = undefined
    return taken
  }
  const throwFailure = (): void => {
    const failed = takeFailure()
    if (failed !== undefined) throw failed.error
  }
  return {
    get size(): number {
      return submissions.size
    },
    get reservedWei(): bigint {
      return [...submissions.values()].reduce((sum, { costWei }) => sum + costWei, 0n)
    },
    entries: (): Entry[] => [...submissions.values()],
    /** The promise must not reject. */
    add(submission: Promise<void>, entry: Entry): void {
      submissions.set(submission, entry)
    },
    delete(submission: Promise<void>): void {
      submissions.delete(submission)
    },
    fail(error: unknown): void {
      failure ??= { error }
    },
    takeFailure,
    throwFailure,
    /** Waits for everything that is on its way. Throws what one of them failed with. */
    async settle(): Promise<void> {
      while (submissions.size > 0) await Promise.all(submissions.keys())
      throwFailure()
    },
  }
}

/** A round that refuses to begin inside another. */
export function oneAtATime(
  step: (signal: AbortSignal | undefined) => Promise<void>,
): (options?: { signal?: AbortSignal | undefined }) => Promise<void> {
  let running = false
  return async ({ signal } = {}) => {
    if (running) throw new SequencerError('a step is under way', { code: 'BATCHER_OPTIONS' })
    running = true
    try {
      await step(signal)
    } finally {
      running = false
    }
  }
}
