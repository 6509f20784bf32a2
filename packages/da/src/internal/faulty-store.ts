import { DaError } from '../errors.js'
import type { Store } from '../store.js'

/** An operation of a store that a test may tamper with. */
export type StoreCall = { operation: keyof Store; key: string }

/**
 * What goes wrong with it: `fail` before anything happened, `lose-answer` after it did, or it is held up until a promise resolves, before or
 * after its effect.
 */
export type StoreFault = 'fail' | 'lose-answer' | { before: Promise<unknown> } | { after: Promise<unknown> }

/** A {@link Store} with faults, for tests of what is kept in one. */
export function createFaultyStore(inner: Store, inject: (call: StoreCall) => StoreFault | undefined): Store {
  const broken = ({ operation }: StoreCall) =>
    new DaError(`the store cannot ${operation}`, { code: 'DA_UNAVAILABLE', details: { operation } })
  async function pass<T>(call: StoreCall, run: () => Promise<T>): Promise<T> {
    const fault = inject(call)
    if (fault === 'fail') throw broken(call)
    if (typeof fault === 'object' && 'before' in fault) await fault.before
    const result = await run()
    if (fault === 'lose-answer') throw broken(call)
    if (typeof fault === 'object' && 'after' in fault) await fault.after
    return result
  }
  return {
    get: key => pass({ operation: 'get', key }, () => inner.get(key)),
    put: (key, value) => pass({ operation: 'put', key }, () => inner.put(key, value)),
    delete: key => pass({ operation: 'delete', key }, () => inner.delete(key)),
    keys: prefix => pass({ operation: 'keys', key: prefix }, () => inner.keys(prefix)),
  }
}

/** Injects a fault into the n-th call that fits, counted from 1; `sprung` tells whether it came. */
export function createStoreTrap(
  fits: (call: StoreCall) => boolean,
  fault: StoreFault,
  nth = 1,
): { inject(call: StoreCall): StoreFault | undefined; readonly sprung: () => boolean } {
  let count = 0
  return {
    inject: call => (fits(call) && ++count === nth ? fault : undefined),
    sprung: () => count >= nth,
  }
}
