import { type Clock, type Logger, silentLogger, stringify, systemClock } from '@l2/common'
import type { Hex } from 'viem'
import * as z from 'zod/mini'
import type { Commitment } from '../commitment.js'
import { DaError } from '../errors.js'
import { foreignCause, sleepUntil, withDeadline } from '../internal/call.js'
import { createJournal, type Journal, type JournalEntry } from '../internal/journal.js'
import { parseOptions } from '../internal/options.js'
import type { DaReceipt, DaSubmitOptions } from '../port.js'
import { createMemoryStore, type Store } from '../store.js'
import { classifySendFailure } from './failure.js'
import {
  brokenFeeLimit,
  bumpFees,
  type FeeFloors,
  type FeeLimits,
  type FeeMarket,
  type Fees,
  firstFees,
} from './fees.js'
import {
  type EthereumClient,
  type Receipt,
  readFinalized,
  readHead,
  readOptionalQuantity,
  readQuantity,
  readReceipt,
  readTransaction,
  type SigningAccount,
} from './rpc.js'
import type { PayloadKind, PoolKind, PreparedPayload } from './transaction.js'

/** Plain settings of {@link createTransactionManager}. Defaults are those of op-batcher where it has the same setting. */
export type TransactionManagerOptions = {
  /** Blocks, the one that includes it counted, before a submission is done; 10. */
  confirmations?: number | undefined
  /** Milliseconds between looks at the chain while anything is under way; 12 000. */
  pollMs?: number | undefined
  /** Milliseconds after which a transaction that is not mined is replaced with higher fees; 48 000. */
  resubmitMs?: number | undefined
  /** Unmined transactions at a time; 6. geth's blob pool holds at most 16 an account. */
  maxInFlight?: number | undefined
  /** 1 gwei */
  minTipWei?: bigint | undefined
  /** Base fee assumed at least; 1 gwei. */
  minBaseFeeWei?: bigint | undefined
  /** 1 gwei */
  minBlobCapWei?: bigint | undefined
  /** Highest `maxFeePerGas` of any attempt; 1000 gwei. */
  maxCapWei?: bigint | undefined
  /** Highest `maxFeePerBlobGas` of any attempt; 1000 gwei. */
  maxBlobCapWei?: bigint | undefined
  /** A bump stays below this multiple of today's price … ; 5 */
  feeLimitMultiple?: bigint | undefined
  /** … once it is above this; 100 gwei. */
  feeLimitAboveWei?: bigint | undefined
  /** Blocks after which a block counts as final where the node names none; 64. */
  finalityBlocks?: number | undefined
}

export type TransactionManagerDeps = {
  client: EthereumClient
  account: SigningAccount
  /** Journal of what is in flight. Without one a crash forgets it, and what was sent may be sent again. */
  store?: Store | undefined
  clock?: Clock | undefined
  /** One line a state change. */
  logger?: Logger | undefined
}

/** What a transaction is for. */
export type TransactionRequest = {
  /** A kind that was registered. */
  kind: PoolKind
  to: Hex
  items: readonly Uint8Array[]
  key: string
}

/** Makes the commitments out of the transaction that was mined and the payload's hashes. */
export type Commit = (hash: Hex, hashes: readonly Hex[]) => Commitment[]

/** What is under way, for metrics and tests. */
export type InFlight = { nonce: number; key: string; kind: PoolKind; attempts: number; mined: boolean; fees: Fees }

/** Sends the transactions of one account: one nonce stream, in order, each mined exactly once. */
export interface TransactionManager extends AsyncDisposable {
  readonly address: Hex
  readonly client: EthereumClient
  /** The receipt of the submission once it has its confirmations. */
  send(request: TransactionRequest, options?: DaSubmitOptions): Promise<DaReceipt>
  /** Ends what a crash interrupted; `undefined` when the key is not known. */
  resume(key: string, options?: DaSubmitOptions): Promise<DaReceipt | undefined>
  /** Keys under way of one kind, oldest first. */
  pending(kind: PoolKind): Promise<string[]>
  /**
   * Replaces an unmined submission by an empty transaction of its kind to the own account. Whichever is mined decides: the submission ends as
   * usual or with `DA_CANCELLED`. Says whether there was anything to cancel.
   */
  cancel(key: string): Promise<boolean>
  /** Teaches the manager to make transactions of a kind; adapters do it when they are made. */
  register(payload: PayloadKind, commit: Commit): void
  /** The transaction that took the place of `hash`, after a replacement; `hash` itself where none is known. */
  successor(hash: Hex): Promise<Hex>
  /** Whether a transaction is this manager's and still on its way. */
  isPending(hash: Hex): boolean
  /** Prices now. */
  market(): Promise<FeeMarket>
  /** Fees of a first attempt now. */
  suggest(kind: PoolKind): Promise<Fees>
  readonly inFlight: () => readonly InFlight[]
}

