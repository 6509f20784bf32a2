import type { Address } from 'viem'
import { SequencerError } from '../errors.js'
import { effectiveTip } from '../transaction/gas.js'
import type { Transaction } from '../transaction/types.js'
import type { Account, Entry } from './entries.js'
import { Heap } from './heap.js'
import type { MempoolOptions } from './options.js'
import type { DropReason } from './types.js'

/** A transaction that could go: nothing stands upon it in its account, or only what goes with it. */
type Victim = {
  readonly account: Account
  /** Of the account when this was found: of an older version it says nothing any more. */
  readonly version: number
  /** Its place among the account's entries. */
  readonly at: number
  readonly entry: Entry
  /** The least that this and its predecessors tip: what a block producer gets for waiting for it. */
  readonly keyWei: bigint
}

/** A transaction for which there has to be room, where it stands in its account. */
export type Arriving = {
  readonly entry: Entry
  readonly account: Account
  readonly at: number
  readonly replaced: Entry | undefined
  readonly isExecutable: boolean
}

/** What is in the pool. */
export type PoolFill = { readonly size: number; readonly queuedCount: number; readonly byteLength: number }

export type Evicted = { readonly entry: Entry; readonly reason: DropReason }

/** The most that one newcomer pushes out: what a door does for one transaction is bounded. */
const maxVictims = 64

function isEvictedBefore(a: Victim, b: Victim): boolean {
  if (a.entry.executable !== b.entry.executable) return !a.entry.executable
  if (a.keyWei !== b.keyWei) return a.keyWei < b.keyWei
  return a.entry.arrival > b.entry.arrival
}

/**
 * What goes first when the pool is full. Only the last transaction of an account can go, so the pool's order of eviction is a heap of these, one for each
 * account. What stands before one comes to be the last when that one goes: it is looked at within one plan, and never in the heap.
 */
export class Eviction {
  readonly #options: MempoolOptions
  readonly #accounts: ReadonlyMap<Address, Account>
  #baseFeePerGas = 0n
  /** The last transaction of each account, and what is left of older versions. Built when room is needed for the first time at a base fee. */
  #last: Heap<Victim> | undefined

  constructor(options: MempoolOptions, accounts: ReadonlyMap<Address, Account>) {
    this.#options = options
    this.#accounts = accounts
  }

