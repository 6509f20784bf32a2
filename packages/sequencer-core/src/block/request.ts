import type { Hash } from 'viem'
import type { ExecutedBlock, PayloadAttributes } from '../engine/engine.js'
import type { QueueEntry } from '../forced/queue.js'
import type { OrderingPolicy } from '../ordering/policy.js'

/** What a block may hold besides the gas limit of its attributes. */
export type BlockLimits = {
  /** Bytes of the users' transactions. */
  maxBytes: number
  /** Estimated bytes that the users' transactions take on L1, see {@link estimatedDaBytes}; `undefined`: any. Set by the batcher's throttle. */
  maxDaBytes: bigint | undefined
  /** The same for one transaction. */
  maxDaBytesPerTransaction: bigint | undefined
}

/** One block to be built. */
export type BuildRequest = {
  parent: ExecutedBlock
  /** Without users' transactions: `transactions` holds the deposits, `noTxPool` is true. */
  attributes: PayloadAttributes
  /** Of the new block, see {@link nextBaseFee}; wei. */
  baseFeePerGas: bigint
  l1Origin: { number: bigint; hash: Hash }
  turn: { epoch: bigint; term: number }
  /** `forcedUpTo` of the parent. */
  forcedUpTo: bigint
  /** Entries of the L1 queue that no block has carried, as of the L1 origin, in queue order. */
  forced: readonly QueueEntry[]
  policy?: OrderingPolicy | undefined
  limits?: BlockLimits | undefined
  signal?: AbortSignal | undefined
}

/** A transaction that was offered and is not in the block. */
export type LeftOut = {
  readonly hash: Hash
  readonly reason: /** Cannot be executed on this state: wrong nonce, no balance, not a transaction. */
    | 'invalid'
    /** Reverts, and its sender asked not to pay for that. */
    | 'reverted'
    /** Its condition does not allow this block. */
    | 'condition'
}
