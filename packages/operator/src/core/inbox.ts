import { type ControlState, encodeEquivocation } from '@l2/control-chain'
import type { GossipVerdict, ReceivedHeader } from '@l2/gossip'
import { type HeaderDomain, recoverSigner, type SenderRecovery, type SignedHeader } from '@l2/sequencer-core/block'
import type { SlotLeader } from '@l2/staking'
import type { Address } from 'viem'

/** Headers that wait for their turn at most, of this term and of those to come. */
const maxWaiting = 128
/** Terms that may come before they are known here. */
const maxEarlyTerms = 2
/** Places whose header is remembered, to find two. */
const keptPlaces = 4096

export type InboxParts = {
  domain: HeaderDomain
  recovery: SenderRecovery
  state(): ControlState
  /** Height of the own head. */
  head(): bigint
  leaderAt(height: bigint): SlotLeader | undefined
  operatorOf(signer: Address): number | undefined
  /** Two headers of one signer at one place: a transaction of the control chain that convicts it. */
  onEquivocation(accused: number, transaction: Uint8Array): void
  /** There is something new. */
  onHeader(): void
}

/** Headers of others that wait to be followed. */
export type Inbox = {
  /** Cheap checks only: who signed, for which place. */
  take(received: ReceivedHeader): GossipVerdict
  /** Headers of the term in force at a height, in the order in which they came. */
  at(height: bigint): readonly ReceivedHeader[]
  /** The lowest height above one for which there is a header of the term in force. */
  lowestAbove(height: bigint): bigint | undefined
  drop(received: ReceivedHeader): void
  /** Notes a header of one's own, or one that came with a block. @returns false when it is the second at its place */
  note(signed: SignedHeader, signer: Address): boolean
  /** Forgets what the chain has passed. */
  forget(state: ControlState, head: bigint): void
}

export function createInbox(parts: InboxParts): Inbox {
  const waiting = new Map<string, ReceivedHeader>()
  const seen = new Map<string, SignedHeader>()

  const note = ({ header, signature }: SignedHeader, signer: Address): boolean => {
    const place = `${signer}/${header.epochId}/${header.term}/${header.height}`
    const known = seen.get(place)
    if (known === undefined) {
      seen.set(place, { header, signature })
      if (seen.size > keptPlaces) seen.delete(seen.keys().next().value!)
      return true
    }
    if (sameHeader(known, { header, signature })) return true
    const accused = parts.operatorOf(signer)
    if (accused !== undefined) parts.onEquivocation(accused, encodeEquivocation(known, { header, signature }))
    return false
  }
  return {
    note,
    take(received) {
      const { header, signature, id } = received
      const signer = recoverSigner(id, signature, parts.recovery)
      if (signer === undefined || parts.operatorOf(signer) === undefined) return 'reject'
      note(received, signer)
      const state = parts.state()
      if (header.term < state.view || header.height <= state.milestone.height) return 'ignore'
      if (header.term > state.view + maxEarlyTerms) return 'ignore'
      if (header.height > state.milestone.height + 4n * BigInt(state.parameters.ahead)) return 'ignore'
      const isNow = header.term === state.view
      const leader = parts.leaderAt(header.height)
      // A leader whose election this operator has not folded yet looks like none.
      if (isNow && (leader?.sequencer !== signer || leader.epoch !== header.epochId)) return 'ignore'
      if (waiting.size >= maxWaiting && !waiting.has(id)) return 'ignore'
      waiting.set(id, received)
      parts.onHeader()
      return 'accept'
    },
    at(height) {
      const { view } = parts.state()
      return [...waiting.values()].filter(({ header }) => header.height === height && header.term === view)
    },
    lowestAbove(height) {
      const { view } = parts.state()
      let lowest: bigint | undefined
      for (const { header } of waiting.values()) {
        if (header.term !== view || header.height <= height) continue
        if (lowest === undefined || header.height < lowest) lowest = header.height
      }
      return lowest
    },
    drop: received => void waiting.delete(received.id),
    forget(state, head) {
      for (const [id, { header }] of waiting) {
        const isPassed = header.term < state.view || (header.term === state.view && header.height <= head)
        if (isPassed || header.height <= state.milestone.height) waiting.delete(id)
      }
    },
  }
}

function sameHeader(a: SignedHeader, b: SignedHeader): boolean {
  const keys = Object.keys(a.header) as (keyof SignedHeader['header'])[]
  return keys.every(key => a.header[key] === b.header[key])
}
