import { bytesToHex, concatBytes, hexToBytes, isL2Error } from '@l2/common'
import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Address, Hash } from 'viem'
import { SequencerError, type SequencerErrorCode } from '../errors.js'
import { authoritiesOf } from '../transaction/authorization.js'
import { checkTransaction, effectiveTip, maxCostWei } from '../transaction/gas.js'
import type { Transaction } from '../transaction/types.js'
import { checkCondition, conditionRange } from './condition.js'
import { Heap } from './heap.js'
import { genesisPoolHead, type MempoolOptions, readMempoolOptions } from './options.js'
import type {
  AccountState,
  Bundle,
  DropReason,
  PendingPool,
  PoolEvent,
  PooledTransaction,
  PoolHead,
  SenderQueue,
  TransactionCondition,
} from './types.js'

/** What a pool asks of its surroundings; both are pure functions of the transaction. */
export type MempoolDeps = {
  /** What data availability charges for a transaction, wei, on top of its L2 gas. Default: nothing. */
  daFeeWei?: ((transaction: Transaction) => bigint) | undefined
  /** Recovers the authorities of a type 4 transaction; a native recovery makes it cheap. Default: noble. */
  authoritiesOf?: ((transaction: Transaction) => readonly Address[]) | undefined
  /** The counter of the first arrival: what a journal was left with. Default 0. */
  firstArrival?: number | undefined
}

