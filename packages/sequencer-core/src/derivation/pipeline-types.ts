import type { Address, Hash, Hex } from 'viem'
import type { FrameRefusal } from '../channel/channel.js'
import type { Decompressors } from '../compression/compression.js'
import type { PayloadAttributes } from '../engine/engine.js'
import type { SequencerError } from '../errors.js'
import type { SenderRecovery } from '../transaction/recovery.js'
import type { BatchReason, BatchVerdict, SafeBlock } from './batch-check.js'
import type { DerivationCheckpoint } from './checkpoint.js'
import type { L1Block, L1BlockRef } from './l1.js'
import type { L2BlockRef } from './l2.js'
import type { BlockId, RollupConfig } from './rollup-config.js'
import type { SystemConfig } from './system-config.js'
import type { UpgradeTransactions } from './upgrade-transactions.js'

/** Who may post batches. The default is the OP Stack's rule: the one account that the system config names. */
export type IsBatcher = (sender: Address, l1Block: L1BlockRef, systemConfig: SystemConfig) => boolean

/** Options of {@link createDerivationPipeline}. */
export type DerivationOptions = {
  readonly config: RollupConfig
  /** Where to begin, for a new chain `genesisCheckpoint(config)`. */
  readonly start: DerivationCheckpoint
  /**
   * Whether an account may post batches in an L1 block. Must be a pure function of its arguments and of L1 up to that block, or nodes will
   * disagree. Default: the system config's batcher.
   */
  readonly isBatcher?: IsBatcher | undefined
  /** Signature recovery of batcher transactions. Default noble. */
  readonly recovery?: SenderRecovery | undefined
  /** Believe the `from` of L1 transactions instead of recovering it: for an L1 node of one's own. Default false. */
  readonly trustSenders?: boolean | undefined
  /** Default zlib in JavaScript; a chain with brotli channels needs a brotli port. */
  readonly decompressors?: Decompressors | undefined
  /** Whose reading counts where op-node and kona differ, see {@link ChannelStreamOptions.rules}. Default `op-node`. */
  readonly rules?: 'op-node' | 'kona' | undefined
  readonly upgradeTransactions?: UpgradeTransactions | undefined
}

/** What the pipeline cannot go on without. */
export type DerivationNeed =
  /** The canonical L1 block of this number; with a hash, exactly that one. Answer when it exists. */
  | { readonly type: 'l1-block'; readonly number: bigint; readonly hash: Hash | undefined }
  /** The blobs of one transaction of an L1 block, in this order. */
  | { readonly type: 'blobs'; readonly block: L1BlockRef; readonly versionedHashes: readonly Hash[] }
  /** What an alt-DA server keeps under a commitment (type byte first). */
  | { readonly type: 'commitment'; readonly block: L1BlockRef; readonly commitment: Hex }
  /** A block of the derived chain, at or below the head. The answer `undefined` is for good: ask again rather than give it. */
  | { readonly type: 'l2-block'; readonly number: bigint }

/** The answer to what {@link DerivationPipeline.step} returned last. */
export type DerivationInput =
  | { readonly type: 'l1-block'; readonly block: L1Block }
  /** 131 072 bytes each; checking them against their versioned hashes is the caller's. */
  | { readonly type: 'blobs'; readonly blobs: readonly Uint8Array[] }
  /** `undefined`: it is certain that nobody has to have it, which the chain's challenge contract decides. */
  | { readonly type: 'commitment'; readonly data: Uint8Array | undefined }
  | { readonly type: 'l2-block'; readonly block: SafeBlock | undefined }
  /** The engine built the attributes. */
  | { readonly type: 'executed'; readonly block: ExecutedRef }
  /** The engine says that no such block can be. Not for "could not now": then ask it again. */
  | { readonly type: 'refused' }

/** The part of an executed block that derivation reads. */
export type ExecutedRef = {
  readonly number: bigint
  readonly hash: Hash
  readonly parentHash: Hash
  readonly timestamp: bigint
}

/** Something worth knowing that asks for no answer. */
export type DerivationEvent =
  /** A transaction to the inbox that does not count. */
  | {
      readonly type: 'transaction-ignored'
      readonly reason:
        | 'malformed'
        | 'not-batcher'
        | 'not-attested'
        | 'data-malformed'
        | 'blob-malformed'
        | 'commitment-skipped'
    }
  | {
      readonly type: 'frame-ignored'
      readonly channelId: Hex
      readonly frameNumber: number
      readonly reason: FrameRefusal
    }
  /** All frames of a channel are there. */
  | { readonly type: 'channel'; readonly channelId: Hex; readonly bytes: number; readonly openedAtBlock: bigint }
  /** A channel has no further batch. `flushed`: an invalid batch condemned what was left of it. */
  | { readonly type: 'channel-end'; readonly reason: 'end' | 'unusable' | 'invalid' | 'flushed' }
  /** A batch was not accepted. */
  | {
      readonly type: 'batch'
      readonly batchType: 'singular' | 'span'
      readonly verdict: Exclude<BatchVerdict['verdict'], 'accept'>
      readonly reason: BatchReason
    }
  /** A block was derived. */
  | { readonly type: 'block'; readonly block: L2BlockRef; readonly derivedFrom: L1BlockRef }
  /** A span batch turned out invalid when it was executed, before Holocene: its blocks are taken back. */
  | { readonly type: 'reverted'; readonly to: L2BlockRef }
  /** The engine refused a block; from Holocene on one of deposits takes its place. */
  | { readonly type: 'block-refused'; readonly parent: L2BlockRef }
  /** A `ConfigUpdate` log that cannot be read was skipped. */
  | { readonly type: 'config-log-skipped'; readonly error: SequencerError }
  /** Everything in this L1 block is accounted for. */
  | { readonly type: 'l1-block-read'; readonly block: L1BlockRef }

/** What {@link DerivationPipeline.step} comes back with. */
export type DerivationOutput =
  | { readonly type: 'need'; readonly need: DerivationNeed }
  /** Build this on `parent`, and answer `executed` or `refused`. */
  | {
      readonly type: 'attributes'
      readonly parent: L2BlockRef
      readonly attributes: PayloadAttributes
      readonly origin: BlockId
      readonly sequenceNumber: bigint
      /** Whether this replaces a block that the engine refused. */
      readonly depositsOnly: boolean
      /** Whether the block is safe once it is built; before Holocene only a span's last block is. */
      readonly concluding: boolean
      /** The L1 block that was being read. */
      readonly derivedFrom: L1BlockRef
    }
  | { readonly type: 'event'; readonly event: DerivationEvent }

/**
 * Derives a rollup from L1, without I/O: it says what it needs, and is given it.
 *
 * `step()` without an answer repeats the question. An answer that does not fit is an error and changes nothing. After `DERIVATION_RESET`
 * (L1 is another chain now) the pipeline is of no more use: make a new one from a checkpoint whose `l1` is still canonical.
 */
export interface DerivationPipeline {
  step(input?: DerivationInput): DerivationOutput
  /** The last derived block. */
  readonly head: L2BlockRef
  /** The last derived block that no invalid span can take back; the same as `head` from Holocene on. */
  readonly safe: L2BlockRef
  /** The L1 block being read. */
  readonly l1: L1BlockRef | undefined
  /** The last place from which to go on later; a new one may be there after each `l1-block-read`. */
  readonly checkpoint: DerivationCheckpoint
  /** How much is held, for watching memory: L1 headers, bytes of open channels, batches waiting. */
  readonly held: { readonly l1Headers: number; readonly openChannels: number; readonly batches: number }
}
