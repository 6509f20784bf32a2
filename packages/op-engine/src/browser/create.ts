import { type Logger, silentLogger } from '@l2/common'
import * as z from 'zod/mini'
import { type OpEngine, openAdapter } from '../adapter/engine.js'
import type { CommonOptions } from '../adapter/options.js'
import { checkOptions, commonSchema } from '../adapter/schema.js'
import { OpEngineError } from '../errors.js'
import { wasmParts } from '../host/wasm-engine.js'
import type { WorkerHandle } from '../host/worker-channel.js'
import type { FromWorker, StoreLocation } from '../worker/messages.js'

/** Options of {@link createOpEngine} in a browser. */
export type OpEngineOptions = CommonOptions & {
  /** `memory` ends with the page; `opfs` is a folder of the origin's private file system. */
  readonly store: 'memory' | { readonly opfs: string }
  /** Where `op-engine.wasm` is served; it is loaded apart, so that whoever visits can put another in its place. */
  readonly wasmUrl: string
  /** Where `wasm_exec.js` is served. Default: beside the engine. */
  readonly glueUrl?: string | undefined
  /** Starts the module `@l2/op-engine/browser-worker`. Default: the file beside this one, which bundlers find by themselves. */
  readonly createWorker?: ((name: string) => Worker) | undefined
  /** Default: silent. */
  readonly logger?: Logger | undefined
}

const optionsSchema = /* @__PURE__ */ (() =>
  z.strictObject({
    ...commonSchema,
    store: z.union([z.literal('memory'), z.strictObject({ opfs: z.string().check(z.minLength(1)) })]),
    wasmUrl: z.string().check(z.minLength(1)),
    glueUrl: z.optional(z.string().check(z.minLength(1))),
    createWorker: z.optional(z.custom<(name: string) => Worker>(value => typeof value === 'function')),
    logger: z.optional(z.custom<Logger>(value => typeof value === 'object' && value !== null)),
  }))()

const defaultWorker = (name: string): Worker =>
  new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name })

/**
 * Opens an execution engine of the OP Stack in a worker of the page: the same file, and so the same hashes, as in Node.
 *
 * @throws OpEngineError as in Node
 *
 * @example
 * ```ts no-run
 * import { createOpEngine } from '@l2/op-engine/browser'
 *
 * const genesis = await (await fetch('/genesis.json')).text()
 * const engine = await createOpEngine({ genesis, store: { opfs: 'chain-901' }, wasmUrl: '/op-engine.wasm' })
 * console.log(engine.info.head)
 * ```
 */
export async function createOpEngine(options: OpEngineOptions): Promise<OpEngine> {
  checkOptions(optionsSchema, options)
  const base = globalThis.location?.href
  const wasmUrl = new URL(options.wasmUrl, base)
  const glueUrl = new URL(options.glueUrl ?? './wasm_exec.js', options.glueUrl === undefined ? wasmUrl : base)
  const module = await compile(wasmUrl)
  const store: StoreLocation =
    options.store === 'memory' ? { type: 'memory', segments: new Map() } : { type: 'opfs', path: options.store.opfs }
  const release = store.type === 'opfs' ? await lockFolder(store.path) : async () => {}
  try {
    const createWorker = options.createWorker ?? defaultWorker
    const parts = wasmParts({
      options,
      store,
      module,
      glueUrl: glueUrl.href,
      logger: options.logger ?? silentLogger,
      startWorker: name => browserWorker(createWorker(name)),
      release,
    })
    return await openAdapter(parts)
  } catch (error) {
    await release()
    throw error
  }
}

async function compile(url: URL): Promise<WebAssembly.Module> {
  try {
    const response = await fetch(url)
    if (!response.ok) throw new Error(`the server answers ${response.status}`)
    // Streaming wants the right content type, which small servers do not know.
    return response.headers.get('content-type')?.startsWith('application/wasm') === true
      ? await WebAssembly.compileStreaming(response)
      : await WebAssembly.compile(await response.arrayBuffer())
  } catch (cause) {
    throw new OpEngineError(`the engine cannot be loaded from ${url.origin}: ${(cause as Error).message}`, {
      code: 'ENGINE_MISSING',
      cause,
    })
  }
}

/** One writer of a folder in all tabs of the origin, as long as this one lives. @throws OpEngineError `ENGINE_STORE_LOCKED` */
async function lockFolder(path: string): Promise<() => Promise<void>> {
  let free: () => void = () => {}
  const held = new Promise<void>(resolve => {
    free = resolve
  })
  const isOurs = await new Promise<boolean>((resolve, reject) => {
    navigator.locks
      .request(`@l2/op-engine ${path}`, { ifAvailable: true }, lock => {
        resolve(lock !== null)
        return lock === null ? undefined : held
      })
      .catch(reject)
  })
  if (isOurs) return async () => free()
  throw new OpEngineError(`the store ${path} is open in another tab`, {
    code: 'ENGINE_STORE_LOCKED',
    recovery: 'retry',
    details: { path },
  })
}

function browserWorker(worker: Worker): WorkerHandle {
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    onMessage: listener =>
      worker.addEventListener('message', (event: MessageEvent<FromWorker>) => listener(event.data)),
    onExit: listener => worker.addEventListener('error', event => listener(new Error(event.message))),
    hold() {},
    async terminate() {
      worker.terminate()
    },
  }
}
