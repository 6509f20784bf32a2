import type { DataAvailability } from '../port.js'
import { checkItems } from './journal.js'

/** Limits and prices of a layer that asks nothing for what it takes. */
export function unmetered(
  name: string,
  readLimits: DataAvailability['limits'],
): Pick<DataAvailability, 'limits' | 'quote'> {
  const limits: DataAvailability['limits'] = async call => {
    call?.signal?.throwIfAborted()
    return await readLimits(call)
  }
  return {
    limits,
    async quote(sizes, call) {
      checkItems(name, sizes, await limits(call))
      return { cost: 0n, unit: 'wei', validUntilMs: Number.MAX_SAFE_INTEGER }
    },
  }
}
