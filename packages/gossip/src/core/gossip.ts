import { closable, type Logger } from '@l2/common'
import { hashSequencerHeader } from '@l2/sequencer-core/block'
import type { Hash, Hex } from 'viem'
import { GossipError, refuse } from '../errors.js'
import { decodeAnnouncement, encodeAnnouncement, maxAnnouncementBytes, payloadHashOf } from '../message/announcement.js'
import { maxRequestBytes } from '../message/exchange.js'
import { createPeers } from '../peers/peers.js'
import type {
  BlockSource,
  GossipBlock,
  GossipVerdict,
  HeaderGossip,
  PeerFault,
  ReceivedHeader,
} from '../port/gossip.js'
import { type GossipLimits, type GossipOptions, readGossipOptions } from '../port/options.js'
import { createAsking } from './ask.js'
import { inTime } from './in-time.js'
import type { GossipParts, TransactionReceiver } from './parts.js'
import { createSeenPlaces } from './places.js'
import { createRecentBlocks } from './recent.js'
import { createServing } from './serve.js'
import type { GossipTransport, TransportHandlers } from './transport.js'

/** What a gossip is given beside its options. */
export type GossipDependencies = {
  source: BlockSource
  logger?: Logger | undefined
  /** Milliseconds that never go back, for limits and scores. Defaults to `performance.now`. */
  monotonicMs?: (() => number) | undefined
}

type HeaderSubscriber = (received: ReceivedHeader) => GossipVerdict | Promise<GossipVerdict>

/** One handler at a time. */
function createSlot<H>(what: string): { set(handler: H): () => void; get(): H | undefined } {
  let current: H | undefined
  return {
    get: () => current,
    set(handler) {
      if (current !== undefined) refuse('CONFIG_INVALID', `the gossip has a ${what} already`)
      current = handler
      return () => {
        if (current === handler) current = undefined
      }
    },
  }
}

const noTraffic = (): GossipParts['traffic'] => ({
  bytesSent: 0,
  bytesReceived: 0,
  headersPublished: 0,
  headersReceived: 0,
  headersDropped: 0,
  requestsServed: 0,
  requestsRefused: 0,
  transactionsForwarded: 0,
  transactionsTaken: 0,
})

/** Headers of others on their way to the subscriber. */
function createListening(parts: GossipParts, subscriber: () => HeaderSubscriber | undefined) {
  const { domain, limits, peers, recent, traffic, logger, fault } = parts
  const places = createSeenPlaces(limits.maxVariants)
  /** Whoever published it and whoever handed it to us: an honest one would have done neither. */
  const blame = (publisher: Hex, neighbour: Hex, what: PeerFault): void => {
    fault(neighbour, what)
    if (publisher !== neighbour) fault(publisher, what)
  }
  const judge = async (message: Uint8Array, publisher: Hex, neighbour: Hex): Promise<GossipVerdict> => {
    const [origin, via] = [peers.get(publisher), peers.get(neighbour)]
    if (via === undefined || !peers.isAllowed(neighbour) || !peers.isAllowed(publisher)) return 'ignore'
    if (!via.handed.headers.take(1) || !via.handed.bytes.take(message.length)) {
      fault(neighbour, 'limit')
      return 'ignore'
    }
    const operator = origin?.member.operator
    if (origin === undefined || operator === undefined) {
      if (publisher === neighbour) fault(neighbour, 'rejected')
      return 'ignore'
    }
    if (!origin.published.headers.take(1) || !origin.published.bytes.take(message.length)) {
      if (publisher === neighbour) fault(neighbour, 'limit')
      return 'ignore'
    }
    const announcement = decodeAnnouncement(message, limits)
    if (announcement === undefined) {
      blame(publisher, neighbour, 'garbage')
      return 'reject'
    }
    const handler = subscriber()
    if (handler === undefined || origin.pending >= limits.maxPending) return 'ignore'
    const { header, payloadHash, payload } = announcement
    const id = hashSequencerHeader(header, domain)
    if (places.see(publisher, header, id, payloadHash) !== 'new') return 'ignore'
    traffic.headersReceived++
    origin.pending++
    try {
      const received = { ...announcement, id, publisher: { ...origin.member, operator } }
      const verdict = await inTime(async () => handler(received), limits.verdictMs)
      if (verdict === 'reject') blame(publisher, neighbour, 'rejected')
      if (verdict === 'accept' && payload !== undefined) recent.add(id, payloadHash, { ...announcement, payload })
      return verdict ?? 'ignore'
    } catch (error) {
      logger?.warn({ error, id }, 'the subscriber of headers failed')
      return 'ignore'
    } finally {
      origin.pending--
    }
  }
  return async (message: Uint8Array, publisher: Hex, neighbour: Hex): Promise<GossipVerdict> => {
    if (publisher === parts.self) return 'ignore'
    traffic.bytesReceived += message.length
    const verdict = await judge(message, publisher, neighbour)
    if (verdict !== 'accept') traffic.headersDropped++
    return verdict
  }
}

