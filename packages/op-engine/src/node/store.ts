import { existsSync, readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { lockFile, type ProcessLock } from '@l2/common/node'
import { OpEngineError } from '../errors.js'
import type { StoreLocation } from '../worker/messages.js'
import { hasLmdb, lmdbFile } from './lmdb.js'

/** Where a store is: `memory` ends with the engine; a folder is made where it is absent. */
export type NodeStore =
  | 'memory'
  | {
      readonly path: string
      /** Default: what the folder holds; for a new one `lmdb` where it has a binary for this platform, else `log`. */
      readonly type?: 'lmdb' | 'log' | undefined
    }

/** @throws OpEngineError `ENGINE_STORE_FAILED`, `ENGINE_OPTIONS` */
export function locateStore(store: NodeStore): StoreLocation {
  if (store === 'memory') return { type: 'memory', segments: new Map() }
  const path = resolve(store.path)
  const found = existingKind(path)
  if (found !== undefined && store.type !== undefined && found !== store.type) {
    throw new OpEngineError(`${path} holds a store of kind "${found}", not "${store.type}"`, { code: 'ENGINE_OPTIONS' })
  }
  const type = found ?? store.type ?? (hasLmdb() ? 'lmdb' : 'log')
  if (type === 'lmdb' && !hasLmdb()) {
    throw new OpEngineError(`${path} holds an LMDB store, and lmdb has no binary here`, {
      code: 'ENGINE_STORE_FAILED',
      meta: ['try: install the package lmdb, or begin a store of kind "log" elsewhere'],
    })
  }
  return { type, path }
}

function existingKind(path: string): 'lmdb' | 'log' | undefined {
  if (!existsSync(path)) return undefined
  if (existsSync(lmdbFile(path))) return 'lmdb'
  return readdirSync(path).some(name => /^\d{8}\.log$/.test(name)) ? 'log' : undefined
}

/** Held as long as the engine is: two builders over one store would each overwrite what the other has. @throws OpEngineError `ENGINE_STORE_LOCKED` */
export async function lockStore(path: string): Promise<ProcessLock> {
  const lock = await lockFile(path).catch((cause: unknown) => {
    throw new OpEngineError(`the store ${path} cannot be locked: ${(cause as Error).message}`, {
      code: 'ENGINE_STORE_FAILED',
      recovery: 'retry',
      cause,
    })
  })
  if (lock !== undefined) return lock
  throw new OpEngineError(`the store ${path} is in use by another engine`, {
    code: 'ENGINE_STORE_LOCKED',
    recovery: 'retry',
    details: { path },
  })
}
