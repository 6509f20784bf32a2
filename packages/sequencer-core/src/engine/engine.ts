import type { Address, Hash, Hex } from 'viem'
import type { AccountState } from '../mempool/types.js'
import type { AccessListEntry } from '../transaction/types.js'

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
  /**
   * Who signed each of `transactions`, where the caller has recovered that itself: an engine that takes them need not do it again, and believes them, so never
   * hand on what somebody else claims. `undefined` in a place: not recovered, or a deposit. {@link ExecutionEngine.import} ignores them.
   * No part of a block, and never on a wire.
   */
  senders?: readonly (Address | undefined)[] | undefined
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
  /** The header's; from Isthmus on the storage root of the L2-to-L1 message passer. `undefined` before Canyon, and where the engine does not tell. */
  withdrawalsRoot?: Hash | undefined
  /** What is in the block, in order, EIP-2718 bytes, deposits included. */
  transactions: readonly Uint8Array[]
  /** What else of the attributes the header commits to; `undefined` where an engine cannot be given it. */
  header?: ExecutedHeader | undefined
}

/** The part of a header that comes from the attributes alone. */
export type ExecutedHeader = {
  prevRandao: Hash
  feeRecipient: Address
  /** `undefined` before Ecotone. */
  parentBeaconBlockRoot: Hash | undefined
  /** `undefined` for a plain engine, which cannot be given it. */
  extraData: Uint8Array | undefined
}

/** The three heads of a rollup; each must be an ancestor-or-equal of the one before it. */
export type ForkchoiceHeads = { head: Hash; safe: Hash; finalized: Hash }

/** What became of one transaction of a block. */
export type ExecutionReceipt = {
  readonly transactionHash: Hash
  /** False: reverted; it is in the block and has paid. */
  readonly success: boolean
  readonly gasUsed: bigint
}

/** A call whose accesses are asked for. */
export type AccessCall = {
  readonly from: Address
  /** `undefined` creates a contract. */
  readonly to: Address | undefined
  readonly data: Uint8Array
  /** Wei. */
  readonly value: bigint
  readonly gasLimit: bigint
}

/** What a call would touch at the head, reads and writes alike. */
export type TracedAccess = {
  readonly accessList: readonly AccessListEntry[]
  readonly gasUsed: bigint
  /** False: it reverts. */
  readonly success: boolean
}

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
   * A transaction that cannot be in a block (nonce, balance, gas) is the error `ENGINE_TRANSACTION_INVALID`, whose `details.indices` name
   * all that the engine found, ascending, and `details.index` the first: the caller leaves them out and builds again.
   *
   * @throws SequencerError `ENGINE_TRANSACTION_INVALID`, `ENGINE_ATTRIBUTES`, `ENGINE_UNKNOWN_BLOCK`, `ENGINE_UNAVAILABLE`, `ENGINE_RPC`
   */
  build(parent: Hash, attributes: PayloadAttributes, options?: CallOptions): Promise<ExecutedBlock>
  /**
   * Re-executes somebody else's block and compares all that its header says, not the hash alone. Every sender is recovered, whatever `attributes.senders` says.
   *
   * @throws SequencerError `ENGINE_BLOCK_MISMATCH`, and what {@link build} throws
   */
  import(block: ExecutedBlock, attributes: PayloadAttributes, options?: CallOptions): Promise<ExecutedBlock>
  /**
   * Makes `head` canonical (rolling back if need be) and moves the labels `safe` and `finalized`; a zero hash leaves a label unset.
   *
   * @throws SequencerError `ENGINE_FORKCHOICE`, `ENGINE_UNKNOWN_BLOCK`, `ENGINE_UNAVAILABLE`, `ENGINE_RPC`
   */
  setHead(heads: ForkchoiceHeads, options?: CallOptions): Promise<void>
  /** By hash, by number on the canonical chain, or the canonical head. */
  block(id: Hash | bigint | 'latest', options?: CallOptions): Promise<ExecutedBlock | undefined>
  /** One per transaction of a block that was built or imported, in order. Without it a builder offers no revert protection. */
  receipts?(block: Hash, options?: CallOptions): Promise<ExecutionReceipt[]>
  /** State of accounts at the canonical head, in the order of `addresses`. */
  accounts?(addresses: readonly Address[], options?: CallOptions): Promise<AccountState[]>
  /** What a call would touch at the canonical head. */
  traceAccess?(call: AccessCall, options?: CallOptions): Promise<TracedAccess>
  close(): Promise<void>
}
