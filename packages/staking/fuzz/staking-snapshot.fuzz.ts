import { isL2Error } from '@l2/common'
import { type FuzzTarget, seededRandom } from '@l2/common/testing'
import { auditPool, createPool } from '../src/index.js'
import { decodePool, encodePool } from '../src/pool/index.js'
import { admin, createSimulation, tryApply } from '../test/pool-simulation.js'

/** Pool snapshots: refused with a code, or a pool whose books balance. */
export const target: FuzzTarget = {
  corpus() {
    const simulation = createSimulation(seededRandom(2), { owners: 4, delegators: 3 })
    let state = createPool({ admin, maxSeats: 3 })
    const texts: Uint8Array[] = []
    for (let i = 0; i < 400; i++) {
      state = tryApply(state, simulation.next(state)).state
      if (i % 80 === 0) texts.push(new TextEncoder().encode(encodePool(state)))
    }
    return texts
  },
  run(input) {
    try {
      const state = decodePool(new TextDecoder().decode(input))
      if (auditPool(state).problems.length > 0) throw new Error('a snapshot was accepted whose books do not balance')
      // What was accepted can be worked with: commands are refused by code or applied, never anything else.
      const simulation = createSimulation(seededRandom(3), { owners: 4, delegators: 3 })
      let next = state
      for (let i = 0; i < 10; i++)
        next = tryApply(next, { ...simulation.next(next), atSeconds: next.atSeconds > 1n ? next.atSeconds : 1n }).state
    } catch (error) {
      if (!isL2Error(error)) throw error
    }
  },
}
