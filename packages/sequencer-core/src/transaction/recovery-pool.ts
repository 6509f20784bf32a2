import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { SequencerError } from '../errors.js'
import { createNativeRecovery, nativeModulePaths } from './native.js'
import { type BatchSenderRecovery, recoveryRecordBytes } from './recovery.js'

/** Options of {@link createRecoveryPool}. */
export type RecoveryPoolOptions = {
  /** Worker threads. Default: one for each core beside the main one, at least one. */
  threads?: number | undefined
  /** Records in one message to a worker; small ones spread better, large ones cost less. Default 256. */
  recordsPerMessage?: number | undefined
}

/** A {@link BatchSenderRecovery} over worker threads. Close it, or the threads keep the process alive while they work. */
export interface RecoveryPool extends BatchSenderRecovery, AsyncDisposable {
  /** Ends the threads; what is under way rejects with `NATIVE_UNAVAILABLE`. Idempotent. */
  close(): Promise<void>
}

/** The worker: plain CommonJS in a string, so that it runs from sources and from a bundle alike without a file of its own. */
const workerSource = `
const { parentPort, workerData } = require('node:worker_threads')
const secp256k1 = require(workerData.secp256k1)
const { createKeccak } = require(workerData.hashWasm)
const record = workerData.recordBytes
createKeccak(256).then(hasher => {
  const publicKey = new Uint8Array(65)
  parentPort.on('message', ({ id, records }) => {
    const count = records.length / record
    const senders = new Uint8Array(20 * count)
    for (let i = 0; i < count; i++) {
      const at = i * record
      try {
        secp256k1.ecdsaRecover(records.subarray(at + 32, at + 96), records[at + 96], records.subarray(at, at + 32), false, publicKey)
      } catch {
        continue
      }
      hasher.init()
      hasher.update(publicKey.subarray(1))
      senders.set(hasher.digest('binary').subarray(12), 20 * i)
    }
    parentPort.postMessage({ id, senders }, [senders.buffer])
  })
  parentPort.postMessage({ ready: true })
})
`

/** Settles with a worker's first message, or with its end before it. */
function begun(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.ref()
    const settle = (end: () => void) => (cause?: unknown) => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit)
      worker.unref()
      if (cause instanceof Error) reject(cause)
      else end()
    }
    const onMessage = settle(resolve)
    const onError = settle(reject)
    const onExit = settle(() => reject(new Error('it ended before it began')))
    worker.on('message', onMessage).on('error', onError).on('exit', onExit)
  })
}

type Job = { resolve: (senders: Uint8Array) => void; reject: (error: unknown) => void; worker: Worker }

/**
 * Recovers senders on worker threads with libsecp256k1: the caller's thread only decodes and hashes.
 *
 * @throws SequencerError `NATIVE_UNAVAILABLE`, also where `secp256k1` loads in the calling thread and not in another
 *
 * @example
 * ```ts
 * import { decodeTransactions } from '@l2/sequencer-core/transaction'
 * import { createRecoveryPool } from '@l2/sequencer-core/node'
 * import { hexToBytes } from 'viem'
 * import { privateKeyToAccount } from 'viem/accounts'
 *
 * const account = privateKeyToAccount(`0x${'01'.repeat(32)}`)
 * const raw = hexToBytes(await account.signTransaction({ chainId: 10, gas: 21_000n, gasPrice: 1n, to: account.address }))
 * const recovery = await createRecoveryPool({ threads: 1 })
 * const [good, bad] = await decodeTransactions([raw, raw.subarray(1)], { recovery })
 * console.log('sender' in good! && good.sender) // 0x1a642f0e3c3af545e7acbd38b07251b3990914f1
 * console.log('code' in bad! && bad.code) // TX_TYPE_UNSUPPORTED
 * await recovery.close()
 * ```
 */
export async function createRecoveryPool(options: RecoveryPoolOptions = {}): Promise<RecoveryPool> {
  const threads = options.threads ?? Math.max(1, availableParallelism() - 1)
  const recordsPerMessage = options.recordsPerMessage ?? 256
  const { keccak256 } = await createNativeRecovery()
  const workerData = { ...nativeModulePaths(), recordBytes: recoveryRecordBytes }
  const jobs = new Map<number, Job>()
  let nextId = 0
  let nextWorker = 0
  let closed = false

  const fail = (worker: Worker, cause: unknown): void => {
    for (const [id, job] of jobs) {
      if (job.worker !== worker) continue
      jobs.delete(id)
      job.reject(
        new SequencerError('a recovery thread ended', { code: 'NATIVE_UNAVAILABLE', recovery: 'retry', cause }),
      )
    }
  }
  const ready = new Set<Worker>()
  const start = (): Worker => {
    const worker = new Worker(workerSource, { eval: true, workerData, name: 'recovery' })
    worker.on('message', ({ id, senders }: { id?: number; senders: Uint8Array }) => {
      if (id === undefined) {
        ready.add(worker)
        return
      }
      const job = jobs.get(id)
      jobs.delete(id)
      job?.resolve(senders)
      if (jobs.size === 0) for (const idle of workers) idle.unref()
    })
    worker.on('error', cause => fail(worker, cause))
    worker.on('exit', code => {
      fail(worker, undefined)
      const at = workers.indexOf(worker)
      // A thread that died of something is replaced once its work was given back; one that ended in `close`, or that never got as far as
      // to work, is not: the next would end the same way.
      if (!closed && at >= 0 && code !== 0 && ready.delete(worker)) workers[at] = start()
      else if (!closed && at >= 0) workers.splice(at, 1)
    })
    worker.unref()
    return worker
  }
  const workers: Worker[] = []
  for (let i = 0; i < threads; i++) workers.push(start())
  try {
    await Promise.all(workers.map(begun))
  } catch (cause) {
    closed = true
    await Promise.all(workers.map(worker => worker.terminate()))
    throw new SequencerError('no recovery thread can load secp256k1', { code: 'NATIVE_UNAVAILABLE', cause })
  }

  const send = (records: Uint8Array): Promise<Uint8Array> =>
    new Promise((resolve, reject) => {
      const worker = workers[nextWorker++ % workers.length]!
      const id = nextId++
      jobs.set(id, { resolve, reject, worker })
      worker.ref()
      const copy = records.slice()
      worker.postMessage({ id, records: copy }, [copy.buffer])
    })

  const close = async (): Promise<void> => {
    closed = true
    await Promise.all(workers.splice(0).map(worker => worker.terminate()))
  }
  return {
    name: `libsecp256k1 on ${threads} threads`,
    keccak256,
    async recoverBatch(records) {
      if (closed) throw new SequencerError('the recovery pool is closed', { code: 'NATIVE_UNAVAILABLE' })
      if (workers.length === 0) throw new SequencerError('no recovery thread is left', { code: 'NATIVE_UNAVAILABLE' })
      const step = recordsPerMessage * recoveryRecordBytes
      const parts: Promise<Uint8Array>[] = []
      for (let at = 0; at < records.length; at += step) parts.push(send(records.subarray(at, at + step)))
      const senders = new Uint8Array((records.length / recoveryRecordBytes) * 20)
      let offset = 0
      for (const part of await Promise.all(parts)) {
        senders.set(part, offset)
        offset += part.length
      }
      return senders
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
