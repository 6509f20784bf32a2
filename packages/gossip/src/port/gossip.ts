import type { Closable } from '@l2/common'
import type { SignedHeader } from '@l2/sequencer-core/block'
import type { Hash, Hex } from 'viem'

/** Who may take part: registered operators, and followers that operators have let in. */
export type GossipMember = {
  /** Public key of its network identity: Ed25519, 32 bytes. */
  readonly key: Hex
  /** Its number in the pool; `undefined`: it only follows, and what it publishes is not taken. */
  readonly operator: number | undefined
  /** Where it can be dialled, as the adapter writes addresses. Empty: it dials us. */
  readonly addresses: readonly string[]
}

/** A block as operators hand it on. */
export type GossipBlock = SignedHeader & {
  /** `encodeSealedBlock` of it: what lies in the sequencer's log. To this package only bytes. */
  readonly payload: Uint8Array
}

/** A header that came by gossip, from whoever leads. */
export type ReceivedHeader = SignedHeader & {
  /** EIP-712 digest of the header: how the control chain names the block. */
  readonly id: Hash
  /** The operator who published it: checked by its network key, whatever way the message took. */
  readonly publisher: GossipMember & { readonly operator: number }
  /** SHA-256 of the payload, as the publisher says. */
  readonly payloadHash: Hash
  /** Bytes of the payload, as the publisher says; never above the limit. */
  readonly payloadLength: number
  /** There when it was small enough to come with the header; then its hash and length are right. */
  readonly payload: Uint8Array | undefined
}

/**
 * What the operator makes of a header. `accept`: handed on to others. `ignore`: not handed on, nobody's fault (early, late, seen, too many).
 * `reject`: not handed on, and whoever handed it to us loses score, because an honest peer would have seen what is wrong with it.
 */
export type GossipVerdict = 'accept' | 'ignore' | 'reject'

/** What blocks to ask for. */
export type BlockQuery =
  /** One block by the digest of its header. */
  | { readonly type: 'block'; readonly id: Hash }
  /** Blocks of a peer's own chain from a height on, ascending. Fewer may come than were asked for. */
  | { readonly type: 'range'; readonly from: bigint; readonly count: number }

/** Options of {@link HeaderGossip.request}. */
export type RequestOptions = {
  /**
   * Called for each block that a peer sends. `reject` costs the peer its score, and another one is asked; `ignore` asks another one and costs nothing.
   * That an id was asked for and heights ascend is checked before. Default: everything is taken.
   */
  readonly judge?: ((block: GossipBlock) => GossipVerdict | Promise<GossipVerdict>) | undefined
  readonly signal?: AbortSignal | undefined
}

/** What became of a transaction that was handed to the leader. */
export type ForwardAnswer =
  /** In its mempool. */
  | { readonly type: 'taken' }
  /** The leader takes no more from us just now. */
  | { readonly type: 'limited' }
  /** It says no; `reason` is its mempool's, at most 200 bytes. */
  | { readonly type: 'refused'; readonly reason: string }

/** What a peer did that an honest one does not. */
export type PeerFault =
  /** Bytes that no codec made, or more of them than a message may have. */
  | 'garbage'
  /** Handed on a header that was rejected. */
  | 'rejected'
  /** More messages, bytes or requests than it may send. */
  | 'limit'
  /** An answer that is not what was asked for. */
  | 'answer'
  /** No answer in time. */
  | 'timeout'

/** How a member stands with us. */
export type PeerStatus = {
  readonly key: Hex
  readonly operator: number | undefined
  readonly isConnected: boolean
  /** 0 is a stranger's and the best; faults lower it, time brings it back. */
  readonly score: number
  /** Milliseconds until it is listened to again; 0: it is. */
  readonly bannedForMs: number
  /** Faults since the start, by kind. */
  readonly faults: Readonly<Record<PeerFault, number>>
}

/** Counters since the start. Bytes are those of messages, before encryption and framing. */
export type GossipTraffic = {
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly headersPublished: number
  readonly headersReceived: number
  readonly headersDropped: number
  readonly requestsServed: number
  readonly requestsRefused: number
  readonly transactionsForwarded: number
  readonly transactionsTaken: number
}

export type GossipStatus = {
  /** Own network key. */
  readonly self: Hex
  /** Every member but oneself, in the order of the members. */
  readonly peers: readonly PeerStatus[]
  readonly traffic: GossipTraffic
}

