import type { Logger } from '@l2/common'
import type { Hex } from 'viem'
import { DaError } from '../errors.js'
import { createSerial } from '../internal/call.js'
import type { Journal, JournalEntry } from '../internal/journal.js'
import type { Store } from '../store.js'
import { cancelled, noteOf, type Queue, type Submission } from './queue.js'
import type { Receipt } from './rpc.js'
import { encodeSlot, isCancelling, loadSlots, type Slot, slotName } from './slots.js'
import type { Commit, PoolKind } from './transaction.js'

/** What the holder of the lock may do to slots: the store changes first, and memory when that has succeeded. */
export type SlotChanges = {
  write(slot: Slot, patch: Partial<Slot>): Promise<void>
  /** The journal's entry of its submission, as it was read anew. */
  adopt(slot: Slot, entry: JournalEntry): Promise<void>
  forget(slot: Slot): Promise<void>
}

/** What a {@link SlotBook} works with. */
export type SlotBookDeps = {
  store: Store
  journal: Journal
  queue: Queue
  logger: Logger
  /** The account, to which empty transactions go. */
  address: Hex
  commitOf(kind: PoolKind): Commit
}

const text = new TextEncoder()
const plain = new TextDecoder()
const successorName = (hash: Hex) => `transactions/successor/${hash.slice(2)}`

/** Whether a transaction of a slot is the empty one that takes its submission's place. */
const cancels = (slot: Slot, { hash }: Receipt): boolean =>
  slot.attempts.some(attempt => attempt.hash === hash && attempt.cancels)

/** The transaction that the receipt of a slot's submission names, once there is a receipt. */
export const settledAs = ({ entry }: Slot): Hex | undefined =>
  entry?.receipt === undefined ? undefined : noteOf(entry).settled

/** Whether nothing is left to do about the submission of a slot whose transaction was mined. */
export const isSettled = (slot: Slot, mined: Receipt): boolean =>
  slot.entry === undefined || (settledAs(slot) !== undefined && !cancels(slot, mined))

/** The data of a submission, which the journal has where memory does not. @throws DaError `DA_STORE_CORRUPT` */
export async function itemsOf(journal: Journal, entry: JournalEntry): Promise<readonly Uint8Array[]> {
  const items = entry.items.length > 0 ? entry.items : (await journal.find(entry.key))?.items
  if (items !== undefined && items.length > 0) return items
  throw new DaError('the data of a transaction that must be sent again is gone', {
    code: 'DA_STORE_CORRUPT',
    details: { key: entry.key },
  })
}

/**
 * The nonces in use, each with its submission. What the store says and what is in memory change together, one change
 * after another: every method that changes something takes the lock itself, and what needs more than one of them at once
 * is given {@link SlotChanges} by {@link atomic}, inside which nothing may ask for the lock again.
 */
export class SlotBook {
  readonly #slots: Slot[] = []
  readonly #deps: SlotBookDeps
  readonly #inTurn = createSerial()
  readonly #changes: SlotChanges

