import { createGasTokenTracker, fixedOracle, type GasTokenTracker } from '@l2/sequencer-core/fees'
import { parseUnits } from 'viem'

/** The rollup's gas token. */
export const gasToken = { symbol: 'METIS', decimals: 18 } as const

/** Keeps the price of METIS. Put another oracle in its place, or `medianOracle` over several, and the books follow the market. */
export async function openGasToken(metisPerEth: string, say: (message: string) => void): Promise<GasTokenTracker> {
  const oracle = fixedOracle({ tokenUnits: parseUnits(metisPerEth, gasToken.decimals), perWei: 10n ** 18n })
  const tracker = createGasTokenTracker(
    { tokenDecimals: gasToken.decimals },
    {
      oracle,
      onEvent: event => {
        if (event.type === 'price-refused') say(`a price of METIS was refused (${event.reason}); the last one stays`)
        if (event.type === 'oracle-failed') say(`no price of METIS: ${event.reason}; the last one stays`)
        if (event.type === 'price-expired') say(`the price of METIS is ${event.ageSeconds} s old`)
      },
    },
  )
  await tracker.poll()
  // Without any price nothing could be booked: better not to start.
  tracker.price()
  return tracker
}
