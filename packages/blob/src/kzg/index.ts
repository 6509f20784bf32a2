/// <reference lib="esnext.disposable" preserve="true" />
import { availableParallelism } from 'node:os'
import {
  type CreateBlobKzgOptions,
  type CreateKzgPoolOptions,
  checkPoolOptions,
  firstOf,
  type KzgDependencies,
  needed,
} from './create.js'
import type { Kzg, KzgBackend } from './kzg.js'
import { inlineLane, type Lane, libraryLane } from './lane.js'
import { nativeDialect } from './native-dialect.js'
import { nobleDialect } from './noble-dialect.js'
import { type KzgPool, poolOf } from './pool.js'
import { workerLane } from './worker-lane.js'

export type { CreateBlobKzgOptions, CreateKzgPoolOptions, KzgDependencies } from './create.js'
export type { KzgPool } from './pool.js'

const preferred: readonly KzgBackend[] = ['c-kzg', 'eth-kzg', 'noble']

/**
 * KZG by the first library of the list that loads; `backend` says which. One that is not installed, was installed and not built, or was
 * built for another machine is passed over, and the logger is told once. The result can be handed to viem as its `kzg`. Making it loads no
 * trusted setup: the first call does, or `load()`.
 *
 * @throws BlobError `KZG_BACKEND` when none loads
 * @example
 * ```ts
 * import { createBlobKzg } from '@l2/blob/kzg'
 *
 * const kzg = await createBlobKzg({ backends: ['noble'] })
 * console.log(kzg.backend) // noble
 * ```
 */
export async function createBlobKzg(
  options: CreateBlobKzgOptions = {},
  dependencies: KzgDependencies = {},
): Promise<Kzg> {
  const { backends = preferred, precompute = false } = options
  return firstOf<Kzg>(
    backends,
    {
      'c-kzg': async () => (await import('./c-kzg.js')).cKzg({ precompute: precompute ? 8 : 0 }),
      'eth-kzg': async () => (await import('./eth-kzg.js')).ethKzg({ precompute }),
      noble: async () => (await import('./noble.js')).nobleKzg(),
    },
    dependencies.logger,
  )
}

/**
 * KZG beside the calling thread: commitments and cell proofs of many blobs in parallel, without holding up the event loop. Each call can
 * be cancelled: a waiting one is dropped, one that is being computed is abandoned (its thread finishes it first). Calls that wait are
 * bounded by `maxQueued`. Arguments must not be changed before their call is done.
 *
 * c-kzg and noble run in worker threads, each with a trusted setup of its own that it loads at its first call; eth-kzg brings its own
 * threads. Where no worker can be started the calling thread does the work between two turns of its event loop.
 *
 * @throws BlobError `KZG_BACKEND`, `OPTION`
 * @example
 * ```ts
 * import { buildSidecar, opCodec } from '@l2/blob'
 * import { createKzgPool } from '@l2/blob/kzg'
 *
 * const pool = await createKzgPool({ size: 2 })
 * const blobs = opCodec.encode(new Uint8Array(300_000))
 * let progress = ''
 * const onProgress = (done: number, total: number) => {
 *   progress = `${done} of ${total}`
 * }
 * const sidecar = await buildSidecar(blobs, { kzg: pool, version: 1, onProgress })
 * await pool.close()
 * console.log(progress, sidecar.proofs.length) // 3 of 3 384
 * ```
 */
export async function createKzgPool(
  options: CreateKzgPoolOptions = {},
  dependencies: KzgDependencies = {},
): Promise<KzgPool> {
  const { backends = preferred, precompute = false, size = availableParallelism(), maxQueued = 1024 } = options
  checkPoolOptions(size, maxQueued)
  const makers = {
    'c-kzg': async () => {
      const { findCKzg, loadCKzg } = await import('./c-kzg-library.js')
      const library = needed('c-kzg', findCKzg())
      const dialect = nativeDialect('c-kzg')
      const workers = await tryWorkers('c-kzg', precompute, size)
      if (workers !== undefined) return poolOf(dialect, 'worker', workers, maxQueued)
      return poolOf(dialect, 'none', [inlineLane(() => loadCKzg(library, precompute ? 8 : 0))], maxQueued)
    },
    'eth-kzg': async () => {
      const { findEthKzg, loadEthKzg } = await import('./eth-kzg-library.js')
      const library = needed('eth-kzg', findEthKzg())
      const lanes = Array.from({ length: size }, () => libraryLane(() => loadEthKzg(library, precompute)))
      return poolOf(nativeDialect('eth-kzg'), 'library', lanes, maxQueued)
    },
    noble: async () => {
      const workers = await tryWorkers('noble', precompute, size)
      if (workers !== undefined) return poolOf(nobleDialect, 'worker', workers, maxQueued)
      const { importNoble } = await import('./noble-library.js')
      return poolOf(nobleDialect, 'none', [inlineLane(await importNoble(true))], maxQueued)
    },
  }
  return firstOf<KzgPool>(backends, makers, dependencies.logger)
}

/** All of them or, where the runtime or a bundler leaves no worker to start, none. */
async function tryWorkers(backend: KzgBackend, precompute: boolean, size: number): Promise<Lane[] | undefined> {
  const started = await Promise.allSettled(Array.from({ length: size }, () => workerLane({ backend, precompute })))
  const lanes = started.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
  if (lanes.length === size) return lanes
  await Promise.all(lanes.map(lane => lane.close()))
  return undefined
}

export type { Logger } from '@l2/common'
export type { AsyncKzgFunctions, CellsAndProofs, Kzg, KzgBackend, KzgFunctions, KzgMethod } from './kzg.js'
