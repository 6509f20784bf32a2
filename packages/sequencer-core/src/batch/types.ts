import type { Hash } from 'viem'

/** One L2 block as a type 0 batch carries it. Source: OP specs, "Batch format". */
export type SingularBatch = {
  readonly type: 'singular'
  readonly parentHash: Hash
  readonly epochNumber: bigint
  readonly epochHash: Hash
  /** Seconds. */
  readonly timestamp: bigint
  /** EIP-2718 bytes, without deposits. */
  readonly transactions: readonly Uint8Array[]
}

/** One block inside a span batch. */
export type SpanBlock = {
  /** Bit of `origin_bits`: this block's L1 origin differs from the block's before it. */
  readonly originAdvanced: boolean
  /** EIP-2718 bytes, rebuilt with the rollup's chain id. */
  readonly transactions: readonly Uint8Array[]
}

/** A type 1 batch: a run of L2 blocks. Source: OP specs, Delta, "Span batch format". */
export type SpanBatch = {
  readonly type: 'span'
  /** Timestamp of the first block minus the rollup's genesis time, seconds. */
  readonly relTimestamp: bigint
  /** L1 origin number of the last block. */
  readonly l1OriginNumber: bigint
  /** First 20 bytes of the parent hash of the first block. */
  readonly parentCheck: Uint8Array
  /** First 20 bytes of the hash of the last block's L1 origin. */
  readonly l1OriginCheck: Uint8Array
  readonly blocks: readonly SpanBlock[]
}

/** What the batch stream of a channel is made of. */
export type Batch = SingularBatch | SpanBatch
