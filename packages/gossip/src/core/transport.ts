import type { Hex } from 'viem'
import type { GossipMember, GossipVerdict } from '../port/gossip.js'

/** What a network does for the gossip: it moves bytes between members whose keys it has checked, and knows nothing of headers. */
export interface GossipTransport {
  readonly self: Hex
  /** To everyone. Resolves when it is handed to the network. */
  broadcast(message: Uint8Array): Promise<void>
  /** One question, one answer of at most `maxAnswerBytes`. Rejects with the signal's reason, or when the peer cannot be reached or breaks off. */
  ask(peer: Hex, request: Uint8Array, maxAnswerBytes: number, signal: AbortSignal): Promise<Uint8Array>
  isConnected(peer: Hex): boolean
  /** Who may be connected has changed: {@link TransportHandlers.isAllowed} says to what. */
  refresh(): void
  close(): Promise<void>
}

/** What the gossip does for a network. None of these throws or rejects. */
export type TransportHandlers = {
  /** A message that `publisher` signed and `neighbour` handed to us. */
  onBroadcast(message: Uint8Array, publisher: Hex, neighbour: Hex): Promise<GossipVerdict>
  /** The answer to a peer's question; `undefined` when it deserves none. */
  onAsk(request: Uint8Array, from: Hex): Promise<Uint8Array | undefined>
  /** The peer sent what the network itself cannot read, or more of it than may be. */
  onGarbage(from: Hex): void
  /** The peer sends more bytes than any limit lets it. */
  onFlood(from: Hex): void
  /** Whom to be connected to. */
  members(): readonly GossipMember[]
  /** Whether there may be a connection: a member, and not cut off. */
  isAllowed(peer: Hex): boolean
  /** What the network may weigh its neighbours by: 0 or below. */
  scoreOf(peer: Hex): number
  readonly maxBroadcastBytes: number
  readonly maxRequestBytes: number
}
