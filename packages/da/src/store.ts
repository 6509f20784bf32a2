/**
 * Durable keyed bytes: what journals and the embedded layer are kept in. Keys match `[a-z0-9._/-]{1,200}`.
 *
 * Contract: `put` replaces atomically, and `put` and `delete` have reached stable storage when they resolve; after a crash a key has its old or
 * its new value, nothing else. Of several calls for one key the last one wins. `keys` is sorted. One process writes.
 */
export interface Store {
  get(key: string): Promise<Uint8Array | undefined>
  put(key: string, value: Uint8Array): Promise<void>
  delete(key: string): Promise<void>
  keys(prefix: string): Promise<string[]>
}

/**
 * A {@link Store} that lives as long as the process; `createFileStore` of `@l2/da/node` lives on disk.
 *
 * @example
 * ```ts
 * import { createMemoryStore } from '@l2/da'
 * import { createMemoryDa } from '@l2/da/testing'
 *
 * const store = createMemoryStore()
 * const { commitments } = await createMemoryDa({}, { store }).submit([Uint8Array.of(7)])
 * console.log(await createMemoryDa({}, { store }).get(commitments[0]!)) // Uint8Array(1) [ 7 ]
 * ```
 */
export function createMemoryStore(): Store {
  const values = new Map<string, Uint8Array>()
  return {
    get: async key => values.get(key)?.slice(),
    put: async (key, value) => void values.set(key, value.slice()),
    delete: async key => void values.delete(key),
    keys: async prefix => [...values.keys()].filter(key => key.startsWith(prefix)).sort(),
  }
}
