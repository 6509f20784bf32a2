import type { Address, Hash } from 'viem'

/** An L1 block as derivation refers to it. */
export type L1BlockRef = {
  readonly number: bigint
  readonly hash: Hash
  readonly parentHash: Hash
  /** Seconds. */
  readonly timestamp: bigint
}

/** What an L2 block's L1-info deposit and attributes take from its L1 origin. */
export type L1Header = L1BlockRef & {
  /** The beacon chain's randomness, `mixHash`. */
  readonly mixHash: Hash
  /** Wei. */
  readonly baseFeePerGas: bigint
  /** Wei per blob gas; `undefined` on an L1 without blobs, which is written as 1. */
  readonly blobBaseFee: bigint | undefined
  /** Read only on chains with a `pectraBlobScheduleTimeSeconds`; `undefined` before Cancun. */
  readonly excessBlobGas?: bigint | undefined
  /** `undefined` before Cancun. */
  readonly parentBeaconBlockRoot: Hash | undefined
}

/** A log of an L1 transaction that succeeded. */
export type L1Log = {
  readonly address: Address
  readonly topics: readonly Hash[]
  readonly data: Uint8Array
  /** Index among all logs of the block. */
  readonly logIndex: number
}

/** A transaction of an L1 block. */
export type L1Transaction = {
  /** EIP-2718 bytes; of a blob transaction, those without its sidecar. */
  readonly raw: Uint8Array
  /** What the L1 node says the sender is; read only when the pipeline was told to trust it. */
  readonly from?: Address | undefined
}

/** An L1 block with what derivation reads of it. */
export type L1Block = L1Header & {
  /** In block order: all, or at least those to the batch inbox. */
  readonly transactions: readonly L1Transaction[]
  /** In block order: all, or at least those of the deposit and system-config contracts. */
  readonly logs: readonly L1Log[]
}

/** The reference in a block that has more. */
export function l1BlockRef({ number, hash, parentHash, timestamp }: L1BlockRef): L1BlockRef {
  return { number, hash, parentHash, timestamp }
}
