import type { Random } from '@l2/common/testing'
import type { Address } from 'viem'
import { fakeTransaction, testAddress } from '../../mempool/testdata/fake.js'
import type { PendingPool, PooledTransaction } from '../../mempool/types.js'
import type { Transaction } from '../../transaction/types.js'
import type { BlockContext, OrderedBlock } from '../policy.js'

/** A pool that shows exactly these entries, each sender's by nonce. */
export function poolOf(entries: readonly PooledTransaction[]): PendingPool {
  const bySender = new Map<Address, PooledTransaction[]>()
  for (const entry of entries) {
    const queue = bySender.get(entry.transaction.sender) ?? []
    queue.push(entry)
    bySender.set(entry.transaction.sender, queue)
  }
  for (const queue of bySender.values()) queue.sort((a, b) => (a.transaction.nonce < b.transaction.nonce ? -1 : 1))
  return {
    pendingCount: entries.length,
    *pendingBySender() {
      for (const [sender, queue] of bySender) yield { sender, entries: queue }
    },
    bundlesFor: () => [],
  }
}

/** An entry with the usual circumstances. */
export function entryOf(
  transaction: Transaction,
  arrival: number,
  fields: Partial<PooledTransaction> = {},
): PooledTransaction {
  return {
    transaction,
    arrival,
    arrivedAtMs: arrival,
    readyAtMs: arrival,
    isPrivate: false,
    mayRevert: true,
    condition: undefined,
    ...fields,
  }
}

/** Entries of a few senders with random tips, arrivals in random order, nonces from 0. */
export function randomEntries(random: Random, count: number, senders = 8): PooledTransaction[] {
  const nonces = new Map<number, bigint>()
  const transactions = Array.from({ length: count }, () => {
    const sender = random.below(senders)
    const nonce = nonces.get(sender) ?? 0n
    nonces.set(sender, nonce + 1n)
    const tip = BigInt(1 + random.below(12))
    return fakeTransaction({
      sender: testAddress(sender),
      nonce,
      maxFeePerGas: 100n + tip,
      maxPriorityFeePerGas: tip,
      gasLimit: 21_000n + BigInt(random.below(5)) * 20_000n,
    })
  })
  const arrivals = transactions.map((_, i) => i)
  for (let i = arrivals.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    ;[arrivals[i], arrivals[j]] = [arrivals[j]!, arrivals[i]!]
  }
  return transactions.map((transaction, i) => entryOf(transaction, arrivals[i]!))
}

/** A block context over these entries. */
export function contextOf(entries: readonly PooledTransaction[], fields: Partial<BlockContext> = {}): BlockContext {
  return {
    height: 1n,
    timestamp: 1_000n,
    baseFeePerGas: 50n,
    gasLimit: 30_000_000n,
    nowMs: 1_000_000,
    pool: poolOf(entries),
    forced: [],
    ...fields,
  }
}

/** The block that a context became. */
export function blockOf(
  context: Pick<BlockContext, 'height' | 'timestamp' | 'baseFeePerGas' | 'gasLimit'>,
  transactions: readonly Transaction[],
): OrderedBlock {
  const { height, timestamp, baseFeePerGas, gasLimit } = context
  return { height, timestamp, baseFeePerGas, gasLimit, deposits: [], transactions }
}

/** One change to an order: two neighbours swapped, one dropped from the middle, one delayed to the end, one doubled. */
export function mutateOrder(
  transactions: readonly Transaction[],
  random: Random,
): { kind: 'swap' | 'drop' | 'delay' | 'double'; transactions: Transaction[] } {
  const changed = [...transactions]
  const at = random.below(Math.max(1, changed.length - 1))
  const kind = random.pick(['swap', 'drop', 'delay', 'double'] as const)
  if (kind === 'swap') [changed[at], changed[at + 1]] = [changed[at + 1]!, changed[at]!]
  if (kind === 'drop') changed.splice(at, 1)
  if (kind === 'delay') changed.push(...changed.splice(at, 1))
  if (kind === 'double') changed.splice(at, 0, changed[at]!)
  return { kind, transactions: changed }
}
