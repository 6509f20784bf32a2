/** From a time on (L1 seconds), how slowly the blob base fee moves: `BLOB_BASE_FEE_UPDATE_FRACTION` of EIP-4844. */
export type BlobFeeStep = { readonly fromSeconds: bigint; readonly updateFraction: bigint }

/** Cancun's. Source: EIP-4844. */
export const cancunUpdateFraction = 3_338_477n

const dated = (cancun: bigint, prague: bigint, bpo1: bigint, bpo2: bigint): readonly BlobFeeStep[] => [
  { fromSeconds: cancun, updateFraction: cancunUpdateFraction },
  { fromSeconds: prague, updateFraction: 5_007_716n },
  { fromSeconds: bpo1, updateFraction: 8_346_193n },
  { fromSeconds: bpo2, updateFraction: 11_684_671n },
]

/**
 * The public L1s, by chain id. Source: EIP-4844, EIP-7691, EIP-8134, EIP-8135, and the networks' configurations (go-ethereum 1.17,
 * `params/config.go`).
 */
export const l1BlobFeeSchedules: ReadonlyMap<bigint, readonly BlobFeeStep[]> = new Map([
  [1n, dated(1_710_338_135n, 1_746_612_311n, 1_765_290_071n, 1_767_747_671n)],
  [17_000n, dated(1_707_305_664n, 1_740_434_112n, 1_759_800_000n, 1_760_389_824n)],
  [11_155_111n, dated(1_706_655_072n, 1_741_159_776n, 1_761_017_184n, 1_761_607_008n)],
  [560_048n, dated(0n, 1_742_999_832n, 1_762_365_720n, 1_762_955_544n)],
])

/** Above e^100 wei no price is meant; a header that claims more is no header of a live chain. */
const maxExponent = 100n

/** Wei per blob gas in a block with this excess, at least 1. Source: EIP-4844, `fake_exponential`. */
export function blobFeeOf(excessBlobGas: bigint, updateFraction: bigint): bigint {
  const excess = excessBlobGas > maxExponent * updateFraction ? maxExponent * updateFraction : excessBlobGas
  let sum = 0n
  let term = updateFraction
  for (let i = 1n; term > 0n; i++) {
    sum += term
    term = (term * excess) / (updateFraction * i)
  }
  return sum / updateFraction
}

/** {@link blobFeeOf} of a block at `timestamp` (seconds) of an L1 with this schedule; `undefined` before its first step. */
export function scheduledBlobFee(
  schedule: readonly BlobFeeStep[],
  header: { timestamp: bigint; excessBlobGas: bigint },
): bigint | undefined {
  const step = schedule.filter(({ fromSeconds }) => fromSeconds <= header.timestamp).at(-1)
  return step === undefined ? undefined : blobFeeOf(header.excessBlobGas, step.updateFraction)
}
