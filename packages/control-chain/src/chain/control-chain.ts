import type { Hash } from 'viem'
import type { ControlBlock, ControlEvent } from '../fold/block.js'
import type { LeaderPlan } from '../fold/leaders.js'
import type { ControlState, Member } from '../fold/state.js'
import type { OperatorList } from '../list/list.js'
import type { PostingRules } from '../posting/state.js'

/** A control block that is final, and what it made of the state. */
export type FoldedBlock = {
  /** What was folded: lists, transactions, misbehaviour. Whoever has a list in it was there for the block before. */
  readonly block: ControlBlock
  /** Who could vote for it, with its stake. */
  readonly members: readonly Member[]
  /** After the block. */
  readonly state: ControlState
  readonly events: readonly ControlEvent[]
}

/** Whether control blocks come, and who makes them. */
export type ControlChainStatus = {
  /** Of the last control block that is folded here. */
  readonly height: bigint
  /** Milliseconds since it came, or since the chain was opened; by a monotonic clock. */
  readonly sinceBlockMs: number
  /** Operators whose word is in the last control block, and their stake of all. */
  readonly quorum: { readonly present: readonly number[]; readonly power: bigint; readonly total: bigint }
  /** Stake that may lie without harm: 0 where one operator decides. */
  readonly toleratedPower: bigint
  /** Why no control block comes, where something is known to be wrong here; a text for whoever reads it. */
  readonly waiting: string | undefined
}

/** A state for somebody who joins, or who begins again elsewhere. It is believed by its hash. */
export type ControlSnapshot = { readonly height: bigint; readonly hash: Hash; readonly bytes: Uint8Array }

/** Where an operator keeps the state of the control chain. */
export interface ControlStore {
  /** What was saved last; a {@link ControlSnapshot}'s bytes restore a chain from there. */
  load(): Uint8Array | undefined
  /** Comes back when it is on the disk. */
  save(bytes: Uint8Array): void
}

/** What a control chain asks of its operator, and tells it. */
export type ControlChainDependencies = {
  /**
   * Who leads, on a chain without a pool: a pure function that every operator has alike, for the fold depends on it.
   * With a pool it follows from the state ({@link planOf}).
   */
  readonly plan?: LeaderPlan | undefined
  /** Who posts, and who attests: pure as well. Left out where no committee attests batches. */
  readonly posting?: PostingRules | undefined
  /** The operator's word beside its vote ({@link nameBlocks}). Made at once: a consensus step waits for it. */
  readonly list: (state: ControlState) => OperatorList
  readonly store: ControlStore
  /** Every control block above the store's state once, in order, after its state is on the disk. Must not throw. */
  readonly onBlock?: ((ordered: FoldedBlock) => void) | undefined
}

/**
 * A totally ordered chain of small blocks that more than two thirds of the stake agree on, and its fold. What is ordered
 * is final: no block is ever taken back. The state survives the process; blocks that were ordered while it was away come
 * again after it, from the state in the store on.
 *
 * Adapters: {@link createSoloControlChain}, in the process, for one operator; `openCometBft` of
 * `@l2/control-chain/cometbft`, for operators who do not trust each other. Both pass `controlChainConformance` of
 * `@l2/control-chain/testing`.
 */
export interface ControlChain extends AsyncDisposable {
  readonly type: 'solo' | 'cometbft'
  readonly status: ControlChainStatus
  /** After the last control block that is folded here. */
  state(): ControlState
  /**
   * Hands in a transaction ({@link signTransaction}, {@link encodeEquivocation}). Resolves when it waits for a block here;
   * whether it was ordered is seen in the state. One that was handed in before is no error.
   *
   * @throws ControlChainError `TRANSACTION_REFUSED` for what no honest operator takes; `CHAIN_UNAVAILABLE` (retry)
   */
  submit(transaction: Uint8Array, options?: { signal?: AbortSignal | undefined }): Promise<void>
  /** Rejects with `ENGINE_ENDED` when it cannot go on here. Never resolves. */
  readonly failed: Promise<never>
  /** The state now. */
  snapshot(): ControlSnapshot
  /** Ends it. May be called again; `Symbol.asyncDispose` is the same function. */
  close(): Promise<void>
}
