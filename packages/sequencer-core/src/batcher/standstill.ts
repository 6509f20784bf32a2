import { SequencerError } from '../errors.js'

/** Whether a batcher is to begin nothing new, and who waits until nothing of it is on its way. */
export function createStandstill() {
  type Waiter = { resolve: () => void; reject: (error: unknown) => void }
  let isStopped = false
  const waiters = new Set<Waiter>()
  return {
    get isStopped(): boolean {
      return isStopped
    },
    stop({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<void> {
      isStopped = true
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const waiter = { resolve, reject }
        waiters.add(waiter)
        const abort = (): void => {
          waiters.delete(waiter)
          reject(signal?.reason)
        }
        signal?.addEventListener('abort', abort, { once: true })
      })
    },
    start(): void {
      isStopped = false
      const error = new SequencerError('the batcher was started again', { code: 'BATCHER_STATE' })
      for (const { reject } of waiters) reject(error)
      waiters.clear()
    },
    /** Nothing is on its way any more. */
    reached(): void {
      for (const { resolve } of waiters) resolve()
      waiters.clear()
    },
  }
}
