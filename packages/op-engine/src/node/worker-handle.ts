import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { Worker, type WorkerOptions } from 'node:worker_threads'
import type { WorkerHandle } from '../host/worker-channel.js'

let bundled: string | undefined

/** The worker from the sources as one script, made once in a process: a worker that compiled them at its start would take half a second for it. */
function workerOfSources(): string {
  const { buildSync } = createRequire(import.meta.url)('esbuild') as typeof import('esbuild')
  const { outputFiles } = buildSync({
    entryPoints: [fileURLToPath(new URL('./worker.ts', import.meta.url))],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    write: false,
    conditions: ['@l2/source'],
    // Where its native parts are looked for.
    define: { 'import.meta.url': JSON.stringify(import.meta.url) },
  })
  return outputFiles[0]!.text
}

/** Built, the worker is a file beside this one. From the sources, as our own tests run, it is TypeScript. */
function startThread(options: WorkerOptions): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./worker.js', import.meta.url), options)
  bundled ??= workerOfSources()
  return new Worker(bundled, { ...options, eval: true })
}

/** A worker thread of Node. */
export function nodeWorker(name: string): WorkerHandle {
  // A transaction may call and create 1024 deep, and WebAssembly runs on V8's stack.
  const worker = startThread({ name, execArgv: [], resourceLimits: { stackSizeMb: 16 } })
  let isOver = false
  worker.once('exit', () => {
    isOver = true
  })
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    onMessage: listener => void worker.on('message', listener),
    onExit(listener) {
      worker.on('error', listener)
      worker.on('exit', listener)
    },
    hold(active) {
      if (isOver) return
      if (active) worker.ref()
      else worker.unref()
    },
    async terminate() {
      await worker.terminate()
    },
  }
}
