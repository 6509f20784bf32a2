import { refuse } from '../errors.js'

type Resolvers = { promise: Promise<unknown>; resolve: (value: unknown) => void; reject: (reason?: unknown) => void }

/** libp2p waits with this, which Node has since version 22. */
function provideResolvers(): void {
  const promises = Promise as { withResolvers?: () => Resolvers }
  promises.withResolvers ??= () => {
    let resolve!: Resolvers['resolve']
    let reject!: Resolvers['reject']
    const promise = new Promise<unknown>((yes, no) => {
      resolve = yes
      reject = no
    })
    return { promise, resolve, reject }
  }
}

/**
 * The parts of libp2p, loaded when a gossip is opened: nobody who only imports this pays for them.
 *
 * @throws GossipError `CONFIG_INVALID` when one of the optional peers is not installed
 */
export async function loadLibp2p(): Promise<Libp2pModules> {
  provideResolvers()
  try {
    const [libp2p, tcp, noise, yamux, identify, gossipsub, keys, peerId, multiaddr] = await Promise.all([
      import('libp2p'),
      import('@libp2p/tcp'),
      import('@chainsafe/libp2p-noise'),
      import('@chainsafe/libp2p-yamux'),
      import('@libp2p/identify'),
      import('@libp2p/gossipsub'),
      import('@libp2p/crypto/keys'),
      import('@libp2p/peer-id'),
      import('@multiformats/multiaddr'),
    ])
    return { ...libp2p, ...tcp, ...noise, ...yamux, ...identify, ...gossipsub, ...keys, ...peerId, ...multiaddr }
  } catch (cause) {
    return refuse('CONFIG_INVALID', 'libp2p is not installed: see the README of @l2/gossip for its packages', { cause })
  }
}

/** Written out: what TypeScript infers cannot be named in a declaration. */
export type Libp2pModules = typeof import('libp2p') &
  typeof import('@libp2p/tcp') &
  typeof import('@chainsafe/libp2p-noise') &
  typeof import('@chainsafe/libp2p-yamux') &
  typeof import('@libp2p/identify') &
  typeof import('@libp2p/gossipsub') &
  typeof import('@libp2p/crypto/keys') &
  typeof import('@libp2p/peer-id') &
  typeof import('@multiformats/multiaddr')
