import type { Clock } from '@l2/common'
import type { DaCallOptions, DaReceipt, DaSubmitOptions } from '../port.js'
import { createSerial, withDeadline } from './call.js'
import { type Journal, type JournalEntry, keyOf } from './journal.js'

/** How posting ended: included, or refused so that nothing of it is on its way and the key is free again. */
export type Posted = { receipt: DaReceipt } | { refused: unknown }

export type SubmissionsDeps = {
  /** Names the adapter in errors. */
  name: string
  journal: Journal
  /**
   * Posts an entry that has no receipt. Begins in the order of the calls, and goes on when its callers stop waiting. What it throws is handed
   * on, and the journal keeps the entry: it may be on its way.
   */
  post(entry: JournalEntry, signal: AbortSignal): Promise<Posted>
  /** Whether a reorg took what a receipt says. */
  isLost?: ((receipt: DaReceipt, call: DaCallOptions | undefined) => Promise<boolean>) | undefined
  /** What the journal is to note about a new entry. */
  note?: ((call: DaSubmitOptions | undefined) => string) | undefined
  clock?: Clock | undefined
}

/** The submissions of one adapter, one at a time a key: the port's `submit`, `pending` and `resume`. */
export type Submissions = {
  /** @param approve what must succeed first, as asking for limits; it is asked at once, and does not change the order. */
  submit(
    items: readonly Uint8Array[],
    call: DaSubmitOptions | undefined,
    approve?: () => Promise<void>,
  ): Promise<DaReceipt>
  resume(key: string, call: DaCallOptions | undefined): Promise<DaReceipt | undefined>
  pending(call?: DaCallOptions | undefined): Promise<string[]>
  /** Stops what is under way; the journal keeps it. */
  close(reason: Error): Promise<void>
}

type Entered = { entry: JournalEntry; result: Promise<DaReceipt> | undefined }

/**
 * Makes {@link Submissions}. What is under way and what the journal says change together: whoever comes in between finds the one or the
 * other, never neither, so nothing is posted twice.
 */
export function createSubmissions(deps: SubmissionsDeps): Submissions {
  const { name, journal, clock } = deps
  const running = new Map<string, Promise<DaReceipt>>()
  const atomic = createSerial()
  const inOrder = createSerial()
  const closing = new AbortController()

  function drive(entry: JournalEntry): Promise<DaReceipt> {
    const known = running.get(entry.key)
    if (known !== undefined) return known
    const result = deps.post(entry, closing.signal).then(
      posted => leave(entry, posted),
      error => leave(entry, { failed: error }),
    )
    result.catch(() => {})
    running.set(entry.key, result)
    return result
  }

  const leave = (entry: JournalEntry, ended: Posted | { failed: unknown }): Promise<DaReceipt> =>
    atomic(async () => {
      try {
        if ('receipt' in ended) {
          await journal.finish(entry, ended.receipt)
          return ended.receipt
        }
        if ('failed' in ended) throw ended.failed
        // Should it fail, the refusal is still the answer; the entry is refused once more by whoever resumes it.
        await journal.remove(entry).catch(() => {})
        throw ended.refused
      } finally {
        running.delete(entry.key)
      }
    })

  const enter = (find: () => Promise<JournalEntry | undefined>): Promise<Entered | undefined> =>
    atomic(async () => {
      closing.signal.throwIfAborted()
      const entry = await find()
      closing.signal.throwIfAborted()
      return entry && { entry, result: entry.receipt === undefined ? drive(entry) : undefined }
    })

  /** The receipt, unless its data is gone. */
  const standing = async ({ receipt }: JournalEntry, call: DaCallOptions | undefined) =>
    receipt !== undefined && (await deps.isLost?.(receipt, call)) === true ? undefined : receipt

  return {
    async submit(items, call, approve) {
      call?.signal?.throwIfAborted()
      closing.signal.throwIfAborted()
      const key = keyOf(items, call)
      // A call that gives up while it asks must not keep the next ones waiting.
      const approved = approve && withDeadline(`${name} submit`, call, undefined, approve, clock)
      approved?.catch(() => {})
      const entered = inOrder(async () => {
        await approved
        call?.signal?.throwIfAborted()
        return enter(() => journal.open(key, items, deps.note?.(call)))
      })
      entered.catch(() => {})
      return withDeadline(
        `${name} submit`,
        call,
        undefined,
        async () => {
          const { entry, result } = (await entered)!
          if (result !== undefined) return result
          const receipt = await standing(entry, call)
          if (receipt !== undefined) return receipt
          const again = await enter(async () => {
            const now = await journal.open(key, items)
            return now.receipt === undefined ? now : journal.reopen(now, items, deps.note?.(call))
          })
          return again!.result ?? again!.entry.receipt!
        },
        clock,
      )
    },
    resume: (key, call) =>
      withDeadline(
        `${name} submit`,
        call,
        undefined,
        async () => {
          const entered = await enter(() => journal.find(key))
          return entered && (entered.result ?? standing(entered.entry, call))
        },
        clock,
      ),
    pending: call =>
      withDeadline(
        `${name} pending`,
        call,
        undefined,
        async () => (await journal.pending()).map(({ key }) => key),
        clock,
      ),
    async close(reason) {
      closing.abort(reason)
      await atomic(async () => {})
      await Promise.allSettled(running.values())
    },
  }
}

/** A note that keeps the caller's limit on the cost for whoever resumes. */
export function noteMaxCost(call: DaSubmitOptions | undefined): string {
  return JSON.stringify(call?.maxCost === undefined ? {} : { maxCost: call.maxCost.toString() })
}

/** Inverse of {@link noteMaxCost}. */
export function notedMaxCost(note: string | undefined): bigint | undefined {
  const { maxCost } = JSON.parse(note ?? '{}') as { maxCost?: string }
  return maxCost === undefined ? undefined : BigInt(maxCost)
}
