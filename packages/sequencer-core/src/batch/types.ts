import type { Address, Hash } from 'viem'

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
  /** Who earns the block's priority fees. Only in the draft type 2, which carries it for every block; no chain has activated it. */
  readonly feeRecipient?: Address
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

/** What a batcher has to know of an L2 block to post it. */
export type BatchBlock = {
  readonly parentHash: Hash
  /** Seconds. */
  readonly timestamp: bigint
  /** Number of the L1 origin. */
  readonly epochNumber: bigint
  /** Hash of the L1 origin. */
  readonly epochHash: Hash
  /** Blocks of the same epoch before this one; 0 says that this block took a new L1 origin. */
  readonly sequenceNumber: bigint
  /** EIP-2718 bytes in block order, without the deposits that L1 already carries. */
  readonly transactions: readonly Uint8Array[]
  readonly feeRecipient?: Address
}

/** The facts of a rollup that batches leave out. */
export type BatchRollup = {
  /** Chain id that every replay-protected transaction of the rollup carries. */
  readonly chainId: bigint
  /** Also read and write the draft type 2 span batch, which names a fee recipient per block. Off: such a batch is invalid, as it is on every chain. */
  readonly draftFeeRecipients?: boolean
}

/**
 * The most blocks, transactions of one block, and transactions that one span batch may declare.
 * Source: OP specs, `MAX_SPAN_BATCH_ELEMENT_COUNT`.
 */
export const maxSpanBatchElements = 10_000_000
