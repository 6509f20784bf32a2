import { bytesToHex, type Closable } from '@l2/common'
import type { Hex } from 'viem'
import { createGossip, type GossipDependencies } from '../core/gossip.js'
import { GossipError, refuse } from '../errors.js'
import type { HeaderGossip } from '../port/gossip.js'
import { type GossipOptions, readGossipOptions } from '../port/options.js'
import { loadLibp2p } from './modules.js'
import { type GossipNetwork, openNetwork } from './network.js'

/** Options of {@link createLibp2pGossip}. */
export type Libp2pGossipOptions = GossipOptions & {
  /** Where to listen: multiaddrs such as `/ip4/0.0.0.0/tcp/9700`, port 0 for a free one. None: it only dials. */
  listen: readonly string[]
}

/** What a gossip over libp2p is given beside its options. */
export type Libp2pGossipDependencies = GossipDependencies & {
  /** The secret of its network identity: an Ed25519 seed, 32 bytes. The members know its public key. */
  networkKey: Uint8Array
}

/** A {@link HeaderGossip} over libp2p. */
export interface Libp2pGossip extends HeaderGossip, Closable {
  /** Where it listens: what others may put into {@link GossipMember.addresses}, without the last part, `/p2p/…`. */
  addresses(): readonly string[]
}

/**
 * The public network key of a secret, as it stands in {@link GossipMember.key} and in an operator's registration.
 *
 * @throws GossipError `CONFIG_INVALID` for a secret of another length, or where libp2p is not installed
 */
export async function networkKeyOf(secret: Uint8Array): Promise<Hex> {
  if (secret.length !== 32) refuse('CONFIG_INVALID', `the network key expected 32 bytes, got ${secret.length}`)
  const { generateKeyPairFromSeed } = await loadLibp2p()
  return bytesToHex((await generateKeyPairFromSeed('Ed25519', secret)).publicKey.raw)
}

/**
 * The gossip over libp2p: TCP, noise, yamux and gossipsub 1.2 with signed messages. Connections are encrypted and made with members only, by their
 * network keys; who goes away is dialled again. Needs the optional peers of this package; on Node 20 it provides `Promise.withResolvers`, which they use.
 *
 * @throws GossipError `CONFIG_INVALID`; `PEER_UNAVAILABLE` when it cannot listen
 */
export async function createLibp2pGossip(
  options: Libp2pGossipOptions,
  { networkKey, ...dependencies }: Libp2pGossipDependencies,
): Promise<Libp2pGossip> {
  const { listen, ...gossipOptions } = options
  const { domain, limits } = readGossipOptions(gossipOptions)
  const self = await networkKeyOf(networkKey)
  const modules = await loadLibp2p()
  for (const address of [...listen, ...options.members.flatMap(({ addresses }) => addresses)]) {
    try {
      modules.multiaddr(address)
    } catch (cause) {
      refuse('CONFIG_INVALID', `"${address}" is no multiaddr`, { cause })
    }
  }
  const place = `/l2/${domain.chainId}/${domain.rollup}`
  let network: GossipNetwork | undefined
  const gossip = await createGossip(gossipOptions, self, dependencies, async handlers => {
    const networkOptions = {
      listen,
      topic: `${place}/headers/1`,
      protocol: `${place}/ask/1`,
      requestMs: limits.requestMs,
      // Twice what is decoded: control messages and the framing of gossipsub are not headers.
      bytesPerSecond: 4 * limits.headerBytesPerSecond,
      burstSeconds: limits.burstSeconds,
      banScore: limits.banScore,
    }
    try {
      network = await openNetwork(modules, networkKey, self, handlers, networkOptions, dependencies.logger)
    } catch (cause) {
      throw new GossipError(`the gossip cannot listen at ${listen.join(', ')}`, {
        code: 'PEER_UNAVAILABLE',
        recovery: 'retry',
        cause,
      })
    }
    return network
  })
  return { ...gossip, addresses: () => network!.addresses() }
}
