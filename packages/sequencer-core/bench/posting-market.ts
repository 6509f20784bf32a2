// A day of a busy chain's channels through the fee market of a simulated L1, as the recommended profile sends them and as ours.
import { type Random, seededRandom } from '@l2/common/testing'
import { type Demand, gwei, Market } from '../src/batcher/testdata/market.ts'
import { createL1Simulator } from '../src/testing/l1-simulator.ts'
import { simulatedRollup } from '../src/testing/l2-simulator.ts'

/** How a transaction is priced. */
type Pricing = { readonly minTipWei: bigint; readonly minBaseFeeWei: bigint; readonly bumpAfterBlocks: number }

/** op-batcher's recommended profile: tip and base fee of 2 gwei at least, replaced after 180 to 240 s. */
const recommendedPricing: Pricing = { minTipWei: 2n * gwei, minBaseFeeWei: 2n * gwei, bumpAfterBlocks: 17 }
/** The defaults of `createTransactionManager` of `@l2/da`: what the market asks, replaced after 48 s. */
const ourPricing: Pricing = { minTipWei: gwei / 100n, minBaseFeeWei: gwei, bumpAfterBlocks: 4 }

const day = 7200
const l1BlockSeconds = 12

/**
 * Everybody else: demand that falls with the price, some blocks full, in which a tip decides; blobs below their target, so that their price
 * stays at the floor of EIP-7918.
 */
function demandAround(anchor: bigint, market: () => Market) {
  return (random: Random): Demand => {
    const pull = Math.sqrt(Number(anchor) / Number(market().baseFee))
    const noise = 0.4 + 1.2 * random.float()
    const gas = Math.min(2, pull * noise) * 18_000_000
    const full = gas >= 32_000_000 || random.bool(0.05)
    return {
      gasUsed: BigInt(Math.floor(full ? 36_000_000 : gas)),
      blobs: random.below(18),
      marginalTipWei: full ? BigInt(Math.floor(-Math.log(1 - random.float()) * Number(gwei))) : 1n,
    }
  }
}

async function simulate(anchor: bigint, pricing: Pricing, blobs: number, transactions: number, rate: number) {
  const random = seededRandom(11)
  const config = simulatedRollup()
  const l1 = createL1Simulator({ config, sign: false })
  const market: Market = new Market(
    l1,
    demandAround(anchor, () => market),
    anchor,
  )
  const items = Array.from({ length: blobs }, () => new Uint8Array(130_044).fill(7))
  const fillBlocks = transactions / rate / l1BlockSeconds
  let paidWei = 0n
  let sent = 0
  const waits: number[] = []
  for (let i = 0; i < day; i++) {
    if (i < day - 100 && i >= (sent + 1) * fillBlocks) {
      sent++
      const { suggestedTip, baseFee, blobFee } = market
      const tipWei = suggestedTip > pricing.minTipWei ? suggestedTip : pricing.minTipWei
      const assumed = baseFee > pricing.minBaseFeeWei ? baseFee : pricing.minBaseFeeWei
      const closedAt = l1.head.number
      market.send({
        items,
        blobs: true,
        includeBy: closedAt + 3600n,
        tipWei,
        feeCapWei: tipWei + 2n * assumed,
        blobFeeCapWei: 2n * blobFee > gwei ? 2n * blobFee : gwei,
        bumpAfterBlocks: pricing.bumpAfterBlocks,
        resolve: included => {
          paidWei += included.paidWei
          waits.push(Number(included.height - closedAt))
        },
        reject: error => {
          throw error
        },
      })
    }
    market.mine(random)
  }
  if (waits.length !== sent) throw new Error(`${waits.length} of ${sent} submissions were included`)
  waits.sort((a, b) => a - b)
  const meanBlocks = waits.reduce((sum, wait) => sum + wait, 0) / waits.length
  return {
    weiEach: Number(paidWei) / (sent * transactions),
    meanBlocks,
    worstBlocks: waits.at(-1)!,
    /** Age of the oldest transaction of a channel when L1 has it, on average. */
    latencyMs: (fillBlocks + meanBlocks) * l1BlockSeconds * 1000,
  }
}

/** Prints what each way costs at several levels of the base fee, and how long it takes. */
export async function compareInMarket(
  channels: readonly { blobs: number; recommended: number; ours: number }[],
  rate: number,
): Promise<void> {
  console.log(`## busy, a day in a fee market: tips as each profile bids them (${rate} tx/s)`)
  for (const anchor of [gwei / 2n, 2n * gwei, 10n * gwei]) {
    for (const { blobs, recommended, ours } of channels) {
      const theirs = await simulate(anchor, recommendedPricing, blobs, recommended, rate)
      const same = await simulate(anchor, recommendedPricing, blobs, ours, rate)
      const mine = await simulate(anchor, ourPricing, blobs, ours, rate)
      const percent = (of: { weiEach: number }): string => `${((100 * of.weiEach) / theirs.weiEach).toFixed(1)} %`
      const time = (of: typeof theirs): string =>
        `${(of.latencyMs / 1000).toFixed(0)} s (${of.meanBlocks.toFixed(2)} blocks to inclusion, at most ${of.worstBlocks})`
      console.log(
        `base fee around ${Number(anchor) / 1e9} gwei, ${blobs} blobs: recommended ${(theirs.weiEach / 1e9).toFixed(1)} gwei/tx in ${time(theirs)}`,
      )
      console.log(`    ours ${percent(mine)} in ${time(mine)}; with the profile's tips ${percent(same)}`)
    }
  }
}
