import type { Address, Hash } from 'viem'

export type Head = { number: bigint; hash: Hash }

/** What the node shows of itself: one plain object, rendered as a screen, as lines, or as JSON. */
export type Status = {
  chainId: number
  rpcUrl: string
  startedAtMs: number
  l1: { number: bigint; baseFeeWei: bigint; blobBaseFeeWei: bigint }
  heads: { unsafe: Head; safe: Head; finalized: Head }
  leader: { address: Address; name: string; epoch: bigint; term: number }
  transactions: { included: number; perSecond: number; pending: number; queued: number }
  channel: { blocks: number; transactions: number; bytes: number; targetBytes: number }
  da: { layer: string; submissions: number; blobs: number; bytes: number; costWei: bigint }
  fees: { collectedWei: bigint }
  verified: { blocks: number; transactions: number; submissions: number; blobTransactions: number }
  pool: { sequencers: number; stakedWei: bigint; rewardsWei: bigint; jailed: number }
  lst: { rateE27: bigint; aprBps: bigint | undefined; totalAssetsWei: bigint }
}

/** DA cost of one verified transaction in wei, and as a share of the fees paid, in basis points. */
export function daCost(status: Status): { perTransactionWei: bigint; shareOfFeesBps: bigint | undefined } {
  const { costWei } = status.da
  const { transactions } = status.verified
  return {
    perTransactionWei: transactions === 0 ? 0n : costWei / BigInt(transactions),
    shareOfFeesBps: status.fees.collectedWei === 0n ? undefined : (costWei * 10_000n) / status.fees.collectedWei,
  }
}
