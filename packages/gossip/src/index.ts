export type { Closable, L2Error, L2ErrorOptions, Logger, Recovery } from '@l2/common'
export { isL2Error } from '@l2/common'
export type { HeaderDomain, SequencerHeader, SignedHeader } from '@l2/sequencer-core/block'
export type { GossipDependencies } from './core/gossip.js'
export { GossipError, type GossipErrorCode } from './errors.js'
export type { MemoryFaults } from './memory/hub.js'
export { createMemoryNetwork, type MemoryNetwork, type MemoryNetworkOptions } from './memory/network.js'
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
} from './port/gossip.js'
export { defaultGossipLimits, type GossipLimits, type GossipOptions } from './port/options.js'
