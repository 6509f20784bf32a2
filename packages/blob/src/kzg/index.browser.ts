/// <reference lib="esnext.disposable" preserve="true" />
import {
  type CreateBlobKzgOptions,
  type CreateKzgPoolOptions,
  checkPoolOptions,
  firstOf,
  type KzgDependencies,
} from './create.js'
import type { Kzg } from './kzg.js'
import { inlineLane } from './lane.js'
import { nobleKzg } from './noble.js'
import { nobleDialect } from './noble-dialect.js'
import { importNoble } from './noble-library.js'
import { type KzgPool, poolOf } from './pool.js'

export type { CreateBlobKzgOptions, CreateKzgPoolOptions, KzgDependencies } from './create.js'
export type { KzgPool } from './pool.js'

/** What `createBlobKzg` of the entry for Node is, with the one library that runs in a browser. */
export async function createBlobKzg(
  options: CreateBlobKzgOptions = {},
  dependencies: KzgDependencies = {},
): Promise<Kzg> {
  return firstOf<Kzg>(options.backends ?? ['noble'], { noble: nobleKzg }, dependencies.logger)
}

/** What `createKzgPool` of the entry for Node is, in the calling thread: between two calls the page stays responsive. */
export async function createKzgPool(
  options: CreateKzgPoolOptions = {},
  dependencies: KzgDependencies = {},
): Promise<KzgPool> {
  const { maxQueued = 1024 } = options
  checkPoolOptions(options.size ?? 1, maxQueued)
  const noble = async () => poolOf(nobleDialect, 'none', [inlineLane(await importNoble(true))], maxQueued)
  return firstOf<KzgPool>(options.backends ?? ['noble'], { noble }, dependencies.logger)
}
