import type { Address } from 'viem'
import { SequencerError } from '../errors.js'
import { conditionRange } from '../mempool/condition.js'
import { Heap } from '../mempool/heap.js'
import { KeyedHeap } from '../mempool/keyed-heap.js'
import type { Bundle, HeadCursor, HeadOrder, PooledTransaction, SenderQueue } from '../mempool/types.js'
import { effectiveTip } from '../transaction/gas.js'
import type { BlockContext, BlockOrdering, OrderingView, Outcome, Step } from './policy.js'

/** What stands at the front: the next transaction of one sender, or a bundle. */
export type Head = {
  /** What the step would take: one transaction, or all of a bundle. */
  readonly entries: readonly PooledTransaction[]
  /** Of the transaction; of a bundle, the weighted mean, rounded down. Wei for each gas. */
  readonly tipWei: bigint
  readonly arrival: number
  readonly readyAtMs: number
}

/** How a policy that works on heads decides. */
export type HeadRule = {
  /** What a pool may keep of the rule: {@link keyOf} and {@link before} give the same order. */
  readonly order: HeadOrder
  /** The smallest is taken first. A larger bigint may become the same number, never a smaller one. */
  readonly keyOf: (head: Head) => number
  /** Among heads with the same key; with it the order is total. */
  readonly before: (a: Head, b: Head) => boolean
  /** What a head that does not fit means: its sender is left out of the block, or the block ends here. */
  readonly whenFull: 'skip-sender' | 'close'
}

type Queue = SenderQueue & { at: number; isEntered: boolean }
type Item = Head & { readonly queue: Queue | undefined; readonly bundle: Bundle | undefined; gone: boolean }

/** The tip of entries taken together, wei for each gas; negative when one of them cannot pay the base fee. */
function tipOf(entries: readonly PooledTransaction[], baseFeePerGas: bigint): bigint {
  if (entries.length === 1) return effectiveTip(entries[0]!.transaction, baseFeePerGas)
  let sum = 0n
  let gas = 0n
  for (const { transaction } of entries) {
    const tip = effectiveTip(transaction, baseFeePerGas)
    if (tip < 0n) return tip
    sum += tip * transaction.gasLimit
    gas += transaction.gasLimit
  }
  return sum / gas
}

/** Whether a transaction may be in this block at all, as far as it can be told without executing it. */
export function isUsable(
  entry: PooledTransaction,
  block: Pick<BlockContext, 'height' | 'timestamp' | 'baseFeePerGas'>,
) {
  return (
    entry.transaction.maxFeePerGas >= block.baseFeePerGas &&
    conditionRange(entry.condition, block.height, block.timestamp) === 'in'
  )
}

/** What stands at the front of a sender's queue; `undefined` when it is empty, or cannot be in this block. */
function headOf(queue: Queue, block: BlockContext): Item | undefined {
  const entry = queue.entries[queue.at]
  if (entry === undefined || !isUsable(entry, block)) return undefined
  const tipWei = effectiveTip(entry.transaction, block.baseFeePerGas)
  return {
    entries: [entry],
    tipWei,
    arrival: entry.arrival,
    readyAtMs: entry.readyAtMs,
    queue,
    bundle: undefined,
    gone: false,
  }
}

/** A bundle beside the queues. */
function bundleItem(bundle: Bundle, block: BlockContext): Item {
  return {
    entries: bundle.entries,
    tipWei: tipOf(bundle.entries, block.baseFeePerGas),
    arrival: bundle.arrival,
    readyAtMs: bundle.entries[0]!.readyAtMs,
    queue: undefined,
    bundle,
    gone: false,
  }
}

/** Whether there is room for all of them. */
function fits(entries: readonly PooledTransaction[], { gasLeft, bytesLeft }: OrderingView): boolean {
  let gas = 0n
  let bytes = 0
  for (const { transaction } of entries) {
    gas += transaction.gasLimit
    bytes += transaction.raw.length
  }
  return gas <= gasLeft && bytes <= bytesLeft
}

