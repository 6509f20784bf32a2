import type { Address, Hash } from 'viem'
import type { PendingPool, PooledTransaction } from '../mempool/types.js'
import type { Transaction } from '../transaction/types.js'

/** What a policy knows about the block that is being filled. */
export type BlockContext = {
  readonly height: bigint
  /** Seconds. */
  readonly timestamp: bigint
  /** Wei. */
  readonly baseFeePerGas: bigint
  readonly gasLimit: bigint
  /** When filling began, milliseconds since the Unix epoch. */
  readonly nowMs: number
  /** Executable transactions, frozen for the time of the block as far as the policy is concerned. */
  readonly pool: PendingPool
  /** What the L1 queue holds and no block has carried yet, in queue order. */
  readonly forced: readonly ForcedTransaction[]
}

/** What changes while the block fills. */
export type OrderingView = {
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: number
  /** Gas that is still free in the block, forced transactions subtracted. */
  readonly gasLeft: bigint
  /** Bytes that are still free. */
  readonly bytesLeft: number
}

/** What goes into the block next. */
export type Step =
  /** These, one after the other; `atomic`: all or none, and none of those with `mayRevert: false` may revert. */
  | { readonly type: 'take'; readonly entries: readonly PooledTransaction[]; readonly atomic: boolean }
  /** Nothing yet: ask again at this time (milliseconds since the Unix epoch), or seal without it. */
  | { readonly type: 'wait'; readonly untilMs: number }
  /** Nothing more for this block. */
  | { readonly type: 'done' }

/** What became of the entries of the last `take`. */
export type Outcome =
  /** In the block. */
  | 'included'
  /** Cannot be in this block: invalid at this state, or reverted under revert protection. */
  | 'failed'
  /** Valid, and no room for it. */
  | 'no-room'

/** One block's worth of ordering. Every `take` is answered by exactly one `settle` before the next `next`. */
export interface BlockOrdering {
  next(view: OrderingView): Step
  settle(outcome: Outcome): void
  /** The block is full: lets go of what is held of the pool. Without it the next block costs more. */
  close?(): void
}

/** A transaction that L1 has queued: it goes first, and from its deadline on it cannot be left out. */
export type ForcedTransaction = {
  readonly hash: Hash
  readonly gasLimit: bigint
  /** Seconds: the first L2 block whose timestamp is not before it must have carried it. */
  readonly deadlineSeconds: bigint
  /** The signed transaction; `undefined` for a deposit, which the engine takes through the payload attributes. */
  readonly transaction: Transaction | undefined
}

/** A block as its judge sees it. */
export type OrderedBlock = {
  readonly height: bigint
  /** Seconds. */
  readonly timestamp: bigint
  /** Wei. */
  readonly baseFeePerGas: bigint
  readonly gasLimit: bigint
  /** Hashes of the deposits (0x7e) that lead the block. */
  readonly deposits: readonly Hash[]
  readonly transactions: readonly Transaction[]
}

/** A breach of a rule, with where it is. JSON-ready. */
export type Violation = {
  /** Stable name of the rule, for example `U2-nonces` or `first-come/inversion`. */
  readonly rule: string
  /** Index among the block's transactions (deposits not counted). */
  readonly index: number | undefined
  /** The transaction concerned. */
  readonly hash: Hash | undefined
  /** What is wrong, with both values. */
  readonly message: string
}

/** What a policy is told about a transaction at the door. */
export type AdmissionContext = {
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: number
}

/** What a policy says at the door. */
export type Admission = {
  /** From when on the transaction may be ordered, milliseconds since the Unix epoch: `nowMs`, or later where the policy delays. */
  readonly readyAtMs: number
}

/**
 * What a judge knows beside the block. Every section is optional: a policy that needs a section it is not given reports
 * `<policy>/evidence-missing` instead of guessing.
 */
export type OrderingEvidence = {
  /** What the L1 queue held when the block was opened, in queue order. */
  readonly forced?: readonly ForcedTransaction[] | undefined
  /** Next nonce of a sender in the parent state; `undefined`: not known to the judge. */
  readonly nonceOf?: ((sender: Address) => bigint | undefined) | undefined
  /** Whether an earlier block carries the transaction. */
  readonly wasIncluded?: ((hash: Hash) => boolean) | undefined
  /** Transactions that the judge found not to be executable at their place, by executing them. */
  readonly excused?: ReadonlySet<Hash> | undefined
  /** What the judge itself had pending when the block was opened. */
  readonly pending?: readonly PooledTransaction[] | undefined
  /** Gas used by each transaction of the block; without it a transaction counts with its gas limit. */
  readonly gasUsed?: readonly bigint[] | undefined
  /** The protocol's limit on the bytes of a block's transactions. */
  readonly maxBlockBytes?: number | undefined
}

/**
 * A rule of order, with its judge. Both sides read the same parameters; what {@link open} produces, {@link verify} accepts.
 *
 * A policy holds no pool: it orders what the pool shows it, so it can be exchanged at any block.
 */
export interface OrderingPolicy<Evidence extends OrderingEvidence = OrderingEvidence> {
  readonly name: string
  /**
   * At the door, once per transaction and in arrival order.
   *
   * @throws SequencerError when the policy does not take it
   */
  admit(transaction: Transaction, context: AdmissionContext): Admission
  /** Starts the ordering of one block. Deterministic: the same context and the same answers give the same steps. */
  open(block: BlockContext): BlockOrdering
  /** Judges a finished block, one's own or somebody else's; an empty list is an acquittal. Never throws on a wrong block. */
  verify(block: OrderedBlock, evidence: Evidence): Violation[]
}
