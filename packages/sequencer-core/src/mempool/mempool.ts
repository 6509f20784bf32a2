import { isL2Error } from '@l2/common'
import type { Address, Hash } from 'viem'
import { authoritiesOf } from '../transaction/authorization.js'
import { maxCostWei } from '../transaction/gas.js'
import type { Transaction } from '../transaction/types.js'
import { alreadyKnown, checkAtHead, checkDelegation, checkFunds, checkReplacement, daBytesBeyond } from './admission.js'
import { Bundles } from './bundles.js'
import { conditionRange } from './condition.js'
import { type Account, type Entry, entryOfNonce, executableRun, insertionPoint, isSameState } from './entries.js'
import { type Evicted, Eviction } from './eviction.js'
import { HeadIndex } from './head-index.js'
import { genesisPoolHead, type MempoolOptions, readMempoolOptions } from './options.js'
import type {
  AccountState,
  AddContext,
  Bundle,
  BundleRange,
  DropReason,
  HeadCursor,
  HeadOrder,
  PendingPool,
  PoolEvent,
  PooledTransaction,
  PoolHead,
  SenderQueue,
} from './types.js'

/** What a pool asks of its surroundings; both are pure functions of the transaction. */
export type MempoolDeps = {
  /** What data availability charges for a transaction, wei, on top of its L2 gas. Default: nothing. */
  daFeeWei?: ((transaction: Transaction) => bigint) | undefined
  /** Recovers the authorities of a type 4 transaction; a fast recovery makes it cheap. Default: `defaultRecovery`. */
  authoritiesOf?: ((transaction: Transaction) => readonly Address[]) | undefined
  /** The counter of the first arrival: what a journal was left with. Default 0. */
  firstArrival?: number | undefined
}

/** A new head, seen from the old one: a child of it, or the end of another branch. */
export type HeadUpdate = PoolHead & {
  /** Milliseconds since the Unix epoch. */
  nowMs: number
  /** Hashes of what the new blocks carry. */
  included: readonly Hash[]
  /**
   * What blocks carried that are no longer canonical, in the order of the chain: what the pool does not remember gets its place in that order. Those in
   * `included` are left out of it by the pool.
   */
  abandoned?: readonly Transaction[] | undefined
  /** Accounts that the new blocks changed: at least every sender of `included` and `abandoned`. */
  accounts: Iterable<readonly [Address, AccountState]>
  /** A new price of data availability: the fees of all transactions are computed again. */
  daFeeWei?: ((transaction: Transaction) => bigint) | undefined
}

/**
 * A mempool as a state machine: no clock, no I/O. Every call gives the events that it caused, and one that throws has changed nothing.
 */
export interface Mempool extends PendingPool {
  readonly options: Readonly<MempoolOptions>
  readonly head: PoolHead
  readonly size: number
  readonly queuedCount: number
  /** Bytes of all transactions, bundles not counted. */
  readonly byteLength: number
  /**
   * Takes a transaction in.
   *
   * @throws SequencerError `TX_*` with geth's words; see the table of codes
   */
  add(transaction: Transaction, context: AddContext): { entry: PooledTransaction; events: PoolEvent[] }
  /** @throws SequencerError `BUNDLE_INVALID`, `TX_POOL_FULL`, or what the static rules say of one of its transactions */
  addBundle(transactions: readonly Transaction[], range: BundleRange): { bundle: Bundle; events: PoolEvent[] }
  /** Moves to a new head: drops what it made stale, promotes, demotes, and takes back what a reorg set free. Idempotent. */
  setHead(update: HeadUpdate): PoolEvent[]
  /** Drops what has waited too long. */
  expire(nowMs: number): PoolEvent[]
  /** Takes a transaction or bundle out: `cancelled` for a user, `failed` for a builder that could not execute it. */
  remove(hash: Hash, reason: 'cancelled' | 'failed'): PoolEvent[]
  get(hash: Hash): PooledTransaction | undefined
  /** The nonce behind the sender's executable transactions; `undefined` for a sender that the pool does not know. */
  nextNonce(sender: Address): bigint | undefined
  /** Every sender with what is executable and what waits, each in nonce order. */
  content(): Iterable<{
    sender: Address
    pending: readonly PooledTransaction[]
    queued: readonly PooledTransaction[]
  }>
  /** The counter that the next arrival gets. */
  readonly nextArrival: number
}

