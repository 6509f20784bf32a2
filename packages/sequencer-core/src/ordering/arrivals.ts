import type { Address, Hash } from 'viem'
import type { PooledTransaction } from '../mempool/types.js'
import { isUsable } from './head-ordering.js'
import type { OrderedBlock, OrderingEvidence, Violation } from './policy.js'
import { violation } from './universal.js'

/** How the places of an order of arrival are known and compared. */
export type ArrivalRule<Place> = {
  /** The policy's name, in front of each violation. */
  readonly policy: string
  /** `undefined`: the judge does not know, and passes over the transaction. */
  readonly placeOf: (hash: Hash) => Place | undefined
  readonly compare: (a: Place, b: Place) => number
  readonly nameOf: (place: Place) => string
}

/**
 * Whether a block keeps an order of arrival. A transaction that had to wait for its sender's earlier nonce counts with the later of both
 * places: it was parked, not overtaken.
 */
export function checkArrivals<Place>(
  block: OrderedBlock,
  evidence: OrderingEvidence,
  rule: ArrivalRule<Place>,
): Violation[] {
  const { policy, compare, nameOf } = rule
  const violations: Violation[] = []
  const parkedUntil = new Map<Address, Place>()
  const effective = (sender: Address, place: Place): Place => {
    const parked = parkedUntil.get(sender)
    return parked !== undefined && compare(parked, place) > 0 ? parked : place
  }
  let latest: Place | undefined
  for (const [index, { hash, sender }] of block.transactions.entries()) {
    const own = rule.placeOf(hash)
    if (own === undefined) continue
    const place = effective(sender, own)
    parkedUntil.set(sender, place)
    if (latest !== undefined && compare(place, latest) < 0)
      violations.push(
        violation(`${policy}/inversion`, index, hash, `has place ${nameOf(place)}, behind place ${nameOf(latest)}`),
      )
    else latest = place
  }
  if (latest === undefined) return violations
  for (const { entry } of skippedHeads(block, evidence)) {
    const own = rule.placeOf(entry.transaction.hash)
    if (own === undefined) continue
    const place = effective(entry.transaction.sender, own)
    if (compare(place, latest) < 0)
      violations.push(
        violation(
          `${policy}/skipped`,
          undefined,
          entry.transaction.hash,
          `has place ${nameOf(place)} and is missing, while place ${nameOf(latest)} is in`,
        ),
      )
  }
  return violations
}

/**
 * What the judge had pending and the block leaves out though nothing kept it: the first such transaction of each sender, and from which place on
 * it was ready.
 */
export function skippedHeads(
  block: OrderedBlock,
  evidence: OrderingEvidence,
): { entry: PooledTransaction; from: number }[] {
  const included = new Set(block.transactions.map(transaction => transaction.hash))
  const nextNonce = new Map<Address, { nonce: bigint; from: number }>()
  for (const [index, { sender, nonce }] of block.transactions.entries())
    nextNonce.set(sender, { nonce: nonce + 1n, from: index + 1 })
  const skipped: { entry: PooledTransaction; from: number }[] = []
  for (const entry of evidence.pending ?? []) {
    const { transaction } = entry
    if (included.has(transaction.hash) || evidence.excused?.has(transaction.hash) === true) continue
    if (evidence.wasIncluded?.(transaction.hash) === true || !isUsable(entry, block)) continue
    const after = nextNonce.get(transaction.sender)
    const expected = after?.nonce ?? evidence.nonceOf?.(transaction.sender)
    if (expected === transaction.nonce) skipped.push({ entry, from: after?.from ?? 0 })
  }
  return skipped
}
