import type { Address } from 'viem'
import { SequencerError } from '../errors.js'
import type { PendingPool, PooledTransaction } from '../mempool/types.js'
import type { Transaction } from '../transaction/types.js'
import type {
  BlockContext,
  BlockOrdering,
  ForcedTransaction,
  OrderedBlock,
  OrderingEvidence,
  OrderingPolicy,
  OrderingView,
  Outcome,
  Step,
  Violation,
} from './policy.js'
import { forcedPrefix } from './universal.js'

/** Next nonces of senders whose earlier ones the block has used already. */
export type UsedNonces = Map<Address, bigint>

type Entries = readonly PooledTransaction[]

/** A pool as it looks once some nonces are used, each queue and bundle cut by `cut`. */
export function restOf(
  pool: PendingPool,
  used: UsedNonces,
  cut: (entries: Entries) => Entries = all => all,
): PendingPool {
  return {
    get pendingCount() {
      return pool.pendingCount
    },
    *pendingBySender() {
      for (const { sender, entries } of pool.pendingBySender()) {
        const next = used.get(sender)
        const rest = cut(next === undefined ? entries : entries.filter(entry => entry.transaction.nonce >= next))
        if (rest.length > 0) yield { sender, entries: rest }
      }
    },
    bundlesFor: (height, timestamp) =>
      pool
        .bundlesFor(height, timestamp)
        .filter(({ entries }) => entries.every(entry => isFree(entry, used)) && cut(entries).length === entries.length),
  }
}

function isFree(entry: PooledTransaction, used: UsedNonces): boolean {
  const next = used.get(entry.transaction.sender)
  return next === undefined || entry.transaction.nonce >= next
}

/** Marks nonces as used. */
export function use(used: UsedNonces, entries: Entries): void {
  for (const { transaction } of entries) used.set(transaction.sender, transaction.nonce + 1n)
}

/** The part of a block that an inner policy is responsible for, as if it were a block of its own. */
export function part<Evidence extends OrderingEvidence>(
  block: OrderedBlock,
  evidence: Evidence,
  from: number,
  to: number,
): { block: OrderedBlock; evidence: Evidence } {
  let gasLimit = block.gasLimit
  let bytes = evidence.maxBlockBytes
  const next = new Map<Address, bigint>()
  for (const [index, transaction] of block.transactions.slice(0, from).entries()) {
    gasLimit -= evidence.gasUsed?.[index] ?? transaction.gasLimit
    if (bytes !== undefined) bytes -= transaction.raw.length
    next.set(transaction.sender, transaction.nonce + 1n)
  }
  return {
    block: { ...block, gasLimit, transactions: block.transactions.slice(from, to) },
    evidence: {
      ...evidence,
      ...(evidence.gasUsed === undefined ? {} : { gasUsed: evidence.gasUsed.slice(from, to) }),
      ...(bytes === undefined ? {} : { maxBlockBytes: bytes }),
      nonceOf: (sender: Address) => next.get(sender) ?? evidence.nonceOf?.(sender),
    },
  }
}

/** Violations of a part, with the indices of the whole. */
export function shifted(violations: readonly Violation[], by: number): Violation[] {
  return violations.map(each => (each.index === undefined ? each : { ...each, index: each.index + by }))
}

function forcedEntry({ transaction }: ForcedTransaction, arrival: number): PooledTransaction {
  return {
    transaction: transaction!,
    arrival,
    arrivedAtMs: 0,
    readyAtMs: 0,
    isPrivate: false,
    mayRevert: true,
    condition: undefined,
  }
}

/**
 * Puts the L1 queue in front of another policy: its transactions first and in queue order, as many as fit, then everybody else. A due one that
 * does not fit ends the block rather than let others overtake it. The judge of the order is U1 ({@link checkUniversal}); the rest of the
 * block is judged by the inner policy.
 *
 * @example
 * ```ts
 * import { createMempool } from '@l2/sequencer-core'
 * import { fillBlock, firstCome, forcedFirst } from '@l2/sequencer-core/ordering'
 * import { decodeTransaction } from '@l2/sequencer-core/transaction'
 * import { hexToBytes } from 'viem'
 * import { privateKeyToAccount } from 'viem/accounts'
 *
 * const sign = async (key: string) => {
 *   const account = privateKeyToAccount(`0x${key.repeat(32)}`)
 *   return decodeTransaction(hexToBytes(await account.signTransaction({ chainId: 10, gas: 21_000n, gasPrice: 1n, to: account.address })))
 * }
 * const [forced, ordinary] = [await sign('01'), await sign('02')]
 * const pool = createMempool()
 * pool.add(ordinary, { nowMs: 0, account: { nonce: 0n, balanceWei: 10n ** 18n, delegated: false } })
 * const { transactions } = fillBlock(forcedFirst(firstCome()), {
 *   height: 1n, timestamp: 2n, baseFeePerGas: 0n, gasLimit: 30_000_000n, nowMs: 0, pool,
 *   forced: [{ hash: forced.hash, gasLimit: forced.gasLimit, deadlineSeconds: 60n, transaction: forced }],
 * })
 * console.log(transactions[0] === forced, transactions[1] === ordinary) // true true
 * ```
 */
