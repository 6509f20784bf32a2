import { Worker } from 'node:worker_threads'
import type { KzgBackend } from './kzg.js'
import type { Lane, LaneAnswer } from './lane.js'

/** What the worker is told when it starts. */
export type WorkerLaneOptions = { backend: KzgBackend; precompute: boolean }

/** The worker's next message; rejects when it fails or ends instead. */
function answerOf(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const settle = (settled: () => void): void => {
      // Each by name: the worker listens to itself as well.
      worker.off('message', onMessage).off('error', onError).off('exit', onExit)
      settled()
    }
    const onMessage = (message: unknown): void => settle(() => resolve(message))
    const onError = (error: Error): void => settle(() => reject(error))
    const onExit = (code: number): void => settle(() => reject(new Error(`the worker ended with code ${code}`)))
    worker.on('message', onMessage).on('error', onError).on('exit', onExit)
  })
}

async function start(options: WorkerLaneOptions): Promise<Worker> {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: options })
  await answerOf(worker)
  // Between calls a worker does not keep the process alive.
  worker.unref()
  return worker
}

/**
 * A worker thread with a library of its own. Rejects when none can be started; one that ends later fails its call and is replaced at
 * the next.
 */
export async function workerLane(options: WorkerLaneOptions): Promise<Lane> {
  let worker: Worker | undefined = await start(options)
  return {
    async run(call) {
      try {
        worker ??= await start(options)
        worker.ref()
        const answer = answerOf(worker)
        worker.postMessage(call)
        return (await answer) as LaneAnswer
      } catch (failed) {
        const broken = worker
        worker = undefined
        await broken?.terminate()
        return { failed }
      } finally {
        worker?.unref()
      }
    },
    async close() {
      await worker?.terminate()
    },
  }
}