const gwei = 1_000_000_000n
const larger = (a: bigint, b: bigint) => (b < a ? a : b)
const positive = z.int().check(z.positive())
const wei = z.bigint().check(z.positive())
const schema = z.strictObject({
  confirmations: z._default(positive, 10),
  pollMs: z._default(positive, 12_000),
  resubmitMs: z._default(positive, 48_000),
  maxInFlight: z._default(positive, 6),
  minTipWei: z._default(wei, gwei),
  minBaseFeeWei: z._default(wei, gwei),
  minBlobCapWei: z._default(wei, gwei),
  maxCapWei: z._default(wei, 1000n * gwei),
  maxBlobCapWei: z._default(wei, 1000n * gwei),
  feeLimitMultiple: z._default(wei, 5n),
  feeLimitAboveWei: z._default(wei, 100n * gwei),
  finalityBlocks: z._default(positive, 64),
})

type Attempt = { hash: Hex; fees: Fees; gas: bigint; cancels: boolean }

/** A nonce and everything that was signed with it. */
type Slot = {
  nonce: number
  /** The submission; `undefined` for a transaction that only frees the account's pool. */
  entry: JournalEntry | undefined
  kind: PoolKind
  to: Hex
  hashes: readonly Hex[]
  attempts: Attempt[]
  /** A node said that it has it. */
  accepted: boolean
  mined: Receipt | undefined
  /** The receipt was handed out; the slot stays until its block is final, so that a reorg finds it. */
  settled: Hex | undefined
  /** Looks in a row that saw the nonce used and none of the attempts mined. */
  misses: number
  cancelling: boolean
  raisedAtMs: number
  prepared: PreparedPayload | undefined
}

/** What the journal says about a submission besides its data. */
type Note = {
  kind: PoolKind
  to: Hex
  /** The transaction that once carried it, after a reorg made it impossible. */
  former?: Hex | undefined
}

type Waiter = {
  entry: JournalEntry
  request: TransactionRequest
  /** Nobody waits any more; what has not left need not leave. */
  abandoned: boolean
  readonly result: Promise<DaReceipt>
  settle: (result: { receipt: DaReceipt } | { error: unknown }) => void
}

const text = new TextEncoder()
const plain = new TextDecoder()
const noteOf = (entry: JournalEntry) => JSON.parse(entry.note ?? '{}') as Note
const slotName = (nonce: number) => `transactions/slot/${String(nonce).padStart(12, '0')}`

function encodeSlot(slot: Slot): Uint8Array {
  const { nonce, kind, to, hashes, attempts, accepted, settled, cancelling } = slot
  return text.encode(
    stringify({ nonce, key: slot.entry?.key, kind, to, hashes, attempts, accepted, settled, cancelling }),
  )
}

type StoredSlot = Omit<Slot, 'attempts' | 'entry' | 'mined'> & {
  key?: string
  attempts: { hash: Hex; fees: { tip: string; cap: string; blobCap?: string }; gas: string; cancels: boolean }[]
}

/**
 * Makes a {@link TransactionManager}. Both Ethereum adapters of one account must share one: two of them would fight over nonces.
 *
 * What it promises: transactions leave in the order of `send`; a nonce is given out only when all before it are with a node, so none is
 * ever skipped; every attempt is journalled before it is sent, and all attempts of a submission share its nonce, so at most one is mined, whatever
 * crashes; a reorg puts a mined transaction back on its way until its block is final.
 *
 * What abortion does not undo: a transaction that a node has taken stays and may be mined; use `cancel` to outbid it.
 *
 * @throws DaError `DA_OPTIONS_INVALID`
 */