export function forcedFirst<Evidence extends OrderingEvidence>(
  inner: OrderingPolicy<Evidence>,
): OrderingPolicy<Evidence> {
  return {
    name: `forced-first(${inner.name})`,
    admit: (transaction, context) => inner.admit(transaction, context),
    open(block) {
      const queue = block.forced.filter(each => each.transaction !== undefined)
      const used: UsedNonces = new Map()
      let at = 0
      let taken: PooledTransaction | undefined
      let rest: BlockOrdering | undefined
      let isClosed = false
      /** What does not fit ends the block if it is due, and otherwise waits for the next with all behind it. */
      const stop = (forced: ForcedTransaction): void => {
        isClosed = forced.deadlineSeconds <= block.timestamp
        at = queue.length
      }
      return {
        next(view: OrderingView): Step {
          const forced = queue[at]
          if (forced !== undefined && rest === undefined) {
            const bytes = forced.transaction!.raw.length
            if (forced.gasLimit <= view.gasLeft && bytes <= view.bytesLeft) {
              taken = forcedEntry(forced, at)
              return { type: 'take', entries: [taken], atomic: false }
            }
            stop(forced)
          }
          if (isClosed) return { type: 'done' }
          // While no nonce is used, the pool's own order is the cheaper one.
          rest ??= inner.open({ ...block, forced: [], pool: used.size === 0 ? block.pool : restOf(block.pool, used) })
          return rest.next(view)
        },
        settle(outcome: Outcome): void {
          if (taken === undefined) {
            if (rest === undefined) throw new SequencerError('settle() without a step', { code: 'POLICY_MISUSE' })
            rest.settle(outcome)
            return
          }
          if (outcome === 'included') use(used, [taken])
          taken = undefined
          if (outcome === 'no-room') stop(queue[at]!)
          else at++
        },
        close: () => rest?.close?.(),
      }
    },
    verify(block, evidence) {
      const from = forcedPrefix(block, evidence)
      const rest = part(block, evidence, from, block.transactions.length)
      return shifted(inner.verify(rest.block, rest.evidence), from)
    },
  }
}

/** One part of a block in {@link inSections}. */
export type Section<Evidence extends OrderingEvidence> = {
  readonly policy: OrderingPolicy<Evidence>
  /** Whether a transaction belongs here; the builder and the judge both ask. The last section takes whatever is left. */
  readonly takes: (transaction: Transaction) => boolean
}

/**
 * Policies one behind the other: all of the first section, then all of the second, and so on. A transaction whose own predecessor (by
 * nonce) stands in a later section goes with that one.
 *
 * The judge finds what stands before its section (`sections/order`), and lets each policy judge its part.
 *
 * @throws SequencerError `POLICY_PARAMETERS` without a section
 */
export function inSections<Evidence extends OrderingEvidence>(
  sections: readonly Section<Evidence>[],
): OrderingPolicy<Evidence> {
  const last = sections.length - 1
  if (last < 0) throw new SequencerError('no section', { code: 'POLICY_PARAMETERS' })
  const sectionOf = (transaction: Transaction): number => {
    const at = sections.findIndex(section => section.takes(transaction))
    return at < 0 ? last : at
  }
  /** What a sender has for a section: whose first was for an earlier one and did not get in is out of this block. */
  const ofSection = (entries: Entries, section: number): Entries => {
    if (entries.length === 0 || sectionOf(entries[0]!.transaction) !== section) return []
    const end = entries.findIndex(entry => sectionOf(entry.transaction) > section)
    return end < 0 ? entries : entries.slice(0, end)
  }
  return {
    name: `sections(${sections.map(section => section.policy.name).join(', ')})`,
    admit: (transaction, context) => sections[sectionOf(transaction)]!.policy.admit(transaction, context),
    open(block: BlockContext): BlockOrdering {
      const used: UsedNonces = new Map()
      let at = -1
      let current: BlockOrdering | undefined
      let taken: readonly PooledTransaction[] = []
      return {
        next(view) {
          for (;;) {
            if (current === undefined) {
              at++
              const section = at
              const pool = restOf(block.pool, used, entries => ofSection(entries, section))
              current = sections[at]!.policy.open({ ...block, nowMs: view.nowMs, pool })
            }
            const step = current.next(view)
            if (step.type === 'take') taken = step.entries
            if (step.type === 'take' || at === last) return step
            // Whoever is not ready yet misses its section: the others do not wait for it.
            current = undefined
          }
        },
        settle(outcome) {
          if (current === undefined) throw new SequencerError('settle() without a step', { code: 'POLICY_MISUSE' })
          if (outcome === 'included') use(used, taken)
          current.settle(outcome)
        },
      }
    },
    verify(block, evidence) {
      const violations: Violation[] = []
      const places = new Map<Address, number>()
      const ends = new Array<number>(sections.length).fill(0)
      let reached = 0
      for (const [index, transaction] of block.transactions.entries()) {
        const place = Math.max(sectionOf(transaction), places.get(transaction.sender) ?? 0)
        places.set(transaction.sender, place)
        if (place < reached)
          violations.push({
            rule: 'sections/order',
            index,
            hash: transaction.hash,
            message: `belongs to section ${place}, stands in section ${reached}`,
          })
        reached = Math.max(reached, place)
        ends[reached] = index + 1
      }
      let from = 0
      for (const [index, section] of sections.entries()) {
        const to = Math.max(from, ends[index]!)
        const piece = part(block, evidence, from, to)
        const pending = evidence.pending?.filter(entry => sectionOf(entry.transaction) === index)
        const inner = pending === undefined ? piece.evidence : { ...piece.evidence, pending }
        violations.push(...shifted(section.policy.verify(piece.block, inner), from))
        from = to
      }
      return violations
    },
  }
}