/** What an operator can give others: its own log. Called for every request of a peer; an error answers the peer as if there were nothing. */
export interface BlockSource {
  /** A block by the digest of its header, canonical or not. */
  block(id: Hash): Promise<GossipBlock | undefined>
  /**
   * At most `count` blocks of the own chain from a height on, ascending and without a gap. It stops before their payloads
   * pass `maxBytes` together, though never before the first.
   */
  range(from: bigint, count: number, maxBytes: number): Promise<readonly GossipBlock[]>
  /** Data that are to be put on L1, by their keccak-256. Absent: there are none. */
  data?(hash: Hash): Promise<Uint8Array | undefined>
}

/**
 * What operators use to hand each other headers, payloads and transactions. Delivery is best effort: what has to arrive is asked for again
 * ({@link request}). Nothing that arrives is trusted: who published a header is certain, what it says is for the subscriber to check.
 */
export interface HeaderGossip extends Closable {
  readonly self: Hex
  /**
   * Tells everyone of a block of one's own. Payloads up to `inlineBytes` go with the header; longer ones are pulled by those who want them,
   * from the publisher and from whoever has them already. Resolves when it is handed to the network, which is no promise of delivery; nobody connected is no
   * error. Publishing the same again is allowed.
   *
   * @throws GossipError `MESSAGE_INVALID`, `CLOSED`
   */
  publish(block: GossipBlock): Promise<void>
  /**
   * Every header that others publish, once for each content; never one's own. A header is handed on to others after `accept`, so answer after
   * the cheap checks (signature, leader, term) and before execution. No answer within `verdictMs`, or an exception, counts as `ignore`. One subscriber at a time.
   *
   * @returns ends the subscription
   * @throws GossipError `CONFIG_INVALID` when there is one already, `CLOSED`
   */
  subscribe(handler: (received: ReceivedHeader) => GossipVerdict | Promise<GossipVerdict>): () => void
  /**
   * The payload of a header: at once when it came with it, else asked of the publisher, then of the others. Its hash and length are those announced.
   *
   * @throws GossipError `PEER_UNAVAILABLE`, `CLOSED`; the signal's reason
   */
  payload(received: ReceivedHeader, options?: { signal?: AbortSignal | undefined }): Promise<Uint8Array>
  /**
   * Blocks from whoever has them; peers are tried one after another, the best score first. For a range at least one block comes.
   *
   * @throws GossipError `PEER_UNAVAILABLE`, `CLOSED`, `CONFIG_INVALID`; the signal's reason
   */
  request(query: BlockQuery, options?: RequestOptions): Promise<readonly GossipBlock[]>
  /**
   * Data by their keccak-256, which is checked: what a batch statement names before L1 has it. Asked of `operator` first, then of the others.
   *
   * @throws GossipError `PEER_UNAVAILABLE`, `CLOSED`, `CONFIG_INVALID`; the signal's reason
   */
  data(hash: Hash, options: { operator: number; signal?: AbortSignal | undefined }): Promise<Uint8Array>
  /**
   * Hands transactions to an operator's mempool, at most `maxForwarded` and a second's `transactionBytesPerSecond` of
   * them at once, and says what it made of each, in order. When it throws, it is not known what arrived: sending again is safe.
   *
   * @throws GossipError `PEER_UNAVAILABLE`, `MESSAGE_INVALID`, `CLOSED`; the signal's reason
   */
  forward(
    operator: number,
    transactions: readonly Uint8Array[],
    options?: { signal?: AbortSignal | undefined },
  ): Promise<readonly ForwardAnswer[]>
  /**
   * Takes what others forward; limits for each operator are applied before. An exception answers `refused`. One receiver at a time; without one everything is `refused`.
   *
   * @returns ends it
   * @throws GossipError `CONFIG_INVALID` when there is one already, `CLOSED`
   */
  receive(handler: (transaction: Uint8Array, from: GossipMember) => ForwardAnswer | Promise<ForwardAnswer>): () => void
  /**
   * Who may take part from now on. Whoever is not in it any more is cut off.
   *
   * @throws GossipError `CONFIG_INVALID`, and everything stays as it was
   */
  setMembers(members: readonly GossipMember[]): void
  status(): GossipStatus
}
