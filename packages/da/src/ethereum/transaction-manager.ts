import { type Clock, type Closable, closable, type Logger, silentLogger, systemClock } from '@l2/common'
import type { Hex } from 'viem'
import * as z from 'zod/mini'
import type { Commitment } from '../commitment.js'
import { DaError } from '../errors.js'
import { createOnce, createSerial, foreignCause, sleepUntil, withDeadline } from '../internal/call.js'
import { createJournal, type JournalEntry } from '../internal/journal.js'
import { parseOptions } from '../internal/options.js'
import type { DaReceipt, DaSubmitOptions } from '../port.js'
import { createMemoryStore, type Store } from '../store.js'
import { createBlobTips } from './blob-tips.js'
import type { SendFailure } from './failure.js'
import { type FeeMarket, type Fees, firstFees } from './fees.js'
import { createPublisher } from './publisher.js'
import { createQueue, formatNote, noteOf, type Submission } from './queue.js'
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
import { createSlot, encodeSlot, isCancelling, isOrphan, loadSlots, type Slot, slotName } from './slots.js'
import type { PayloadKind, PoolKind } from './transaction.js'

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
  /** Asked at once, and before anything is journalled; what it throws ends the call. Later calls keep their place behind this one. */
  approve?: (() => Promise<void>) | undefined
}

/** Makes the commitments out of the transaction that was mined and the payload's hashes. */
export type Commit = (hash: Hex, hashes: readonly Hex[]) => Commitment[]

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

