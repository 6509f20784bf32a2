export type { Closable, L2Error, L2ErrorOptions, Logger, Recovery } from '@l2/common'
export type { HeaderDomain, SequencerHeader, SignedHeader } from '@l2/sequencer-core/block'
export type { GossipDependencies } from '../core/gossip.js'
export type {
  BlockQuery,
  BlockSource,
  ForwardAnswer,
  GossipBlock,
  GossipMember,
  GossipStatus,
  GossipTraffic,
  GossipVerdict,
  HeaderGossip,
  PeerFault,
  PeerStatus,
  ReceivedHeader,
  RequestOptions,
} from '../port/gossip.js'
export type { GossipLimits, GossipOptions } from '../port/options.js'
export {
  createLibp2pGossip,
  type Libp2pGossip,
  type Libp2pGossipDependencies,
  type Libp2pGossipOptions,
  networkKeyOf,
} from './gossip.js'
