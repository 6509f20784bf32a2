import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { Worker, type WorkerOptions } from 'node:worker_threads'
import type { WorkerHandle } from '../host/worker-channel.js'

/** Built, the worker is a file beside this one. From the sources, as our own tests run, it is TypeScript: a line before it loads the loader. */
function startThread(options: WorkerOptions): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./worker.js', import.meta.url), options)
  const tsx = createRequire(import.meta.url).resolve('tsx/package.json')
  const loader = new URL('./dist/esm/api/index.mjs', pathToFileURL(tsx)).href
  const file = new URL('./worker.ts', import.meta.url).href
  const code = `import(${JSON.stringify(loader)}).then(({ register }) => (register(), import(${JSON.stringify(file)})))`
  return new Worker(code, { ...options, eval: true, execArgv: ['--conditions=@l2/source'] })
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
