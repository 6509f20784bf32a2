import { isL2Error } from '@l2/common'
import type { Random } from '@l2/common/testing'
import { applyPool, auditPool, createPool } from '../src/index.js'
import { decodePool, encodePool } from '../src/pool/index.js'
import { admin, createSimulation } from '../test/pool-simulation.js'
import { createReference } from './reference.js'

/** Commands between two full comparisons. */
const episode = 2_000

/**
 * Rewards equal the sum over blocks of the leader's share, penalties are paid by stake that was bonded at the fault and
 * by nothing else, and every wei is somewhere: after any sequence of commands. Throws when not.
 */
export function fairness(random: Random, operations: number, options: { firstLossBps: number }): string {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    let state = createPool({ admin, maxSeats: 12, liquidCapBps: 5000, ...options })
    const simulation = createSimulation(random, { owners: 16, delegators: 24, faults: 0.15 })
    const reference = createReference()
    let applied = 0
    for (let i = 1; i <= operations; i++) {
      const command = simulation.next(state)
      const before = state
      try {
        const { state: next, events } = applyPool(state, command)
        state = next
        applied++
        reference.add(command, events, before, next)
      } catch (error) {
        if (!isL2Error(error)) throw error
      }
      if (i % episode !== 0 && i !== operations) continue
      reference.compare(state)
      const { problems } = auditPool(state)
      if (problems.length > 0) throw new Error(problems.join('; '))
      const json = encodePool(state)
      if (encodePool(decodePool(json)) !== json) throw new Error('a snapshot comes back another')
    }
    const { blocks, penalties, delegatorPenalties } = reference.figures
    return `${operations} commands, ${applied} applied, ${blocks} blocks paid, ${penalties} penalties, ${delegatorPenalties} of them on delegators`
  } finally {
    Error.stackTraceLimit = limit
  }
}
