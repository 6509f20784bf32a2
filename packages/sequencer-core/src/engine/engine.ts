import type { Address, Hash, Hex } from 'viem'

/**
 * What an execution engine needs to build one L2 block: Engine API attributes with the OP Stack's additions, so that the derivation
 * pipeline, the sequencer and every engine adapter speak of the same thing.
 * Source: OP specs, "Engine API: extended PayloadAttributes".
 */
export type PayloadAttributes = {
  /** Seconds. */
  timestamp: bigint
  /** `mixHash` of the L1 origin. */
  prevRandao: Hash
  suggestedFeeRecipient: Address
  /** `undefined` before Canyon. */
  withdrawals: readonly [] | undefined
  /** The L1 origin's, from Ecotone. */
  parentBeaconBlockRoot: Hash | undefined
  /** In order, EIP-2718 bytes: L1-info deposit, user deposits, upgrade transactions, then the batch's transactions. */
  transactions: readonly Uint8Array[]
  /** True: exactly `transactions` and nothing else. */
  noTxPool: boolean
  gasLimit: bigint
  /** Eight bytes, denominator and elasticity as u32, from Holocene. */
  eip1559Params: Hex | undefined
  /** Wei, from Jovian. */
  minBaseFee: bigint | undefined
}

/** A block that an engine has executed. */
export type ExecutedBlock = {
  number: bigint
  hash: Hash
  parentHash: Hash
  stateRoot: Hash
  transactionsRoot: Hash
  receiptsRoot: Hash
  timestamp: bigint
  gasLimit: bigint
  gasUsed: bigint
  baseFeePerGas: bigint
  /** What is in the block, in order, EIP-2718 bytes, deposits included. */
  transactions: readonly Uint8Array[]
}

/** The three heads of a rollup; each must be an ancestor-or-equal of the one before it. */
export type ForkchoiceHeads = { head: Hash; safe: Hash; finalized: Hash }

/** Options of every call that leaves the process. */
export type CallOptions = { signal?: AbortSignal | undefined }

/**
 * What runs transactions. One conformance suite (`@l2/sequencer-core/testing`) judges every adapter.
 *
 * `build` is deterministic: the same parent and attributes give the same hash on every engine of the same kind.
 */
export interface ExecutionEngine {
  readonly name: string
  /**
   * Executes `attributes` on top of `parent` without making the result visible; {@link setHead} does that. Idempotent.
   * A transaction that cannot be in a block (nonce, balance, gas) is an error that names its index: the caller leaves it out and builds again.
   */
  build(parent: Hash, attributes: PayloadAttributes, options?: CallOptions): Promise<ExecutedBlock>
  /** Re-executes somebody else's block and compares hash and state root. */
  import(block: ExecutedBlock, attributes: PayloadAttributes, options?: CallOptions): Promise<ExecutedBlock>
  /** Makes `head` canonical (rolling back if need be) and moves the labels `safe` and `finalized`. */
  setHead(heads: ForkchoiceHeads, options?: CallOptions): Promise<void>
  /** By hash, by number on the canonical chain, or the canonical head. */
  block(id: Hash | bigint | 'latest', options?: CallOptions): Promise<ExecutedBlock | undefined>
  close(): Promise<void>
}
