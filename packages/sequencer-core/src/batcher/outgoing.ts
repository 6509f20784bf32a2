import { SequencerError } from '../errors.js'
import type { createFundsGuard } from './funds.js'
import type { BatcherOptions } from './options.js'
import {
  deadlinesOf,
  isDue,
  isOutOfOrder,
  nextPart,
  noteIncluded,
  type OutgoingChannel,
  type Part,
} from './outgoing-channel.js'
import type { BatcherApproval, BatcherEvent } from './ports.js'
import { createUnderWay } from './under-way.js'

/** Why what is held cannot go out as it is. */
type Refusal = 'channel-dropped' | 'limits-changed' | 'turn-lost'

/** Whether a channel may be begun. Asked at most once, of all that are not begun yet; the rest of one that is goes out in any case. */
function askFor(
  approval: BatcherApproval | undefined,
  channels: readonly OutgoingChannel[],
  signal: AbortSignal | undefined,
): (channel: OutgoingChannel) => Promise<boolean> {
  const unposted = channels.filter(({ parts }) => parts.length === 0)
  let approved: number | undefined
  return async channel => {
    const at = unposted.indexOf(channel)
    if (approval === undefined || at < 0) return true
    approved ??= await approval.approved(unposted, { signal })
    return at < approved
  }
}

/** Reports that a channel would miss its window, and answers what the round fails with. */
function tooLate(
  { firstBlock, epochNumber }: OutgoingChannel,
  deadlineBlock: bigint,
  headL1: bigint,
  emit: (event: BatcherEvent) => void,
): SequencerError {
  emit({ type: 'too-late', firstBlock, epochNumber, deadlineBlock })
  return new SequencerError(
    `block ${firstBlock} of L1 epoch ${epochNumber} had to be on L1 by block ${deadlineBlock}: nothing is posted any more`,
    {
      code: 'BATCHER_WINDOW_EXPIRED',
      recovery: 'reset',
      details: { firstBlock, epochNumber, deadlineBlock, headL1 },
    },
  )
}

/**
 * Sends the items of closed channels to their sinks: in order, several submissions at a time. After a failure nothing new leaves before
 * everything that is on its way has ended; then it goes on at the first part that is not included, under the same keys. When something behind
 * that part has been included, or the sink takes less than the part holds, the channels have to be built anew.
 */
export function createOutgoing(
  options: BatcherOptions,
  guard: ReturnType<typeof createFundsGuard>,
  isOurTurn: (signal: AbortSignal | undefined) => Promise<boolean>,
  approval: BatcherApproval | undefined,
  emit: (event: BatcherEvent) => void,
) {
  const startAnew = () => createUnderWay<{ costWei: bigint; withdraw: AbortController }>()
  let pending = startAnew()
  /** A submission has failed, and later ones are still on their way. */
  let draining = false
  /** Submissions that have failed so far. */
  let failures = 0

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
          const bytes = items.reduce((sum, item) => sum + item.length, 0)
          noteIncluded(channel, part, height)
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
     * reason when the channels have to be built anew, or with `not-approved` when what is due waits for somebody's word.
     */
    async start(
      channels: readonly OutgoingChannel[],
      headL1: bigint,
      signal: AbortSignal | undefined,
    ): Promise<Refusal | 'not-approved' | undefined> {
      pending.throwFailure()
      if (draining) return undefined
      if (isOutOfOrder(channels)) return 'channel-dropped'
      const failuresBefore = failures
      const isApproved = askFor(approval, channels, signal)
      for (const channel of channels) {
        while (isDue(channel)) {
          signal?.throwIfAborted()
          if (failures !== failuresBefore || pending.size >= options.maxPendingSubmissions) return undefined
          const { maxBytes, maxItems } = await channel.sink.limits({ signal })
          const part = nextPart(channel, maxItems)!
          const { expectedAt, deadline, timeout } = deadlinesOf(channel, part, headL1, pending.size, options)
          if (expectedAt > deadline) throw tooLate(channel, deadline, headL1, emit)
          // The rest of a channel that has timed out would be ignored: its blocks go into another.
          if (timeout !== undefined && expectedAt > timeout) return 'channel-dropped'
          const items = channel.items.slice(part.from, part.from + part.count)
          // Should the same bytes be on their way after all: what arrives twice is skipped.
          if (part.count > Math.max(1, maxItems) || items.some(item => item.length > maxBytes)) return 'limits-changed'
          if (!(await isApproved(channel))) return 'not-approved'
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
