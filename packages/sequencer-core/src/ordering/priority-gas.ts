import type { Address } from 'viem'
import { Heap } from '../mempool/heap.js'
import { effectiveTip } from '../transaction/gas.js'
import { skippedHeads } from './arrivals.js'
import { type Head, openHeads } from './head-ordering.js'
import type { OrderedBlock, OrderingEvidence, OrderingPolicy, Violation } from './policy.js'
import { violation } from './universal.js'

function isBefore(a: Head, b: Head): boolean {
  if (a.tipWei !== b.tipWei) return a.tipWei > b.tipWei
  if (a.arrival !== b.arrival) return a.arrival < b.arrival
  return a.entries[0]!.transaction.hash < b.entries[0]!.transaction.hash
}

/**
 * Whoever pays the producer most for each gas goes first, and among equals who came first: the order of geth and of the vanilla OP Stack. Only
 * the lowest nonce of each sender competes, so a high tip behind it lifts nothing. A sender whose head fails or does not fit is left out of the
 * block.
 *
 * The judge finds: a transaction before one that was ready and paid more (`priority-gas/order`), and, with `evidence.pending`, one that was left
 * out though it paid more than one that is in and would have fitted (`priority-gas/skipped`).
 *
 * Source: geth `miner/ordering.go`.
 */
export function priorityGas(): OrderingPolicy {
  return {
    name: 'priority-gas',
    admit: (_, { nowMs }) => ({ readyAtMs: nowMs }),
    open: block =>
      openHeads(block, {
        order: 'tip',
        keyOf: head => -Number(head.tipWei),
        before: isBefore,
        whenFull: 'skip-sender',
      }),
    verify: (block, evidence) => [...checkOrder(block), ...checkSkipped(block, evidence)],
  }
}

/** At every place the best of the senders' next transactions, taken from the block's own; which of equal ones is not judged. */
function checkOrder(block: OrderedBlock): Violation[] {
  const tips = block.transactions.map(transaction => effectiveTip(transaction, block.baseFeePerGas))
  const following = new Array<number | undefined>(tips.length)
  const last = new Map<Address, number>()
  const first: number[] = []
  for (const [index, { sender }] of block.transactions.entries()) {
    const before = last.get(sender)
    if (before === undefined) first.push(index)
    else following[before] = index
    last.set(sender, index)
  }
  const heads = new Heap<number>((a, b) => tips[a]! > tips[b]!, first)
  const violations: Violation[] = []
  for (const [index, { hash }] of block.transactions.entries()) {
    // What is behind us in the block has been taken and is no head any more.
    while (heads.size > 0 && heads.peek()! < index) heads.pop()
    const best = heads.peek()
    if (best !== undefined && tips[best]! > tips[index]!)
      violations.push(
        violation(
          'priority-gas/order',
          index,
          hash,
          `tips ${tips[index]}, and the transaction at ${best} that tips ${tips[best]} was ready`,
        ),
      )
    const next = following[index]
    if (next !== undefined) heads.push(next)
  }
  return violations
}

function checkSkipped(block: OrderedBlock, evidence: OrderingEvidence): Violation[] {
  if (evidence.pending === undefined) return []
  const tips = block.transactions.map(transaction => effectiveTip(transaction, block.baseFeePerGas))
  // Room before each place. A gas limit that was not used up would leave more, so this never accuses wrongly.
  let gasLeft = block.gasLimit
  let bytesLeft = evidence.maxBlockBytes ?? Number.MAX_SAFE_INTEGER
  const room = block.transactions.map((transaction, index) => {
    const before = { gasLeft, bytesLeft }
    gasLeft -= evidence.gasUsed?.[index] ?? transaction.gasLimit
    bytesLeft -= transaction.raw.length
    return before
  })
  const violations: Violation[] = []
  for (const { entry, from } of skippedHeads(block, evidence)) {
    const { transaction } = entry
    const tip = effectiveTip(transaction, block.baseFeePerGas)
    for (let index = from; index < tips.length; index++) {
      if (transaction.gasLimit > room[index]!.gasLeft || transaction.raw.length > room[index]!.bytesLeft) break
      if (tips[index]! >= tip) continue
      violations.push(
        violation(
          'priority-gas/skipped',
          index,
          transaction.hash,
          `tips ${tip} and fitted, but ${block.transactions[index]!.hash} that tips ${tips[index]} was taken`,
        ),
      )
      break
    }
  }
  return violations
}
