import { expect, it } from 'vitest'
import type { Read } from '../engine/engine.js'
import { fairReads } from './fair-reads.js'

it('answers what takes no time while what takes long fills its own queue', async () => {
  const ends: (() => void)[] = []
  const read = fairReads((async (method: string) => {
    if (method !== 'eth_getBalance') await new Promise<void>(resolve => ends.push(resolve))
    return method
  }) as Read)
  const names = ['debug_traceTransaction', 'eth_call', 'eth_getLogs', 'eth_simulateV1']
  const reader = () => ({ client: {}, signal: new AbortController().signal })
  const long = Array.from({ length: 40 }, (_, index) => read(names[index % names.length]!, [], reader()))
  expect(await read('eth_getBalance', [])).toBe('eth_getBalance')
  expect(ends.length).toBe(3)
  while (ends.length > 0) {
    for (const end of ends.splice(0)) end()
    await new Promise(setImmediate)
  }
  expect(await Promise.all(long)).toHaveLength(40)
})
