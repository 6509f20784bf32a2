import type { Clock } from '@l2/common'
import { createSerial, withDeadline } from '../internal/call.js'
import type { Journal } from '../internal/journal.js'
import type { DaReceipt, DaSubmitOptions } from '../port.js'
import { formatNote, type Queue, type Submission, withdrawn } from './queue.js'
import type { SlotBook } from './slot-book.js'
import type { TransactionRequest } from './transaction.js'

export type SubmissionsDeps = {
  journal: Journal
  queue: Queue
  book: SlotBook
  clock: Clock
  /** Ends the calls that wait to enter. */
  signal: AbortSignal
  /** Resolves when everything that was journalled is loaded. */
  start(): Promise<void>
  /** Looks at the chain now. */
  run(): void
}

/** The calls that hand submissions in and wait for them. */
export class Submissions {
  readonly #deps: SubmissionsDeps
  // Calls of `send` enter in their order, whatever each of them has to wait for.
  readonly #inOrder = createSerial()

  constructor(deps: SubmissionsDeps) {
    this.#deps = deps
  }

  async send(request: TransactionRequest, options?: DaSubmitOptions): Promise<DaReceipt> {
    const { kind, to, items, key, approve } = request
    const { journal, queue, book, clock, signal, start } = this.#deps
    options?.signal?.throwIfAborted()
    // A call that gives up while it asks must not keep the next ones waiting.
    const approved = approve && withDeadline('an Ethereum submission', options, undefined, approve, clock)
    approved?.catch(() => {})
    const entering = this.#inOrder(async () => {
      await approved
      return book.atomic(async ({ adopt }) => {
        await start()
        options?.signal?.throwIfAborted()
        const entry = await journal.open(key, items, formatNote({ kind, to }))
        // Closed meanwhile: whoever opens this journal next goes on with it.
        signal.throwIfAborted()
        // A write can have reached the store and been reported as failed: what the journal says is so.
        const slot = book.find(key)
        if (slot !== undefined) await adopt(slot, entry)
        if (entry.receipt === undefined) return this.#join(queue.admit(entry, slot !== undefined))
        queue.answer(entry.receipt)
        return entry.receipt
      })
    })
    return (await this.#wait(entering, options))!
  }

  async resume(key: string, options?: DaSubmitOptions): Promise<DaReceipt | undefined> {
    const { journal, queue, book, start } = this.#deps
    options?.signal?.throwIfAborted()
    const entering = book.atomic(async () => {
      await start()
      const submission = queue.find(key)
      return submission === undefined ? (await journal.find(key))?.receipt : this.#join(submission)
    })
    return this.#wait(entering, options)
  }

  async cancel(key: string): Promise<boolean> {
    const { queue, book, start, run } = this.#deps
    await start()
    const found = await book.atomic(async ({ write }) => {
      const submission = queue.find(key)
      if (submission === undefined) return false
      const slot = book.find(key)
      if (slot === undefined) await queue.fail(submission.entry, withdrawn(key))
      else if (slot.mined === undefined) await write(slot, { cancelling: true })
      submission.abandoned = true
      return true
    })
    run()
    return found
  }

  /** Waits for a submission, and tells it when this caller gives up. */
  async #wait(
    entering: Promise<Submission | DaReceipt | undefined>,
    options: DaSubmitOptions | undefined,
  ): Promise<DaReceipt | undefined> {
    const result = async () => {
      const entered = await entering
      return entered !== undefined && 'result' in entered ? entered.result : entered
    }
    try {
      return await withDeadline('an Ethereum submission', options, undefined, result, this.#deps.clock)
    } catch (error) {
      entering.then(
        entered => entered !== undefined && 'result' in entered && this.#leave(entered),
        () => {},
      )
      throw error
    }
  }

  /** One caller less; the last one abandons the submission. */
  #leave(submission: Submission): void {
    const { queue, book, run } = this.#deps
    submission.callers--
    if (submission.callers > 0) return
    submission.abandoned = true
    // Should the store fail now, the next look at the chain tries again.
    book.atomic(() => queue.withdraw(submission)).then(run, run)
  }

  /** One caller more. */
  #join(submission: Submission): Submission {
    submission.callers++
    submission.abandoned = false
    this.#deps.run()
    return submission
  }
}
