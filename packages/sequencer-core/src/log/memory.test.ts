import { describe, it } from 'vitest'
import { logConformance } from '../testing/log-conformance.js'
import { createMemoryLog } from './memory.js'

describe('createMemoryLog', () => {
  const suite = logConformance(async () => ({
    durable: false,
    open: async monotonicMs => createMemoryLog({ monotonicMs }),
    cleanup: async () => {},
  }))
  for (const { name, run } of suite) it(name, run)
})