/**
 * An empty pool.
 *
 * @throws SequencerError `MEMPOOL_OPTIONS`
 *
 * @example
 * ```ts
 * import { createMempool } from '@l2/sequencer-core'
 * import { decodeTransaction } from '@l2/sequencer-core/transaction'
 * import { hexToBytes } from 'viem'
 * import { privateKeyToAccount } from 'viem/accounts'
 *
 * const alice = privateKeyToAccount(`0x${'01'.repeat(32)}`)
 * const sign = async (nonce: number) => decodeTransaction(hexToBytes(await alice.signTransaction({
 *   chainId: 10, nonce, gas: 21_000n, maxFeePerGas: 9n, maxPriorityFeePerGas: 2n, to: alice.address,
 * })))
 * const pool = createMempool()
 * const account = { nonce: 0n, balanceWei: 10n ** 18n, delegated: false }
 * pool.add(await sign(1), { nowMs: 1_000, account })
 * console.log(pool.pendingCount, pool.queuedCount) // 0 1
 * const { events } = pool.add(await sign(0), { nowMs: 2_000, account })
 * console.log(events.map(event => event.type)) // [ 'added', 'promoted' ]
 * ```
 */
export function createMempool(options: Partial<MempoolOptions> = {}, deps: MempoolDeps = {}): Mempool {
  return new Pool(readMempoolOptions(options), deps)
}

class Pool implements Mempool {
  readonly options: MempoolOptions
  head: PoolHead = genesisPoolHead
  pendingCount = 0
  byteLength = 0
  nextArrival: number
  #daFeeWei: (transaction: Transaction) => bigint
  readonly #authoritiesOf: (transaction: Transaction) => readonly Address[]
  readonly #byHash = new Map<Hash, Entry>()
  readonly #accounts = new Map<Address, Account>()
  /** Accounts with something that waits. */
  readonly #waiting = new Set<Account>()
  readonly #conditional = new Set<Entry>()
  /** How many pooled type 4 transactions would set the code of an account. */
  readonly #delegations = new Map<Address, number>()
  readonly #bundles = new Bundles()
  /** What recent blocks included, so that it keeps its place should they be abandoned. */
  readonly #included = new Map<Hash, Entry>()
  readonly #includedAt = new Map<bigint, Hash[]>()
  readonly #eviction: Eviction
  /** Orders of the senders that somebody has asked for, and who changed while one of them was read. */
  readonly #indexes = new Map<HeadOrder, HeadIndex>()
  readonly #changed = new Map<HeadIndex, Set<Address>>()

  constructor(options: MempoolOptions, deps: MempoolDeps) {
    this.options = options
    this.#eviction = new Eviction(options, this.#accounts)
    this.#daFeeWei = deps.daFeeWei ?? (() => 0n)
    this.#authoritiesOf = deps.authoritiesOf ?? authoritiesOf
    this.nextArrival = deps.firstArrival ?? 0
  }

  get size(): number {
    return this.#byHash.size
  }

  get queuedCount(): number {
    return this.#byHash.size - this.pendingCount
  }

  get(hash: Hash): PooledTransaction | undefined {
    return this.#byHash.get(hash)
  }

  nextNonce(sender: Address): bigint | undefined {
    const account = this.#accounts.get(sender)
    return account === undefined ? undefined : account.state.nonce + BigInt(account.executable)
  }

  add(transaction: Transaction, context: AddContext): { entry: PooledTransaction; events: PoolEvent[] } {
    const { entry, account, victims } = this.#judge(transaction, context)
    // From here on nothing throws.
    const events: PoolEvent[] = []
    for (const victim of victims) this.#drop(victim.entry, victim.reason, events)
    if (!isSameState(account.state, context.account)) {
      account.state = context.account
      this.#clean(account, events)
    }
    this.#accounts.set(account.address, account)
    const at = insertionPoint(account.entries, transaction.nonce)
    const replaced = entryOfNonce(account.entries, at, transaction.nonce)
    if (context.recovered === undefined) this.nextArrival++
    else this.nextArrival = Math.max(this.nextArrival, entry.arrival + 1)
    if (replaced !== undefined) {
      this.#forget(replaced)
      account.entries[at] = entry
      entry.executable = replaced.executable
      if (entry.executable) this.pendingCount++
      events.push({ type: 'replaced', entry: replaced, by: entry })
    } else {
      account.entries.splice(at, 0, entry)
    }
    this.#remember(entry)
    const added: PoolEvent[] = []
    this.#settle(account, added)
    events.push({ type: 'added', entry, executable: entry.executable })
    for (const event of added) if (!('entry' in event) || event.entry !== entry) events.push(event)
    this.#trim(events, entry)
    return { entry, events }
  }

