import type { Hash, Hex } from 'viem'
import type { CallOptions } from '../engine/engine.js'
import type { L1Block, L1BlockRef } from './l1.js'

/** Where the driver reads L1. Any answer may come from another fork than the one before: the pipeline notices. */
export interface L1Source {
  /** The canonical L1 block of this number, or `undefined` while there is none (or it is not deep enough to be used). */
  block(number: bigint, options?: CallOptions): Promise<L1Block | undefined>
  /** The number of the last final L1 block. Absent: nothing becomes final. */
  finalizedNumber?(options?: CallOptions): Promise<bigint | undefined>
}

/** Where the driver gets blobs. */
export interface BlobSource {
  /**
   * The blobs of one transaction of `block`, 131 072 bytes each, in the order of `versionedHashes`, and checked against them. Rejects while
   * they are not to be had: leaving one out would fork the chain.
   */
  getBlobs(versionedHashes: readonly Hash[], block: L1BlockRef, options?: CallOptions): Promise<readonly Uint8Array[]>
}

/** Where the driver gets what alt-DA commitments stand for. */
export interface CommitmentSource {
  /**
   * The committed bytes. `undefined` when every reader of the chain skips the commitment: its layer declared it dead, it is none of a layer that the
   * chain takes, or the chain's challenge contract says that nobody has to have the data. Rejects while they cannot be had: leaving
   * them out would fork the chain. `createCommitmentSource` of `@l2/da` makes one out of layers.
   *
   * @param commitment as the inbox has it behind the version byte 01: the type byte first, then what the layer calls the data
   * @param block names the commitment: certificates can be too old for it
   */
  getCommitted(commitment: Hex, block: L1BlockRef, options?: CallOptions): Promise<Uint8Array | undefined>
}
