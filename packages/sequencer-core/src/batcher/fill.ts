import { pragueGas } from '../transaction/gas.js'
import type { L1Prices } from './ports.js'

/** Gas of a blob. Source: EIP-4844, `GAS_PER_BLOB`. */
export const gasPerBlob = 131_072n

/**
 * How many blobs of a channel to post now: all of them, or the full ones only, whichever costs less a byte. Blobs are paid whole; what waits
 * goes into the next channel, where it fills a blob that others fill, too. A cheap blob beside dear gas is posted half empty rather than
 * making another transaction necessary; a dear one waits.
 *
 * @example
 * ```ts
 * import { blobsWorthPosting } from '@l2/sequencer-core/batcher'
 *
 * const channel = { bytes: 190_000, frameDataBytes: 130_020 } // a blob and a half
 * console.log(blobsWorthPosting(channel, { gasPriceWei: 1_000_000_000n, blobBaseFeeWei: 62_500_000n })) // 2
 * console.log(blobsWorthPosting(channel, { gasPriceWei: 1_000_000_000n, blobBaseFeeWei: 2_000_000_000n })) // 1
 * ```
 */
export function blobsWorthPosting(
  channel: { readonly bytes: number; readonly frameDataBytes: number },
  prices: L1Prices,
): number {
  const { bytes, frameDataBytes } = channel
  const all = Math.max(1, Math.ceil(bytes / frameDataBytes))
  const full = Math.floor(bytes / frameDataBytes)
  if (full === 0 || full === all) return all
  const cost = (blobs: number): bigint =>
    BigInt(blobs) * gasPerBlob * prices.blobBaseFeeWei + pragueGas.transaction * prices.gasPriceWei
  // cost(all) / bytes <= cost(full) / (full · frameDataBytes), without dividing.
  return cost(all) * BigInt(full * frameDataBytes) <= cost(full) * BigInt(Math.floor(bytes)) ? all : full
}