  addBundle(transactions: readonly Transaction[], range: BundleRange): { bundle: Bundle; events: PoolEvent[] } {
    const { options, head, nextArrival: arrival } = this
    const bundle = this.#bundles.add(transactions, range, {
      options,
      head,
      arrival,
      isPooled: hash => this.#byHash.has(hash),
    })
    this.nextArrival++
    return { bundle, events: [{ type: 'bundle-added', bundle }] }
  }

  setHead(update: HeadUpdate): PoolEvent[] {
    const events: PoolEvent[] = []
    const { number, timestamp, baseFeePerGas, gasLimit, maxDaBytes } = update
    const before = this.head
    const daLimitFell = maxDaBytes !== undefined && (before.maxDaBytes === undefined || maxDaBytes < before.maxDaBytes)
    const limitFell = gasLimit < before.gasLimit || daLimitFell
    this.#eviction.setBaseFee(baseFeePerGas)
    this.head = { number, timestamp, baseFeePerGas, gasLimit, maxDaBytes }

    const touched = new Set<Account>()
    const included = new Set(update.included)
    const carried: Hash[] = []
    for (const hash of included) {
      const entry = this.#byHash.get(hash)
      if (entry === undefined) continue
      touched.add(this.#take(entry))
      this.#included.set(hash, entry)
      carried.push(hash)
      events.push({ type: 'included', entry })
    }
    const states = new Map(update.accounts)
    for (const [address, state] of states) {
      const account = this.#accounts.get(address)
      if (account === undefined) continue
      account.state = state
      touched.add(account)
    }
    if (update.daFeeWei !== undefined) {
      this.#daFeeWei = update.daFeeWei
      for (const entry of this.#byHash.values())
        entry.costWei = maxCostWei(entry.transaction) + this.#daFeeWei(entry.transaction)
    }
    for (const account of update.daFeeWei === undefined && !limitFell ? touched : [...this.#accounts.values()])
      this.#clean(account, events, daLimitFell)

    // In the chain's order nonces ascend, so what came back is executable at once.
    const abandoned = (update.abandoned ?? []).filter(
      transaction => !included.has(transaction.hash) && !this.#byHash.has(transaction.hash),
    )
    for (const transaction of abandoned) this.#reinject(transaction, states, update.nowMs, events)
    if (carried.length > 0) this.#includedAt.set(number, [...(this.#includedAt.get(number) ?? []), ...carried])
    for (const [height, hashes] of this.#includedAt) {
      if (height + BigInt(this.options.reorgBlocks) >= number && height <= number) continue
      for (const hash of hashes) this.#included.delete(hash)
      this.#includedAt.delete(height)
    }
    for (const entry of this.#conditional)
      if (conditionRange(entry.condition, number + 1n, timestamp + 1n) === 'late')
        this.#dropAndSettle(entry, 'condition', events)
    this.#bundles.dropOver(this.head, included, events)
    this.#trim(events)
    return events
  }

  expire(nowMs: number): PoolEvent[] {
    const events: PoolEvent[] = []
    for (const account of this.#waiting) {
      const late = account.entries.filter(
        (entry, i) => i >= account.executable && nowMs - entry.arrivedAtMs > this.options.queuedLifetimeMs,
      )
      for (const entry of late) this.#drop(entry, 'expired', events)
      if (late.length > 0) this.#settle(account, events)
    }
    return events
  }

  remove(hash: Hash, reason: 'cancelled' | 'failed'): PoolEvent[] {
    const events: PoolEvent[] = []
    const entry = this.#byHash.get(hash)
    if (entry !== undefined) this.#dropAndSettle(entry, reason, events)
    this.#bundles.remove(hash, reason, events)
    this.#trim(events)
    return events
  }

  *pendingBySender(): Iterable<SenderQueue> {
    for (const account of this.#accounts.values())
      if (account.executable > 0)
        yield { sender: account.address, entries: account.entries.slice(0, account.executable) }
  }

  *content(): Iterable<{
    sender: Address
    pending: readonly PooledTransaction[]
    queued: readonly PooledTransaction[]
  }> {
    for (const { address, entries, executable } of this.#accounts.values())
      if (entries.length > 0)
        yield { sender: address, pending: entries.slice(0, executable), queued: entries.slice(executable) }
  }

  headsBy(order: HeadOrder, baseFeePerGas: bigint): HeadCursor {
    const known = this.#indexes.get(order)
    const changed = known && this.#changed.get(known)
    const isFree = known !== undefined && !known.isRead
    if (isFree && changed !== undefined) for (const address of changed) this.#reorder(known, address)
    const isSame = known !== undefined && changed === undefined && known.baseFeePerGas === baseFeePerGas
    // Somebody else's walk goes on over what it reads: a new order for who comes now.
    const index = isFree || isSame ? known : new HeadIndex(order, this.#accounts.values(), baseFeePerGas)
    if (known !== undefined) this.#changed.delete(known)
    this.#indexes.set(order, index)
    index.setBaseFee(baseFeePerGas)
    return index.walk()
  }

  /** Tells the orders that an account is another one now. */
  #noteHead(address: Address): void {
    for (const index of this.#indexes.values()) {
      if (!index.isRead && !this.#changed.has(index)) {
        this.#reorder(index, address)
        continue
      }
      const changed = this.#changed.get(index)
      if (changed === undefined) this.#changed.set(index, new Set([address]))
      else changed.add(address)
    }
  }

  #reorder(index: HeadIndex, address: Address): void {
    const account = this.#accounts.get(address)
    if (account === undefined) index.delete(address)
    else index.set(account)
  }

  bundlesFor(height: bigint, timestamp: bigint): readonly Bundle[] {
    return this.#bundles.at(height, timestamp)
  }

  /** Decides about a newcomer without changing anything. */
  #judge(transaction: Transaction, context: AddContext): { entry: Entry; account: Account; victims: Evicted[] } {
    const { options, head } = this
    const { hash, sender, nonce } = transaction
    if (this.#byHash.has(hash)) throw alreadyKnown(transaction)
    checkAtHead(transaction, context, head, options)
    const state = context.account
    const known = this.#accounts.get(sender)
    const account: Account = known ?? { address: sender, state, entries: [], executable: 0, version: 0 }
    const at = insertionPoint(account.entries, nonce)
    const replaced = entryOfNonce(account.entries, at, nonce)
    if (replaced !== undefined) checkReplacement(transaction, replaced, options.priceBumpPercent)
    const costWei = maxCostWei(transaction) + this.#daFeeWei(transaction)
    // The caller may know a newer state than the pool: what stands before the transaction is counted at that one.
    const run = isSameState(account.state, state)
      ? { stale: 0, executable: account.executable }
      : executableRun(account.entries, state)
    const newcomer = { transaction, costWei, state, account, run, replaced }
    checkFunds(newcomer)
    const authorities = transaction.type === 4 ? this.#authoritiesOf(transaction) : []
    const isDelegated = state.delegated || (this.#delegations.get(sender) ?? 0) > 0
    checkDelegation(newcomer, isDelegated, authorities, address => this.#accounts.get(address)?.entries.length ?? 0)

    const isExecutable = at - run.stale <= run.executable && nonce === state.nonce + BigInt(at - run.stale)
    const { recovered } = context
    const entry: Entry = {
      transaction,
      arrival: recovered?.arrival ?? this.nextArrival,
      arrivedAtMs: recovered?.arrivedAtMs ?? context.nowMs,
      readyAtMs: context.readyAtMs ?? context.nowMs,
      isPrivate: context.isPrivate ?? false,
      mayRevert: context.mayRevert ?? true,
      condition: context.condition,
      costWei,
      executable: false,
      authorities,
    }
    return { entry, account, victims: this.#eviction.makeRoom({ entry, account, at, replaced, isExecutable }, this) }
  }

  /** Demotions may leave more waiting than may wait: the cheapest go, but not the one that has just been accepted. */
  #trim(events: PoolEvent[], keep?: Entry): void {
    while (this.queuedCount > this.options.maxQueued) {
      const first = this.#eviction.first(keep)
      if (first === undefined || first.executable) return
      this.#drop(first, 'evicted', events)
    }
  }

  #reinject(
    transaction: Transaction,
    states: ReadonlyMap<Address, AccountState>,
    nowMs: number,
    events: PoolEvent[],
  ): void {
    const old = this.#included.get(transaction.hash)
    this.#included.delete(transaction.hash)
    const state = states.get(transaction.sender) ?? this.#accounts.get(transaction.sender)?.state
    if (state === undefined) return
    try {
      const { events: added } = this.add(transaction, {
        nowMs,
        account: state,
        readyAtMs: old?.readyAtMs,
        isPrivate: old?.isPrivate,
        mayRevert: old?.mayRevert,
        condition: old?.condition,
        recovered: old === undefined ? undefined : { arrival: old.arrival, arrivedAtMs: old.arrivedAtMs },
      })
      events.push(...added)
    } catch (error) {
      if (!isL2Error(error)) throw error
      if (old !== undefined) events.push({ type: 'dropped', entry: old, reason: 'not-reinjected' })
    }
  }

  /**
   * Brings an account in line with its state: drops what can never execute, and counts anew what can now. Data is measured where its limit fell only: to
   * compress what is large at every block would let one sender keep the pool busy.
   */
  #clean(account: Account, events: PoolEvent[], daLimitFell = false): void {
    const { nonce, balanceWei } = account.state
    const gasRoom = this.head.gasLimit - this.options.reservedGas
    for (const entry of [...account.entries]) {
      const { transaction } = entry
      if (transaction.nonce < nonce) this.#drop(entry, 'nonce-too-low', events)
      else if (entry.costWei > balanceWei) this.#drop(entry, 'insufficient-funds', events)
      else if (transaction.gasLimit > gasRoom) this.#drop(entry, 'gas-limit', events)
      else if (daLimitFell && daBytesBeyond([transaction], this.head) !== undefined)
        this.#drop(entry, 'da-limit', events)
    }
    this.#settle(account, events)
  }

  /** Counts an account's executable transactions, tells of each that changed, and forgets an empty account. */
  #settle(account: Account, events: PoolEvent[]): void {
    const { entries, state } = account
    account.version++
    const { executable } = executableRun(entries, state)
    account.executable = executable
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]!
      if (entry.executable === i < executable) continue
      entry.executable = !entry.executable
      this.pendingCount += entry.executable ? 1 : -1
      events.push({ type: entry.executable ? 'promoted' : 'demoted', entry })
    }
    if (entries.length > executable) this.#waiting.add(account)
    else this.#waiting.delete(account)
    if (entries.length === 0) this.#accounts.delete(account.address)
    else this.#eviction.note(account)
    this.#noteHead(account.address)
  }

  #dropAndSettle(entry: Entry, reason: DropReason, events: PoolEvent[]): void {
    this.#drop(entry, reason, events)
    const account = this.#accounts.get(entry.transaction.sender)
    if (account !== undefined) this.#settle(account, events)
  }

  #drop(entry: Entry, reason: DropReason, events: PoolEvent[]): void {
    const account = this.#take(entry)
    events.push({ type: 'dropped', entry, reason })
    if (reason === 'evicted' || reason === 'sender-limit') this.#settle(account, events)
  }

  /** Takes an entry out of its account, which is to be settled afterwards. */
  #take(entry: Entry): Account {
    const account = this.#accounts.get(entry.transaction.sender)!
    const at = account.entries.indexOf(entry)
    account.entries.splice(at, 1)
    if (at < account.executable) account.executable--
    account.version++
    this.#forget(entry)
    return account
  }

  #remember(entry: Entry): void {
    this.#byHash.set(entry.transaction.hash, entry)
    this.byteLength += entry.transaction.raw.length
    if (entry.condition !== undefined) this.#conditional.add(entry)
    for (const authority of entry.authorities)
      this.#delegations.set(authority, (this.#delegations.get(authority) ?? 0) + 1)
  }

  #forget(entry: Entry): void {
    this.#byHash.delete(entry.transaction.hash)
    this.byteLength -= entry.transaction.raw.length
    if (entry.executable) this.pendingCount--
    this.#conditional.delete(entry)
    for (const authority of entry.authorities) {
      const left = this.#delegations.get(authority)! - 1
      if (left === 0) this.#delegations.delete(authority)
      else this.#delegations.set(authority, left)
    }
  }
}
