import type { BlockSource, GossipStatus, HeaderGossip } from '@l2/gossip'
import type { Feed, SequencerLoop } from '@l2/node'
import type { OperatorCore } from '../core/core.js'
import { createForwarding, type Forwarding } from '../core/forwarding.js'
import type { openOperatorGossip } from './gossip.js'
import type { Ground } from './ground.js'

/** An operator's place among its peers, which one of its machines has at a time: it goes by one network key. */
export type Place = {
  gossip(): HeaderGossip | undefined
  /** Without a place: no peers, and nothing that went to and fro. */
  status(): GossipStatus
  /** Hands on what users have handed in. */
  forward(): Promise<void>
  /** May be called again, where an earlier call failed in between too. */
  open(): Promise<void>
  close(): Promise<void>
}

export type PlaceParts = {
  core(): OperatorCore
  sequencer(): SequencerLoop
  source(): BlockSource
  openGossip: typeof openOperatorGossip
  feed: Feed
}

const noTraffic: GossipStatus['traffic'] = {
  ...{ bytesSent: 0, bytesReceived: 0, headersPublished: 0, headersReceived: 0, headersDropped: 0 },
  ...{ requestsServed: 0, requestsRefused: 0, transactionsForwarded: 0, transactionsTaken: 0 },
}

export function createPlace(ground: Ground, { core, sequencer, source, openGossip, feed }: PlaceParts): Place {
  const { config } = ground
  let gossip: HeaderGossip | undefined
  let forwarding: Forwarding | undefined
  return {
    gossip: () => gossip,
    status: () =>
      gossip?.status() ?? { self: ground.genesis.operators[config.id - 1]!.network, peers: [], traffic: noTraffic },
    forward: async () => await forwarding?.step(),
    async open() {
      gossip ??= await openGossip(ground, source())
      await core().open()
      forwarding ??= createForwarding({
        ...{ gossip, sequencer: sequencer(), feed },
        leader: () => {
          const leader = core().leader()
          return leader === undefined || leader.id === config.id ? undefined : leader
        },
      })
    },
    async close() {
      core().close()
      forwarding?.close()
      forwarding = undefined
      const open = gossip
      gossip = undefined
      await open?.close()
    },
  }
}
