import type { Hash, Hex } from 'viem'
import type { BatchBlock } from '../batch/types.js'
import type { Compressor } from '../compression/compression.js'
import type { ClearReason, SyncStatus, WaitReason } from './sync-actions.js'

/** A block of the rollup as the batcher loads it. */
export type BatcherBlock = BatchBlock & { readonly number: bigint; readonly hash: Hash }

/** Where blocks and heads come from: the rollup's own node. */
export interface BatcherNode {
  status(options?: { signal?: AbortSignal | undefined }): Promise<SyncStatus>
  /** Canonical blocks `from` … `to`, ascending; fewer than asked for is fine. */
  blocks(from: bigint, to: bigint, options?: { signal?: AbortSignal | undefined }): Promise<readonly BatcherBlock[]>
}

/**
 * Where batcher transactions go. A layer of `@l2/da` on Ethereum is one; other layers become one with its `commitmentSink(layer, l1)`, which puts
 * their commitments on L1.
 */
export interface BatcherSink {
  /** Says that what it submits ends up in L1's inbox, where derivation looks: a layer that is not L1 must not be taken for a sink. */
  readonly includedOn: 'l1'
  /** What one submission may hold now. */
  limits(options?: { signal?: AbortSignal | undefined }): Promise<{ maxBytes: number; maxItems: number }>
  /**
   * Posts items, in order, together or not at all, and resolves when L1 includes them. Idempotent by key. Called again before earlier calls have
   * ended: submissions must be included in the order of the calls. Behind L1 block `includeBy` derivation drops them: a sink that can withdraw
   * a transaction rejects then. An abortion says that nobody needs the items any more; what has left may still be included.
   */
  submit(
    items: readonly Uint8Array[],
    options: { key: string; includeBy?: bigint; signal?: AbortSignal | undefined },
  ): Promise<{ height: bigint }>
}

/** A closed channel of which nothing was submitted yet. */
export type UnpostedChannel = {
  readonly channelId: Hex
  /** L2 blocks, both in it. */
  readonly firstBlock: bigint
  readonly lastBlock: bigint
  /** What the sink will be given, in order. */
  readonly items: readonly Uint8Array[]
}

/** Whose word a channel needs before any of it is posted: a committee that attests batches. */
export interface BatcherApproval {
  /**
   * How many of the channels may be posted now, from the first on. Asked in every round in which there are any, with all that are closed and not begun; while
   * it rejects, none of them is posted.
   */
  approved(channels: readonly UnpostedChannel[], options?: { signal?: AbortSignal | undefined }): Promise<number>
}

/** How a channel is built and where it goes. What is left out is as the batcher's options say. */
export type ChannelShape = {
  readonly targetFrames?: number | undefined
  readonly frameDataBytes?: number | undefined
  readonly maxChannelDurationBlocks?: bigint | undefined
  readonly compressor?: Compressor | undefined
  /** Another sink than the batcher's. */
  readonly sink?: BatcherSink | undefined
}

/** Prices of L1 now, wei. */
export type L1Prices = {
  /** Base fee and tip of a gas. */
  readonly gasPriceWei: bigint
  readonly blobBaseFeeWei: bigint
  /** Gas that L1 takes for a byte of calldata, at least. Default 40; 64 from Amsterdam on. */
  readonly calldataGasPerByte?: bigint | undefined
}

/** Decides how channels are built while the batcher runs. */
export interface ChannelPlanner {
  /** The shape of the channel that begins now. */
  shape(options?: { signal?: AbortSignal | undefined }): Promise<ChannelShape>
  /**
   * How many frames of a channel whose time is up are to be posted now; the blocks of the rest go on waiting in the next channel. Blobs are paid
   * whole, so a last one that is nearly empty may be worth the wait. Rounded down, 0 counts as 1; as many as it has or more, or no number: all of it.
   */
  framesToPost?(
    channel: { readonly bytes: number; readonly frameDataBytes: number; readonly sink: BatcherSink },
    options?: { signal?: AbortSignal | undefined },
  ): Promise<number>
  /** Everything that the batcher reports. */
  observe?(event: BatcherEvent): void
}

/** What happened, for screens, metrics and alarms. */
export type BatcherEvent =
  | { readonly type: 'cleared'; readonly reason: ClearReason | 'block-gap' | 'limits-changed' | 'turn-lost' }
  /** The batcher waits for its node, for a reason that was not there before; `undefined`: it goes on. */
  | { readonly type: 'waiting'; readonly reason: WaitingReason | undefined }
  | {
      readonly type: 'channel-closed'
      readonly channelId: Hex
      readonly firstBlock: bigint
      readonly lastBlock: bigint
      readonly frames: number
      readonly transactions: number
      readonly bytes: number
      readonly reason: CloseReason
    }
  | {
      readonly type: 'submitted'
      readonly channelId: Hex
      /** Of the submission: the sink knows it by this name. */
      readonly key: string
      readonly items: number
      readonly bytes: number
      readonly l1Block: bigint
    }
  /** The sequencing window of the oldest block is over, or will be before anything arrives: posting would only cost money. */
  | {
      readonly type: 'too-late'
      readonly firstBlock: bigint
      readonly epochNumber: bigint
      readonly deadlineBlock: bigint
    }
  /** The wallet lasts for fewer L1 blocks than `runwayAlarmBlocks` at the rate of late. */
  | { readonly type: 'runway-low'; readonly balanceWei: bigint; readonly runwayBlocks: bigint }
  /** A submission would leave less than `minBalanceWei`: it was not made. */
  | { readonly type: 'balance-stop'; readonly balanceWei: bigint; readonly costWei: bigint }

/**
 * Why a channel was closed: it is full, its time is up, the sequencing window comes near, somebody asked for it, or its time was up and the
 * blocks behind its last full frame go on waiting.
 */
export type CloseReason = 'full' | 'duration' | 'window' | 'flush' | 'trimmed'

/**
 * Why a batcher does nothing new: what {@link WaitReason} says, its node has not read L1 up to where the batcher began, derivation dropped its
 * channels several times and the next try is not due, another's batches count at present, nobody has approved what is due, or somebody stopped it.
 */
export type WaitingReason = WaitReason | 'catching-up' | 'backing-off' | 'not-the-batcher' | 'not-approved' | 'stopped'

/** What a screen shows of a batcher. */
export type BatcherView = {
  /** Between `stop` and `start`: nothing new is begun. */
  readonly isStopped: boolean
  /** Why nothing new is done; what is under way goes on. */
  readonly waiting: WaitingReason | undefined
  readonly loadedBlocks: number
  /** Bytes of transactions that are held raw: those of closed channels are not. */
  readonly loadedBytes: number
  /** Compressed bytes that wait for L1. */
  readonly unsentBytes: number
  /** L1 blocks for which the wallet lasts; `undefined` without a wallet or before anything was spent. */
  readonly runwayBlocks: bigint | undefined
  /** The channel that is being filled. */
  readonly open: { readonly blocks: number; readonly bytes: number; readonly capacity: number }
  /** Closed channels whose blocks are not known to be safe. */
  readonly closedChannels: number
  /** Submissions that are on their way. */
  readonly pendingSubmissions: number
}
