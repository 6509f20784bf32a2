import type { Clock, Logger } from '@l2/common'
import { DaError } from '../errors.js'
import type { FeeMarket } from './fees.js'
import type { Publisher } from './publisher.js'
import { noteOf, type Queue, withdrawn } from './queue.js'
import { type EthereumClient, type Receipt, readReceipt, readTransaction, type TransactionSigner } from './rpc.js'
import { isSettled, type SlotBook, settledAs } from './slot-book.js'
import { createSlot, isCancelling, isOrphan, type Slot } from './slots.js'
import type { PoolKind } from './transaction.js'

/** L1 as one look sees it. */
export type ChainView = {
  /** Nonces of the account that mined transactions have used. */
  readonly used: number
  readonly head: bigint
  readonly final: bigint
}

export type NonceStreamDeps = {
  client: EthereumClient
  account: TransactionSigner
  clock: Clock
  logger: Logger
  settings: { readonly confirmations: number; readonly resubmitMs: number; readonly maxInFlight: number }
  book: SlotBook
  queue: Queue
  publisher: Publisher
  hasKind(kind: PoolKind): boolean
}

/** The transaction of a slot that is mined. */
export async function minedOf(client: EthereumClient, slot: Slot): Promise<Receipt | undefined> {
  const first = slot.mined?.hash ?? settledAs(slot)
  const hashes = slot.attempts.map(({ hash }) => hash).reverse()
  if (first !== undefined) hashes.unshift(first)
  for (const hash of new Set(hashes)) {
    const receipt = await readReceipt(client, hash)
    if (receipt !== undefined) return receipt
  }
  return undefined
}

/** The nonces of an account, in order: each is mined before the next is given up, and none is ever skipped. */
export class NonceStream {
  readonly #deps: NonceStreamDeps
  /** A foreign transaction of this kind blocks the pool of the other. */
  #blockedBy: { kind: PoolKind; nonce: number } | undefined

  constructor(deps: NonceStreamDeps) {
    this.#deps = deps
  }

