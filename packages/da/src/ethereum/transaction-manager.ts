import { type Clock, type Closable, closable, type Logger, silentLogger, systemClock } from '@l2/common'
import type { Hex } from 'viem'
import * as z from 'zod/mini'
import { DaError } from '../errors.js'
import { createOnce, foreignCause, sleepUntil } from '../internal/call.js'
import { createJournal, type JournalEntry } from '../internal/journal.js'
import { parseOptions } from '../internal/options.js'
import type { DaReceipt, DaSubmitOptions } from '../port.js'
import { createMemoryStore, type Store } from '../store.js'
import { type BlobTips, createBlobTips } from './blob-tips.js'
import type { SendFailure } from './failure.js'
import { type FeeLimits, type FeeMarket, type Fees, firstFees } from './fees.js'
import { type ChainView, minedOf, NonceStream } from './nonce-stream.js'
import { createPublisher } from './publisher.js'
import { createQueue, noteOf } from './queue.js'
import {
  type EthereumClient,
  readFinalized,
  readHead,
  readOptionalQuantity,
  readQuantity,
  type TransactionSigner,
} from './rpc.js'
import { itemsOf, SlotBook } from './slot-book.js'
import type { Slot } from './slots.js'
import { Submissions } from './submissions.js'
import type { Commit, PayloadKind, PoolKind, TransactionRequest } from './transaction.js'

