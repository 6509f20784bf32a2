import { concatBytes, hexToBytes } from '@l2/common'
import { type Address, type Hash, type Hex, hashMessage, isAddressEqual, keccak256, toBytes } from 'viem'
import { SequencerError } from '../../errors.js'
import type { TransactionCondition } from '../../mempool/types.js'
import type { SenderRecovery } from '../../transaction/recovery.js'
import { recoverSigner } from '../../transaction/signer.js'
import { type ExpressLaneParameters, readExpressLaneParameters, roundAt, roundStartMs } from './rounds.js'

/** A transaction that the controller of a round puts into the lane. */
export type LaneMessage = {
  /** Of the L2. */
  readonly chainId: bigint
  readonly round: bigint
  readonly auctionContract: Address
  /** From 0 in each round; {@link unorderedSequence} means: as it comes. */
  readonly sequenceNumber: bigint
  /** EIP-2718 bytes. */
  readonly transaction: Uint8Array
  /** 65 bytes over {@link hashLaneMessage}, by the round's controller. */
  readonly signature: Hex
}

/** The sequence number of a message that waits for no other. */
export const unorderedSequence = 2n ** 64n - 1n

const domain = /* @__PURE__ */ toBytes(/* @__PURE__ */ keccak256(/* @__PURE__ */ toBytes('TIMEBOOST_BID')))

/** What the controller signs, as a personal message. Source: nitro, `timeboost/types.go`. */
export function hashLaneMessage(message: Omit<LaneMessage, 'signature'>): Hash {
  const raw = concatBytes(
    domain,
    toBytes(message.chainId, { size: 32 }),
    hexToBytes(message.auctionContract)!,
    toBytes(message.round, { size: 8 }),
    toBytes(message.sequenceNumber, { size: 8 }),
    message.transaction,
  )
  return hashMessage({ raw })
}

/** The door of the lane: a state machine that is told the time and gives messages out in the controller's order. */
export interface ExpressLane {
  readonly parameters: ExpressLaneParameters
  /**
   * Takes a message, and gives those that may now be ordered: itself and what waited for it, or nothing while an earlier number is missing or
   * its round has not begun. The same message again changes nothing.
   *
   * @throws SequencerError `LANE_INVALID`
   */
  submit(message: LaneMessage, nowMs: number): readonly LaneMessage[]
  /** Gives what was held for a round that has begun meanwhile, and forgets rounds that are over. */
  tick(nowMs: number): readonly LaneMessage[]
  /** The bounds of a released message: its round's end, and a number of heights. Goes into the mempool as the transaction's condition. */
  conditionOf(message: LaneMessage, head: { number: bigint }): TransactionCondition
}

type Round = { next: bigint; held: Map<bigint, LaneMessage>; seen: Map<bigint, Hex>; unordered: Set<Hex> }

/**
 * An empty lane. `controllerOf` is the auction's.
 *
 * @throws SequencerError `POLICY_PARAMETERS`
 */
export function createExpressLane(
  options: Partial<ExpressLaneParameters> & {
    chainId: bigint
    auctionContract: Address
    controllerOf: (round: bigint) => Address | undefined
    recovery?: SenderRecovery | undefined
  },
): ExpressLane {
  const { chainId, auctionContract, controllerOf, recovery, ...rest } = options
  const parameters = readExpressLaneParameters(rest)
  const rounds = new Map<bigint, Round>()
  const refuse = (message: string): never => {
    throw new SequencerError(message, { code: 'LANE_INVALID' })
  }
  /** Messages of a round in order, as far as there is no gap. */
  const release = (round: Round): LaneMessage[] => {
    const released: LaneMessage[] = []
    for (let message = round.held.get(round.next); message !== undefined; message = round.held.get(round.next)) {
      round.held.delete(round.next++)
      released.push(message)
    }
    return released
  }
  const tick = (nowMs: number): LaneMessage[] => {
    const now = roundAt(parameters, nowMs)
    for (const number of [...rounds.keys()]) if (number < now) rounds.delete(number)
    const current = rounds.get(now)
    if (current === undefined) return []
    const early = [...current.held].filter(([key]) => key < 0n)
    for (const [key] of early) current.held.delete(key)
    return [...release(current), ...early.map(([, message]) => message)]
  }
  return {
    parameters,
    tick,
    submit(message, nowMs) {
      const now = roundAt(parameters, nowMs)
      const isEarly =
        message.round === now + 1n && roundStartMs(parameters, message.round) - nowMs <= parameters.graceMs
      if (message.chainId !== chainId) refuse(`lane message for chain ${message.chainId}, this is ${chainId}`)
      if (!isAddressEqual(message.auctionContract, auctionContract)) refuse('lane message for another auction contract')
      if (message.round !== now && !isEarly) refuse(`lane message for round ${message.round}, now is ${now}`)
      const controller = controllerOf(message.round) ?? refuse(`round ${message.round} has no controller`)
      const { sequenceNumber, signature } = message
      const round = rounds.get(message.round) ?? { next: 0n, held: new Map(), seen: new Map(), unordered: new Set() }
      const isUnordered = sequenceNumber === unorderedSequence
      if (round.seen.get(sequenceNumber) === signature || (isUnordered && round.unordered.has(signature))) return []
      if (recoverSigner(hashLaneMessage(message), signature, recovery) !== controller.toLowerCase())
        refuse('lane message is not signed by the controller of its round')
      if (!isUnordered) {
        if (round.seen.has(sequenceNumber)) refuse(`another message has the number ${sequenceNumber}`)
        if (sequenceNumber < 0n || sequenceNumber - round.next > BigInt(parameters.maxAhead))
          refuse(`number ${sequenceNumber}, ${parameters.maxAhead} ahead of ${round.next} are held`)
      } else if (round.unordered.size >= parameters.maxAhead) {
        refuse(`more than ${parameters.maxAhead} unordered messages in a round`)
      }
      rounds.set(message.round, round)
      if (isUnordered) {
        round.unordered.add(signature)
        // A number of its own below zero keeps what came too early apart from the ordered ones.
        if (isEarly) round.held.set(-BigInt(round.unordered.size), message)
        return isEarly ? [] : [...tick(nowMs), message]
      }
      round.seen.set(sequenceNumber, signature)
      round.held.set(sequenceNumber, message)
      return tick(nowMs)
    },
    conditionOf(message, head) {
      const endMs = roundStartMs(parameters, message.round + 1n)
      return {
        blockNumberMax: head.number + BigInt(parameters.maxBlocks),
        // The last whole second inside the round.
        timestampMax: BigInt(Math.ceil(endMs / 1000) - 1),
      }
    },
  }
}
