import { OpEngineError } from '../errors.js'
import type { EngineStore } from '../store/store.js'

/** What the engine's file hands over once it runs. */
type Exports = { call(message: Uint8Array): Uint8Array }

/** Go's own glue, which `wasm_exec.js` beside the engine's file defines. */
type GoRuntime = new () => {
  argv: string[]
  env: Record<string, string>
  exit: (code: number) => void
  importObject: WebAssembly.Imports
  run(instance: WebAssembly.Instance): Promise<void>
}
type GoFileSystem = { writeSync(descriptor: number, bytes: Uint8Array): number }
type Scope = { Go?: GoRuntime; fs?: GoFileSystem; opengineHost?: unknown }

/** An engine that runs in this worker. One worker runs one, because Go's glue and the engine's names are global. */
export type RunningWasm = {
  /** One message in, its answer out. @throws OpEngineError `ENGINE_CRASHED`; it does not run any more then */
  call(message: Uint8Array): Uint8Array
  /** Size of its memory, bytes. */
  memoryBytes(): number
}

/** What an instance is told at its start. */
export type WasmOptions = {
  readonly module: WebAssembly.Module
  readonly store: EngineStore
  /** Asked now and then by long reads. */
  readonly cancelled: () => boolean
  /** Hears of an error of the store, which reaches the engine only as words. */
  readonly onStoreError: (error: unknown) => void
  /** Go's garbage collector runs when the heap has grown by so many per cent. */
  readonly gcPercent: number
  /** From here on it runs as often as it must. */
  readonly softMemoryBytes: number
}

const keptOutput = 16 << 10

/** Starts the engine; `wasm_exec.js` has been run in this worker. @throws OpEngineError `ENGINE_CRASHED` */
export async function runWasm(options: WasmOptions): Promise<RunningWasm> {
  const scope = globalThis as Scope
  if (scope.Go === undefined || scope.fs === undefined) {
    throw new OpEngineError('wasm_exec.js of the engine does not define what it should', { code: 'ENGINE_MISSING' })
  }
  const { store } = options
  let output = ''
  const decoder = new TextDecoder()
  scope.fs.writeSync = (_, bytes) => {
    output = (output + decoder.decode(bytes, { stream: true })).slice(-keptOutput)
    return bytes.length
  }
  const guard = <T>(run: () => T): T => {
    try {
      return run()
    } catch (error) {
      options.onStoreError(error)
      throw error
    }
  }
  let engine: Exports | undefined
  const isReady = new Promise<void>(resolve => {
    scope.opengineHost = {
      get: (key: Uint8Array) => guard(() => store.get(key)),
      write: (batch: Uint8Array) => guard(() => store.write(batch)),
      scan: (prefix: Uint8Array, start: Uint8Array, maxBytes: number) =>
        guard(() => store.scan(prefix, start, maxBytes)),
      cancelled: options.cancelled,
      ready: (exports: Exports) => {
        engine = exports
        resolve()
      },
    }
  })
  const go = new scope.Go()
  go.argv = ['op-engine']
  go.env = { GOGC: String(options.gcPercent), GOMEMLIMIT: `${options.softMemoryBytes}B` }
  let exitCode: number | undefined
  go.exit = code => {
    exitCode = code
  }
  const crashed = (cause: unknown): OpEngineError => {
    const words = firstWords(output) ?? (cause instanceof Error ? cause.message : `it ended with code ${exitCode}`)
    return new OpEngineError(`the engine crashed: ${words}`, {
      code: 'ENGINE_CRASHED',
      recovery: 'retry',
      details: { output: output.slice(-4096), exitCode },
      cause,
    })
  }
  const instance = await WebAssembly.instantiate(options.module, go.importObject)
  const ended = go.run(instance).catch((cause: unknown) => {
    throw crashed(cause)
  })
  await Promise.race([
    isReady,
    ended.then(() => {
      throw crashed(undefined)
    }),
  ])
  // From here on its end is seen where it happens, in the call.
  ended.catch(() => {})
  const memory = instance.exports['mem'] as WebAssembly.Memory
  return {
    memoryBytes: () => memory.buffer.byteLength,
    call(message) {
      let answer: unknown
      try {
        answer = engine!.call(message)
      } catch (cause) {
        throw crashed(cause)
      }
      if (exitCode !== undefined || !(answer instanceof Uint8Array)) throw crashed(undefined)
      return answer
    },
  }
}

/** The line that says what happened, out of a Go program's last words. */
function firstWords(output: string): string | undefined {
  const lines = output.split('\n')
  return lines.find(line => /^(fatal error|panic|runtime):/.test(line))?.slice(0, 300)
}
