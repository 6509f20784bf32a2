import type { Logger } from '@l2/common'
import type { AdapterParts } from '../adapter/engine.js'
import { type CommonOptions, defaultBuildTimeoutMs, defaultHistory, genesisText } from '../adapter/options.js'
import { createReader, type OpReader, type ReaderOptions } from '../adapter/reader.js'
import { OpEngineError } from '../errors.js'
import { applyMemoryChange, canShareMemory, type MemoryChange } from '../store/memory.js'
import type { StoreLocation } from '../worker/messages.js'
import type { StartChannel } from './channel.js'
import { Supervisor } from './supervisor.js'
import { startWorkerChannel, type WorkerHandle } from './worker-channel.js'

/** What a platform gives to an engine in a worker. */
export type WasmParts = {
  readonly options: CommonOptions
  readonly store: StoreLocation
  readonly module: WebAssembly.Module
  /** Where `wasm_exec.js` is. */
  readonly glueUrl: string
  readonly logger: Logger
  startWorker(name: string): WorkerHandle
  /** Called once, when everything has ended. */
  release(): Promise<void>
}

/** The builder's worker, and readers' beside it, over one store. */
export function wasmParts(parts: WasmParts): AdapterParts & { readonly supervisor: Supervisor } {
  const { options, store, logger } = parts
  const genesis = new TextEncoder().encode(genesisText(options.genesis))
  const history = options.history ?? defaultHistory
  const readers = new Set<OpReader>()
  /** Workers of readers that share the memory of a store. */
  const followers = new Set<WorkerHandle>()
  let hadMemory = false

  const onMemory = (change: MemoryChange): void => {
    if (store.type !== 'memory') return
    applyMemoryChange(store.segments, change)
    for (const follower of followers) follower.post({ type: 'memory', change }, [])
  }
  const start =
    (readOnly: boolean): StartChannel =>
    async events => {
      if (store.type === 'memory' && !canShareMemory()) {
        if (readOnly)
          throw new OpEngineError('a store in memory has no readers where memory cannot be shared', {
            code: 'ENGINE_UNAVAILABLE',
            meta: ['try: serve the page with COOP: same-origin and COEP: require-corp'],
          })
        if (hadMemory)
          throw new OpEngineError('the store was in the memory of the worker that has ended', {
            code: 'ENGINE_STORE_LOST',
            recovery: 'reset',
          })
        hadMemory = true
      }
      const worker = parts.startWorker(readOnly ? 'op-engine reader' : 'op-engine')
      if (readOnly && store.type === 'memory') followers.add(worker)
      // The worker gets its own map of the same memory; what is added later it hears of.
      const location: StoreLocation = store.type === 'memory' ? { ...store, segments: copyOf(store.segments) } : store
      try {
        const channel = await startWorkerChannel(
          worker,
          {
            type: 'start',
            module: parts.module,
            glueUrl: parts.glueUrl,
            store: location,
            readOnly,
            gcPercent: options.gcPercent ?? 400,
            softMemoryBytes: options.softMemoryBytes ?? 3 * 2 ** 30,
            cancel: canShareMemory() ? new SharedArrayBuffer(4) : undefined,
          },
          {
            ...events,
            onEnd(error) {
              followers.delete(worker)
              events.onEnd(error)
            },
          },
          readOnly ? () => {} : onMemory,
        )
        return {
          ...channel,
          async kill() {
            followers.delete(worker)
            await channel.kill()
          },
        }
      } catch (error) {
        followers.delete(worker)
        throw error
      }
    }
  const supervise = (readOnly: boolean): Supervisor =>
    new Supervisor({
      start: start(readOnly),
      open: { params: { history, readOnly }, bytes: [genesis] },
      limits: { build: 1, read: 1 },
      killsOverdue: readOnly,
      buildTimeoutMs: options.buildTimeoutMs ?? defaultBuildTimeoutMs,
      logger,
    })

  const supervisor = supervise(false)
  const reader = (readerOptions: ReaderOptions = {}): OpReader => {
    const own = supervise(true)
    const made = createReader(own, readerOptions, async () => {
      await own.close()
      readers.delete(made)
    })
    readers.add(made)
    return made
  }
  return {
    name: 'op-engine (wasm)',
    supervisor,
    reader,
    tidyMs: options.tidyMs ?? 20,
    async close() {
      await Promise.all([...readers].map(each => each.close()))
      await supervisor.close()
      await parts.release()
    },
  }
}

function copyOf(segments: Extract<StoreLocation, { type: 'memory' }>['segments']) {
  return new Map([...segments].map(([number, { length, chunks }]) => [number, { length, chunks: [...chunks] }]))
}