/** The order of a rule. */
function isBefore(rule: HeadRule, a: Head, b: Head): boolean {
  const [x, y] = [rule.keyOf(a), rule.keyOf(b)]
  return x === y ? rule.before(a, b) : x < y
}

/** The senders of a pool as they were when the block was opened: read in the pool's order, or looked up where a bundle asks for one. */
function openSenders(block: BlockContext, order: HeadOrder) {
  const cursor = block.pool.headsBy?.(order, block.baseFeePerGas) ?? unordered(block.pool.pendingBySender())
  const queues = new Map<Address, Queue>()
  /** What stands at the front of each queue, so that a bundle which takes its nonce can void it. */
  const fronts = new Map<Queue, Item>()
  const open = (sender: Address, entries: readonly PooledTransaction[]): Queue => {
    const queue: Queue = { sender, entries, at: 0, isEntered: false }
    queues.set(sender, queue)
    const item = headOf(queue, block)
    if (item !== undefined) fronts.set(queue, item)
    return queue
  }
  return {
    isOrdered: block.pool.headsBy !== undefined,
    queueOf(sender: Address): Queue | undefined {
      const known = queues.get(sender)
      if (known !== undefined) return known
      const entries = cursor.queueOf(sender)
      return entries === undefined ? undefined : open(sender, entries)
    },
    frontOf: (queue: Queue | undefined): Item | undefined => (queue === undefined ? undefined : fronts.get(queue)),
    /** The front of the next sender that has one. */
    draw(): Item | undefined {
      for (let next = cursor.next(); next !== undefined; next = cursor.next()) {
        const queue = queues.get(next.sender) ?? open(next.sender, next.entries)
        // A bundle may have been here first: what stands at the front since then is entered.
        const item = queue.isEntered ? undefined : fronts.get(queue)
        queue.isEntered = true
        if (item !== undefined) return item
      }
      return undefined
    },
    /** What stands at the front of a queue that has moved. */
    advance(queue: Queue): Item | undefined {
      const item = headOf(queue, block)
      queue.isEntered = true
      if (item === undefined) fronts.delete(queue)
      else fronts.set(queue, item)
      return item
    },
    close: () => cursor.close(),
  }
}

/**
 * The machine under most policies: one head for each sender, the best head first, nonces kept by construction. A sender whose head is not
 * usable or fails is left out of the rest of the block, because its later nonces cannot execute either.
 */
