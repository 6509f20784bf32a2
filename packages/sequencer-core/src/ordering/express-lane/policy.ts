import { bytesToHex } from '@l2/common'
import { keccak256 } from '@l2/common/crypto'
import type { Address, Hash } from 'viem'
import type { SenderRecovery } from '../../transaction/recovery.js'
import { recoverSigner } from '../../transaction/signer.js'
import { checkArrivals } from '../arrivals.js'
import { type Head, openHeads } from '../head-ordering.js'
import type { OrderedBlock, OrderingEvidence, OrderingPolicy, Violation } from '../policy.js'
import { violation } from '../universal.js'
import { hashLaneMessage, type LaneMessage, unorderedSequence } from './lane.js'
import { type ExpressLaneParameters, readExpressLaneParameters, roundAt, roundStartMs } from './rounds.js'

/** What the judge of {@link expressLane} wants to know. */
export type ExpressLaneEvidence = OrderingEvidence & {
  /** The sequencer's record of the door: when each transaction came, milliseconds since the Unix epoch, and its counter. */
  readonly arrivals?: ReadonlyMap<Hash, { readonly atMs: number; readonly arrival: number }> | undefined
  /** The controllers' messages for this block. */
  readonly laneMessages?: readonly LaneMessage[] | undefined
  /** When the block was sealed, milliseconds since the Unix epoch. */
  readonly sealedAtMs?: number | undefined
}

function compareBigints(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function isBefore(a: Head, b: Head): boolean {
  if (a.arrival !== b.arrival) return a.arrival < b.arrival
  return a.entries[0]!.transaction.hash < b.entries[0]!.transaction.hash
}

/**
 * First come, first served, with a lane that an auction sells: while a round has a controller, everybody else waits {@link
 * ExpressLaneParameters.delayMs} at the door, and the controller does not. The lane is no top of the block: who came more than the delay earlier
 * is still first. In a round without a controller nobody waits.
 *
 * The judge finds who was let in without having waited (`express-lane/inversion`, `express-lane/early`), messages that the round's controller
 * did not sign (`express-lane/controller`), that are out of sequence (`express-lane/sequence`) or past their round (`express-lane/expired`).
 *
 * Known of production (arXiv 2509.22143): two bidders win nine auctions of ten, and a fifth of the lane's transactions revert.
 *
 * @throws SequencerError `POLICY_PARAMETERS`
 */
export function expressLane(
  options: Partial<ExpressLaneParameters> & {
    controllerOf: (round: bigint) => Address | undefined
    recovery?: SenderRecovery | undefined
  },
): OrderingPolicy<ExpressLaneEvidence> {
  const { controllerOf, recovery, ...rest } = options
  const parameters = readExpressLaneParameters(rest)
  const delayAt = (timeMs: number): number =>
    controllerOf(roundAt(parameters, timeMs)) === undefined ? 0 : parameters.delayMs
  return {
    name: 'express-lane',
    admit: (_, { nowMs }) => ({ readyAtMs: nowMs + delayAt(nowMs) }),
    open: block =>
      openHeads(block, { order: 'ready', keyOf: head => head.readyAtMs, before: isBefore, whenFull: 'close' }),
    verify(block, evidence) {
      const { arrivals } = evidence
      if (arrivals === undefined)
        return [violation('express-lane/evidence-missing', undefined, undefined, 'no record of arrivals')]
      const violations: Violation[] = []
      const inLane = readLane(block, evidence, violations)
      const placeOf = (hash: Hash) => {
        const came = arrivals.get(hash)
        if (came === undefined) return undefined
        const readyAtMs = came.atMs + (inLane.has(hash) ? 0 : delayAt(came.atMs))
        return { readyAtMs, arrival: came.arrival }
      }
      for (const [index, { hash }] of block.transactions.entries()) {
        const place = placeOf(hash)
        if (place !== undefined && evidence.sealedAtMs !== undefined && place.readyAtMs > evidence.sealedAtMs)
          violations.push(
            violation(
              'express-lane/early',
              index,
              hash,
              `had to wait until ${place.readyAtMs}, is in a block sealed at ${evidence.sealedAtMs}`,
            ),
          )
      }
      const order = checkArrivals(block, evidence, {
        policy: 'express-lane',
        placeOf,
        compare: (a, b) => a.readyAtMs - b.readyAtMs || a.arrival - b.arrival,
        nameOf: place => `${place.readyAtMs}/${place.arrival}`,
      })
      return [...violations, ...order]
    },
  }

  /** Which transactions of the block went through the lane, and rightly so. */
  function readLane(block: OrderedBlock, evidence: ExpressLaneEvidence, violations: Violation[]): ReadonlySet<Hash> {
    const inLane = new Set<Hash>()
    const at = new Map<Hash, number>(block.transactions.map((transaction, index) => [transaction.hash, index]))
    const messages = (evidence.laneMessages ?? [])
      .map(message => ({ message, hash: bytesToHex(keccak256(message.transaction)) }))
      .filter(({ hash }) => at.has(hash))
      .sort((a, b) => at.get(a.hash)! - at.get(b.hash)!)
    for (const { message, hash } of messages) {
      const index = at.get(hash)!
      const { round } = message
      const controller = controllerOf(round)?.toLowerCase()
      if (
        controller === undefined ||
        recoverSigner(hashLaneMessage(message), message.signature, recovery) !== controller
      ) {
        violations.push(violation('express-lane/controller', index, hash, `not signed by the controller of ${round}`))
        continue
      }
      if (Number(block.timestamp) * 1000 >= roundStartMs(parameters, round + 1n)) {
        violations.push(
          violation('express-lane/expired', index, hash, `of round ${round}, in a block of ${block.timestamp}`),
        )
        continue
      }
      inLane.add(hash)
    }
    // Numbers order the release, not the block: one whose nonce is not next yet is parked like any other.
    const numbered = messages
      .filter(({ message, hash }) => inLane.has(hash) && message.sequenceNumber !== unorderedSequence)
      .sort(
        (a, b) =>
          compareBigints(a.message.round, b.message.round) ||
          compareBigints(a.message.sequenceNumber, b.message.sequenceNumber),
      )
    for (const [i, { message, hash }] of numbered.entries()) {
      const before = numbered[i - 1]
      const came = evidence.arrivals?.get(hash)?.arrival
      const cameBefore = before === undefined ? undefined : evidence.arrivals?.get(before.hash)?.arrival
      if (before?.message.round !== message.round || came === undefined || cameBefore === undefined) continue
      if (came < cameBefore)
        violations.push(
          violation(
            'express-lane/sequence',
            at.get(hash),
            hash,
            `number ${message.sequenceNumber} of round ${message.round} was let in before number ${before.message.sequenceNumber}`,
          ),
        )
    }
    return inLane
  }
}
