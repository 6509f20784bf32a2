import type { Address, Hash } from 'viem'
import type { SenderRecovery } from '../transaction/recovery.js'
import { checkArrivals } from './arrivals.js'
import { type Head, openHeads } from './head-ordering.js'
import type { OrderedBlock, OrderingEvidence, OrderingPolicy, Violation } from './policy.js'
import { type OrderingReceipt, receiptSigner, type SignedReceipt, type SigningDomain } from './receipt.js'
import { violation } from './universal.js'

/** Parameters of {@link firstCome}. */
export type FirstComeParameters = {
  /** Under which the sequencer signs its receipts; without it receipts are not judged. */
  domain?: SigningDomain | undefined
  /** For a judge with many receipts. Default: `defaultRecovery`. */
  recovery?: SenderRecovery | undefined
}

/** What the judge of {@link firstCome} wants to know. */
export type FirstComeEvidence = OrderingEvidence & {
  /** Receipts that users hold. Those of another signer prove nothing and are passed over. */
  readonly receipts?: readonly SignedReceipt[] | undefined
  /** Who was to sequence this block. */
  readonly sequencer?: Address | undefined
}

function isBefore(a: Head, b: Head): boolean {
  return a.entries[0]!.transaction.hash < b.entries[0]!.transaction.hash
}

/**
 * In the order of arrival, counted by one writer at the door. A transaction with a later nonce is parked until its predecessor is in, and then
 * follows it at once. What does not fit ends the block, so that nobody small overtakes; what fails leaves the block with its sender.
 *
 * The sequencer gives users a signed receipt of the counter. The judge finds with them: an inversion (`first-come/inversion`), a receipted
 * transaction that was passed over (`first-come/skipped`, with `evidence.pending`), one that is late by its receipt (`first-come/late`), and two
 * receipts that contradict each other (`first-come/equivocation`).
 *
 * Weakness: latency is worth money, and racing costs others bandwidth. {@link expressLane} answers that.
 */
export function firstCome(parameters: FirstComeParameters = {}): OrderingPolicy<FirstComeEvidence> {
  return {
    name: 'first-come',
    admit: (_, { nowMs }) => ({ readyAtMs: nowMs }),
    open: block =>
      openHeads(block, { order: 'arrival', keyOf: head => head.arrival, before: isBefore, whenFull: 'close' }),
    verify(block, evidence) {
      const receipts = trusted(evidence, parameters)
      const violations = checkEquivocation(receipts)
      const sequence = new Map<Hash, OrderingReceipt>(receipts.map(receipt => [receipt.txHash, receipt]))
      const order = checkArrivals(block, evidence, {
        policy: 'first-come',
        placeOf: hash => sequence.get(hash),
        compare,
        nameOf,
      })
      return [...violations, ...order, ...checkLate(block, evidence, receipts)]
    },
  }
}

function trusted(evidence: FirstComeEvidence, parameters: FirstComeParameters): readonly SignedReceipt[] {
  const { domain, recovery } = parameters
  const sequencer = evidence.sequencer?.toLowerCase()
  if (domain === undefined || sequencer === undefined) return []
  return (evidence.receipts ?? []).filter(receipt => receiptSigner(receipt, domain, recovery) === sequencer)
}

/** By epoch, term and counter. */
function compare(a: OrderingReceipt, b: OrderingReceipt): number {
  if (a.epochId !== b.epochId) return a.epochId < b.epochId ? -1 : 1
  if (a.term !== b.term) return a.term - b.term
  if (a.sequenceNo !== b.sequenceNo) return a.sequenceNo < b.sequenceNo ? -1 : 1
  return 0
}

const nameOf = (receipt: OrderingReceipt): string => `${receipt.epochId}/${receipt.term}/${receipt.sequenceNo}`

function checkEquivocation(receipts: readonly OrderingReceipt[]): Violation[] {
  const violations: Violation[] = []
  const byPlace = new Map<string, Hash>()
  const byHash = new Map<string, bigint>()
  for (const receipt of receipts) {
    const place = nameOf(receipt)
    const other = byPlace.get(place)
    if (other !== undefined && other !== receipt.txHash)
      violations.push(
        violation('first-come/equivocation', undefined, receipt.txHash, `place ${place} was also given to ${other}`),
      )
    byPlace.set(place, receipt.txHash)
    const subject = `${receipt.epochId}/${receipt.term}/${receipt.txHash}`
    const before = byHash.get(subject)
    if (before !== undefined && before !== receipt.sequenceNo)
      violations.push(
        violation(
          'first-come/equivocation',
          undefined,
          receipt.txHash,
          `got the counter ${receipt.sequenceNo} and the counter ${before}`,
        ),
      )
    byHash.set(subject, receipt.sequenceNo)
  }
  return violations
}

function checkLate(
  block: OrderedBlock,
  evidence: FirstComeEvidence,
  receipts: readonly OrderingReceipt[],
): Violation[] {
  const included = new Set(block.transactions.map(transaction => transaction.hash))
  return receipts
    .filter(
      ({ txHash, notAfterHeight }) =>
        notAfterHeight <= block.height &&
        !included.has(txHash) &&
        evidence.excused?.has(txHash) !== true &&
        evidence.wasIncluded?.(txHash) !== true,
    )
    .map(({ txHash, notAfterHeight }) =>
      violation(
        'first-come/late',
        undefined,
        txHash,
        `promised by height ${notAfterHeight}, missing at ${block.height}`,
      ),
    )
}
