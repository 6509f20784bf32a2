import { openLogStore } from '../store/log.js'
import { applyMemoryChange, memoryFolder } from '../store/memory.js'
import type { EngineStore } from '../store/store.js'
import {
  type FromWorker,
  type PlainError,
  type StoreLocation,
  type ToWorker,
  toPlainError,
  type WorkerStart,
} from './messages.js'
import { type RunningWasm, runWasm } from './wasm.js'

/** What differs between Node and a browser. */
export type WorkerPlatform = {
  post(message: FromWorker, transfer: ArrayBuffer[]): void
  onMessage(listener: (message: ToWorker) => void): void
  /** Runs `wasm_exec.js` in this worker. */
  loadGlue(url: string): Promise<void>
  /** Opens the stores that only this platform has. */
  openStore(location: Exclude<StoreLocation, { type: 'memory' }>, readOnly: boolean): EngineStore | Promise<EngineStore>
}

/** The life of a worker: a start, then one request after another, in the order in which they come. */
export function serve(platform: WorkerPlatform): void {
  let store: EngineStore | undefined
  let engine: RunningWasm | undefined
  let isReader = false
  let location: StoreLocation | undefined
  let storeError: PlainError | undefined

  const start = async (options: WorkerStart): Promise<void> => {
    isReader = options.readOnly
    location = options.store
    store =
      location.type === 'memory'
        ? await openLogStore(
            memoryFolder(location.segments, change => platform.post({ type: 'memory', change }, [])),
            { readOnly: isReader },
          )
        : await platform.openStore(location, isReader)
    await platform.loadGlue(options.glueUrl)
    const flag = options.cancel === undefined ? undefined : new Int32Array(options.cancel)
    engine = await runWasm({
      module: options.module,
      store,
      cancelled: () => flag !== undefined && Atomics.load(flag, 0) !== 0,
      onStoreError: error => {
        storeError ??= toPlainError(error)
      },
      gcPercent: options.gcPercent,
      softMemoryBytes: options.softMemoryBytes,
    })
    platform.post({ type: 'ready' }, [])
  }

  const handle = async (message: ToWorker): Promise<void> => {
    storeError = undefined
    switch (message.type) {
      case 'start':
        return start(message)
      case 'memory':
        if (location?.type === 'memory') applyMemoryChange(location.segments, message.change)
        return
      case 'maintain': {
        let done = true
        try {
          done = (await store!.maintain?.(message.budgetMs)) ?? true
        } catch (error) {
          platform.post({ type: 'maintained', done: true, storeError: toPlainError(error) }, [])
          return
        }
        return platform.post({ type: 'maintained', done }, [])
      }
      case 'call': {
        if (isReader) await store!.refresh?.()
        const answer = engine!.call(message.message)
        const isBroken = store!.isBroken === true
        return platform.post({ type: 'answer', message: answer, storeError, isBroken }, [answer.buffer as ArrayBuffer])
      }
      case 'close':
        await store?.close()
        return platform.post({ type: 'closed' }, [])
    }
  }

  let last: Promise<void> = Promise.resolve()
  let hasFailed = false
  platform.onMessage(message => {
    last = last.then(async () => {
      if (hasFailed) return
      try {
        await handle(message)
      } catch (error) {
        hasFailed = true
        // A store that was opened is closed, so that the next worker finds it free.
        await store?.close()
        platform.post({ type: 'failed', error: toPlainError(error) }, [])
      }
    })
  })
}
