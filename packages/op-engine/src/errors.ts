import { L2Error } from '@l2/common'

/**
 * Every code an {@link OpEngineError} can carry. Those that `@l2/sequencer-core` names for its port of engines mean the same here, so that a
 * sequencer or verifier treats this engine as any other.
 */
export type OpEngineErrorCode =
  // the port's
  /** Options that cannot be. */
  | 'ENGINE_OPTIONS'
  /** Payload attributes that no fork allows, or that are malformed. */
  | 'ENGINE_ATTRIBUTES'
  /** Transactions that cannot be in the block; `details.indices` names the first, as `details.index` does. */
  | 'ENGINE_TRANSACTION_INVALID'
  /** A block that the engine does not have. */
  | 'ENGINE_UNKNOWN_BLOCK'
  /** Executing a block gave another hash or state root than it claims. */
  | 'ENGINE_BLOCK_MISMATCH'
  /** Heads of which one is no ancestor of the next. */
  | 'ENGINE_FORKCHOICE'
  /** The engine was closed. */
  | 'ENGINE_UNAVAILABLE'
  /** The engine refused a request for a reason of its own, or what it answered cannot be read. */
  | 'ENGINE_RPC'
  // this package's
  /** No engine file: the message says how to get one. */
  | 'ENGINE_MISSING'
  /** The worker or process ended while it worked on this request. A new one takes its place; `recovery` is `abort` when the same request did it twice. */
  | 'ENGINE_CRASHED'
  /** The genesis file cannot be read. */
  | 'ENGINE_GENESIS'
  /** A fork of the genesis or of a block that this engine does not know. */
  | 'ENGINE_FORK_UNSUPPORTED'
  /** The store was begun from another genesis. */
  | 'ENGINE_STORE_FOREIGN'
  /** The store is damaged in a way that no crash explains; the message names the file and what to do. */
  | 'ENGINE_STORE_CORRUPT'
  /** The store cannot be written or read, for instance because the disk is full. Nothing was acknowledged. */
  | 'ENGINE_STORE_FAILED'
  /** Another process, or another engine of this one, has the store open. */
  | 'ENGINE_STORE_LOCKED'
  /** The store lived in the worker that has ended, and is gone: derive again from the genesis. */
  | 'ENGINE_STORE_LOST'
  /** The history that was asked for at the start no longer holds this state or body. */
  | 'ENGINE_STATE_PRUNED'
  /** More reads are waiting than may. */
  | 'ENGINE_BUSY'
  /** A read took longer than it may, or the builder did; `recovery` is `abort` when the same block made it hang twice. */
  | 'ENGINE_TIMEOUT'

/** The error of `@l2/op-engine`: stable `code`, `recovery`, machine-readable `details`. */
export class OpEngineError extends L2Error<OpEngineErrorCode> {
  override name = 'OpEngineError'
}
