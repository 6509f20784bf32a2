import type { Hex } from 'viem'
import { SequencerError } from '../errors.js'
import type { createFundsGuard } from './funds.js'
import type { BatcherOptions } from './options.js'
import type { BatcherEvent, BatcherSink } from './ports.js'
import { createUnderWay } from './under-way.js'

/** Items of a channel that went, or go, to the sink under one key. */
type Part = {
  readonly from: number
  readonly count: number
  state: 'pending' | 'included' | 'failed'
  includedAt: bigint | undefined
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
  includedAt: bigint | undefined
}

/** Why what is held cannot go out as it is. */
type Refusal = 'channel-dropped' | 'limits-changed' | 'turn-lost'

/**
 * Sends the items of closed channels to their sinks: in order, several submissions at a time. After a failure nothing new leaves before
 * everything that is on its way has ended; then it goes on at the first part that is not included, under the same keys. When something behind
 * that part has been included, or the sink takes less than the part holds, the channels have to be built anew.
 */
export function createOutgoing(
  options: BatcherOptions,
  guard: ReturnType<typeof createFundsGuard>,
  isOurTurn: (signal: AbortSignal | undefined) => Promise<boolean>,
  emit: (event: BatcherEvent) => void,
) {
  const startAnew = () => createUnderWay<{ costWei: bigint; withdraw: AbortController }>()
  let pending = startAnew()
  /** A submission has failed, and later ones are still on their way. */
  let draining = false
  /** Submissions that have failed so far. */
  let failures = 0

  const tooLate = (channel: OutgoingChannel, headL1: bigint): SequencerError => {
    const { firstBlock, epochNumber } = channel
    const deadline = epochNumber + options.sequencingWindowBlocks
    emit({ type: 'too-late', firstBlock, epochNumber, deadline })
    return new SequencerError(
      `block ${firstBlock} of L1 epoch ${epochNumber} had to be on L1 by block ${deadline}: nothing is posted any more`,
      {
        code: 'BATCHER_WINDOW_EXPIRED',
        recovery: 'reset',
        details: { firstBlock, epochNumber, deadline, headL1 },
      },
    )
  }

  /** The part to send next: one that failed, or what follows the last one. */
  const nextPart = (channel: OutgoingChannel, maxItems: number): Part | undefined => {
    const failed = channel.parts.find(({ state }) => state === 'failed')
    if (failed !== undefined) return failed
    const last = channel.parts.at(-1)
    const from = last === undefined ? 0 : last.from + last.count
    const left = channel.items.length - from
    return left === 0
      ? undefined
      : { from, count: Math.min(left, Math.max(1, maxItems)), state: 'pending', includedAt: undefined }
  }
  /** Behind a part that failed another one is on L1, where derivation drops it: sending the first one now does not help it. */
  const isOutOfOrder = (channels: readonly OutgoingChannel[]): boolean => {
    const parts = channels.flatMap(channel => channel.parts)
    const failed = parts.findIndex(({ state }) => state === 'failed')
    return failed >= 0 && parts.slice(failed).some(({ state }) => state === 'included')
  }
  const isDue = (channel: OutgoingChannel): boolean => nextPart(channel, 1) !== undefined

  const launch = (
    channel: OutgoingChannel,
    part: Part,
    includeBy: bigint,
    costWei: bigint,
    signal: AbortSignal | undefined,
  ): void => {
    const items = channel.items.slice(part.from, part.from + part.count)
    const key = `${channel.channelId}/${part.from}`
    if (!channel.parts.includes(part)) channel.parts.push(part)
    part.state = 'pending'
    const mine = pending
    // One of its own for each, so that a sink's listeners end with the submission.
    const withdraw = new AbortController()
    const abort = (): void => withdraw.abort(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    const submit = async (): Promise<{ height: bigint }> =>
      channel.sink.submit(items, { key, includeBy, signal: withdraw.signal })
    const submission: Promise<void> = submit()
      .then(
        ({ height }) => {
          mine.delete(submission)
          part.state = 'included'
          part.includedAt = height
          if (channel.firstIncludedAt === undefined || height < channel.firstIncludedAt)
            channel.firstIncludedAt = height
          const bytes = items.reduce((sum, item) => sum + item.length, 0)
          // Posted bytes are on L1 now; only their range is still needed.
          channel.items.fill(new Uint8Array(), part.from, part.from + part.count)
          if (!isDue(channel) && channel.parts.every(({ state }) => state === 'included')) {
            // They may end in another order than they are included in.
            channel.includedAt = channel.parts.reduce(
              (last, { includedAt }) => (includedAt! > last ? includedAt! : last),
              height,
            )
          }
          guard.paid(costWei, height)
          // What was given up meanwhile is on L1 all the same, and paid.
          try {
            emit({ type: 'submitted', channelId: channel.channelId, key, items: part.count, bytes, l1Block: height })
          } catch (error) {
            // Whoever was told failed: nothing of the submission is lost, and the next round says so.
            pending.fail(error)
          }
        },
        (error: unknown) => {
          mine.delete(submission)
          part.state = 'failed'
          if (mine !== pending) return
          failures++
          draining = pending.size > 0
          pending.fail(error)
        },
      )
      .finally(() => {
        signal?.removeEventListener('abort', abort)
        if (mine === pending && pending.size === 0) draining = false
      })
    pending.add(submission, { costWei, withdraw })
  }

  return {
    get pendingCount(): number {
      return pending.size
    },

    /**
     * Starts what is due, as far as the limit of submissions under way allows. Throws the failure of an earlier one first; comes back with a
     * reason when the channels have to be built anew.
     */
    async start(
      channels: readonly OutgoingChannel[],
      headL1: bigint,
      signal: AbortSignal | undefined,
    ): Promise<Refusal | undefined> {
      pending.throwFailure()
      if (draining) return undefined
      if (isOutOfOrder(channels)) return 'channel-dropped'
      const failuresBefore = failures
      for (const channel of channels) {
        while (isDue(channel)) {
          signal?.throwIfAborted()
          if (failures !== failuresBefore || pending.size >= options.maxPendingSubmissions) return undefined
          const { maxBytes, maxItems } = await channel.sink.limits({ signal })
          const part = nextPart(channel, maxItems)!
          const left = channel.items.length - part.from
          // As many at a time as may be on their way, behind those that are.
          const submissions = Math.ceil(left / part.count) + pending.size
          const rounds = BigInt(Math.ceil(submissions / options.maxPendingSubmissions))
          const expectedAt = headL1 + options.expectedInclusionBlocks * rounds
          const deadline = channel.epochNumber + options.sequencingWindowBlocks
          if (expectedAt > deadline) throw tooLate(channel, headL1)
          // While its first part is on its way, the life of a channel begins with the next block at the earliest.
          const bornAt = channel.firstIncludedAt ?? (part.from === 0 ? undefined : headL1 + 1n)
          const timeout = bornAt === undefined ? undefined : bornAt + options.channelTimeoutBlocks
          // The rest of a channel that has timed out would be ignored: its blocks go into another.
          if (timeout !== undefined && expectedAt > timeout) return 'channel-dropped'
          const items = channel.items.slice(part.from, part.from + part.count)
          // Should the same bytes be on their way after all: what arrives twice is skipped.
          if (part.count > Math.max(1, maxItems) || items.some(item => item.length > maxBytes)) return 'limits-changed'
          const costWei = await guard.check(items, headL1, pending.reservedWei, signal)
          if (!(await isOurTurn(signal))) return 'turn-lost'
          // What was on its way may have failed while the wallet and L1 were asked.
          if (failures !== failuresBefore) return undefined
          signal?.throwIfAborted()
          launch(channel, part, timeout !== undefined && timeout < deadline ? timeout : deadline, costWei, signal)
        }
      }
      return undefined
    },

    /** Waits for everything that is on its way. Throws what one of them failed with. */
    settle: (): Promise<void> => pending.settle(),

    /** Gives up what is on its way: the sink may withdraw it, and its end is of no consequence any more. */
    drop(): void {
      const given = pending.entries()
      pending = startAnew()
      const reason = new SequencerError('the batcher starts over', { code: 'BATCHER_WITHDRAWN', recovery: 'retry' })
      for (const { withdraw } of given) withdraw.abort(reason)
      draining = false
    },
  }
}