/** What the door knows about a transaction that it hands to the pool. */
export type AddContext = {
  /** Milliseconds since the Unix epoch. */
  nowMs: number
  /** The sender at the pool's head. */
  account: AccountState
  /** From the policy's `admit`. Default: now. */
  readyAtMs?: number | undefined
  /** Default false. */
  isPrivate?: boolean | undefined
  /** Default true. */
  mayRevert?: boolean | undefined
  condition?: TransactionCondition | undefined
  /** Only when a journal is read back: what the door said the first time. */
  recovered?: { arrival: number; arrivedAtMs: number } | undefined
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

/** Where and when a bundle may be included; heights and seconds are inclusive. */
export type BundleRange = {
  nowMs: number
  /** Default: the next block. */
  blockNumberMin?: bigint | undefined
  /** Default: the first height. */
  blockNumberMax?: bigint | undefined
  timestampMin?: bigint | undefined
  timestampMax?: bigint | undefined
  /** Which of its transactions may revert without undoing the bundle. */
  mayRevert?: readonly Hash[] | undefined
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

/** A pooled transaction with what only the pool knows. */
type Entry = PooledTransaction & {
  costWei: bigint
  executable: boolean
  /** Recovered from a type 4 transaction; empty for all others. */
  authorities: readonly Address[]
}

type Account = {
  readonly address: Address
  state: AccountState
  /** By nonce. The first {@link executable} of them have no gap and are paid for. */
  readonly entries: Entry[]
  executable: number
  /** Raised by every change, so that what a heap says of an older state is recognised. */
  version: number
}

/** What goes first when room is needed: the last transaction of some account. */
type Victim = {
  account: Account
  version: number
  /** How many of the account's last transactions go before this one; if any, this is only a thought of {@link plan}. */
  depth: number
  plan: number
  entry: Entry
  /** The least that this and its predecessors tip: what a block producer gets for waiting for it. */
  keyWei: bigint
}

/** The most that one newcomer pushes out: what a door does for one transaction is bounded. */
const maxVictims = 64

function isEvictedBefore(a: Victim, b: Victim): boolean {
  if (a.entry.executable !== b.entry.executable) return !a.entry.executable
  if (a.keyWei !== b.keyWei) return a.keyWei < b.keyWei
  return a.entry.arrival > b.entry.arrival
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
  readonly #bundles = new Map<Hash, Bundle>()
  /** What recent blocks included, so that it keeps its place should they be abandoned. */
  readonly #included = new Map<Hash, Entry>()
  readonly #includedAt = new Map<bigint, Hash[]>()
  /** Built when room is needed for the first time at a base fee. */
  #victims: Heap<Victim> | undefined
  #plans = 0

  constructor(options: MempoolOptions, deps: MempoolDeps) {
    this.options = options
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
    const { maxBundles, maxBundleTransactions, maxBundleBlocks } = this.options
    const next = this.head.number + 1n
    const blockNumberMin = range.blockNumberMin ?? next
    const blockNumberMax = range.blockNumberMax ?? blockNumberMin
    const invalid = (message: string): SequencerError => new SequencerError(message, { code: 'BUNDLE_INVALID' })
    if (transactions.length === 0 || transactions.length > maxBundleTransactions)
      throw invalid(`bundle of ${transactions.length} transactions, 1 to ${maxBundleTransactions} expected`)
    if (blockNumberMax < blockNumberMin || blockNumberMax < next)
      throw invalid(`bundle range ${blockNumberMin} to ${blockNumberMax} is empty at height ${next}`)
    if (blockNumberMax - this.head.number > BigInt(maxBundleBlocks))
      throw invalid(`bundle range ends at ${blockNumberMax}, ${maxBundleBlocks} heights ahead are allowed`)
    const { timestampMin, timestampMax } = range
    if (timestampMin !== undefined && timestampMax !== undefined && timestampMax < timestampMin)
      throw invalid(`bundle time range ${timestampMin} to ${timestampMax} is empty`)
    const nonces = new Map<Address, bigint>()
    const hashes = new Set<Hash>()
    let gas = 0n
    for (const transaction of transactions) {
      checkTransaction(transaction, this.options.schedule)
      if (this.#byHash.has(transaction.hash) || hashes.has(transaction.hash)) throw alreadyKnown(transaction)
      const expected = nonces.get(transaction.sender)
      if (expected !== undefined && expected !== transaction.nonce)
        throw invalid(`nonce ${transaction.nonce} of ${transaction.sender} in a bundle, ${expected} expected`)
      nonces.set(transaction.sender, transaction.nonce + 1n)
      hashes.add(transaction.hash)
      gas += transaction.gasLimit
    }
    if (gas > this.head.gasLimit - this.options.reservedGas) throw exceedsBlock(gas, this.head.gasLimit)
    for (const hash of range.mayRevert ?? [])
      if (!hashes.has(hash)) throw invalid(`${hash} may revert, and is not in the bundle`)
    const hash = bytesToHex(keccak_256(concatBytes(...[...hashes].map(each => hexToBytes(each)!))))
    if (this.#bundles.has(hash))
      throw new SequencerError('already known', { code: 'TX_ALREADY_KNOWN', details: { hash } })
    if (this.#bundles.size >= maxBundles)
      throw new SequencerError('txpool is full', { code: 'TX_POOL_FULL', details: { bundles: maxBundles } })

    const arrival = this.nextArrival++
    const mayRevert = new Set(range.mayRevert)
    const entries = transactions.map(
      (transaction): PooledTransaction => ({
        transaction,
        arrival,
        arrivedAtMs: range.nowMs,
        readyAtMs: range.nowMs,
        isPrivate: true,
        mayRevert: mayRevert.has(transaction.hash),
        condition: undefined,
      }),
    )
    const bundle: Bundle = { hash, entries, arrival, blockNumberMin, blockNumberMax, timestampMin, timestampMax }
    this.#bundles.set(hash, bundle)
    return { bundle, events: [{ type: 'bundle-added', bundle }] }
  }

  setHead(update: HeadUpdate): PoolEvent[] {
    const events: PoolEvent[] = []
    const gasLimitFell = update.gasLimit < this.head.gasLimit
    const { number, timestamp, baseFeePerGas, gasLimit } = update
    if (baseFeePerGas !== this.head.baseFeePerGas) this.#victims = undefined
    this.head = { number, timestamp, baseFeePerGas, gasLimit }

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
    for (const account of update.daFeeWei === undefined && !gasLimitFell ? touched : [...this.#accounts.values()])
      this.#clean(account, events)

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
    for (const bundle of this.#bundles.values())
      if (this.#isOver(bundle, included)) this.#dropBundle(bundle, 'condition', events)
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
    const bundle = this.#bundles.get(hash)
    if (bundle !== undefined) this.#dropBundle(bundle, reason, events)
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

  bundlesFor(height: bigint, timestamp: bigint): readonly Bundle[] {
    return [...this.#bundles.values()]
      .filter(
        bundle =>
          height >= bundle.blockNumberMin &&
          height <= bundle.blockNumberMax &&
          (bundle.timestampMin === undefined || timestamp >= bundle.timestampMin) &&
          (bundle.timestampMax === undefined || timestamp <= bundle.timestampMax),
      )
      .sort((a, b) => a.arrival - b.arrival)
  }

  /** Decides about a newcomer without changing anything but the heap of victims, which holds no state of its own. */
  #judge(
    transaction: Transaction,
    context: AddContext,
  ): {
    entry: Entry
    account: Account
    victims: { entry: Entry; reason: DropReason }[]
  } {
    const { options, head } = this
    const { hash, sender, nonce } = transaction
    if (this.#byHash.has(hash)) throw alreadyKnown(transaction)
    checkTransaction(transaction, options.schedule)
    if (transaction.gasLimit > head.gasLimit - options.reservedGas)
      throw exceedsBlock(transaction.gasLimit, head.gasLimit)
    if (transaction.maxPriorityFeePerGas < options.minTipWei) {
      throw new SequencerError(
        `transaction underpriced: gas tip cap ${transaction.maxPriorityFeePerGas}, minimum needed ${options.minTipWei}`,
        { code: 'TX_UNDERPRICED', details: { tip: transaction.maxPriorityFeePerGas, minimum: options.minTipWei } },
      )
    }
    if (options.refuseBelowBaseFee && transaction.maxFeePerGas < head.baseFeePerGas) {
      throw new SequencerError(
        `max fee per gas less than block base fee: address ${sender}, maxFeePerGas: ${transaction.maxFeePerGas}, baseFee: ${head.baseFeePerGas}`,
        { code: 'TX_FEE_CAP_TOO_LOW', details: { sender, baseFeePerGas: head.baseFeePerGas } },
      )
    }
    if (context.condition !== undefined) {
      checkCondition(context.condition)
      if (conditionRange(context.condition, head.number + 1n, head.timestamp + 1n) === 'late')
        throw new SequencerError('failed conditional validation: block or time range is over', { code: 'TX_CONDITION' })
    }
    const state = context.account
    if (nonce < state.nonce) {
      throw new SequencerError(`nonce too low: next nonce ${state.nonce}, tx nonce ${nonce}`, {
        code: 'TX_NONCE_TOO_LOW',
        details: { next: state.nonce, nonce },
      })
    }

    const known = this.#accounts.get(sender)
    const account: Account = known ?? { address: sender, state, entries: [], executable: 0, version: 0 }
    const at = insertionPoint(account.entries, nonce)
    const replaced = entryOfNonce(account.entries, at, nonce)
    if (replaced !== undefined) this.#checkReplacement(transaction, replaced)
    const costWei = maxCostWei(transaction) + this.#daFeeWei(transaction)
    // The caller may know a newer state than the pool: what stands before the transaction is counted at that one.
    const run = isSameState(account.state, state)
      ? { stale: 0, executable: account.executable }
      : executableRun(account.entries, state)
    this.#checkFunds(transaction, costWei, account, run, state, replaced)
    const authorities = transaction.type === 4 ? this.#authoritiesOf(transaction) : []
    this.#checkDelegation(transaction, account, run, state, replaced, authorities)

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
    const victims = this.#makeRoom(entry, account, at, replaced, isExecutable)
    return { entry, account, victims }
  }

  #checkReplacement(transaction: Transaction, replaced: Entry): void {
    const bump = BigInt(100 + this.options.priceBumpPercent)
    const old = replaced.transaction
    const capNeeded = (old.maxFeePerGas * bump) / 100n
    const tipNeeded = (old.maxPriorityFeePerGas * bump) / 100n
    if (
      transaction.maxFeePerGas > old.maxFeePerGas &&
      transaction.maxPriorityFeePerGas > old.maxPriorityFeePerGas &&
      transaction.maxFeePerGas >= capNeeded &&
      transaction.maxPriorityFeePerGas >= tipNeeded
    )
      return
    throw new SequencerError('replacement transaction underpriced', {
      code: 'TX_REPLACEMENT_UNDERPRICED',
      details: { replaces: old.hash, maxFeePerGasNeeded: capNeeded, maxPriorityFeePerGasNeeded: tipNeeded },
    })
  }

  #checkFunds(
    transaction: Transaction,
    costWei: bigint,
    account: Account,
    run: Run,
    state: AccountState,
    replaced: Entry | undefined,
  ): void {
    const { balanceWei } = state
    const refuse = (what: string, needed: bigint): never => {
      throw new SequencerError(
        `insufficient funds for gas * price + value: balance ${balanceWei}, ${what}, overshot ${needed - balanceWei}`,
        { code: 'TX_INSUFFICIENT_FUNDS', details: { sender: transaction.sender, balanceWei, neededWei: needed } },
      )
    }
    if (costWei > balanceWei) refuse(`tx cost ${costWei}`, costWei)
    // Of what stands before it, the same account may have spent all it had.
    let spentWei = 0n
    for (let i = 0; i < run.executable; i++) spentWei += account.entries[run.stale + i]!.costWei
    const isReplacing = replaced?.executable === true
    const neededWei = spentWei + costWei - (isReplacing ? replaced.costWei : 0n)
    if (neededWei > balanceWei) {
      if (isReplacing) refuse(`queued cost ${spentWei}, tx bumped ${costWei - replaced.costWei}`, neededWei)
      else refuse(`queued cost ${spentWei}, tx cost ${costWei}`, neededWei)
    }
  }

  /** geth's rules for accounts whose balance somebody else may move: one transaction, without a gap. Source: EIP-7702, geth. */
  #checkDelegation(
    transaction: Transaction,
    account: Account,
    run: Run,
    state: AccountState,
    replaced: Entry | undefined,
    authorities: readonly Address[],
  ): void {
    if (replaced === undefined && (state.delegated || (this.#delegations.get(account.address) ?? 0) > 0)) {
      if (run.executable === 0 && transaction.nonce !== state.nonce) {
        throw new SequencerError(
          `gapped-nonce tx from delegated accounts: next nonce ${state.nonce}, tx nonce ${transaction.nonce}`,
          { code: 'TX_NONCE_TOO_HIGH', details: { next: state.nonce, nonce: transaction.nonce } },
        )
      }
      if (account.entries.length > run.stale) {
        throw new SequencerError('in-flight transaction limit reached for delegated accounts', {
          code: 'TX_DELEGATED_LIMIT',
          details: { sender: account.address },
        })
      }
    }
    for (const authority of authorities) {
      const pooled = this.#accounts.get(authority)?.entries.length ?? 0
      if (pooled > 1) {
        throw new SequencerError('authority already reserved', {
          code: 'TX_DELEGATED_LIMIT',
          details: { authority, pooled },
        })
      }
    }
  }

  /** Which transactions go so that the newcomer fits; throws when it may not push enough of them out. */
  #makeRoom(
    entry: Entry,
    account: Account,
    at: number,
    replaced: Entry | undefined,
    isExecutable: boolean,
  ): { entry: Entry; reason: DropReason }[] {
    const { options } = this
    const bytes = entry.transaction.raw.length
    let countOver = this.size + (replaced === undefined ? 1 : 0) - options.maxTransactions
    let bytesOver = this.byteLength + bytes - (replaced?.transaction.raw.length ?? 0) - options.maxBytes
    let queuedOver = isExecutable || replaced !== undefined ? 0 : this.queuedCount + 1 - options.maxQueued
    const victims: { entry: Entry; reason: DropReason }[] = []
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

    const heap = this.#victimHeap()
    const plan = ++this.#plans
    const keyWei = this.#keyOf(account, at, entry.transaction)
    const looked: Victim[] = []
    let refusal: SequencerError | undefined
    while (countOver > 0 || bytesOver > 0 || queuedOver > 0) {
      const victim = victims.length > maxVictims ? undefined : heap.pop()
      if (victim === undefined) {
        refusal = poolFull(this.size)
        break
      }
      if (victim.version !== victim.account.version || (victim.depth > 0 && victim.plan !== plan)) continue
      looked.push(victim)
      // Nobody is pushed out by what it stands before, and a replaced one goes anyway.
      if (victim.entry === replaced || own.has(victim.entry)) {
        const next = this.#victimAt(victim.account, victim.depth + 1, plan)
        if (next !== undefined) heap.push(next)
        continue
      }
      if (victim.entry.executable && !isExecutable) {
        refusal = poolFull(this.size)
        break
      }
      const isFreelyEvicted = isExecutable && !victim.entry.executable
      if (!isFreelyEvicted && victim.keyWei >= keyWei) {
        refusal = new SequencerError(
          `transaction underpriced: effective tip ${keyWei}, more than ${victim.keyWei} needed in a full pool`,
          { code: 'TX_UNDERPRICED', details: { effectiveTipWei: keyWei, neededWei: victim.keyWei + 1n } },
        )
        break
      }
      victims.push({ entry: victim.entry, reason: 'evicted' })
      countOver--
      if (!victim.entry.executable) queuedOver--
      bytesOver -= victim.entry.transaction.raw.length
      const next = this.#victimAt(victim.account, victim.depth + 1, plan)
      if (next !== undefined) heap.push(next)
    }
    // What was only looked at goes back; if it is evicted after all, its account's version says so.
    for (const victim of looked) if (victim.depth === 0) heap.push(victim)
    this.#prune(heap)
    if (refusal !== undefined) throw refusal
    return victims
  }

  /** Throws the heap away when most of it is left over from plans and older versions. */
  #prune(heap: Heap<Victim>): void {
    if (heap.size > 2 * this.#accounts.size + 64) this.#victims = undefined
  }

  #victimHeap(): Heap<Victim> {
    if (this.#victims === undefined) {
      const victims: Victim[] = []
      for (const account of this.#accounts.values()) {
        const victim = this.#victimAt(account, 0, 0)
        if (victim !== undefined) victims.push(victim)
      }
      this.#victims = new Heap(isEvictedBefore, victims)
    }
    return this.#victims
  }

  #victimAt(account: Account, depth: number, plan: number): Victim | undefined {
    const at = account.entries.length - 1 - depth
    const entry = account.entries[at]
    if (entry === undefined) return undefined
    const keyWei = this.#keyOf(account, at, entry.transaction)
    return { account, version: account.version, depth, plan, entry, keyWei }
  }

  #keyOf(account: Account, at: number, transaction: Transaction): bigint {
    let key = effectiveTip(transaction, this.head.baseFeePerGas)
    for (let i = 0; i < at; i++) {
      const tip = effectiveTip(account.entries[i]!.transaction, this.head.baseFeePerGas)
      if (tip < key) key = tip
    }
    return key
  }

  /** Demotions may leave more waiting than may wait: the cheapest go, but not the one that has just been accepted. */
  #trim(events: PoolEvent[], keep?: Entry): void {
    while (this.queuedCount > this.options.maxQueued) {
      const kept: Victim[] = []
      const heap = this.#victimHeap()
      let victim = heap.pop()
      while (victim !== undefined) {
        if (victim.version === victim.account.version && victim.depth === 0) {
          if (victim.entry !== keep) break
          kept.push(victim)
        }
        victim = heap.pop()
      }
      for (const back of kept) heap.push(back)
      if (victim === undefined || victim.entry.executable) return
      this.#drop(victim.entry, 'evicted', events)
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
      if (!isL2Error<SequencerErrorCode>(error)) throw error
      if (old !== undefined) events.push({ type: 'dropped', entry: old, reason: 'not-reinjected' })
    }
  }

  /** Brings an account in line with its state: drops what can never execute, and counts anew what can now. */
  #clean(account: Account, events: PoolEvent[]): void {
    const { nonce, balanceWei } = account.state
    const gasRoom = this.head.gasLimit - this.options.reservedGas
    for (const entry of [...account.entries]) {
      const { transaction } = entry
      if (transaction.nonce < nonce) this.#drop(entry, 'nonce-too-low', events)
      else if (entry.costWei > balanceWei) this.#drop(entry, 'insufficient-funds', events)
      else if (transaction.gasLimit > gasRoom) this.#drop(entry, 'gas-limit', events)
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
    else if (this.#victims !== undefined) {
      this.#victims.push(this.#victimAt(account, 0, 0)!)
      this.#prune(this.#victims)
    }
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

  #isOver(bundle: Bundle, included: ReadonlySet<Hash>): boolean {
    const { number, timestamp } = this.head
    return (
      bundle.blockNumberMax <= number ||
      (bundle.timestampMax !== undefined && bundle.timestampMax <= timestamp) ||
      bundle.entries.some(entry => included.has(entry.transaction.hash))
    )
  }

  #dropBundle(bundle: Bundle, reason: DropReason, events: PoolEvent[]): void {
    this.#bundles.delete(bundle.hash)
    events.push({ type: 'bundle-dropped', bundle, reason })
  }
}

/** Where an account's executable transactions lie: behind `stale` ones whose nonce is used. */
type Run = { stale: number; executable: number }

/** The run of nonces from the account's next one that its balance pays for altogether. */
function executableRun(entries: readonly Entry[], state: AccountState): Run {
  let stale = 0
  while (stale < entries.length && entries[stale]!.transaction.nonce < state.nonce) stale++
  let executable = 0
  let costWei = 0n
  for (let next = state.nonce; stale + executable < entries.length; next++, executable++) {
    const entry = entries[stale + executable]!
    if (entry.transaction.nonce !== next) break
    costWei += entry.costWei
    if (costWei > state.balanceWei) break
  }
  return { stale, executable }
}

function isSameState(a: AccountState, b: AccountState): boolean {
  return a.nonce === b.nonce && a.balanceWei === b.balanceWei && a.delegated === b.delegated
}

function entryOfNonce(entries: readonly Entry[], at: number, nonce: bigint): Entry | undefined {
  const entry = entries[at]
  return entry?.transaction.nonce === nonce ? entry : undefined
}

function insertionPoint(entries: readonly Entry[], nonce: bigint): number {
  let low = 0
  let high = entries.length
  // Most transactions come in order.
  if (high > 0 && entries[high - 1]!.transaction.nonce < nonce) return high
  while (low < high) {
    const middle = (low + high) >> 1
    if (entries[middle]!.transaction.nonce < nonce) low = middle + 1
    else high = middle
  }
  return low
}

function alreadyKnown(transaction: Transaction): SequencerError {
  return new SequencerError('already known', { code: 'TX_ALREADY_KNOWN', details: { hash: transaction.hash } })
}

function exceedsBlock(gasLimit: bigint, blockGasLimit: bigint): SequencerError {
  return new SequencerError('exceeds block gas limit', {
    code: 'TX_GAS_LIMIT',
    details: { gasLimit, blockGasLimit },
  })
}

function poolFull(size: number): SequencerError {
  return new SequencerError('txpool is full', { code: 'TX_POOL_FULL', recovery: 'retry', details: { size } })
}