/** Plain settings of {@link createTransactionManager}. Defaults are those of op-batcher where it has the same setting, but for the tip. */
export type TransactionManagerOptions = {
  /** Blocks, the one that includes it counted, before a submission is done; 10. */
  confirmations?: number | undefined
  /** Milliseconds between looks at the chain while anything is under way; 12 000. */
  pollMs?: number | undefined
  /** Milliseconds after which a transaction that is not mined is replaced with higher fees; 48 000. */
  resubmitMs?: number | undefined
  /** Unmined transactions at a time; 6. geth's blob pool holds at most 16 an account. */
  maxInFlight?: number | undefined
  /**
   * 0.01 gwei, so that the tip is what the node suggests. op-batcher's 1 gwei, or 2 gwei as it is recommended, is most of a blob transaction's
   * price while the base fee is low.
   */
  minTipWei?: bigint | undefined
  /** Least tip of blob transactions; `minTipWei`. */
  minBlobTipWei?: bigint | undefined
  /**
   * Blocks whose blob transactions tell the tip of ours, as far as they were seen while anything was under way: each new block is read whole,
   * once. 20, as op-batcher has it; 0 for the tip that the node suggests for any transaction.
   */
  blobTipBlocks?: number | undefined
  /** Which of their tips, in percent from the lowest: 60. */
  blobTipPercentile?: number | undefined
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

/** What {@link createTransactionManager} works with. */
export type TransactionManagerDeps = {
  client: EthereumClient
  account: TransactionSigner
  /** Journal of what is in flight. Without one a crash forgets it, and what was sent may be sent again. */
  store?: Store | undefined
  clock?: Clock | undefined
  /** One line a state change. */
  logger?: Logger | undefined
}

/** What is under way, for metrics and tests. */
export type InFlight = {
  nonce: number
  key: string
  kind: PoolKind
  attempts: number
  mined: boolean
  fees: Fees
  /** Why the node did not take it when it was last offered; absent when it did. */
  waiting?: SendFailure | undefined
}

/** Sends the transactions of one account: one nonce stream, in order, each mined exactly once. */
export interface TransactionManager extends Closable {
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
/** Where a node has no opinion. */
const unknownTip = gwei
const positive = /* @__PURE__ */ (() => z.int().check(z.positive()))()
const wei = /* @__PURE__ */ (() => z.bigint().check(z.positive()))()
const schema = /* @__PURE__ */ (() =>
  z.strictObject({
    confirmations: z._default(positive, 10),
    pollMs: z._default(positive, 12_000),
    resubmitMs: z._default(positive, 48_000),
    maxInFlight: z._default(positive, 6),
    minTipWei: z._default(wei, gwei / 100n),
    minBlobTipWei: z.optional(wei),
    blobTipBlocks: z._default(z.int().check(z.minimum(0), z.maximum(1024)), 20),
    blobTipPercentile: z._default(z.int().check(z.minimum(1), z.maximum(100)), 60),
    minBaseFeeWei: z._default(wei, gwei),
    minBlobCapWei: z._default(wei, gwei),
    maxCapWei: z._default(wei, 1000n * gwei),
    maxBlobCapWei: z._default(wei, 1000n * gwei),
    feeLimitMultiple: z._default(wei, 5n),
    feeLimitAboveWei: z._default(wei, 100n * gwei),
    finalityBlocks: z._default(positive, 64),
  }))()

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
 * @example
 * ```ts no-run
 * import { createTransactionManager } from '@l2/da/ethereum'
 * import { createFileStore } from '@l2/da/node'
 * import { createPublicClient, http } from 'viem'
 * import { privateKeyToAccount } from 'viem/accounts'
 *
 * const client = createPublicClient({ transport: http('https://ethereum.example') })
 * const account = privateKeyToAccount(process.env['BATCHER_KEY'] as `0x${string}`)
 * const store = createFileStore('/var/lib/batcher')
 * const transactions = createTransactionManager({ confirmations: 4, resubmitMs: 36_000 }, { client, account, store })
 * for (const { nonce, key, attempts } of transactions.inFlight()) console.log(nonce, key, attempts)
 * await transactions.cancel('channel 7')
 * ```
 */
export function createTransactionManager(
  options: TransactionManagerOptions,
  deps: TransactionManagerDeps,
): TransactionManager {
  const settings = parseOptions('createTransactionManager', schema, options)
  const { client, account } = deps
  const store = deps.store ?? createMemoryStore()
  const clock = deps.clock ?? systemClock
  const logger = deps.logger ?? silentLogger
  const journal = createJournal(store, 'transactions', { keepData: true })
  const kinds = new Map<PoolKind, { payload: PayloadKind; commit: Commit }>()
  const queue = createQueue(journal)
  const unclaimed: JournalEntry[] = []
  const closing = new AbortController()
  const { signal } = closing
  let chainId: number | undefined
  let isLoaded = false
  const blobTips = createBlobTips(client, settings)
  const commitOf = (kind: PoolKind): Commit => {
    const known = kinds.get(kind)
    if (known !== undefined) return known.commit
    throw new DaError(`the journal holds a ${kind} transaction, and no adapter of that kind was made`, {
      code: 'DA_OPTIONS_INVALID',
      details: { kind },
    })
  }
  const book = new SlotBook({ store, journal, queue, logger, address: account.address, commitOf })
  const publisher = createPublisher({
    ...{ client, account, clock, logger, signal, floors: settings, limits: limitsOf(settings) },
    chainId: () => chainId!,
    payloadOf: kind => kinds.get(kind)?.payload,
    itemsOf: entry => itemsOf(journal, entry),
    change: (slot, make) => book.change(slot, make),
  })
  const hasKind = (kind: PoolKind) => kinds.has(kind)
  const stream = new NonceStream({ client, account, clock, logger, settings, book, queue, publisher, hasKind })

  /** Takes up journalled submissions whose kind an adapter has registered. */
  const claim = (): void => {
    for (const entry of unclaimed.splice(0)) {
      if (hasKind(noteOf(entry).kind)) queue.admit(entry, book.find(entry.key) !== undefined)
      else unclaimed.push(entry)
    }
  }
  const load = createOnce(async () => {
    unclaimed.push(...(await book.load(clock.now())))
    isLoaded = true
    claim()
  })
  const start = (): Promise<void> => (signal.aborted ? Promise.reject(signal.reason) : load())
  const market = () => readMarket(client, hasKind('blob') ? blobTips : undefined)
  /** One look at the chain and everything that follows from it. */
  const look = async (): Promise<void> => {
    chainId ??= Number(await readQuantity(client, 'eth_chainId'))
    const view = await readChain(client, account.address, settings.finalityBlocks, book.slots.length > 0)
    await stream.follow(view)
    await stream.advance(view, await market())
  }
  const isIdle = () => isLoaded && queue.first() === undefined && book.slots.length === 0
  const loop = createLoop({ ...{ clock, logger, signal, load, look, isIdle }, pollMs: settings.pollMs })
  const { run } = loop
  const submissions = new Submissions({ journal, queue, book, clock, signal, start, run })

  // What a crash left is gone on with at once, even if nobody asks: a reorg may have undone what was reported. Adapters
  // that are made right after the manager have registered by then.
  void Promise.resolve().then(run)

  return {
    address: account.address,
    client,
    market,
    suggest: async kind => firstFees(await market(), kind === 'blob', settings),
    register(payload, commit) {
      kinds.set(payload.kind, { payload, commit })
      claim()
      if (isLoaded) run()
    },
    send: (request, options) => submissions.send(request, options),
    resume: (key, options) => submissions.resume(key, options),
    async pending(kind) {
      await start()
      return queue
        .all()
        .filter(submission => submission.kind === kind)
        .sort((a, b) => a.entry.sequence - b.entry.sequence)
        .map(({ entry }) => entry.key)
    },
    cancel: key => submissions.cancel(key),
    async successor(hash) {
      await start()
      return await successorOf(client, book, hash)
    },
    isPending: hash => book.unmined().some(({ attempts }) => attempts.some(attempt => attempt.hash === hash)),
    inFlight: () =>
      book.slots
        .filter(({ entry, mined }) => (entry === undefined ? mined === undefined : entry.receipt === undefined))
        .map(inFlightOf),
    ...closable(async () => {
      closing.abort(new DaError('the transaction manager is closed', { code: 'DA_CLOSED' }))
      await loop.ended()
      await book.atomic(async () => queue.close(signal.reason))
    }),
  }
}

const inFlightOf = (slot: Slot): InFlight => ({
  nonce: slot.nonce,
  key: slot.entry?.key ?? '',
  kind: slot.kind,
  attempts: slot.attempts.length,
  mined: slot.mined !== undefined,
  fees: slot.attempts.at(-1)?.fees ?? { tip: 0n, cap: 0n, blobCap: undefined },
  waiting: slot.waiting,
})

const limitsOf = (settings: z.output<typeof schema>): FeeLimits => ({
  maxCapWei: settings.maxCapWei,
  maxBlobCapWei: settings.maxBlobCapWei,
  multiple: settings.feeLimitMultiple,
  multipleAboveWei: settings.feeLimitAboveWei,
})

async function readMarket(client: EthereumClient, blobTips: BlobTips | undefined): Promise<FeeMarket> {
  const [head, tip, blobBaseFee] = await Promise.all([
    readHead(client),
    readOptionalQuantity(client, 'eth_maxPriorityFeePerGas', unknownTip),
    readOptionalQuantity(client, 'eth_blobBaseFee', 1n),
  ])
  const blobTip = await blobTips?.suggest(head.number)
  return { tip, blobTip: blobTip ?? tip, baseFee: head.baseFee, blobBaseFee }
}

/** @param finalityBlocks blocks after which one counts as final where the node names none */
async function readChain(
  client: EthereumClient,
  address: Hex,
  finalityBlocks: number,
  needsFinal: boolean,
): Promise<ChainView> {
  const { number: head } = await readHead(client)
  const used = Number(await readQuantity(client, 'eth_getTransactionCount', [address, 'latest']))
  const finalized = needsFinal ? await readFinalized(client) : 0n
  const behind = head > BigInt(finalityBlocks) ? head - BigInt(finalityBlocks) : 0n
  return { head, used, final: finalized > 0n ? finalized : behind }
}

async function successorOf(client: EthereumClient, book: SlotBook, hash: Hex): Promise<Hex> {
  let at = hash
  // Each reorg can have led to another one.
  for (let hops = 0; hops < 16; hops++) {
    const slot = book.slots.find(({ attempts }) => attempts.some(attempt => attempt.hash === at))
    const mined = slot === undefined ? undefined : await minedOf(client, slot)
    if (mined !== undefined) return mined.hash
    const stored = await book.successorOf(at)
    if (stored === undefined) return at
    at = stored
  }
  return at
}

type LoopOptions = {
  clock: Clock
  logger: Logger
  signal: AbortSignal
  pollMs: number
  load(): Promise<void>
  look(): Promise<void>
  isIdle(): boolean
}

/** Looks when it is told to, and every so often for as long as there is something to look for. */
function createLoop({ clock, logger, signal, pollMs, load, look, isIdle }: LoopOptions) {
  let wake = new AbortController()
  let running: Promise<void> | undefined
  const untilIdle = async (): Promise<void> => {
    while (!signal.aborted) {
      wake = new AbortController()
      try {
        await load()
        if (!isIdle()) await look()
      } catch (error) {
        logger.warn({ error: foreignCause(error).message }, 'ethereum transactions wait')
      }
      if (isIdle()) break
      await sleepUntil(clock, pollMs, [wake.signal, signal])
    }
    running = undefined
  }
  return {
    run(): void {
      wake.abort()
      running ??= untilIdle()
    },
    ended: async (): Promise<void> => running,
  }
}
