import { gasPerBlob } from '../constants.js'
import { BlobError } from '../errors.js'
import type { BlobParameters } from './schedule.js'

const minBlobBaseFee = 1n
const blobBaseCost = 8192n // EIP-7918

/** What of a header the blob fee depends on. */
export type BlobFeeHeader = {
  readonly excessBlobGas: bigint
  readonly blobGasUsed: bigint
  readonly baseFeePerGas: bigint
}

/**
 * `factor × e^(numerator / denominator)` in integers, rounded down, by the Taylor series of EIP-4844.
 *
 * @throws BlobError `FEE_INPUT` for a negative number, a zero denominator, or an exponent above 100 (e^100 wei is no price)
 */
export function fakeExponential(factor: bigint, numerator: bigint, denominator: bigint): bigint {
  if (factor < 0n || numerator < 0n || denominator <= 0n || numerator > 100n * denominator) {
    throw new BlobError(`fakeExponential(${factor}, ${numerator}, ${denominator}): out of range`, {
      code: 'FEE_INPUT',
      details: { factor, numerator, denominator },
    })
  }
  let sum = 0n
  let term = factor * denominator
  for (let i = 1n; term > 0n; i++) {
    sum += term
    term = (term * numerator) / (denominator * i)
  }
  return sum / denominator
}

/**
 * Wei per blob gas in a block with that excess.
 *
 * @throws BlobError `FEE_INPUT`
 * @example
 * ```ts
 * import { blobBaseFee, blobForks } from '@l2/blob'
 *
 * console.log(blobBaseFee(50_000_000n, blobForks.prague)) // 21689n
 * ```
 */
export function blobBaseFee(excessBlobGas: bigint, parameters: Pick<BlobParameters, 'baseFeeUpdateFraction'>): bigint {
  return fakeExponential(minBlobBaseFee, excessBlobGas, parameters.baseFeeUpdateFraction)
}

/**
 * The excess blob gas of the block after `parent`. `parameters` are those of the block being computed, also in the first block of a
 * fork.
 *
 * Source: EIP-4844 `calc_excess_blob_gas`, from Osaka EIP-7918.
 *
 * @throws BlobError `FEE_INPUT`
 */
export function nextExcessBlobGas(parent: BlobFeeHeader, parameters: BlobParameters): bigint {
  const { excessBlobGas, blobGasUsed, baseFeePerGas } = parent
  const target = BigInt(parameters.target) * gasPerBlob
  const sum = excessBlobGas + blobGasUsed
  if (sum < target) return 0n
  if (parameters.reservePrice && blobBaseCost * baseFeePerGas > gasPerBlob * blobBaseFee(excessBlobGas, parameters)) {
    return excessBlobGas + (blobGasUsed * BigInt(parameters.max - parameters.target)) / BigInt(parameters.max)
  }
  return sum - target
}

/**
 * The blob base fee below which EIP-7918 lets it only rise: a 16th of the base fee, rounded up. Zero before Osaka.
 */
export function blobReservePrice(baseFeePerGas: bigint, parameters: Pick<BlobParameters, 'reservePrice'>): bigint {
  return parameters.reservePrice ? (blobBaseCost * baseFeePerGas + gasPerBlob - 1n) / gasPerBlob : 0n
}
