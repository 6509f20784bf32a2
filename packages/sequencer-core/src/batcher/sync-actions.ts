import type { Hash } from 'viem'
import type { BlockId } from '../derivation/rollup-config.js'

/** Where the rollup stands, as its node sees it. Source: op-node, `optimism_syncStatus`. */
export type SyncStatus = {
  /** Head of L1. */
  readonly headL1: bigint
  /** L1 block up to which derivation has read. */
  readonly currentL1: bigint
  /** Derived from L1. */
  readonly safe: BlockId
  /** The sequencer's head. */
  readonly unsafe: BlockId
}

/** A channel that the batcher has closed, as far as the decision needs it. */
export type ChannelProgress = {
  readonly lastBlock: bigint
  /** L1 block that includes its last frame; `undefined` while something of it is on its way. */
  readonly includedAtBlock: bigint | undefined
}

/** What the batcher holds. */
export type BatcherHoldings = {
  /** Blocks that are loaded and not known to be safe, ascending and without a gap. */
  readonly blocks: readonly { readonly number: bigint; readonly hash: Hash; readonly parentHash?: Hash | undefined }[]
  /** Closed channels, oldest first. */
  readonly channels: readonly ChannelProgress[]
  /** The highest `currentL1` that was seen. */
  readonly previousL1: bigint | undefined
  /** The safe head of the last status that was acted on; `undefined` before the first. */
  readonly previousSafe?: bigint | undefined
  /** Head of L1 when the safe or the unsafe head was first seen before where it was; `undefined` while neither is. */
  readonly behindSinceBlock?: bigint | undefined
}

/** Why nothing is concluded from a status. What is held stays, and what is closed goes on. */
export type WaitReason =
  /** The node has not begun: a head is missing. */
  | 'status-empty'
  /** The node reads L1 again, or another one answers that has not read as far: its safe head says nothing about what is on L1. */
  | 'node-behind'
  /** The unsafe head is one of the loaded blocks and not the newest: another node answers, or the newest blocks were taken back. */
  | 'unsafe-behind'
  /**
   * The safe head is before where it was though L1 was read as far as ever: another node answers, or an L1 reorg took batches away,
   * which as a rule are included again. To post them at once would be to pay for them twice.
   */
  | 'safe-behind'

/** L1 blocks for which a head that went back is taken for a node that lags. */
const patienceBlocks = 2n

/** Why everything is dropped and loaded again from the safe head. */
export type ClearReason =
  /** The safe head is beyond what is loaded: somebody else posted it. */
  | 'safe-beyond-blocks'
  /** The safe head is before what is loaded, and stays there: an L1 reorg took posted batches away. */
  | 'safe-before-blocks'
  /** The safe block is another than the one loaded: an L2 reorg. */
  | 'safe-hash-mismatch'
  /** The unsafe head is before what is loaded: an L2 reorg took blocks away that were not safe. */
  | 'unsafe-before-blocks'
  /** The unsafe head is another than the newest block that is loaded: an L2 reorg to the same height. */
  | 'unsafe-hash-mismatch'
  /** A channel is on L1, the node has read beyond it, and the safe head is not: its batches were dropped. */
  | 'channel-dropped'

/** What to do next, in this order: drop, prune, load. */
export type SyncActions = {
  /** Set: forget all blocks and channels, and end what is being sent. */
  readonly clear: ClearReason | undefined
  /** How many of the oldest blocks are safe and can go. */
  readonly pruneBlocks: number
  /** How many of the oldest channels are safe and can go. */
  readonly pruneChannels: number
  /** Blocks to load, inclusive; `undefined`: none. */
  readonly load: { readonly from: bigint; readonly to: bigint } | undefined
  /** Set: conclude nothing before the next status, and keep everything. */
  readonly wait: WaitReason | undefined
}

