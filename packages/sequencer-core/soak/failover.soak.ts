import type { SoakTarget } from '@l2/common/testing'
import { failover } from './failover.js'

/** Replacements of a machine in one run, of however many operations. */
const rounds = 50

export const target: SoakTarget = {
  cases: [
    {
      name: 'two machines of one operator',
      async run(random, operations) {
        const { takeoverMs, blocks, resumed } = await failover(random, Math.min(operations, rounds))
        const at = (share: number) => Math.round(takeoverMs[Math.floor((takeoverMs.length - 1) * share)]!)
        return `${takeoverMs.length} replacements by kill -9 and SIGSTOP, ${blocks} blocks, ${resumed} of them finished by the other machine; take-over ${at(0.5)} ms at the median, ${at(1)} ms at most`
      },
    },
  ],
}