  /** What transactions tip has changed. */
  setBaseFee(baseFeePerGas: bigint): void {
    if (baseFeePerGas === this.#baseFeePerGas) return
    this.#baseFeePerGas = baseFeePerGas
    this.#last = undefined
  }

  /** An account that still has transactions has another version now. */
  note(account: Account): void {
    if (this.#last === undefined) return
    this.#last.push(this.#victimAt(account, account.entries.length - 1)!)
    this.#prune(this.#last)
  }

  /** What goes first of all but `keep`. */
  first(keep: Entry | undefined): Entry | undefined {
    const last = this.#lastOfAll()
    const top = topOf(last)
    if (top === undefined || top.entry !== keep) return top?.entry
    last.pop()
    const second = topOf(last)
    last.push(top)
    return second?.entry
  }

  /** Which transactions go so that the newcomer fits; throws when it may not push enough of them out. */
  makeRoom({ entry, account, at, replaced, isExecutable }: Arriving, fill: PoolFill): Evicted[] {
    const options = this.#options
    const bytes = entry.transaction.raw.length
    let countOver = fill.size + (replaced === undefined ? 1 : 0) - options.maxTransactions
    let bytesOver = fill.byteLength + bytes - (replaced?.transaction.raw.length ?? 0) - options.maxBytes
    let queuedOver = isExecutable || replaced !== undefined ? 0 : fill.queuedCount + 1 - options.maxQueued
    const victims: Evicted[] = []
    const own = new Set<Entry>()
    if (replaced === undefined && account.entries.length >= options.maxPerSender) {
      const last = account.entries.at(-1)!
      if (!isExecutable || last.executable) {
        throw new SequencerError(`account limit exceeded: pooled ${account.entries.length} txs`, {
          code: 'TX_ACCOUNT_LIMIT',
          details: { sender: account.address, limit: options.maxPerSender },
        })
      }
      victims.push({ entry: last, reason: 'sender-limit' })
      own.add(last)
      countOver--
      bytesOver -= last.transaction.raw.length
    }
    if (countOver <= 0 && bytesOver <= 0 && queuedOver <= 0) return victims

    const keyWei = this.#keyOf(account, at, entry.transaction)
    const plan = this.#plan()
    try {
      while (countOver > 0 || bytesOver > 0 || queuedOver > 0) {
        const victim = victims.length > maxVictims ? undefined : plan.next()
        if (victim === undefined || (victim.entry.executable && !isExecutable)) throw poolFull(fill.size)
        // Nobody is pushed out by what it stands before, and a replaced one goes anyway.
        if (victim.entry === replaced || own.has(victim.entry)) continue
        const isFreelyEvicted = isExecutable && !victim.entry.executable
        if (!isFreelyEvicted && victim.keyWei >= keyWei) throw underpriced(keyWei, victim.keyWei)
        victims.push({ entry: victim.entry, reason: 'evicted' })
        countOver--
        if (!victim.entry.executable) queuedOver--
        bytesOver -= victim.entry.transaction.raw.length
      }
    } finally {
      plan.end()
    }
    return victims
  }

  /** Transactions as they would go, one after the other: nothing goes by it. */
  #plan(): { next(): Victim | undefined; end(): void } {
    const last = this.#lastOfAll()
    const taken: Victim[] = []
    /** Those that are the last of their account once what was given goes. */
    const uncovered = new Heap<Victim>(isEvictedBefore)
    let given: Victim | undefined
    return {
      next: () => {
        // Only when it is asked on: most newcomers that are refused are refused by the first.
        const before = given === undefined ? undefined : this.#victimAt(given.account, given.at - 1)
        if (before !== undefined) uncovered.push(before)
        const [top, other] = [topOf(last), uncovered.peek()]
        const isOther = other !== undefined && (top === undefined || isEvictedBefore(other, top))
        given = isOther ? uncovered.pop() : last.pop()
        if (given !== undefined && !isOther) taken.push(given)
        return given
      },
      // If one of them goes after all, its account's version says so.
      end: () => {
        for (const victim of taken) last.push(victim)
        this.#prune(last)
      },
    }
  }

  /** Throws the heap away when most of it is left over from older versions. */
  #prune(heap: Heap<Victim>): void {
    if (heap.size > 2 * this.#accounts.size + 64) this.#last = undefined
  }

  #lastOfAll(): Heap<Victim> {
    if (this.#last === undefined) {
      const victims: Victim[] = []
      for (const account of this.#accounts.values()) {
        const victim = this.#victimAt(account, account.entries.length - 1)
        if (victim !== undefined) victims.push(victim)
      }
      this.#last = new Heap(isEvictedBefore, victims)
    }
    return this.#last
  }

  #victimAt(account: Account, at: number): Victim | undefined {
    const entry = account.entries[at]
    if (entry === undefined) return undefined
    return { account, version: account.version, at, entry, keyWei: this.#keyOf(account, at, entry.transaction) }
  }

  #keyOf(account: Account, at: number, transaction: Transaction): bigint {
    let key = effectiveTip(transaction, this.#baseFeePerGas)
    for (let i = 0; i < at; i++) {
      const tip = effectiveTip(account.entries[i]!.transaction, this.#baseFeePerGas)
      if (tip < key) key = tip
    }
    return key
  }
}

/** The first of a heap that its account still has as it was. */
function topOf(heap: Heap<Victim>): Victim | undefined {
  let top = heap.peek()
  while (top !== undefined && top.version !== top.account.version) {
    heap.pop()
    top = heap.peek()
  }
  return top
}

function poolFull(size: number): SequencerError {
  return new SequencerError('txpool is full', { code: 'TX_POOL_FULL', recovery: 'retry', details: { size } })
}

function underpriced(effectiveTipWei: bigint, leastWei: bigint): SequencerError {
  return new SequencerError(
    `transaction underpriced: effective tip ${effectiveTipWei}, more than ${leastWei} needed in a full pool`,
    { code: 'TX_UNDERPRICED', details: { effectiveTipWei, neededWei: leastWei + 1n } },
  )
}