  /** Brings every slot up to date with the chain. */
  async follow(view: ChainView): Promise<void> {
    for (const slot of [...this.#deps.book.slots]) await this.#follow(slot, view)
  }

  /** Sends again what is out and not mined, and gives nonces to what waits. */
  async advance({ used }: ChainView, now: FeeMarket): Promise<void> {
    if (await this.#republish(used, now)) await this.#assign(used, now)
  }

  async #follow(slot: Slot, { used, head, final }: ChainView): Promise<void> {
    const { client, book, logger, settings } = this.#deps
    if (slot.nonce >= used) {
      if (slot.mined !== undefined) logger.warn({ nonce: slot.nonce, hash: slot.mined.hash }, 'transaction reorged out')
      slot.mined = undefined
      slot.misses = 0
      return
    }
    // While the nonce stays used, what was settled is looked at again when its block becomes final.
    if (slot.mined !== undefined && isSettled(slot, slot.mined) && slot.mined.blockNumber > final) return
    const receipt = await minedOf(client, slot)
    if (receipt === undefined) {
      slot.mined = undefined
      // A node behind a balancer may count the nonce before it serves the receipt: three looks before believing it.
      if (++slot.misses >= 3) await this.#lose(slot)
      return
    }
    slot.misses = 0
    slot.mined = receipt
    slot.prepared = undefined
    const depth = head - receipt.blockNumber + 1n
    if (!isSettled(slot, receipt)) {
      if (depth < BigInt(settings.confirmations)) return
      await book.settle(slot, receipt)
    }
    if (receipt.blockNumber <= final) await book.retire(slot, receipt)
  }

  /** The nonce went to a transaction that is not ours. */
  async #lose(slot: Slot): Promise<void> {
    const { book, account } = this.#deps
    const { entry, nonce, accepted } = slot
    const reported = entry !== undefined && (entry.receipt !== undefined || noteOf(entry).former !== undefined)
    // What was reported must come back. What nobody ever took, with nothing after it, can go again without breaking the order.
    if (reported || (!accepted && book.newest === slot)) return book.putBack(slot)
    const error = new DaError(`nonce ${nonce} was used by a transaction that is not ours`, {
      code: 'DA_NONCE_CONFLICT',
      details: { nonce, account: account.address },
    })
    await book.drop(slot, error)
  }

  /** Sees to what is out and not mined, lowest nonce first. False when nothing new may leave now. */
  async #republish(used: number, now: FeeMarket): Promise<boolean> {
    const { book, clock, settings } = this.#deps
    // What no node has and nobody wants is given up from the newest down: the nonces in use stay without a gap.
    for (let slot = book.newest; slot !== undefined; slot = book.newest) {
      const submission = book.submissionOf(slot)
      const unwanted = isOrphan(slot) || (!slot.accepted && submission?.abandoned === true)
      if (!unwanted || slot.mined !== undefined || slot.nonce < used || (await this.#anyKnown(slot))) break
      if (submission === undefined) await book.forget(slot)
      else if (!(await book.drop(slot, withdrawn(submission.entry.key), () => submission.abandoned))) break
    }
    const lowest = book.unmined().find(slot => slot.nonce >= used)
    for (const slot of book.unmined()) {
      if (slot.nonce < used) continue
      if (isOrphan(slot)) await book.change(slot, () => ({ cancelling: true }))
      let due = clock.now() - slot.raisedAtMs >= settings.resubmitMs
      // What waits for an earlier nonce is not mined whatever it pays: its time begins when it is the first.
      if (slot !== lowest && due) {
        slot.raisedAtMs = clock.now()
        due = false
      }
      const wantsCancel = isCancelling(slot) && !slot.attempts.some(({ cancels }) => cancels)
      if (slot.accepted && !due && !wantsCancel && (await this.#anyKnown(slot))) continue
      if (!(await this.#publish(slot, now, due || wantsCancel))) return false
    }
    return true
  }

  async #anyKnown(slot: Slot): Promise<boolean> {
    for (const { hash } of [...slot.attempts].reverse()) {
      if ((await readTransaction(this.#deps.client, hash)) !== undefined) return true
    }
    return false
  }

  /** Gives nonces to what waits, as far as the pools allow. */
  async #assign(used: number, now: FeeMarket): Promise<void> {
    const { book, queue, account, clock, settings } = this.#deps
    // Whatever stood in the way was mined meanwhile.
    if (this.#blockedBy !== undefined && used > this.#blockedBy.nonce) this.#blockedBy = undefined
    for (;;) {
      const submission = queue.first()
      const blockedBy = this.#blockedBy
      if (submission === undefined && blockedBy === undefined) return
      const open = book.unmined()
      // A nonce that is used without a receipt yet is not settled: the next one must wait for what becomes of it.
      if (open.some(slot => slot.nonce < used || !slot.accepted)) return
      if (open.length >= settings.maxInFlight) return
      const nonce = Math.max(used, (book.newest?.nonce ?? -1) + 1)
      const raisedAtMs = clock.now()
      let slot: Slot
      if (blockedBy !== undefined) {
        if (open.length > 0) return
        const fields = { nonce, entry: undefined, kind: blockedBy.kind, to: account.address, raisedAtMs }
        slot = createSlot({ ...fields, cancelling: true })
        this.#blockedBy = undefined
      } else {
        const { entry, kind, to, abandoned } = submission!
        // Blob and other transactions of one account cannot be pending together.
        if (open.some(other => other.kind !== kind)) return
        if (abandoned) {
          await book.atomic(() => queue.withdraw(submission!))
          continue
        }
        slot = createSlot({ nonce, entry, kind, to, raisedAtMs })
        queue.leave(submission!)
      }
      book.add(slot)
      if (!(await this.#publish(slot, now, false))) return
    }
  }

  /** Sends a slot. False when nothing may follow it now. */
  async #publish(slot: Slot, now: FeeMarket, raise: boolean): Promise<boolean> {
    const { book, publisher, hasKind } = this.#deps
    const published = await publisher.publish(slot, now, raise)
    // Only the newest nonce can be given up without leaving a gap, and nothing that was reported once.
    const isNewest = book.newest === slot
    const mustReturn = slot.entry !== undefined && noteOf(slot.entry).former !== undefined
    switch (published.outcome) {
      case 'sent':
        return true
      case 'later':
        return false
      case 'too-dear':
        // What a node has taken may be mined, whatever another one thinks of its price.
        if (isNewest && !mustReturn && !slot.accepted) await book.drop(slot, published.error)
        return false
      case 'refused':
        if (slot.accepted || !isNewest || mustReturn || slot.attempts.length > 1) return false
        await book.drop(slot, published.error)
        return true
      case 'reserved': {
        const other = slot.kind === 'blob' ? 'calldata' : 'blob'
        if (!hasKind(other)) return false
        if (book.unmined().some(later => later !== slot && later.kind === other)) await book.giveWay(slot, other)
        else if (!slot.accepted && isNewest) {
          this.#blockedBy = { kind: other, nonce: slot.nonce }
          await book.putBack(slot)
        }
        return false
      }
    }
  }
}
