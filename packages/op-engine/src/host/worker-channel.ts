import { OpEngineError } from '../errors.js'
import type { MemoryChange } from '../store/memory.js'
import type { FromWorker, ToWorker, WorkerStart } from '../worker/messages.js'
import { fromPlainError } from '../worker/messages.js'
import type { Channel, ChannelEvents } from './channel.js'

const closeTimeoutMs = 10_000

/** A worker as both platforms have it. */
export type WorkerHandle = {
  post(message: ToWorker, transfer: ArrayBuffer[]): void
  onMessage(listener: (message: FromWorker) => void): void
  /** It ended by itself, or threw what nothing caught. */
  onExit(listener: (cause: unknown) => void): void
  hold(active: boolean): void
  terminate(): Promise<void>
}

/** Starts an engine in a worker. `onMemory` hears of the memory of its store. @throws OpEngineError */
export async function startWorkerChannel(
  worker: WorkerHandle,
  start: WorkerStart,
  events: ChannelEvents,
  onMemory: (change: MemoryChange) => void,
): Promise<Channel> {
  let isOver = false
  let onClosed: (() => void) | undefined
  let onReady: { resolve(): void; reject(error: OpEngineError): void } | undefined
  const maintaining: ((message: Extract<FromWorker, { type: 'maintained' }>) => void)[] = []
  /** Nothing more comes from the worker: whoever waits for it to close or to tidy up waits no longer. */
  const stop = (): void => {
    isOver = true
    onClosed?.()
    for (const resolve of maintaining.splice(0)) resolve({ type: 'maintained', done: false })
  }
  const end = (error: OpEngineError): void => {
    if (isOver) return
    stop()
    void worker.terminate()
    if (onReady !== undefined) onReady.reject(error)
    else events.onEnd(error)
  }
  worker.onMessage(message => {
    switch (message.type) {
      case 'ready':
        onReady?.resolve()
        onReady = undefined
        return
      case 'answer': {
        const storeError = message.storeError === undefined ? undefined : fromPlainError(message.storeError)
        return events.onMessage(message.message, storeError, message.isBroken === true)
      }
      case 'memory':
        return onMemory(message.change)
      case 'maintained':
        return maintaining.shift()?.(message)
      case 'closed':
        return onClosed?.()
      case 'failed':
        return end(fromPlainError(message.error))
    }
  })
  worker.onExit(cause => {
    const words = cause instanceof Error ? cause.message : `it ended with code ${String(cause)}`
    end(new OpEngineError(`the engine's worker ended: ${words}`, { code: 'ENGINE_CRASHED', recovery: 'retry', cause }))
  })
  const flag = start.cancel === undefined ? undefined : new Int32Array(start.cancel)
  worker.hold(true)
  await new Promise<void>((resolve, reject) => {
    onReady = { resolve, reject }
    worker.post(start, [])
  })
  const kill = async (): Promise<void> => {
    stop()
    await worker.terminate()
  }
  return {
    send(message) {
      if (flag !== undefined) Atomics.store(flag, 0, 0)
      worker.post({ type: 'call', message }, [message.buffer as ArrayBuffer])
    },
    ...(flag === undefined ? {} : { cancel: () => void Atomics.store(flag, 0, 1) }),
    maintain(budgetMs) {
      if (isOver) return Promise.resolve(false)
      return new Promise((resolve, reject) => {
        maintaining.push(({ done, storeError }) =>
          storeError === undefined ? resolve(done) : reject(fromPlainError(storeError)),
        )
        worker.post({ type: 'maintain', budgetMs }, [])
      })
    },
    hold: active => worker.hold(active),
    async close() {
      if (!isOver) {
        await new Promise<void>(resolve => {
          // One that hangs is ended with what its store has.
          const timer = setTimeout(resolve, closeTimeoutMs)
          onClosed = () => {
            clearTimeout(timer)
            resolve()
          }
          worker.post({ type: 'close' }, [])
        })
      }
      await kill()
    },
    kill,
  }
}
