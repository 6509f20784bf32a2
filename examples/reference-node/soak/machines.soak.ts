import type { SoakTarget } from '@l2/common/testing'
import { findCometBft } from '@l2/control-chain/cometbft'
import { postgresBinaries } from '@l2/sequencer-core/postgres'
import { failover } from '../test/failover.js'

/** Replacements of a machine in one run, of however many operations. */
const rounds = 50

function isThere(): boolean {
  try {
    findCometBft()
    return postgresBinaries() !== undefined
  } catch {
    return false
  }
}

/** Programs of operators on CometBFT and PostgreSQL; nothing where one of these is not on this machine. */
export const target: SoakTarget = {
  cases: isThere()
    ? [
        {
          name: 'two machines of one operator, as programs',
          async run(random, operations) {
            const { takeoverMs, entries, leases } = await failover(random, Math.min(operations, rounds))
            const at = (share: number) => Math.round(takeoverMs[Math.floor((takeoverMs.length - 1) * share)]!)
            return `${takeoverMs.length} replacements by kill -9 and SIGSTOP, ${entries} entries under ${leases} leases; take-over ${at(0.5)} ms at the median, ${at(1)} ms at most`
          },
        },
      ]
    : [],
}
