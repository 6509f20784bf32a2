// Three rollups of one operator, large, small and tiny: what they pay together, and what each would pay alone.
import { simulateSharedBatcher } from '../src/batcher/testdata/shared-simulation.ts'

/** Prints the cost of sharing against posting alone, of the same traffic at the same limit of waiting. */
export async function compareShared(): Promise<void> {
  console.log('## three rollups, one poster: 24, 3.2 and 0.4 transactions a block, payloads of 16,000 bytes, no faults')
  const run = { ticks: 500, faults: false, scale: 8 }
  const shared = await simulateSharedBatcher(1, run)
  console.log(
    `together: ${shared.shipments} transactions, ${shared.payloads} payloads, ${(100 * shared.fill).toFixed(1)} % full`,
  )
  for (const name of Object.keys(shared.splitWei)) {
    const alone = await simulateSharedBatcher(1, { ...run, only: [name] })
    const ratio = Number((shared.splitWei[name]! * 1000n) / alone.paidWei) / 10
    console.log(
      `${name.padEnd(6)} pays ${ratio} % of what it pays alone (${alone.payloads} payloads, ${(100 * alone.fill).toFixed(1)} % full)`,
    )
  }
}
