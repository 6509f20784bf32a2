import { BlobError } from '../errors.js'
import { type KzgDialect, refused, shortcut } from './binding.js'
import { arityOf, checkKzgInput } from './check.js'
import type { AsyncKzgFunctions, KzgBackend, KzgMethod } from './kzg.js'
import type { Lane, LaneAnswer, LaneCall } from './lane.js'

/** KZG beside the calling thread: the functions of `Kzg`, each as a promise. */
export interface KzgPool extends AsyncKzgFunctions, AsyncDisposable {
  readonly backend: KzgBackend
  /** What computes: worker threads, threads of the library's own, or the calling thread between two turns of its event loop. */
  readonly threads: 'worker' | 'library' | 'none'
  /** Calls that are worked on at the same time; further ones wait in order. */
  readonly size: number
  /**
   * Loads the trusted setup in every thread now instead of at its first call.
   *
   * @throws BlobError `KZG_BACKEND`
   */
  load(): Promise<void>
  /** Ends the threads; calls that are not done reject with `KZG_POOL_CLOSED`. Can be called again. */
  close(): Promise<void>
}

type Task = {
  call: LaneCall
  done(answer: LaneAnswer): void
  reject(reason: unknown): void
}

/** One call after the other, and no rejection. */
function serial(lane: Lane): Lane {
  let last: Promise<unknown> = Promise.resolve()
  return {
    run(call) {
      const answer = last.then(() => lane.run(call)).catch((failed: unknown): LaneAnswer => ({ failed }))
      last = answer
      return answer
    },
    close: () => lane.close(),
  }
}

/** The pool over lanes, whatever these are. */
export function poolOf(
  dialect: KzgDialect,
  threads: KzgPool['threads'],
  given: readonly Lane[],
  maxQueued: number,
): KzgPool {
  const lanes = given.map(serial)
  const idle = [...lanes]
  const queue: Task[] = []
  const running = new Set<Task>()
  let closed = false

  const closedError = (): BlobError => new BlobError('the KZG pool is closed', { code: 'KZG_POOL_CLOSED' })

  function next(): void {
    while (idle.length > 0 && queue.length > 0) {
      const lane = idle.pop()!
      const task = queue.shift()!
      running.add(task)
      void lane.run(task.call).then(answer => {
        running.delete(task)
        idle.push(lane)
        task.done(answer)
        if (!closed) next()
      })
    }
  }

  function submit(call: LaneCall, signal: AbortSignal | undefined, what: string): Promise<LaneAnswer> {
    return new Promise((resolve, reject) => {
      if (closed) return reject(closedError())
      if (signal?.aborted) return reject(signal.reason)
      if (queue.length >= maxQueued) {
        return reject(
          new BlobError(`${what}: the KZG pool has ${maxQueued} calls waiting`, {
            code: 'KZG_POOL_FULL',
            recovery: 'retry',
            details: { maxQueued },
          }),
        )
      }
      const onAbort = (): void => {
        const at = queue.indexOf(task)
        if (at >= 0) queue.splice(at, 1)
        reject(signal?.reason)
      }
      const task: Task = {
        call,
        done(answer) {
          signal?.removeEventListener('abort', onAbort)
          resolve(answer)
        },
        reject(reason) {
          signal?.removeEventListener('abort', onAbort)
          reject(reason)
        },
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      queue.push(task)
      next()
    })
  }

  const method = <Method extends KzgMethod>(name: Method): AsyncKzgFunctions[Method] =>
    // The options are the argument after those of the function.
    (async (...given: unknown[]) => {
      const arity = arityOf(name)
      const args = given.slice(0, arity)
      const options = given[arity] as { signal?: AbortSignal | undefined } | undefined
      checkKzgInput(name, args)
      const known = shortcut(name, args)
      if (known !== undefined) return known
      const answer = await submit(dialect.request(name, args), options?.signal, name)
      if ('failed' in answer) throw failed(dialect, answer.failed)
      try {
        if ('refused' in answer) throw answer.refused
        return dialect.result(name, answer.value, args)
      } catch (cause) {
        throw refused(name, cause)
      }
    }) as AsyncKzgFunctions[Method]

  const close = async (): Promise<void> => {
    closed = true
    for (const task of [...queue.splice(0), ...running]) task.reject(closedError())
    await Promise.all(lanes.map(lane => lane.close()))
  }

  return {
    backend: dialect.backend,
    threads,
    size: lanes.length,
    async load() {
      if (closed) throw closedError()
      for (const answer of await Promise.all(lanes.map(lane => lane.run({ args: [] })))) {
        if ('failed' in answer) throw failed(dialect, answer.failed)
      }
    },
    close,
    [Symbol.asyncDispose]: close,
    blobToKzgCommitment: method('blobToKzgCommitment'),
    computeBlobKzgProof: method('computeBlobKzgProof'),
    verifyBlobKzgProof: method('verifyBlobKzgProof'),
    verifyBlobKzgProofBatch: method('verifyBlobKzgProofBatch'),
    computeKzgProof: method('computeKzgProof'),
    verifyKzgProof: method('verifyKzgProof'),
    computeCells: method('computeCells'),
    computeCellsAndKzgProofs: method('computeCellsAndKzgProofs'),
    recoverCellsAndKzgProofs: method('recoverCellsAndKzgProofs'),
    verifyCellKzgProofBatch: method('verifyCellKzgProofBatch'),
  }
}

function failed(dialect: KzgDialect, cause: unknown): BlobError {
  return new BlobError(`${dialect.backend}: the KZG library failed`, {
    code: 'KZG_BACKEND',
    recovery: 'retry',
    details: { reason: cause instanceof Error ? cause.message : String(cause) },
    cause,
  })
}