/**
 * Decides from the rollup's status and the batcher's own state what to drop, prune and load. Pure: the whole recovery from reorgs, restarts and
 * lost data is in this function, because re-sending is harmless (derivation skips what is safe) and losing is not.
 *
 * Source: op-batcher, `computeSyncActions`.
 *
 * @example
 * ```ts
 * import { computeSyncActions } from '@l2/sequencer-core/batcher'
 *
 * const hash = `0x${'11'.repeat(32)}` as const
 * const status = { headL1: 10n, currentL1: 10n, safe: { number: 4n, hash }, unsafe: { number: 9n, hash } }
 * const actions = computeSyncActions(status, { blocks: [], channels: [], previousL1: undefined })
 * console.log(actions.load) // { from: 5n, to: 9n }
 * ```
 */
export function computeSyncActions(status: SyncStatus, holdings: BatcherHoldings): SyncActions {
  const { safe, unsafe, currentL1 } = status
  const { blocks, channels, previousL1, previousSafe, behindSinceBlock } = holdings
  const loadAll = safe.number < unsafe.number ? { from: safe.number + 1n, to: unsafe.number } : undefined
  const clear = (reason: ClearReason): SyncActions => ({
    clear: reason,
    pruneBlocks: 0,
    pruneChannels: 0,
    load: loadAll,
    wait: undefined,
  })

  const wait = (reason: WaitReason): SyncActions => ({
    clear: undefined,
    pruneBlocks: 0,
    pruneChannels: 0,
    load: undefined,
    wait: reason,
  })
  if (currentL1 === 0n || status.headL1 === 0n || isZero(safe.hash) || isZero(unsafe.hash)) return wait('status-empty')
  if (previousL1 !== undefined && currentL1 < previousL1) return wait('node-behind')

  const oldest = blocks[0]
  const newest = blocks.at(-1)
  const isPatient = behindSinceBlock === undefined || status.headL1 < behindSinceBlock + patienceBlocks
  const lowest = oldest === undefined ? previousSafe : oldest.number - 1n
  if (isPatient && lowest !== undefined && safe.number < lowest) return wait('safe-behind')
  if (oldest === undefined || newest === undefined) {
    return { clear: undefined, pruneBlocks: 0, pruneChannels: channels.length, load: loadAll, wait: undefined }
  }
  if (safe.number > newest.number) return clear('safe-beyond-blocks')
  if (safe.number + 1n < oldest.number) return clear('safe-before-blocks')
  if (unsafe.number < newest.number) {
    // A head that stands on what is loaded: the newest blocks are missing there, for now or for good.
    const standsOnOurs = blocks[Number(unsafe.number - oldest.number)]?.hash === unsafe.hash
    return standsOnOurs && isPatient ? wait('unsafe-behind') : clear('unsafe-before-blocks')
  }

  if (unsafe.number === newest.number && unsafe.hash !== newest.hash) return clear('unsafe-hash-mismatch')

  const safeIndex = Number(safe.number - oldest.number)
  const atSafe = blocks[safeIndex]
  if (atSafe !== undefined && atSafe.hash !== safe.hash) return clear('safe-hash-mismatch')

  if (safeIndex === -1 && oldest.parentHash !== undefined && oldest.parentHash !== safe.hash) {
    return clear('safe-hash-mismatch')
  }

  for (const channel of channels) {
    // Derivation has read the block that closes the channel: its blocks are safe, or were dropped.
    if (
      channel.includedAtBlock !== undefined &&
      currentL1 > channel.includedAtBlock &&
      safe.number < channel.lastBlock
    ) {
      return clear('channel-dropped')
    }
  }

  let pruneChannels = 0
  for (const channel of channels) {
    if (channel.lastBlock > safe.number) break
    pruneChannels++
  }
  return {
    clear: undefined,
    pruneBlocks: Math.max(0, safeIndex + 1),
    pruneChannels,
    load: newest.number < unsafe.number ? { from: newest.number + 1n, to: unsafe.number } : undefined,
    wait: undefined,
  }
}

function isZero(hash: Hash): boolean {
  return /^0x0*$/.test(hash)
}
