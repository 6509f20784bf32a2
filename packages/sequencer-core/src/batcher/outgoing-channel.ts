import type { Hex } from 'viem'
import type { BatcherOptions } from './options.js'
import type { BatcherSink } from './ports.js'

/** Items of a channel that went, or go, to the sink under one key. */
export type Part = {
  readonly from: number
  readonly count: number
  state: 'pending' | 'included' | 'failed'
  includedAtBlock: bigint | undefined
}

/** A closed channel on its way to L1. */
export type OutgoingChannel = {
  readonly channelId: Hex
  readonly firstBlock: bigint
  readonly lastBlock: bigint
  /** Origin of its first block: after this epoch's window its batches are dropped. */
  readonly epochNumber: bigint
  readonly sink: BatcherSink
  readonly items: Uint8Array[]
  /** From the first item on, without a gap; a key stands for exactly these items, so a part that failed is sent again as it was. */
  readonly parts: Part[]
  /** L1 block of its first item, and of its last one once all are included. */
  firstIncludedAt: bigint | undefined
  includedAtBlock: bigint | undefined
}

/** The part to send next: one that failed, or what follows the last one. */
export function nextPart(channel: OutgoingChannel, maxItems: number): Part | undefined {
  const failed = channel.parts.find(({ state }) => state === 'failed')
  if (failed !== undefined) return failed
  const last = channel.parts.at(-1)
  const from = last === undefined ? 0 : last.from + last.count
  const left = channel.items.length - from
  return left === 0
    ? undefined
    : { from, count: Math.min(left, Math.max(1, maxItems)), state: 'pending', includedAtBlock: undefined }
}

/** Whether something of it is to be sent, for the first time or again. */
export const isDue = (channel: OutgoingChannel): boolean => nextPart(channel, 1) !== undefined

/** Behind a part that failed another one is on L1, where derivation drops it: sending the first one now does not help it. */
export function isOutOfOrder(channels: readonly OutgoingChannel[]): boolean {
  const parts = channels.flatMap(channel => channel.parts)
  const failed = parts.findIndex(({ state }) => state === 'failed')
  return failed >= 0 && parts.slice(failed).some(({ state }) => state === 'included')
}

/** A part is on L1, in this block. */
export function noteIncluded(channel: OutgoingChannel, part: Part, height: bigint): void {
  part.state = 'included'
  part.includedAtBlock = height
  if (channel.firstIncludedAt === undefined || height < channel.firstIncludedAt) channel.firstIncludedAt = height
  // Posted bytes are on L1 now; only their range is still needed.
  channel.items.fill(new Uint8Array(), part.from, part.from + part.count)
  if (!isDue(channel) && channel.parts.every(({ state }) => state === 'included')) {
    // They may end in another order than they are included in.
    channel.includedAtBlock = channel.parts.reduce(
      (last, { includedAtBlock }) => (includedAtBlock! > last ? includedAtBlock! : last),
      height,
    )
  }
}

/** L1 blocks that decide whether a part may still be sent. */
export function deadlinesOf(
  channel: OutgoingChannel,
  part: Part,
  headL1: bigint,
  pendingCount: number,
  options: BatcherOptions,
): { expectedAt: bigint; deadline: bigint; timeout: bigint | undefined } {
  const left = channel.items.length - part.from
  // As many at a time as may be on their way, behind those that are.
  const submissions = Math.ceil(left / part.count) + pendingCount
  const rounds = BigInt(Math.ceil(submissions / options.maxPendingSubmissions))
  // While its first part is on its way, the life of a channel begins with the next block at the earliest.
  const bornAt = channel.firstIncludedAt ?? (part.from === 0 ? undefined : headL1 + 1n)
  return {
    /** When all that is left of the channel is expected to be included. */
    expectedAt: headL1 + options.expectedInclusionBlocks * rounds,
    /** The end of its sequencing window. */
    deadline: channel.epochNumber + options.sequencingWindowBlocks,
    /** The end of its life; `undefined` before that has begun. */
    timeout: bornAt === undefined ? undefined : bornAt + options.channelTimeoutBlocks,
  }
}
