import type { Hash } from 'viem'
import type { ForcedTransaction, Violation } from '../ordering/policy.js'
import { type ForcedInclusionRule, forcedDeadline } from './deadline.js'

/** An entry of the queue on L1, as an L2 node sees it once its L1 block is an origin. */
export type QueueEntry = {
  /** Place in the queue, from 0, without gaps. */
  readonly index: bigint
  /** L1 time at which it was enqueued, seconds. */
  readonly enqueuedAtSeconds: bigint
  /** Delay buffer in force for it, see {@link delayBufferAt}, seconds. */
  readonly bufferSeconds: bigint
  readonly hash: Hash
  readonly gasLimit: bigint
  /** The signed transaction; `undefined` for a deposit, which the payload attributes carry. */
  readonly transaction: ForcedTransaction['transaction']
}

export function entryDeadline(entry: QueueEntry, rule: ForcedInclusionRule): bigint {
  return forcedDeadline(entry.enqueuedAtSeconds, rule, entry.bufferSeconds)
}

/** The entry in the words of an ordering policy. */
export function toForcedTransaction(entry: QueueEntry, rule: ForcedInclusionRule): ForcedTransaction {
  return {
    hash: entry.hash,
    gasLimit: entry.gasLimit,
    deadlineSeconds: entryDeadline(entry, rule),
    transaction: entry.transaction,
  }
}

/** Options of {@link selectForced}. */
export type SelectForcedOptions = {
  rule: ForcedInclusionRule
  /** Timestamp of the block that is built, seconds. */
  timestamp: bigint
  /** Gas that entries may take in this block. */
  gasLimit: bigint
  /**
   * When an entry that is not due goes in: this part of its time to the deadline has passed, in basis points. At most half, so that one failed block
   * does no harm. Defaults to 0: at once.
   */
  earlyBps?: bigint | undefined
}

/**
 * Which entries the next block carries: in queue order, from the first that no block has carried, as long as they are early or due and their gas
 * fits. An empty queue costs nothing.
 *
 * @param waiting entries that no block has carried, in queue order
 */
export function selectForced(waiting: readonly QueueEntry[], options: SelectForcedOptions): QueueEntry[] {
  const half = 5_000n
  const wanted = options.earlyBps ?? 0n
  const earlyBps = wanted < 0n ? 0n : wanted > half ? half : wanted
  const selected: QueueEntry[] = []
  let gas = 0n
  for (const entry of waiting) {
    const patience = entryDeadline(entry, options.rule) - entry.enqueuedAtSeconds
    if (options.timestamp < entry.enqueuedAtSeconds + (patience * earlyBps) / 10_000n) break
    if (gas + entry.gasLimit > options.gasLimit) break
    gas += entry.gasLimit
    selected.push(entry)
  }
  return selected
}

/** What the judge of forced inclusion is told about a block. */
export type ForcedBlock = {
  /** Seconds. */
  readonly timestamp: bigint
  readonly gasLimit: bigint
  /** Hashes of all transactions, deposits first, in order. */
  readonly transactions: readonly Hash[]
  /** `forcedUpTo` of the parent's header. */
  readonly forcedBefore: bigint
  /** `forcedUpTo` of this block's header. */
  readonly forcedUpTo: bigint
}

/** What the judge knows beside the block. */
export type ForcedEvidence = {
  /** The queue from `forcedBefore` on, as of the block's L1 origin. */
  readonly waiting: readonly QueueEntry[]
  /** Entries that the judge found not to be executable at their place, by executing them: carried without being in the block. */
  readonly excused?: ReadonlySet<Hash> | undefined
}

/**
 * Holds a block to the L1 queue: everything due was carried, what the header counts is in the block, first and in queue order. The gas of a block excuses a
 * due entry only if it went to entries before it. Full nodes that derive the chain and judges of a live sequencer call the same function.
 *
 * Rules: `forced/counter`, `forced/missing`, `forced/order`, `forced/overdue`.
 *
 * @example
 * ```ts
 * import { defaultForcedInclusionRule, verifyForced } from '@l2/sequencer-core/block'
 *
 * const entry = {
 *   index: 0n, enqueuedAtSeconds: 1_000n, bufferSeconds: 3_600n, hash: `0x${'aa'.repeat(32)}`, gasLimit: 21_000n, transaction: undefined,
 * } as const
 * const censored = { gasLimit: 30_000_000n, transactions: [], forcedBefore: 0n, forcedUpTo: 0n }
 * const judge = (timestamp: bigint) =>
 *   verifyForced({ ...censored, timestamp }, defaultForcedInclusionRule, { waiting: [entry] })
 * console.log(judge(4_599n).length) // 0
 * console.log(judge(4_600n)[0]?.rule) // forced/overdue
 * ```
 */
export function verifyForced(block: ForcedBlock, rule: ForcedInclusionRule, evidence: ForcedEvidence): Violation[] {
  const violations: Violation[] = []
  const report = (rule: string, message: string, hash?: Hash, index?: number) =>
    violations.push({ rule, index, hash, message })
  const { waiting, excused } = evidence
  const counted = block.forcedUpTo - block.forcedBefore
  if (counted < 0n || counted > BigInt(waiting.length)) {
    report(
      'forced/counter',
      `forcedUpTo goes from ${block.forcedBefore} to ${block.forcedUpTo} with ${waiting.length} entries waiting`,
    )
  }
  const carried = counted < 0n ? 0 : counted > BigInt(waiting.length) ? waiting.length : Number(counted)
  const placeOf = new Map(block.transactions.map((hash, index) => [hash.toLowerCase(), index]))
  let last = -1
  let gas = 0n
  for (const entry of waiting.slice(0, carried)) {
    gas += entry.gasLimit
    const place = placeOf.get(entry.hash.toLowerCase())
    if (place === undefined) {
      if (!excused?.has(entry.hash))
        report('forced/missing', `entry ${entry.index} is counted and not in the block`, entry.hash)
      continue
    }
    if (place < last) report('forced/order', `entry ${entry.index} comes before an earlier entry`, entry.hash, place)
    last = Math.max(last, place)
  }
  for (const entry of waiting.slice(carried)) {
    const deadline = entryDeadline(entry, rule)
    gas += entry.gasLimit
    if (block.timestamp < deadline || excused?.has(entry.hash)) continue
    if (gas > block.gasLimit) break
    report(
      'forced/overdue',
      `entry ${entry.index} was due at ${deadline}, the block is of ${block.timestamp}`,
      entry.hash,
    )
  }
  return violations
}
