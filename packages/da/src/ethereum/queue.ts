import { toJson } from '@l2/common'
import type { Hex } from 'viem'
import { DaError } from '../errors.js'
import type { Journal, JournalEntry } from '../internal/journal.js'
import type { DaReceipt } from '../port.js'
import type { PoolKind } from './transaction.js'

/** What the journal notes about a submission besides its data. */
export type Note = {
  kind: PoolKind
  to: Hex
  /** The transaction that its receipt names. */
  settled?: Hex | undefined
  /** The transaction that an earlier receipt named, after a reorg made it impossible. */
  former?: Hex | undefined
}

export const noteOf = (entry: JournalEntry): Note => JSON.parse(entry.note ?? '{}') as Note
export const formatNote = (note: Note): string => toJson(note)

export const cancelled = (key: string, message = 'the submission was cancelled'): DaError =>
  new DaError(message, { code: 'DA_CANCELLED', details: { key } })
export const withdrawn = (key: string): DaError =>
  cancelled(key, 'the submission was withdrawn before any node took it')

/** A submission that has not ended. */
export type Submission = {
  entry: JournalEntry
  readonly kind: PoolKind
  readonly to: Hex
  /** Calls that wait for it. */
  callers: number
  /** Nobody waits any more; what has not left need not leave. */
  abandoned: boolean
  readonly result: Promise<DaReceipt>
  readonly resolve: (receipt: DaReceipt) => void
  readonly reject: (error: unknown) => void
}

/**
 * The submissions of a transaction manager that have not ended, and those of them that have no nonce yet, in their order. Every entry of the
 * journal without a receipt is one, so each method writes to the journal first. They must not overlap: the manager calls them in turn.
 */
export type Queue = {
  find(key: string): Submission | undefined
  all(): readonly Submission[]
  /** The next that gets a nonce. */
  first(): Submission | undefined
  /** Takes up an entry without a receipt, with a nonce or without; one that is known gets its callers. */
  admit(entry: JournalEntry, hasNonce: boolean): Submission
  /** Ends one that is abandoned and has no nonce. */
  withdraw(submission: Submission): Promise<void>
  /** It has a nonce now. */
  leave(submission: Submission): void
  /** It lost its nonce, and is the next to get one. */
  putBack(entry: JournalEntry): void
  finish(entry: JournalEntry, receipt: DaReceipt, settled: Hex): Promise<void>
  /** Hands out the receipt that the journal has. */
  answer(receipt: DaReceipt): void
  fail(entry: JournalEntry, error: DaError): Promise<void>
  /** Makes one that had ended a submission again, with its nonce: a reorg took its transaction. */
  reopen(entry: JournalEntry, items: readonly Uint8Array[]): Promise<JournalEntry>
  /** Lets all callers go; the journal keeps what they waited for. */
  close(error: unknown): void
}

export function createQueue(journal: Journal): Queue {
  const open = new Map<string, Submission>()
  const waiting: Submission[] = []

  const remove = (submission: Submission) => {
    const index = waiting.indexOf(submission)
    if (index >= 0) waiting.splice(index, 1)
  }
  const end = (key: string): Submission | undefined => {
    const submission = open.get(key)
    open.delete(key)
    if (submission !== undefined) remove(submission)
    return submission
  }
  const admit = (entry: JournalEntry, hasNonce: boolean): Submission => {
    const known = open.get(entry.key)
    if (known !== undefined) return Object.assign(known, { entry })
    let resolve!: Submission['resolve']
    let reject!: Submission['reject']
    const result = new Promise<DaReceipt>((onReceipt, onError) => {
      resolve = onReceipt
      reject = onError
    })
    // Nobody need be waiting for it.
    result.catch(() => {})
    const { kind, to } = noteOf(entry)
    const submission = { entry, kind, to, callers: 0, abandoned: false, result, resolve, reject }
    open.set(entry.key, submission)
    if (!hasNonce) waiting.push(submission)
    return submission
  }

  const fail = async (entry: JournalEntry, error: DaError): Promise<void> => {
    await journal.remove(entry)
    end(entry.key)?.reject(error)
  }
  const answer = (receipt: DaReceipt): void => end(receipt.key)?.resolve(receipt)

  return {
    find: key => open.get(key),
    all: () => [...open.values()],
    first: () => waiting[0],
    admit,
    leave: remove,
    putBack(entry) {
      const submission = admit(entry, true)
      remove(submission)
      waiting.unshift(submission)
    },
    async finish(entry, receipt, settled) {
      const { kind, to } = noteOf(entry)
      await journal.finish(entry, receipt, formatNote({ kind, to, settled }))
      // The journal has it for the case that it must be sent again.
      entry.items = []
      answer(receipt)
    },
    answer,
    fail,
    async withdraw(submission) {
      const { entry, abandoned } = submission
      if (abandoned && waiting.includes(submission)) await fail(entry, withdrawn(entry.key))
    },
    async reopen(entry, items) {
      const { kind, to, settled } = noteOf(entry)
      const reopened = await journal.reopen(entry, items, formatNote({ kind, to, former: settled }))
      admit(reopened, true)
      return reopened
    },
    close(error) {
      for (const { reject } of open.values()) reject(error)
      open.clear()
      waiting.length = 0
    },
  }
}
