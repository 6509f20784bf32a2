import { silentLogger } from '@l2/common'
import type { BlockSource, GossipLimits, HeaderGossip } from '@l2/gossip'
import { createLibp2pGossip } from '@l2/gossip/libp2p'
import type { Ground } from './ground.js'

/** The operator's place among its peers: whoever is in the genesis. */
export async function openOperatorGossip(
  { rules, genesis, config, keys, say }: Ground,
  source: BlockSource,
  limits: Partial<GossipLimits> = {},
): Promise<HeaderGossip> {
  const members = genesis.operators.map(({ id, network, gossipAddresses }) => ({
    key: network,
    operator: id,
    addresses: id === config.id ? [] : gossipAddresses,
  }))
  const warn = (_: object, message?: string): void => {
    if (message !== undefined) say(`gossip: ${message}`)
  }
  const logger = { ...silentLogger, warn, error: warn }
  return await createLibp2pGossip(
    { domain: rules.domain, members, listen: config.gossipListen, limits },
    { networkKey: keys.network, source, logger },
  )
}
