import type { Hex } from 'viem'
import type { GossipMember, PeerFault, PeerStatus } from '../port/gossip.js'
import { type GossipLimits, readMembers } from '../port/options.js'
import { type Bucket, createBucket } from './bucket.js'
import { createScore, type Score } from './score.js'

/** What is kept of a member: its limits in both directions, its score, what it is busy with. */
export type Peer = {
  readonly member: GossipMember
  readonly score: Score
  /** What it hands us, of whomever it is. */
  readonly handed: { readonly headers: Bucket; readonly bytes: Bucket }
  /** What it publishes, whoever hands it to us. */
  readonly published: { readonly headers: Bucket; readonly bytes: Bucket }
  /** What it asks of us, and what we ask of it: the second keeps us from passing the first of its own. */
  readonly asks: { readonly requests: Bucket; readonly bytes: Bucket }
  readonly asked: { readonly requests: Bucket }
  readonly forwards: { readonly transactions: Bucket; readonly bytes: Bucket }
  /** Headers of it that wait for a verdict. */
  pending: number
  /** Requests of it that are being answered, and calls of `forward`. */
  serving: number
  forwarding: number
  /** Requests to it that are under way. */
  asking: number
  /** Until then it is asked after others, by the clock of the limits. */
  slowUntilMs: number
}

export type Peers = {
  get(key: Hex): Peer | undefined
  operator(id: number): Peer | undefined
  all(): readonly Peer[]
  isAllowed(key: Hex): boolean
  /** @returns true when the peer has to be cut off now */
  fault(key: Hex, fault: PeerFault): boolean
  /** @throws GossipError `CONFIG_INVALID`, and everything stays as it was */
  set(members: readonly GossipMember[]): void
  status(isConnected: (key: Hex) => boolean): PeerStatus[]
}

/** A neighbour hands on what two leaders publish while a term changes. */
const handedShare = 2
/** Of a peer's limit we use a little less: its clock may be slower than ours. */
const askedShare = 0.9

/** Who takes part. A member that stays keeps its limits and its score, so that a change of members forgives nothing. */
export function createPeers(
  self: Hex,
  members: readonly GossipMember[],
  limits: GossipLimits,
  monotonicMs: () => number,
): Peers {
  let peers = new Map<Hex, Peer>()
  const bucket = (perSecond: number) => createBucket(perSecond, limits.burstSeconds, monotonicMs)
  const create = (member: GossipMember): Peer => ({
    member,
    score: createScore(limits, monotonicMs),
    handed: {
      headers: bucket(handedShare * limits.headersPerSecond),
      bytes: bucket(handedShare * limits.headerBytesPerSecond),
    },
    published: { headers: bucket(limits.headersPerSecond), bytes: bucket(limits.headerBytesPerSecond) },
    asks: { requests: bucket(limits.requestsPerSecond), bytes: bucket(limits.answerBytesPerSecond) },
    asked: { requests: bucket(askedShare * limits.requestsPerSecond) },
    forwards: {
      transactions: bucket(limits.transactionsPerSecond),
      bytes: bucket(limits.transactionBytesPerSecond),
    },
    pending: 0,
    serving: 0,
    forwarding: 0,
    asking: 0,
    slowUntilMs: 0,
  })
  const set = (given: readonly GossipMember[]): void => {
    const next = new Map<Hex, Peer>()
    for (const member of readMembers(given)) {
      if (member.key === self) continue
      const before = peers.get(member.key)
      next.set(member.key, before === undefined ? create(member) : Object.assign(before, { member }))
    }
    peers = next
  }
  set(members)
  const isAllowed = (key: Hex): boolean => peers.get(key)?.score.bannedForMs() === 0
  return {
    set,
    isAllowed,
    get: key => peers.get(key),
    operator: id => [...peers.values()].find(({ member }) => member.operator === id),
    all: () => [...peers.values()],
    fault: (key, fault) => peers.get(key)?.score.add(fault) ?? false,
    status: isConnected =>
      [...peers.values()].map(({ member, score }) => ({
        key: member.key,
        operator: member.operator,
        isConnected: isConnected(member.key),
        score: score.score(),
        bannedForMs: score.bannedForMs(),
        faults: { ...score.faults },
      })),
  }
}
