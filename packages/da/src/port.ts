import type { Closable } from '@l2/common'
import type { Commitment } from './commitment.js'

/** What every call of the port takes. An aborted call rejects with the signal's reason, a late one with `DA_TIMEOUT`. */
export type DaCallOptions = {
  signal?: AbortSignal | undefined
  /** Milliseconds for the whole call, retries included; every adapter documents its default. */
  timeoutMs?: number | undefined
}

/** What {@link DataAvailability.get} takes besides the call options. */
export type DaGetOptions = DaCallOptions & {
  /**
   * Number of the L1 block that names the commitment. Layers whose certificates may be too old when L1 names them need it: without it a reader
   * takes what other readers of the chain drop.
   */
  l1InclusionBlock?: bigint | undefined
  /** Unix seconds of that block: what is left of a certificate's life is counted from it. */
  l1InclusionTimestamp?: bigint | undefined
}

/** What a layer takes right now. It changes with time: ask before every batch. */
export type DaLimits = {
  /** Bytes of one item. */
  maxBytes: number
  /** Items of one submission; they are included together or not at all. */
  maxItems: number
}

/** What a submission would cost now. */
export type DaQuote = {
  /** In `unit`, for the whole submission. */
  cost: bigint
  /** `wei`, `utia`, or whatever the layer is paid in. */
  unit: string
  /** Milliseconds since the Unix epoch until which the quote is worth anything. */
  validUntilMs: number
}

/** What does not change while an adapter lives. */
export type DaCapabilities = {
  /** Seconds for which the layer promises to serve data; `undefined` where it keeps data for ever. */
  retentionSeconds: bigint | undefined
  /** `instant`: included is final. `probabilistic`: included data can be lost by a reorg until it is final. */
  finality: 'instant' | 'probabilistic'
}

/** Where a commitment stands: on its way, in a block, irrevocable, or not there (any more). */
export type DaStatus = 'pending' | 'included' | 'final' | 'lost'

/** What {@link DataAvailability.submit} takes besides the call options. */
export type DaSubmitOptions = DaCallOptions & {
  /**
   * Idempotency key: all calls with one key are one submission, across restarts. Defaults to the hash of the items, so that equal
   * items are posted once; whoever wants them twice passes two keys.
   */
  key?: string | undefined
  /** The most the submission may cost, in the unit of the quote; above it `DA_FEE_TOO_HIGH`. */
  maxCost?: bigint | undefined
}

/** The answer to a submission: it is in a block of the layer. */
export type DaReceipt = {
  key: string
  /** One per item, in the order of the items. */
  commitments: readonly Commitment[]
  /** Height of the layer's block that holds it. */
  height: bigint
}

/** Data found by {@link DataAvailability.list}. */
export type DaEntry = { height: bigint; commitment: Commitment; data: Uint8Array }

/** A proof that data is part of a block of its layer; `bytes` is in the layer's own format. */
export type DaProof = { height: bigint; bytes: Uint8Array }

/**
 * One way to post and read data, whatever the layer.
 *
 * Contract for implementers; `@l2/da/testing` checks it:
 * - Submissions leave in the order in which `submit` was called, however many are under way.
 * - `submit` resolves when the data is included (see the adapter for how deep). Repeating it with the same key and items, at the same
 *   time, later, or after a crash, gives the same commitments and does not post again, unless a reorg lost the data: then it is posted anew.
 * - Aborting a call stops the waiting. What has left cannot be called back: it may still be included, and `resume(key)` tells.
 * - `get` never returns bytes that do not match the commitment.
 * - No error, and nothing stored, contains a key, a token, or a URL beyond its origin.
 */
export interface DataAvailability extends Closable {
  /** Names the adapter in errors and metrics. */
  readonly name: string
  readonly capabilities: DaCapabilities

  /** What one submission may hold now. @throws DaError `DA_UNAVAILABLE`, `DA_TIMEOUT` */
  limits(options?: DaCallOptions): Promise<DaLimits>
  /** What items of these sizes (bytes) would cost now, in one submission. @throws DaError `DA_TOO_LARGE`, `DA_UNAVAILABLE` */
  quote(sizes: readonly number[], options?: DaCallOptions): Promise<DaQuote>
  /** Posts items together. @throws DaError `DA_EMPTY`, `DA_TOO_LARGE`, `DA_KEY_REUSED`, and whatever the layer does */
  submit(items: readonly Uint8Array[], options?: DaSubmitOptions): Promise<DaReceipt>
  /** Keys of submissions that were begun and not ended, oldest first: what to {@link resume} after a restart. */
  pending(options?: DaCallOptions): Promise<readonly string[]>
  /** Ends a submission begun earlier without posting it a second time; `undefined` when the key is not known here. */
  resume(key: string, options?: DaCallOptions): Promise<DaReceipt | undefined>
  /** Whether a commitment is of a layer that this adapter reads. Pure. */
  reads(commitment: Commitment): boolean
  /** The data, verified. @throws DaError `DA_NOT_FOUND`, `DA_EXPIRED`, `DA_MISMATCH`, `DA_COMMITMENT_INVALID`, `DA_COMMITMENT_DEAD` */
  get(commitment: Commitment, options?: DaGetOptions): Promise<Uint8Array>
  /** Whether data is what the commitment stands for; needs no network. @throws DaError `DA_COMMITMENT_INVALID` */
  verify(commitment: Commitment, data: Uint8Array, options?: DaCallOptions): Promise<boolean>
  /** Where a commitment stands now. */
  status(commitment: Commitment, options?: DaCallOptions): Promise<DaStatus>
  /** A proof for somebody who does not trust the node; only layers that have one. */
  prove?(commitment: Commitment, options?: DaCallOptions): Promise<DaProof>
  /** Checks a proof against a block that the verifier trusts. @throws DaError `DA_PROOF_INVALID` saying what is wrong */
  verifyProof?(commitment: Commitment, proof: DaProof, options?: DaCallOptions): Promise<void>
  /** Everything posted at heights `from` to `to` (both included) in the layer's order; only layers that can enumerate. */
  list?(range: { from: bigint; to: bigint }, options?: DaCallOptions): AsyncIterable<DaEntry>
}

/**
 * A layer whose blocks are L1's own: what it included, derivation reads in the inbox. Only such a layer can be a batcher's sink as it is; every
 * other becomes one with `commitmentSink(layer, l1)`, which names on L1 what the layer holds. The brand keeps a compiler from taking the one for
 * the other: data that no L1 transaction names is data that nobody derives.
 */
export interface L1DataAvailability extends DataAvailability {
  readonly includedOn: 'l1'
}