function checkBlock({ payload }: GossipBlock, { maxPayloadBytes }: GossipLimits): void {
  if (payload.length > 0 && payload.length <= maxPayloadBytes) return
  refuse('MESSAGE_INVALID', `a payload of 1 … ${maxPayloadBytes} bytes expected, got ${payload.length}`)
}

/**
 * The gossip over any network that moves bytes.
 *
 * @throws GossipError `CONFIG_INVALID`; what `open` throws
 */
export async function createGossip(
  options: GossipOptions,
  self: Hex,
  { source, logger, monotonicMs = () => performance.now() }: GossipDependencies,
  open: (handlers: TransportHandlers) => Promise<GossipTransport>,
): Promise<HeaderGossip> {
  const { domain, members, limits } = readGossipOptions(options)
  let own = members.find(({ key }) => key === self)
  const peers = createPeers(self, members, limits, monotonicMs)
  const subscribers = createSlot<HeaderSubscriber>('subscriber')
  const receivers = createSlot<TransactionReceiver>('receiver')
  let closed: GossipError | undefined
  let transport: GossipTransport | undefined
  const parts: GossipParts = {
    ...{ self, domain, limits, peers, source, logger, monotonicMs },
    recent: createRecentBlocks(limits.cacheBytes),
    traffic: noTraffic(),
    transport: () => transport!,
    receiver: receivers.get,
    fault(peer, fault) {
      if (!peers.fault(peer, fault)) return
      logger?.warn({ peer, fault, faults: peers.get(peer)?.score.faults }, 'a peer is cut off')
      transport?.refresh()
    },
  }
  const { recent, traffic } = parts
  const serving = createServing(parts)
  const asking = createAsking(parts)
  transport = await open({
    onBroadcast: createListening(parts, subscribers.get),
    onAsk: serving.answer,
    onGarbage: from => parts.fault(from, 'garbage'),
    onFlood: from => parts.fault(from, 'limit'),
    members: () => peers.all().map(({ member }) => member),
    isAllowed: peers.isAllowed,
    scoreOf: key => peers.get(key)?.score.score() ?? 0,
    maxBroadcastBytes: maxAnnouncementBytes(limits),
    maxRequestBytes: maxRequestBytes(limits),
  })
  const network = transport
  const checkOpen = (): void => {
    if (closed !== undefined) throw closed
  }
  return {
    self,
    async publish(block) {
      checkOpen()
      checkBlock(block, limits)
      const payloadHash = payloadHashOf(block.payload)
      let message: Uint8Array
      let id: Hash
      try {
        message = encodeAnnouncement(block, payloadHash, limits)
        id = hashSequencerHeader(block.header, domain)
      } catch (cause) {
        return refuse('MESSAGE_INVALID', 'a header that no message can hold', { cause })
      }
      recent.add(id, payloadHash, block)
      traffic.headersPublished++
      traffic.bytesSent += message.length
      await network.broadcast(message)
    },
    subscribe(handler) {
      checkOpen()
      return subscribers.set(handler)
    },
    async payload(received, { signal } = {}) {
      checkOpen()
      return received.payload ?? asking.payload(received, signal)
    },
    async request(query, requestOptions = {}) {
      checkOpen()
      return asking.request(query, requestOptions)
    },
    async data(hash, { operator, signal }) {
      checkOpen()
      return asking.data(hash, operator, signal)
    },
    async forward(operator, transactions, { signal } = {}) {
      checkOpen()
      asking.checkTransactions(transactions)
      if (transactions.length === 0) return []
      if (own?.operator === operator) return serving.take(transactions, own)
      return asking.forward(operator, transactions, signal)
    },
    receive(handler) {
      checkOpen()
      return receivers.set(handler)
    },
    setMembers(next) {
      checkOpen()
      peers.set(next)
      own = next.find(({ key }) => key.toLowerCase() === self)
      network.refresh()
    },
    status: () => ({ self, peers: peers.status(network.isConnected), traffic: { ...traffic } }),
    ...closable(async () => {
      closed = new GossipError('the gossip is closed', { code: 'CLOSED' })
      asking.close(closed)
      await network.close()
    }),
  }
}