export function openHeads(block: BlockContext, rule: HeadRule): BlockOrdering {
  const senders = openSenders(block, rule.order)
  const waiting = new Heap<Item>(
    (a, b) => a.readyAtMs < b.readyAtMs || (a.readyAtMs === b.readyAtMs && a.arrival < b.arrival),
  )
  /** Bundles that wait for a sender's earlier nonce. */
  const parked = new Map<Address, Item[]>()
  /** What came to the front after the block was opened, and what is in no order: in front of the pool's next where it is better. */
  const heads = new KeyedHeap<Item>(rule.before)
  const enter = (item: Item): void => heads.push(item, rule.keyOf(item))
  /** The pool's next, looked at and not taken. */
  let ahead: Item | undefined
  let nowMs = block.nowMs
  let taken: Item | undefined
  let closed = false

  const draw = (): Item | undefined => {
    let item = senders.draw()
    for (; item !== undefined && item.readyAtMs > nowMs; item = senders.draw()) waiting.push(item)
    return item
  }
  const pop = (): Item | undefined => {
    ahead ??= draw()
    const top = heads.peek()
    if (ahead === undefined || (top !== undefined && isBefore(rule, top, ahead))) return heads.pop()
    const item = ahead
    ahead = undefined
    return item
  }

  for (const bundle of block.pool.bundlesFor(block.height, block.timestamp))
    if (bundle.entries.every(entry => isUsable(entry, block))) enter(bundleItem(bundle, block))
  if (block.pool.headsBy === undefined) for (let item = draw(); item !== undefined; item = draw()) enter(item)

  const advance = (queue: Queue): void => {
    const item = senders.advance(queue)
    // Time has passed since the block was opened, but how much only `next` is told.
    if (item !== undefined) {
      if (item.readyAtMs > block.nowMs) waiting.push(item)
      else enter(item)
    }
    const bundles = parked.get(queue.sender)
    if (bundles === undefined) return
    parked.delete(queue.sender)
    for (const bundle of bundles) enter(bundle)
  }

  /** Whether a bundle's nonces are next; parks it where one comes too early. */
  const isNext = (item: Item): boolean => {
    const nonces = new Map<Address, bigint>()
    for (const { transaction } of item.entries) {
      const { sender, nonce } = transaction
      const front = senders.frontOf(senders.queueOf(sender))
      const expected = nonces.get(sender) ?? front?.entries[0]?.transaction.nonce
      if (expected !== undefined && nonce !== expected) {
        if (nonce > expected) parked.set(sender, [...(parked.get(sender) ?? []), item])
        return false
      }
      nonces.set(sender, nonce + 1n)
    }
    return true
  }

  /** Moves the queues whose nonces a bundle has used. */
  const passBundle = (bundle: Bundle): void => {
    const touched = new Set<Queue>()
    for (const { transaction } of bundle.entries) {
      const queue = senders.queueOf(transaction.sender)
      if (queue === undefined) continue
      const front = senders.frontOf(queue)
      if (front !== undefined) front.gone = true
      while (queue.at < queue.entries.length && queue.entries[queue.at]!.transaction.nonce <= transaction.nonce)
        queue.at++
      touched.add(queue)
    }
    for (const queue of touched) advance(queue)
  }

  return {
    next(view: OrderingView): Step {
      if (taken !== undefined)
        throw new SequencerError('next() before the last step was settled', { code: 'POLICY_MISUSE' })
      nowMs = Math.max(nowMs, view.nowMs)
      while (waiting.size > 0 && waiting.peek()!.readyAtMs <= view.nowMs) enter(waiting.pop()!)
      while (!closed) {
        const item = pop()
        if (item === undefined) break
        if (item.gone || (item.bundle !== undefined && !isNext(item))) continue
        if (!fits(item.entries, view)) {
          // A bundle that does not fit must not keep everybody else waiting.
          if (rule.whenFull === 'close' && item.bundle === undefined) closed = true
          continue
        }
        taken = item
        const atomic = item.bundle !== undefined || !item.entries[0]!.mayRevert
        return { type: 'take', entries: item.entries, atomic }
      }
      const next = closed ? undefined : waiting.peek()
      if (next === undefined) senders.close()
      return next === undefined ? { type: 'done' } : { type: 'wait', untilMs: next.readyAtMs }
    },
    settle(outcome: Outcome): void {
      if (taken === undefined) throw new SequencerError('settle() without a step', { code: 'POLICY_MISUSE' })
      const { queue, bundle } = taken
      taken = undefined
      if (outcome === 'included') {
        if (bundle !== undefined) passBundle(bundle)
        else {
          queue!.at++
          advance(queue!)
        }
      } else if (outcome === 'no-room' && rule.whenFull === 'close' && bundle === undefined) {
        closed = true
      }
    },
    close: () => senders.close(),
  }
}

/** The cursor of a pool that keeps no order. */
function unordered(pending: Iterable<SenderQueue>): HeadCursor {
  const queues = new Map<Address, SenderQueue>()
  for (const queue of pending) queues.set(queue.sender, queue)
  const rest = queues.values()
  return {
    next: () => rest.next().value,
    queueOf: sender => queues.get(sender)?.entries,
    close: () => {},
  }
}
