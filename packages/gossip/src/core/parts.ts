import type { Logger } from '@l2/common'
import type { HeaderDomain } from '@l2/sequencer-core/block'
import type { Hex } from 'viem'
import type { Peers } from '../peers/peers.js'
import type { BlockSource, ForwardAnswer, GossipMember, GossipTraffic, PeerFault } from '../port/gossip.js'
import type { GossipLimits } from '../port/options.js'
import type { RecentBlocks } from './recent.js'
import type { GossipTransport } from './transport.js'

/** Takes a transaction that somebody handed on. */
export type TransactionReceiver = (
  transaction: Uint8Array,
  from: GossipMember,
) => ForwardAnswer | Promise<ForwardAnswer>

/** What the parts of one gossip share. */
export type GossipParts = {
  readonly self: Hex
  readonly domain: HeaderDomain
  readonly limits: GossipLimits
  readonly peers: Peers
  readonly recent: RecentBlocks
  readonly source: BlockSource
  readonly logger: Logger | undefined
  readonly monotonicMs: () => number
  readonly traffic: { -readonly [K in keyof GossipTraffic]: number }
  readonly transport: () => GossipTransport
  readonly receiver: () => TransactionReceiver | undefined
  /** Books a fault, and cuts the peer off when it was one too many. */
  fault(peer: Hex, fault: PeerFault): void
}
