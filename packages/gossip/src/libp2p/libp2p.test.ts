import { describe, it } from 'vitest'
import { gossipConformance } from '../testing/conformance.js'
import { createLibp2pGossip, type Libp2pGossip, networkKeyOf } from './gossip.js'

describe('createLibp2pGossip', async () => {
  const secrets = [1, 2, 3, 4].map(byte => new Uint8Array(32).fill(byte))
  const keys = await Promise.all(secrets.map(networkKeyOf))
  const suite = gossipConformance(async () => {
    // Whoever comes later dials whoever is there: ports are free ones, so they are known only then.
    const opened = new Set<Libp2pGossip>()
    const members = keys.map((key, index) => ({
      key,
      operator: [1, 2, 3, undefined][index],
      addresses: [] as string[],
    }))
    return {
      members,
      async open(index, options, dependencies) {
        const gossip = await createLibp2pGossip(
          { ...options, listen: ['/ip4/127.0.0.1/tcp/0'] },
          { ...dependencies, networkKey: secrets[index]! },
        )
        members[index]!.addresses.splice(0, 1, gossip.addresses()[0]!.replace(/\/p2p\/.*$/, ''))
        opened.add(gossip)
        for (const one of opened) one.setMembers(members)
        const close = (): Promise<void> => {
          opened.delete(gossip)
          return gossip.close()
        }
        return { ...gossip, close }
      },
      cleanup: async () => {},
    }
  })
  for (const { name, run } of suite) it(name, run)
})