  constructor(deps: SlotBookDeps) {
    this.#deps = deps
    const { store } = deps
    const write: SlotChanges['write'] = async (slot, patch) => {
      await store.put(slotName(slot.nonce), encodeSlot({ ...slot, ...patch }))
      Object.assign(slot, patch)
    }
    this.#changes = {
      write,
      async adopt(slot, entry) {
        if (slot.entry?.sequence === entry.sequence) slot.entry = entry
        else await write(slot, { entry })
      },
      forget: async slot => {
        await store.delete(slotName(slot.nonce))
        this.#slots.splice(this.#slots.indexOf(slot), 1)
      },
    }
  }

  /** Lowest nonce first. Every submission that has not ended is in one of these, or waits in the queue. */
  get slots(): readonly Slot[] {
    return this.#slots
  }

  get newest(): Slot | undefined {
    return this.#slots.at(-1)
  }

  unmined(): Slot[] {
    return this.#slots.filter(slot => slot.mined === undefined)
  }

  find(key: string): Slot | undefined {
    return this.#slots.find(({ entry }) => entry?.key === key)
  }

  submissionOf({ entry }: Slot): Submission | undefined {
    return entry === undefined ? undefined : this.#deps.queue.find(entry.key)
  }

  /** Takes up what an earlier process left, and answers with the submissions that it had not ended. */
  async load(nowMs: number): Promise<JournalEntry[]> {
    const { store, journal } = this.#deps
    const found = await loadSlots(store, journal.find, nowMs)
    const pending = await journal.pending()
    this.#slots.push(...found)
    return pending
  }

  /** A nonce above all others is in use. The store hears of it with its first attempt. */
  add(slot: Slot): void {
    this.#slots.push(slot)
  }

  /** Runs when every change before it has ended. */
  atomic<Result>(run: (changes: SlotChanges) => Promise<Result>): Promise<Result> {
    return this.#inTurn(() => run(this.#changes))
  }

  /** @param make asked when it is this change's turn */
  change(slot: Slot, make: () => Partial<Slot>): Promise<void> {
    return this.atomic(({ write }) => write(slot, make()))
  }

  forget(slot: Slot): Promise<void> {
    return this.atomic(({ forget }) => forget(slot))
  }

  /** Ends the submission of a slot. The slot stays: a reorg may bring another of its attempts, or none. */
  settle(slot: Slot, receipt: Receipt): Promise<void> {
    const { queue, logger, commitOf } = this.#deps
    return this.atomic(async () => {
      const { entry, nonce, kind, hashes } = slot
      const { hash, blockNumber } = receipt
      if (entry === undefined) return
      if (cancels(slot, receipt)) {
        // Reported, reorged out, and beaten by its own cancellation: what was reported must come back.
        if (entry.receipt !== undefined) return this.#detach(slot, {})
        await queue.fail(entry, cancelled(entry.key))
        slot.entry = undefined
        return
      }
      const { former } = noteOf(entry)
      if (former !== undefined) await this.#rememberSuccessor(former, hash)
      const commitments = commitOf(kind)(hash, hashes)
      await queue.finish(entry, { key: entry.key, commitments, height: blockNumber }, hash)
      logger.info({ nonce, hash, kind }, 'transaction confirmed')
    })
  }

  /** Forgets a slot whose block is final. */
  retire(slot: Slot, { hash }: Receipt): Promise<void> {
    return this.atomic(async ({ forget }) => {
      // A receipt was handed out for one attempt and a reorg let another win: whoever holds the old hash is led to the new.
      const settled = settledAs(slot)
      if (settled !== undefined && settled !== hash) await this.#rememberSuccessor(settled, hash)
      if (slot.entry !== undefined) await this.#deps.journal.release(slot.entry)
      await forget(slot)
    })
  }

  /** Gives a slot and its submission up; false where `holds` says that it may not be any more. */
  drop(slot: Slot, error: DaError, holds: () => boolean = () => true): Promise<boolean> {
    return this.atomic(async ({ forget }) => {
      if (!holds()) return false
      if (slot.entry !== undefined) {
        await this.#deps.queue.fail(slot.entry, error)
        slot.entry = undefined
      }
      await forget(slot)
      return true
    })
  }

  /** Gives a slot up; its submission is the next to get a nonce. */
  putBack(slot: Slot): Promise<void> {
    return this.atomic(async ({ forget }) => {
      await this.#reopen(slot)
      await forget(slot)
      if (slot.entry !== undefined) this.#deps.queue.putBack(slot.entry)
    })
  }

  /**
   * After a reorg, a later transaction of the other kind can be back in its pool before this one is, and keeps it out for
   * ever: the nonce gets an empty transaction of that kind, and the submission another nonce.
   */
  giveWay(slot: Slot, kind: PoolKind): Promise<void> {
    return this.atomic(async () => {
      if (slot.entry !== undefined && isCancelling(slot)) {
        await this.#deps.queue.fail(slot.entry, cancelled(slot.entry.key))
        slot.entry = undefined
      }
      const empty = { attempts: [], hashes: [], accepted: false, prepared: undefined }
      await this.#detach(slot, { ...empty, kind, to: this.#deps.address, cancelling: true })
    })
  }

  /** The transaction that took the place of one whose slot is forgotten. */
  async successorOf(hash: Hex): Promise<Hex | undefined> {
    const stored = await this.#deps.store.get(successorName(hash))
    return stored === undefined ? undefined : (plain.decode(stored) as Hex)
  }

  #rememberSuccessor(former: Hex, hash: Hex): Promise<void> {
    return this.#deps.store.put(successorName(former), text.encode(hash))
  }

  /** Makes a submission that had ended one that has not. */
  async #reopen(slot: Slot): Promise<void> {
    const { queue, journal } = this.#deps
    if (slot.entry?.receipt !== undefined)
      slot.entry = await queue.reopen(slot.entry, await itemsOf(journal, slot.entry))
  }

  /** Takes the submission out of a slot that keeps its nonce; it is the next to get another. */
  async #detach(slot: Slot, patch: Partial<Slot>): Promise<void> {
    await this.#reopen(slot)
    const { entry } = slot
    await this.#changes.write(slot, { ...patch, entry: undefined })
    if (entry !== undefined) this.#deps.queue.putBack(entry)
  }
}
