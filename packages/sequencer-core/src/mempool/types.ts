import type { Address, Hash } from 'viem'
import type { Transaction } from '../transaction/types.js'

/** What an account is at the state that the pool builds on. */
export type AccountState = {
  /** The next nonce that executes. */
  readonly nonce: bigint
  readonly balanceWei: bigint
  /** Whether its code is an EIP-7702 delegation. */
  readonly delegated: boolean
}

/** Known account of a conditional transaction: its storage root, or the values of some slots. */
export type KnownAccount = Hash | Readonly<Record<Hash, Hash>>

/**
 * Under which circumstances a transaction may be included: the options of `eth_sendRawTransactionConditional`. Bounds are inclusive.
 * Source: ERC-7796.
 */
export type TransactionCondition = {
  readonly knownAccounts?: Readonly<Record<Address, KnownAccount>> | undefined
  readonly blockNumberMin?: bigint | undefined
  readonly blockNumberMax?: bigint | undefined
  /** Seconds. */
  readonly timestampMin?: bigint | undefined
  /** Seconds. */
  readonly timestampMax?: bigint | undefined
}

/** A transaction in the pool, with what the door knew about it. */
export type PooledTransaction = {
  readonly transaction: Transaction
  /** Counter of the door: a smaller one came earlier. Never reused, also not after a restart. */
  readonly arrival: number
  /** Milliseconds since the Unix epoch. */
  readonly arrivedAtMs: number
  /** Not before this time may a policy order it; later than {@link arrivedAtMs} where a policy delays at the door. */
  readonly readyAtMs: number
  /** Never gossiped, and not shown to observers before it is in a block. */
  readonly isPrivate: boolean
  /** False: left out of the block when it would revert there. */
  readonly mayRevert: boolean
  readonly condition: TransactionCondition | undefined
}

/** Transactions that are included in this order, one after the other, all or none. */
export type Bundle = {
  /** keccak-256 over the hashes of its transactions, in order. */
  readonly hash: Hash
  readonly entries: readonly PooledTransaction[]
  /** Of its first entry. */
  readonly arrival: number
  /** Inclusive heights between which it may be included. */
  readonly blockNumberMin: bigint
  readonly blockNumberMax: bigint
  /** Seconds, inclusive; `undefined`: any. */
  readonly timestampMin: bigint | undefined
  readonly timestampMax: bigint | undefined
}

/** One sender's executable transactions. */
export type SenderQueue = {
  readonly sender: Address
  /** Nonces without a gap, beginning with the account's next one; never empty. */
  readonly entries: readonly PooledTransaction[]
}

/** By what a pool may keep its senders' first transactions in order: counter of arrival, tip at the base fee, or when they may be ordered. */
export type HeadOrder = 'arrival' | 'tip' | 'ready'

/**
 * The senders of a pool in an order, read one after the other as they stood when it was opened. To equal tips and times the arrival decides, then the
 * hash. Senders whose first transaction cannot pay the base fee are left out.
 */
export interface HeadCursor {
  next(): SenderQueue | undefined
  /** The executable transactions of any sender; `undefined`: it has none. */
  queueOf(sender: Address): readonly PooledTransaction[] | undefined
  /** Lets go of what is held: a pool that changes while somebody reads has to begin its order anew. Again is nothing. */
  close(): void
}

/** What an ordering policy reads of a pool. */
export interface PendingPool {
  /** Executable transactions, bundles not counted. */
  readonly pendingCount: number
  /** Every sender with something executable, each queue in nonce order. */
  pendingBySender(): Iterable<SenderQueue>
  /** The senders in an order that the pool keeps from block to block. A pool that keeps none has no such function. */
  headsBy?(order: HeadOrder, baseFeePerGas: bigint): HeadCursor
  /** Bundles that may be in a block of this height and time, earliest arrival first. */
  bundlesFor(height: bigint, timestamp: bigint): readonly Bundle[]
}

/** The block that a pool builds on. */
export type PoolHead = {
  readonly number: bigint
  /** Seconds. */
  readonly timestamp: bigint
  /** Wei; of the next block. */
  readonly baseFeePerGas: bigint
  readonly gasLimit: bigint
  /**
   * Estimated bytes on L1, see `estimatedDaBytes` of `@l2/sequencer-core/fees`, that the rules of the chain let into one block; `undefined`: any. What a
   * batcher's throttle allows at present does not belong here: it passes, and a transaction that is above it waits.
   */
  readonly maxDaBytes?: bigint | undefined
}

/** Why a transaction or bundle left the pool without being included. */
export type DropReason =
  /** Made room for one that pays more, or that can be executed. */
  | 'evicted'
  /** Made room for an executable transaction of the same sender. */
  | 'sender-limit'
  /** Waited longer than the pool keeps. */
  | 'expired'
  /** Another transaction took its nonce. */
  | 'nonce-too-low'
  | 'insufficient-funds'
  /** Asks for more gas than a block has now. */
  | 'gas-limit'
  /** Has a larger DA footprint than a block may have now. */
  | 'da-limit'
  /** Its block or time range is over. */
  | 'condition'
  /** On request. */
  | 'cancelled'
  /** The builder found that it cannot be executed. */
  | 'failed'
  /** Came back by a reorg, and the pool did not take it. */
  | 'not-reinjected'

/** What happened in a pool, in order. Observers outside the operator must not see entries with `isPrivate`. */
export type PoolEvent =
  | { readonly type: 'added'; readonly entry: PooledTransaction; readonly executable: boolean }
  | { readonly type: 'replaced'; readonly entry: PooledTransaction; readonly by: PooledTransaction }
  /** Became executable. */
  | { readonly type: 'promoted'; readonly entry: PooledTransaction }
  /** Is executable no longer, and waits. */
  | { readonly type: 'demoted'; readonly entry: PooledTransaction }
  | { readonly type: 'included'; readonly entry: PooledTransaction }
  | { readonly type: 'dropped'; readonly entry: PooledTransaction; readonly reason: DropReason }
  | { readonly type: 'bundle-added'; readonly bundle: Bundle }
  | { readonly type: 'bundle-dropped'; readonly bundle: Bundle; readonly reason: DropReason }

/** What the door knows about a transaction that it hands to the pool. */
export type AddContext = {
  /** Milliseconds since the Unix epoch. */
  nowMs: number
  /** The sender at the pool's head. */
  account: AccountState
  /** From the policy's `admit`. Default: now. */
  readyAtMs?: number | undefined
  /** Default false. */
  isPrivate?: boolean | undefined
  /** Default true. */
  mayRevert?: boolean | undefined
  condition?: TransactionCondition | undefined
  /** Only when a journal is read back: what the door said the first time. */
  recovered?: { arrival: number; arrivedAtMs: number } | undefined
}

/** Where and when a bundle may be included; heights and seconds are inclusive. */
export type BundleRange = {
  nowMs: number
  /** Default: the next block. */
  blockNumberMin?: bigint | undefined
  /** Default: the first height. */
  blockNumberMax?: bigint | undefined
  timestampMin?: bigint | undefined
  timestampMax?: bigint | undefined
  /** Which of its transactions may revert without undoing the bundle. */
  mayRevert?: readonly Hash[] | undefined
}