export function createTransactionManager(
  deps: TransactionManagerDeps,
  options: TransactionManagerOptions = {},
): TransactionManager {
  const settings = parseOptions('createTransactionManager', schema, options)
  const { client, account } = deps
  const store = deps.store ?? createMemoryStore()
  const clock = deps.clock ?? systemClock
  const logger = deps.logger ?? silentLogger
  const journal: Journal = createJournal(store, 'transactions')
  const floors: FeeFloors = settings
  const limits: FeeLimits = {
    maxCapWei: settings.maxCapWei,
    maxBlobCapWei: settings.maxBlobCapWei,
    multiple: settings.feeLimitMultiple,
    multipleAboveWei: settings.feeLimitAboveWei,
  }
  const kinds = new Map<PoolKind, { payload: PayloadKind; commit: Commit }>()
  const slots: Slot[] = []
  const queue: Waiter[] = []
  const unclaimed: JournalEntry[] = []
  const waiters = new Map<string, Waiter>()
  const closing = new AbortController()
  let wake = new AbortController()
  let loop: Promise<void> | undefined
  let chainId: number | undefined
  let loaded: Promise<void> | undefined
  // Journal writes of `send` go one after another, so that the queue has the order of the calls.
  let entrance: Promise<unknown> = Promise.resolve()
  /** A foreign transaction of this kind blocks the pool of the other. */
  let blockedBy: { kind: PoolKind; nonce: number } | undefined

  const persist = (slot: Slot) => store.put(slotName(slot.nonce), encodeSlot(slot))
  const unmined = () => slots.filter(slot => slot.mined === undefined)

  async function load(): Promise<void> {
    for (const name of await store.keys('transactions/slot/')) {
      const bytes = await store.get(name)
      if (bytes === undefined) continue
      const stored = JSON.parse(plain.decode(bytes)) as StoredSlot
      const entry = stored.key === undefined ? undefined : await journal.find(stored.key)
      slots.push({
        nonce: stored.nonce,
        entry,
        kind: stored.kind,
        to: stored.to,
        hashes: stored.hashes,
        attempts: stored.attempts.map(({ hash, fees, gas, cancels }) => ({
          hash,
          gas: BigInt(gas),
          cancels,
          fees: {
            tip: BigInt(fees.tip),
            cap: BigInt(fees.cap),
            blobCap: fees.blobCap === undefined ? undefined : BigInt(fees.blobCap),
          },
        })),
        accepted: stored.accepted,
        mined: undefined,
        settled: stored.settled,
        misses: 0,
        cancelling: stored.cancelling,
        raisedAtMs: clock.now(),
        prepared: undefined,
      })
    }
    slots.sort((a, b) => a.nonce - b.nonce)
    unclaimed.push(...(await journal.pending()))
    claim()
  }

  /** Takes up journalled submissions whose kind an adapter has registered. */
  function claim(): void {
    for (const entry of unclaimed.splice(0)) {
      const note = noteOf(entry)
      const kind = kinds.get(note.kind)
      if (kind === undefined) {
        unclaimed.push(entry)
        continue
      }
      if (waiters.has(entry.key)) continue
      const waiter = createWaiter(entry, { kind: note.kind, to: note.to, items: entry.items, key: entry.key })
      if (!slots.some(slot => slot.entry?.key === entry.key)) queue.push(waiter)
    }
  }

  function createWaiter(entry: JournalEntry, request: TransactionRequest): Waiter {
    let settle!: Waiter['settle']
    const result = new Promise<DaReceipt>((resolve, reject) => {
      settle = outcome => ('receipt' in outcome ? resolve(outcome.receipt) : reject(outcome.error))
    })
    result.catch(() => {})
    const waiter = { entry, request, abandoned: false, result, settle }
    waiters.set(entry.key, waiter)
    return waiter
  }

  function start(): Promise<void> {
    if (closing.signal.aborted) {
      return Promise.reject(new DaError('the transaction manager is closed', { code: 'DA_CLOSED' }))
    }
    return (loaded ??= load())
  }

  function run(): void {
    wake.abort()
    if (queue.length === 0 && slots.length === 0) return
    loop ??= (async () => {
      while (!closing.signal.aborted && (queue.length > 0 || slots.length > 0)) {
        wake = new AbortController()
        try {
          await tick()
        } catch (error) {
          logger.warn({ error: String((error as Error).message) }, 'ethereum transactions wait for the node')
        }
        if (queue.length === 0 && slots.length === 0) break
        await sleepUntil(clock, settings.pollMs, [wake.signal, closing.signal])
      }
      loop = undefined
    })()
  }

  const market = async (): Promise<FeeMarket> => {
    const [head, tip, blobBaseFee] = await Promise.all([
      readHead(client),
      readOptionalQuantity(client, 'eth_maxPriorityFeePerGas', settings.minTipWei),
      readOptionalQuantity(client, 'eth_blobBaseFee', 1n),
    ])
    return { tip, baseFee: head.baseFee, blobBaseFee }
  }

  /** One look at the chain and everything that follows from it. */
  async function tick(): Promise<void> {
    chainId ??= Number(await readQuantity(client, 'eth_chainId'))
    const head = await readHead(client)
    const used = Number(await readQuantity(client, 'eth_getTransactionCount', [account.address, 'latest']))
    const finalized = slots.length === 0 ? 0n : await readFinalized(client)
    const final =
      finalized > 0n
        ? finalized
        : head.number > BigInt(settings.finalityBlocks)
          ? head.number - BigInt(settings.finalityBlocks)
          : 0n
    for (const slot of [...slots]) await follow(slot, used, head.number, final)
    const now = await market()
    if (!(await republish(used, now))) return
    await assign(used, now)
  }

  /** Brings one slot up to date with the chain. */
  async function follow(slot: Slot, used: number, head: bigint, final: bigint): Promise<void> {
    if (slot.nonce >= used) {
      if (slot.mined !== undefined) logger.warn({ nonce: slot.nonce, hash: slot.mined.hash }, 'transaction reorged out')
      slot.mined = undefined
      slot.misses = 0
      return
    }
    // While the nonce stays used, what was settled is looked at again when its block becomes final.
    if (slot.settled !== undefined && slot.mined !== undefined && slot.mined.blockNumber > final) return
    const receipt = await minedOf(slot)
    if (receipt === undefined) {
      slot.mined = undefined
      // A node behind a balancer may count the nonce before it serves the receipt: three looks before believing it.
      if (++slot.misses >= 3) await lose(slot)
      return
    }
    slot.misses = 0
    slot.mined = receipt
    slot.prepared = undefined
    const cancelled = slot.attempts.find(({ hash }) => hash === receipt.hash)?.cancels === true
    const depth = head - receipt.blockNumber + 1n
    if (depth >= BigInt(settings.confirmations) && slot.settled === undefined) {
      // The submission first: a crash in between ends it once more, and the other way round never.
      await settle(slot, receipt, cancelled)
      slot.settled = receipt.hash
      await persist(slot)
    }
    if (slot.settled !== undefined && receipt.blockNumber <= final) {
      // A receipt was handed out for one attempt and a reorg let another win: whoever holds the old hash is led to the new.
      if (slot.settled !== receipt.hash) await rememberSuccessor(slot.settled, receipt.hash)
      slots.splice(slots.indexOf(slot), 1)
      await store.delete(slotName(slot.nonce))
      if (slot.entry !== undefined) await journal.release(slot.entry)
    }
  }

  const rememberSuccessor = (former: Hex, hash: Hex) =>
    store.put(`transactions/successor/${former.slice(2)}`, text.encode(hash))

  async function minedOf(slot: Slot): Promise<Receipt | undefined> {
    const first = slot.mined?.hash ?? slot.settled
    const hashes = slot.attempts.map(({ hash }) => hash).reverse()
    if (first !== undefined) hashes.unshift(first)
    for (const hash of new Set(hashes)) {
      const receipt = await readReceipt(client, hash)
      if (receipt !== undefined) return receipt
    }
    return undefined
  }

  async function settle(slot: Slot, receipt: Receipt, cancelled: boolean): Promise<void> {
    const { entry } = slot
    if (entry === undefined) return
    const waiter = waiters.get(entry.key)
    waiters.delete(entry.key)
    if (cancelled) {
      await journal.remove(entry)
      waiter?.settle({
        error: new DaError('the submission was cancelled', { code: 'DA_CANCELLED', details: { key: entry.key } }),
      })
      return
    }
    const commit = kinds.get(slot.kind)!.commit
    const answer: DaReceipt = {
      key: entry.key,
      commitments: commit(receipt.hash, slot.hashes),
      height: receipt.blockNumber,
    }
    const { former } = noteOf(entry)
    if (former !== undefined) await rememberSuccessor(former, receipt.hash)
    await journal.finish(entry, answer, true)
    entry.items = []
    logger.info({ nonce: slot.nonce, hash: receipt.hash, kind: slot.kind }, 'transaction confirmed')
    waiter?.settle({ receipt: answer })
  }

  /** The nonce went to a transaction that is not ours. */
  async function lose(slot: Slot): Promise<void> {
    const error = new DaError(`nonce ${slot.nonce} was used by a transaction that is not ours`, {
      code: 'DA_NONCE_CONFLICT',
      details: { nonce: slot.nonce, account: account.address },
    })
    const resend = !slot.accepted && slots.at(-1) === slot
    await drop(slot, resend ? undefined : error)
    // Nobody ever took it and nothing came after it: it can go again under another nonce without breaking the order.
    if (resend) requeue(slot)
  }

  /** Gives a slot up; with an error the submission ends. */
  async function drop(slot: Slot, error: unknown): Promise<void> {
    slots.splice(slots.indexOf(slot), 1)
    await store.delete(slotName(slot.nonce))
    if (error !== undefined && slot.entry !== undefined && slot.settled === undefined) {
      await journal.remove(slot.entry)
      const waiter = waiters.get(slot.entry.key)
      waiters.delete(slot.entry.key)
      waiter?.settle({ error })
    }
  }

  /** Puts the submission of a slot that was dropped back to the front of the queue. */
  function requeue({ entry }: Slot): void {
    const waiter = entry === undefined ? undefined : waiters.get(entry.key)
    if (waiter !== undefined) queue.unshift(waiter)
  }

  /** Sees to what is out and not mined, lowest nonce first. False when nothing new may leave now. */
  async function republish(used: number, now: FeeMarket): Promise<boolean> {
    // Abandoned ones that no node has taken are withdrawn from the newest down: the nonces in use stay without a gap.
    for (let slot = slots.at(-1); slot !== undefined; slot = slots.at(-1)) {
      const waiter = slot.entry === undefined ? undefined : waiters.get(slot.entry.key)
      if (slot.accepted || slot.mined !== undefined || slot.nonce < used || waiter?.abandoned !== true) break
      if (await anyKnown(slot)) break
      await drop(slot, abandonedError(slot.entry!.key))
    }
    for (const slot of unmined()) {
      if (slot.nonce < used) continue
      const due = clock.now() - slot.raisedAtMs >= settings.resubmitMs
      const wantsCancel = slot.cancelling && !slot.attempts.some(({ cancels }) => cancels)
      if (slot.accepted && !due && !wantsCancel && (await anyKnown(slot))) continue
      if (!(await publish(slot, now, due || wantsCancel))) return false
    }
    return true
  }

  async function anyKnown(slot: Slot): Promise<boolean> {
    for (const { hash } of [...slot.attempts].reverse()) {
      if ((await readTransaction(client, hash)) !== undefined) return true
    }
    return false
  }

  /** Gives nonces to what waits, as far as the pools allow. */
  async function assign(used: number, now: FeeMarket): Promise<void> {
    // Whatever stood in the way was mined meanwhile.
    if (blockedBy !== undefined && used > blockedBy.nonce) blockedBy = undefined
    while (queue.length > 0 || blockedBy !== undefined) {
      const open = unmined()
      // A nonce that is used without a receipt yet is not settled: the next one must wait for what becomes of it.
      if (open.some(slot => slot.nonce < used || !slot.accepted)) return
      if (open.length >= settings.maxInFlight) return
      const last = slots.at(-1)
      const nonce = Math.max(used, last === undefined ? 0 : last.nonce + 1)
      if (blockedBy !== undefined) {
        if (open.length > 0) return
        const slot = createSlot(nonce, undefined, blockedBy.kind, account.address)
        blockedBy = undefined
        slots.push(slot)
        if (!(await publish(slot, now, false))) return
        continue
      }
      const waiter = queue[0]!
      const { kind } = waiter.request
      // Blob and other transactions of one account cannot be pending together.
      if (open.some(slot => slot.kind !== kind)) return
      if (waiter.abandoned) {
        queue.shift()
        await journal.remove(waiter.entry)
        waiters.delete(waiter.entry.key)
        waiter.settle({ error: abandonedError(waiter.entry.key) })
        continue
      }
      const slot = createSlot(nonce, waiter.entry, kind, waiter.request.to)
      queue.shift()
      slots.push(slot)
      if (!(await publish(slot, now, false))) return
    }
  }

  function abandonedError(key: string): DaError {
    return new DaError('the submission was withdrawn before any node took it', {
      code: 'DA_CANCELLED',
      details: { key },
    })
  }

  function createSlot(nonce: number, entry: JournalEntry | undefined, kind: PoolKind, to: Hex): Slot {
    return {
      nonce,
      entry,
      kind,
      to,
      hashes: [],
      attempts: [],
      accepted: false,
      mined: undefined,
      settled: undefined,
      misses: 0,
      cancelling: false,
      raisedAtMs: clock.now(),
      prepared: undefined,
    }
  }

  async function prepared(slot: Slot): Promise<PreparedPayload> {
    if (slot.prepared !== undefined) return slot.prepared
    const payload = kinds.get(slot.kind)?.payload
    if (payload === undefined) {
      throw new DaError(`the journal holds a ${slot.kind} transaction, and no adapter of that kind was made`, {
        code: 'DA_OPTIONS_INVALID',
        details: { kind: slot.kind, nonce: slot.nonce },
      })
    }
    const items = slot.entry === undefined || slot.cancelling ? payload.empty() : await itemsOf(slot.entry)
    slot.prepared = await payload.prepare(items, closing.signal)
    return slot.prepared
  }

  async function itemsOf(entry: JournalEntry): Promise<readonly Uint8Array[]> {
    const items = entry.items.length > 0 ? entry.items : (await journal.find(entry.key))?.items
    if (items === undefined || items.length === 0) {
      throw new DaError('the data of a transaction that must be sent again is gone', {
        code: 'DA_STORE_CORRUPT',
        details: { key: entry.key },
      })
    }
    return items
  }

  /** Signs and sends a slot, at higher fees when `raise`. False when nothing may follow it now. */
  async function publish(slot: Slot, now: FeeMarket, raise: boolean): Promise<boolean> {
    let raiseNow = raise
    // A refused replacement is raised and tried again; what is still refused after a few doublings waits for the next look.
    for (let tries = 0; tries < 4; tries++) {
      const attempt = await nextAttempt(slot, now, raiseNow)
      if (attempt === undefined) return false
      const sent = await transmit(slot, attempt)
      switch (sent) {
        case 'sent':
        case 'known':
          if (!slot.accepted) {
            slot.accepted = true
            await persist(slot)
          }
          return true
        case 'replacement-underpriced':
        case 'underpriced':
          raiseNow = true
          continue
        case 'nonce-too-low':
        case 'nonce-too-high':
        case 'pool-full':
        case 'unreachable':
          // The next look at the chain tells which transaction has the nonce, or whether the earlier ones got lost.
          return false
        case 'reserved': {
          const other = slot.kind === 'blob' ? 'calldata' : 'blob'
          if (!kinds.has(other)) return false
          if (unmined().some(later => later !== slot && later.kind === other)) await giveWay(slot, other)
          else if (!slot.accepted && slots.at(-1) === slot) {
            blockedBy = { kind: other, nonce: slot.nonce }
            await drop(slot, undefined)
            requeue(slot)
          }
          return false
        }
        case 'insufficient-funds':
        case 'rejected':
          if (slot.accepted || slots.at(-1) !== slot || slot.attempts.length > 1) return false
          await drop(slot, refusal(sent, slot))
          return true
      }
    }
    return false
  }

  /**
   * After a reorg, a later transaction of the other kind can be back in its pool before this one is, and keeps it out for ever: the
   * nonce gets an empty transaction of that kind, and the submission another nonce.
   */
  async function giveWay(slot: Slot, kind: PoolKind): Promise<void> {
    const { entry } = slot
    if (entry !== undefined && !slot.cancelling) {
      const former = slot.settled ?? slot.attempts.at(-1)?.hash
      const note = stringify({ kind: slot.kind, to: slot.to, former } satisfies Note)
      const reopened = await journal.reopen(entry, await itemsOf(entry), note)
      const waiter =
        waiters.get(entry.key) ??
        createWaiter(reopened, { kind: slot.kind, to: slot.to, items: reopened.items, key: entry.key })
      waiter.entry = reopened
      queue.unshift(waiter)
    }
    Object.assign(slot, {
      entry: undefined,
      kind,
      to: account.address,
      attempts: [],
      accepted: false,
      settled: undefined,
      cancelling: true,
      prepared: undefined,
    } satisfies Partial<Slot>)
    await persist(slot)
  }

  let lastRefusal: Error | undefined
  function refusal(kind: 'insufficient-funds' | 'rejected', slot: Slot): DaError {
    return new DaError(
      kind === 'rejected' ? 'the node refuses the transaction' : `${account.address} cannot pay for the transaction`,
      {
        code: kind === 'rejected' ? 'DA_REJECTED' : 'DA_INSUFFICIENT_FUNDS',
        details: { key: slot.entry?.key, kind: slot.kind },
        cause: lastRefusal,
      },
    )
  }

  /** The attempt to send: the last one again, or a new one with fees that a pool takes. Journalled before it is returned. */
  async function nextAttempt(slot: Slot, now: FeeMarket, raise: boolean): Promise<Attempt | undefined> {
    const last = slot.attempts.at(-1)
    if (last !== undefined && !raise) return last
    const fees = last === undefined ? firstFees(now, slot.kind === 'blob', floors) : bumpFees(last.fees, now)
    const broken = brokenFeeLimit(fees, now, floors, limits)
    if (broken !== undefined) {
      slot.raisedAtMs = clock.now()
      if (last !== undefined) return last
      await drop(
        slot,
        new DaError(`posting to Ethereum costs more than is allowed (${broken})`, {
          code: 'DA_FEE_TOO_HIGH',
          details: { limit: broken, cap: fees.cap, blobCap: fees.blobCap },
        }),
      )
      return undefined
    }
    if (slot.cancelling && last?.cancels !== true) slot.prepared = undefined
    const payload = await prepared(slot)
    const to = slot.cancelling ? account.address : slot.to
    const gas = last !== undefined && last.cancels === slot.cancelling ? last.gas : await gasOf(payload, to)
    const { hash } = await payload.sign(account, { chainId: chainId!, nonce: slot.nonce, to, gas, fees })
    const attempt = { hash, fees, gas, cancels: slot.cancelling }
    if (!slot.cancelling) slot.hashes = payload.hashes
    await record(slot, attempt)
    slot.raisedAtMs = clock.now()
    return attempt
  }

  /** Journals an attempt; one that could not be journalled is not sent. */
  async function record(slot: Slot, attempt: Attempt): Promise<void> {
    slot.attempts.push(attempt)
    try {
      await persist(slot)
    } catch (error) {
      slot.attempts.pop()
      throw error
    }
  }

  async function gasOf(payload: PreparedPayload, to: Hex): Promise<bigint> {
    try {
      const estimate = await readQuantity(client, 'eth_estimateGas', [
        { from: account.address, to, ...payload.estimate },
      ])
      return larger(estimate, payload.intrinsicGas)
    } catch {
      return payload.intrinsicGas
    }
  }

  async function transmit(slot: Slot, attempt: Attempt): Promise<'sent' | ReturnType<typeof classifySendFailure>> {
    const payload = await prepared(slot)
    const { raw, hash } = await payload.sign(account, {
      chainId: chainId!,
      nonce: slot.nonce,
      to: attempt.cancels ? account.address : slot.to,
      gas: attempt.gas,
      fees: attempt.fees,
    })
    if (hash !== attempt.hash) {
      // Signers that are not deterministic make a new transaction each time: it counts as one more attempt.
      await record(slot, { ...attempt, hash })
    }
    try {
      await client.request({ method: 'eth_sendRawTransaction', params: [raw] })
      logger.info({ nonce: slot.nonce, hash, kind: slot.kind, attempts: slot.attempts.length }, 'transaction sent')
      return 'sent'
    } catch (error) {
      const failure = classifySendFailure(error)
      lastRefusal = foreignCause(error)
      logger.warn({ nonce: slot.nonce, hash, failure }, 'transaction not taken')
      return failure
    }
  }

  // What a crash left is gone on with at once, even if nobody asks: a reorg may have undone what was reported. Adapters that are made right
  // after the manager have registered by then.
  void Promise.resolve()
    .then(start)
    .then(run)
    .catch(() => {})

  async function wait(waiter: Waiter, options: DaSubmitOptions | undefined): Promise<DaReceipt> {
    try {
      return await withDeadline('an Ethereum submission', options, undefined, () => waiter.result, clock)
    } catch (error) {
      if (waiters.get(waiter.entry.key) === waiter) {
        waiter.abandoned = true
        if (queue.includes(waiter)) {
          queue.splice(queue.indexOf(waiter), 1)
          waiters.delete(waiter.entry.key)
          await journal.remove(waiter.entry)
        } else run()
      }
      throw error
    }
  }

  return {
    address: account.address,
    client,
    market,
    suggest: async kind => firstFees(await market(), kind === 'blob', floors),
    register(payload, commit) {
      kinds.set(payload.kind, { payload, commit })
      claim()
    },
    async send(request, options) {
      options?.signal?.throwIfAborted()
      const enter = async (): Promise<Waiter | DaReceipt> => {
        await start()
        options?.signal?.throwIfAborted()
        const note = stringify({ kind: request.kind, to: request.to } satisfies Note)
        const entry = await journal.open(request.key, request.items, note)
        if (entry.receipt !== undefined) return entry.receipt
        const known = waiters.get(request.key)
        if (known !== undefined) {
          known.abandoned = false
          return known
        }
        const waiter = createWaiter(entry, request)
        if (!slots.some(slot => slot.entry?.key === request.key)) queue.push(waiter)
        return waiter
      }
      const entered = entrance.then(enter, enter)
      entrance = entered.catch(() => {})
      const waiter = await entered
      if (!('entry' in waiter)) return waiter
      run()
      return wait(waiter, options)
    },
    async resume(key, options) {
      await start()
      const waiter = waiters.get(key)
      if (waiter === undefined) return (await journal.find(key))?.receipt
      waiter.abandoned = false
      run()
      return wait(waiter, options)
    },
    async pending(kind) {
      await start()
      return [...waiters.values()]
        .filter(waiter => waiter.request.kind === kind)
        .sort((a, b) => a.entry.sequence - b.entry.sequence)
        .map(waiter => waiter.entry.key)
    },
    async cancel(key) {
      await start()
      const waiter = waiters.get(key)
      if (waiter === undefined) return false
      waiter.abandoned = true
      const slot = slots.find(({ entry }) => entry?.key === key)
      if (slot !== undefined && slot.mined === undefined) {
        slot.cancelling = true
        await persist(slot)
      }
      run()
      return true
    },
    async successor(hash) {
      await start()
      const slot = slots.find(({ attempts }) => attempts.some(attempt => attempt.hash === hash))
      const mined = slot === undefined ? undefined : await minedOf(slot)
      if (mined !== undefined) return mined.hash
      const stored = await store.get(`transactions/successor/${hash.slice(2)}`)
      return stored === undefined ? hash : (plain.decode(stored) as Hex)
    },
    isPending: hash => unmined().some(({ attempts }) => attempts.some(attempt => attempt.hash === hash)),
    inFlight: () =>
      slots
        .filter(slot => slot.settled === undefined)
        .map(slot => ({
          nonce: slot.nonce,
          key: slot.entry?.key ?? '',
          kind: slot.kind,
          attempts: slot.attempts.length,
          mined: slot.mined !== undefined,
          fees: slot.attempts.at(-1)?.fees ?? { tip: 0n, cap: 0n, blobCap: undefined },
        })),
    async [Symbol.asyncDispose]() {
      closing.abort(new DaError('the transaction manager is closed', { code: 'DA_CLOSED' }))
      await loop
      for (const waiter of waiters.values()) waiter.settle({ error: closing.signal.reason })
      waiters.clear()
    },
  }
}