const text = new TextEncoder()
const plain = new TextDecoder()

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
  /** Lowest nonce first. Every submission that has not ended is in one of these, or waits in the queue. */
  const slots: Slot[] = []
  const unclaimed: JournalEntry[] = []
  const closing = new AbortController()
  let wake = new AbortController()
  let loop: Promise<void> | undefined
  let chainId: number | undefined
  let loaded = false
  /** A foreign transaction of this kind blocks the pool of the other. */
  let blockedBy: { kind: PoolKind; nonce: number } | undefined
  // What the store says and what is in memory change together, one change after another: the store first, and memory when that has
  // succeeded. Nothing that runs in here may call it again.
  const atomic = createSerial()
  // Calls of `send` enter in their order, whatever each of them has to wait for.
  const inOrder = createSerial()

  const blobTips = createBlobTips(client, settings)

  const publisher = createPublisher({
    client,
    account,
    chainId: () => chainId!,
    clock,
    logger,
    signal: closing.signal,
    floors: settings,
    limits: {
      maxCapWei: settings.maxCapWei,
      maxBlobCapWei: settings.maxBlobCapWei,
      multiple: settings.feeLimitMultiple,
      multipleAboveWei: settings.feeLimitAboveWei,
    },
    payloadOf: kind => kinds.get(kind)?.payload,
    itemsOf,
    change: (slot, make) => atomic(() => write(slot, make())),
  })

  const unmined = () => slots.filter(slot => slot.mined === undefined)
  const slotOf = (key: string) => slots.find(({ entry }) => entry?.key === key)
  const submissionOf = ({ entry }: Slot) => (entry === undefined ? undefined : queue.find(entry.key))
  /** The transaction that the receipt of a slot's submission names, once there is a receipt. */
  const settledAs = ({ entry }: Slot) => (entry?.receipt === undefined ? undefined : noteOf(entry).settled)

  const cancels = (slot: Slot, { hash }: Receipt) =>
    slot.attempts.some(attempt => attempt.hash === hash && attempt.cancels)
  /** Whether nothing is left to do about the submission of a slot whose transaction was mined. */
  const isSettled = (slot: Slot, mined: Receipt) =>
    slot.entry === undefined || (settledAs(slot) !== undefined && !cancels(slot, mined))

  const load = createOnce(async () => {
    const found = await loadSlots(store, journal.find, clock.now())
    const pending = await journal.pending()
    slots.push(...found)
    unclaimed.push(...pending)
    loaded = true
    claim()
  })

  /** Takes up journalled submissions whose kind an adapter has registered. */
  function claim(): void {
    for (const entry of unclaimed.splice(0)) {
      const slot = slotOf(entry.key)
      if (!kinds.has(noteOf(entry).kind)) unclaimed.push(entry)
      else queue.admit(entry, slot !== undefined)
    }
  }

  function start(): Promise<void> {
    return closing.signal.aborted ? Promise.reject(closing.signal.reason) : load()
  }

  /** Looks at the chain now, and every so often for as long as there is something to look for. */
  function run(): void {
    wake.abort()
    const isIdle = () => loaded && queue.first() === undefined && slots.length === 0
    loop ??= (async () => {
      while (!closing.signal.aborted) {
        wake = new AbortController()
        try {
          await load()
          if (!isIdle()) await tick()
        } catch (error) {
          logger.warn({ error: foreignCause(error).message }, 'ethereum transactions wait')
        }
        if (isIdle()) break
        await sleepUntil(clock, settings.pollMs, [wake.signal, closing.signal])
      }
      loop = undefined
    })()
  }

  const market = async (): Promise<FeeMarket> => {
    const [head, tip, blobBaseFee] = await Promise.all([
      readHead(client),
      readOptionalQuantity(client, 'eth_maxPriorityFeePerGas', unknownTip),
      readOptionalQuantity(client, 'eth_blobBaseFee', 1n),
    ])
    const blobTip = kinds.has('blob') ? await blobTips.suggest(head.number) : undefined
    return { tip, blobTip: blobTip ?? tip, baseFee: head.baseFee, blobBaseFee }
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
    if (slot.mined !== undefined && isSettled(slot, slot.mined) && slot.mined.blockNumber > final) return
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
    const depth = head - receipt.blockNumber + 1n
    if (!isSettled(slot, receipt)) {
      if (depth < BigInt(settings.confirmations)) return
      await settle(slot, receipt)
    }
    if (receipt.blockNumber <= final) await retire(slot, receipt)
  }

  async function minedOf(slot: Slot): Promise<Receipt | undefined> {
    const first = slot.mined?.hash ?? settledAs(slot)
    const hashes = slot.attempts.map(({ hash }) => hash).reverse()
    if (first !== undefined) hashes.unshift(first)
    for (const hash of new Set(hashes)) {
      const receipt = await readReceipt(client, hash)
      if (receipt !== undefined) return receipt
    }
    return undefined
  }

  /** Ends the submission of a slot. The slot stays: a reorg may bring another of its attempts, or none. */
  const settle = (slot: Slot, receipt: Receipt) =>
    atomic(async () => {
      const { entry, nonce, kind, hashes } = slot
      const { hash, blockNumber } = receipt
      if (entry === undefined) return
      if (cancels(slot, receipt)) {
        // Reported, reorged out, and beaten by its own cancellation: what was reported must come back.
        if (entry.receipt !== undefined) return detach(slot, {})
        await queue.fail(entry, cancelled(entry.key, 'the submission was cancelled'))
        slot.entry = undefined
        return
      }
      const { former } = noteOf(entry)
      if (former !== undefined) await rememberSuccessor(former, hash)
      const commitments = commitOf(kind)(hash, hashes)
      await queue.finish(entry, { key: entry.key, commitments, height: blockNumber }, hash)
      logger.info({ nonce, hash, kind }, 'transaction confirmed')
    })

  /** Forgets a slot whose block is final. */
  const retire = (slot: Slot, { hash }: Receipt) =>
    atomic(async () => {
      // A receipt was handed out for one attempt and a reorg let another win: whoever holds the old hash is led to the new.
      const settled = settledAs(slot)
      if (settled !== undefined && settled !== hash) await rememberSuccessor(settled, hash)
      if (slot.entry !== undefined) await journal.release(slot.entry)
      await forget(slot)
    })

  const rememberSuccessor = (former: Hex, hash: Hex) =>
    store.put(`transactions/successor/${former.slice(2)}`, text.encode(hash))

  function commitOf(kind: PoolKind): Commit {
    const known = kinds.get(kind)
    if (known !== undefined) return known.commit
    throw new DaError(`the journal holds a ${kind} transaction, and no adapter of that kind was made`, {
      code: 'DA_OPTIONS_INVALID',
      details: { kind },
    })
  }

  /** The nonce went to a transaction that is not ours. */
  async function lose(slot: Slot): Promise<void> {
    const { entry, nonce, accepted } = slot
    const reported = entry !== undefined && (entry.receipt !== undefined || noteOf(entry).former !== undefined)
    // What was reported must come back. What nobody ever took, with nothing after it, can go again without breaking the order.
    if (reported || (!accepted && slots.at(-1) === slot)) return putBack(slot)
    const error = new DaError(`nonce ${nonce} was used by a transaction that is not ours`, {
      code: 'DA_NONCE_CONFLICT',
      details: { nonce, account: account.address },
    })
    await drop(slot, error)
  }

  /** Gives a slot and its submission up; false where `holds` says that it may not be any more. */
  const drop = (slot: Slot, error: DaError, holds: () => boolean = () => true) =>
    atomic(async () => {
      if (!holds()) return false
      if (slot.entry !== undefined) {
        await queue.fail(slot.entry, error)
        slot.entry = undefined
      }
      await forget(slot)
      return true
    })

  /** Gives a slot up; its submission is the next to get a nonce. */
  const putBack = (slot: Slot) =>
    atomic(async () => {
      await reopen(slot)
      await forget(slot)
      if (slot.entry !== undefined) queue.putBack(slot.entry)
    })

  /**
   * After a reorg, a later transaction of the other kind can be back in its pool before this one is, and keeps it out for ever: the
   * nonce gets an empty transaction of that kind, and the submission another nonce.
   */
  const giveWay = (slot: Slot, kind: PoolKind) =>
    atomic(async () => {
      if (slot.entry !== undefined && isCancelling(slot)) {
        await queue.fail(slot.entry, cancelled(slot.entry.key, 'the submission was cancelled'))
        slot.entry = undefined
      }
      const empty = { attempts: [], hashes: [], accepted: false, prepared: undefined }
      await detach(slot, { ...empty, kind, to: account.address, cancelling: true })
    })

  // Only inside `atomic`.

  /** Makes a submission that had ended one that has not. */
  async function reopen(slot: Slot): Promise<void> {
    if (slot.entry?.receipt !== undefined) slot.entry = await queue.reopen(slot.entry, await itemsOf(slot.entry))
  }

  /** Takes the submission out of a slot that keeps its nonce; it is the next to get another. */
  async function detach(slot: Slot, patch: Partial<Slot>): Promise<void> {
    await reopen(slot)
    const { entry } = slot
    await write(slot, { ...patch, entry: undefined })
    if (entry !== undefined) queue.putBack(entry)
  }

  async function write(slot: Slot, patch: Partial<Slot>): Promise<void> {
    await store.put(slotName(slot.nonce), encodeSlot({ ...slot, ...patch }))
    Object.assign(slot, patch)
  }

  async function adopt(slot: Slot, entry: JournalEntry): Promise<void> {
    if (slot.entry?.sequence === entry.sequence) slot.entry = entry
    else await write(slot, { entry })
  }

  async function forget(slot: Slot): Promise<void> {
    await store.delete(slotName(slot.nonce))
    slots.splice(slots.indexOf(slot), 1)
  }

  // Outside `atomic` again.

  /** Sees to what is out and not mined, lowest nonce first. False when nothing new may leave now. */
  async function republish(used: number, now: FeeMarket): Promise<boolean> {
    // What no node has and nobody wants is given up from the newest down: the nonces in use stay without a gap.
    for (let slot = slots.at(-1); slot !== undefined; slot = slots.at(-1)) {
      const submission = submissionOf(slot)
      const unwanted = isOrphan(slot) || (!slot.accepted && submission?.abandoned === true)
      if (!unwanted || slot.mined !== undefined || slot.nonce < used || (await anyKnown(slot))) break
      if (submission === undefined) await atomic(() => forget(slot))
      else if (!(await drop(slot, withdrawn(submission.entry.key), () => submission.abandoned))) break
    }
    const lowest = unmined().find(slot => slot.nonce >= used)
    for (const slot of unmined()) {
      if (slot.nonce < used) continue
      if (isOrphan(slot)) await atomic(() => write(slot, { cancelling: true }))
      let due = clock.now() - slot.raisedAtMs >= settings.resubmitMs
      // What waits for an earlier nonce is not mined whatever it pays: its time begins when it is the first.
      if (slot !== lowest && due) {
        slot.raisedAtMs = clock.now()
        due = false
      }
      const wantsCancel = isCancelling(slot) && !slot.attempts.some(({ cancels }) => cancels)
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
    for (;;) {
      const submission = queue.first()
      if (submission === undefined && blockedBy === undefined) return
      const open = unmined()
      // A nonce that is used without a receipt yet is not settled: the next one must wait for what becomes of it.
      if (open.some(slot => slot.nonce < used || !slot.accepted)) return
      if (open.length >= settings.maxInFlight) return
      const nonce = Math.max(used, (slots.at(-1)?.nonce ?? -1) + 1)
      const raisedAtMs = clock.now()
      let slot: Slot
      if (blockedBy !== undefined) {
        if (open.length > 0) return
        const fields = { nonce, entry: undefined, kind: blockedBy.kind, to: account.address, raisedAtMs }
        slot = createSlot({ ...fields, cancelling: true })
        blockedBy = undefined
      } else {
        const { entry, kind, to, abandoned } = submission!
        // Blob and other transactions of one account cannot be pending together.
        if (open.some(other => other.kind !== kind)) return
        if (abandoned) {
          await withdraw(submission!)
          continue
        }
        slot = createSlot({ nonce, entry, kind, to, raisedAtMs })
        queue.leave(submission!)
      }
      slots.push(slot)
      if (!(await publish(slot, now, false))) return
    }
  }

  /** Sends a slot. False when nothing may follow it now. */
  async function publish(slot: Slot, now: FeeMarket, raise: boolean): Promise<boolean> {
    const published = await publisher.publish(slot, now, raise)
    // Only the newest nonce can be given up without leaving a gap, and nothing that was reported once.
    const isNewest = slots.at(-1) === slot
    const mustReturn = slot.entry !== undefined && noteOf(slot.entry).former !== undefined
    switch (published.outcome) {
      case 'sent':
        return true
      case 'later':
        return false
      case 'too-dear':
        // What a node has taken may be mined, whatever another one thinks of its price.
        if (isNewest && !mustReturn && !slot.accepted) await drop(slot, published.error)
        return false
      case 'refused':
        if (slot.accepted || !isNewest || mustReturn || slot.attempts.length > 1) return false
        await drop(slot, published.error)
        return true
      case 'reserved': {
        const other = slot.kind === 'blob' ? 'calldata' : 'blob'
        if (!kinds.has(other)) return false
        if (unmined().some(later => later !== slot && later.kind === other)) await giveWay(slot, other)
        else if (!slot.accepted && isNewest) {
          blockedBy = { kind: other, nonce: slot.nonce }
          await putBack(slot)
        }
        return false
      }
    }
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

  const cancelled = (key: string, message: string) => new DaError(message, { code: 'DA_CANCELLED', details: { key } })
  const withdrawn = (key: string) => cancelled(key, 'the submission was withdrawn before any node took it')

  /** Ends an abandoned submission that has no nonce. */
  const withdraw = (submission: Submission) =>
    atomic(async () => {
      const { entry, abandoned } = submission
      if (abandoned && queue.waits(submission)) await queue.fail(entry, withdrawn(entry.key))
    })

  /** Waits for a submission, and tells it when this caller gives up. */
  async function wait(
    entering: Promise<Submission | DaReceipt | undefined>,
    options: DaSubmitOptions | undefined,
  ): Promise<DaReceipt | undefined> {
    try {
      return await withDeadline(
        'an Ethereum submission',
        options,
        undefined,
        async () => {
          const entered = await entering
          return entered !== undefined && 'result' in entered ? entered.result : entered
        },
        clock,
      )
    } catch (error) {
      entering.then(
        entered => entered !== undefined && 'result' in entered && leave(entered),
        () => {},
      )
      throw error
    }
  }

  /** One caller less; the last one abandons the submission. */
  function leave(submission: Submission): void {
    submission.callers--
    if (submission.callers > 0) return
    submission.abandoned = true
    // Should the store fail now, the next look at the chain tries again.
    withdraw(submission).then(run, run)
  }

  /** One caller more. */
  function join(submission: Submission): Submission {
    submission.callers++
    submission.abandoned = false
    run()
    return submission
  }

  // What a crash left is gone on with at once, even if nobody asks: a reorg may have undone what was reported. Adapters that are made right
  // after the manager have registered by then.
  void Promise.resolve().then(run)

  return {
    address: account.address,
    client,
    market,
    suggest: async kind => firstFees(await market(), kind === 'blob', settings),
    register(payload, commit) {
      kinds.set(payload.kind, { payload, commit })
      claim()
      if (loaded) run()
    },
    async send({ kind, to, items, key, approve }, options) {
      options?.signal?.throwIfAborted()
      // A call that gives up while it asks must not keep the next ones waiting.
      const approved = approve && withDeadline('an Ethereum submission', options, undefined, approve, clock)
      approved?.catch(() => {})
      const entering = inOrder(async () => {
        await approved
        return atomic(async () => {
          await start()
          options?.signal?.throwIfAborted()
          const entry = await journal.open(key, items, formatNote({ kind, to }))
          // Closed meanwhile: whoever opens this journal next goes on with it.
          closing.signal.throwIfAborted()
          // A write can have reached the store and been reported as failed: what the journal says is so.
          const slot = slotOf(key)
          if (slot !== undefined) await adopt(slot, entry)
          if (entry.receipt === undefined) return join(queue.admit(entry, slot !== undefined))
          queue.answer(entry.receipt)
          return entry.receipt
        })
      })
      return (await wait(entering, options))!
    },
    async resume(key, options) {
      options?.signal?.throwIfAborted()
      const entering = atomic(async () => {
        await start()
        const submission = queue.find(key)
        return submission === undefined ? (await journal.find(key))?.receipt : join(submission)
      })
      return wait(entering, options)
    },
    async pending(kind) {
      await start()
      return queue
        .all()
        .filter(submission => submission.kind === kind)
        .sort((a, b) => a.entry.sequence - b.entry.sequence)
        .map(({ entry }) => entry.key)
    },
    async cancel(key) {
      await start()
      const found = await atomic(async () => {
        const submission = queue.find(key)
        if (submission === undefined) return false
        const slot = slotOf(key)
        if (slot === undefined) await queue.fail(submission.entry, withdrawn(key))
        else if (slot.mined === undefined) await write(slot, { cancelling: true })
        submission.abandoned = true
        return true
      })
      run()
      return found
    },
    async successor(hash) {
      await start()
      let at = hash
      // Each reorg can have led to another one.
      for (let hops = 0; hops < 16; hops++) {
        const slot = slots.find(({ attempts }) => attempts.some(attempt => attempt.hash === at))
        const mined = slot === undefined ? undefined : await minedOf(slot)
        if (mined !== undefined) return mined.hash
        const stored = await store.get(`transactions/successor/${at.slice(2)}`)
        if (stored === undefined) return at
        at = plain.decode(stored) as Hex
      }
      return at
    },
    isPending: hash => unmined().some(({ attempts }) => attempts.some(attempt => attempt.hash === hash)),
    inFlight: () =>
      slots
        .filter(({ entry, mined }) => (entry === undefined ? mined === undefined : entry.receipt === undefined))
        .map(slot => ({
          nonce: slot.nonce,
          key: slot.entry?.key ?? '',
          kind: slot.kind,
          attempts: slot.attempts.length,
          mined: slot.mined !== undefined,
          fees: slot.attempts.at(-1)?.fees ?? { tip: 0n, cap: 0n, blobCap: undefined },
          waiting: slot.waiting,
        })),
    ...closable(async () => {
      closing.abort(new DaError('the transaction manager is closed', { code: 'DA_CLOSED' }))
      await loop
      await atomic(async () => queue.close(closing.signal.reason))
    }),
  }
}
