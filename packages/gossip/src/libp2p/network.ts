import type { Logger } from '@l2/common'
import type { GossipSub, Message } from '@libp2p/gossipsub'
import type { Connection, Libp2p, PeerId, Stream } from '@libp2p/interface'
import type { Hex } from 'viem'
import type { GossipTransport, TransportHandlers } from '../core/transport.js'
import { createDialling } from './dialling.js'
import { FrameError, readFrame, writeFrame } from './frames.js'
import { keyOf, peerOf } from './keys.js'
import type { Libp2pModules } from './modules.js'

/** What the adapter is told of its network. */
export type NetworkOptions = {
  /** Where to listen: multiaddrs such as `/ip4/0.0.0.0/tcp/9700`; none: it only dials. */
  listen: readonly string[]
  /** Names of the topic and of the protocol of requests, which tell rollups apart. */
  topic: string
  protocol: string
  /** How long a peer may take to ask its question, milliseconds. */
  requestMs: number
  /** Bytes of headers that a neighbour may send a second, before they are decoded, and for how many seconds at once. */
  bytesPerSecond: number
  burstSeconds: number
  /** Score at which the gossip cuts a peer off. */
  banScore: number
}

/** What may be dialled and whom to ask: the running network, and where it listens. */
export type GossipNetwork = GossipTransport & { readonly addresses: () => readonly string[] }

/** How often connections and streams are looked after. */
const tendMs = 250
/** Streams of requests that a peer may have open with us; what it may have answered at once is less. */
const maxStreams = 32
const maxOutboundStreams = 256
/** How often a connection is asked whether it lives, and how long it may take to say so. */
const pulseMs = 5_000
const pulsePatienceMs = 10_000
/** A peer whose dial crossed ours has two connections for a moment; nobody needs more. */
const maxConnectionsPerPeer = 4
/** What a stream may carry before the other side has read it: a payload of a megabyte goes without waiting. */
const windowBytes = 2 ** 20
const meshProtocol = /^\/(meshsub|floodsub)\//

/** Ends a connection now. One whose socket has gone already throws in the middle of its ending. */
function cut(connection: Connection, error: Error): void {
  try {
    connection.abort(error)
  } catch {
    // It is gone.
  }
}

/** Drops connections of whoever may have none, counts what neighbours send, and heals what broke. */
function createWatch(
  node: Libp2p,
  handlers: TransportHandlers,
  { bytesPerSecond, burstSeconds }: NetworkOptions,
): { tend(): void } {
  const watched = new WeakSet<Stream>()
  const levels = new WeakMap<Connection, { bytes: number; at: number }>()
  const meter = (connection: Connection, key: Hex, bytes: number): void => {
    const now = performance.now()
    const before = levels.get(connection) ?? { bytes: 0, at: now }
    const level = Math.max(0, before.bytes - (bytesPerSecond * (now - before.at)) / 1_000) + bytes
    const isAbove = level > bytesPerSecond * burstSeconds
    levels.set(connection, { bytes: level, at: now })
    if (isAbove) handlers.onFlood(key)
  }
  const watch = (stream: Stream, connection: Connection, key: Hex): void => {
    watched.add(stream)
    if (stream.direction === 'inbound') {
      stream.addEventListener('message', ({ data }) => meter(connection, key, data.byteLength))
    }
    stream.addEventListener('close', event => {
      const error = 'error' in event ? event.error : undefined
      if (error === undefined) return
      // Without its streams a connection looks well and carries nothing: a new one has new streams.
      cut(connection, error)
    })
  }
  return {
    tend() {
      for (const connection of node.getConnections()) {
        const key = keyOf(connection.remotePeer)
        if (key === undefined || !handlers.isAllowed(key)) {
          cut(connection, new Error('no member, or cut off'))
          continue
        }
        for (const stream of connection.streams) {
          if (meshProtocol.test(stream.protocol) && !watched.has(stream)) watch(stream, connection, key)
        }
      }
    },
  }
}

/**
 * gossipsub stops to read a stream at a message that is too long, and goes on to take what comes on it into memory. What it tells only its log
 * is heard here.
 */
function endBrokenStreams(node: Libp2p, pubsub: GossipSub, handlers: TransportHandlers): void {
  type Reading = { handlePeerReadStreamError(error: Error, peer: PeerId): void }
  const reading = pubsub as unknown as Reading
  const before = reading.handlePeerReadStreamError.bind(pubsub)
  reading.handlePeerReadStreamError = (error, peer) => {
    before(error, peer)
    const key = keyOf(peer)
    if (key !== undefined && /^InvalidData/.test(error.name)) handlers.onGarbage(key)
    for (const connection of node.getConnections(peer)) cut(connection, error)
  }
}

/** Asks every connection now and then whether there is somebody, and ends those that do not answer: a machine that hangs closes nothing. */
function createPulse(node: Libp2p, protocol: string): { tend(): void } {
  const asked = new WeakMap<Connection, number>()
  const ask = async (connection: Connection): Promise<void> => {
    const signal = AbortSignal.timeout(pulsePatienceMs)
    let stream: Stream | undefined
    try {
      stream = await connection.newStream(protocol, { signal, maxOutboundStreams })
      await writeFrame(stream, new Uint8Array(), signal)
      await readFrame(stream, 0, signal)
      await stream.close({ signal })
    } catch (error) {
      stream?.abort(error as Error)
      cut(connection, error as Error)
    }
  }
  return {
    tend() {
      const now = performance.now()
      for (const connection of node.getConnections()) {
        const before = asked.get(connection)
        if (before === undefined) asked.set(connection, now)
        if (before === undefined || now - before < pulseMs || connection.status !== 'open') continue
        asked.set(connection, now)
        void ask(connection)
      }
    },
  }
}

function gaterOf(handlers: TransportHandlers, getNode: () => Libp2p | undefined) {
  const denies = (peer: PeerId): boolean => {
    const key = keyOf(peer)
    return key === undefined || !handlers.isAllowed(key)
  }
  const deniesInbound = (peer: PeerId): boolean =>
    denies(peer) || (getNode()?.getConnections(peer).length ?? 0) >= maxConnectionsPerPeer
  return {
    denyDialPeer: denies,
    // Members may stand in private networks: whom to dial is said by the operators, not found out.
    denyDialMultiaddr: () => false,
    denyInboundEncryptedConnection: deniesInbound,
    denyOutboundEncryptedConnection: denies,
  }
}

/** Starts a libp2p node that speaks with members only. @throws what libp2p throws, as when it cannot listen */
export async function openNetwork(
  modules: Libp2pModules,
  seed: Uint8Array,
  self: Hex,
  handlers: TransportHandlers,
  options: NetworkOptions,
  logger: Logger | undefined,
): Promise<GossipNetwork> {
  const { createLibp2p, tcp, noise, yamux, identify, gossipsub, generateKeyPairFromSeed } = modules
  const { topic, protocol, listen, requestMs } = options
  let running: Libp2p | undefined
  const node = await createLibp2p({
    privateKey: await generateKeyPairFromSeed('Ed25519', seed),
    addresses: { listen: [...listen] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ streamOptions: { initialStreamWindowSize: windowBytes } })],
    connectionGater: gaterOf(handlers, () => running),
    connectionManager: { maxConnections: 2_048, inboundConnectionThreshold: 32, reconnectRetries: 0 },
    // Its own ends a connection in a way that throws where nobody catches; see createPulse.
    connectionMonitor: { enabled: false },
    services: {
      identify: identify(),
      pubsub: gossipsub({
        globalSignaturePolicy: 'StrictSign',
        allowPublishToZeroTopicPeers: true,
        allowedTopics: [topic],
        floodPublish: true,
        batchPublish: true,
        fallbackToFloodsub: false,
        doPX: false,
        emitSelf: false,
        maxInboundDataLength: 2 * handlers.maxBroadcastBytes + 65_536,
        maxOutboundBufferSize: 8 * handlers.maxBroadcastBytes + 2 ** 20,
        maxTopicBytesPerPeer: 16_384,
        decodeRpcLimits: {
          maxSubscriptions: 16,
          maxMessages: 256,
          maxIhaveMessageIDs: 1_024,
          maxIwantMessageIDs: 1_024,
          maxIdontwantMessageIDs: 512,
          maxControlMessages: 64,
          maxPeerInfos: 0,
        },
        // Before the gossip cuts a peer off it is heard, so that what it does counts.
        scoreThresholds: {
          gossipThreshold: options.banScore / 2,
          publishThreshold: options.banScore,
          graylistThreshold: 2 * options.banScore,
        },
        scoreParams: {
          appSpecificScore: peer => handlers.scoreOf(keys.get(peer) ?? self),
          appSpecificWeight: 1,
          // Operators may share a machine or a gateway.
          IPColocationFactorWeight: 0,
          behaviourPenaltyWeight: -1,
          behaviourPenaltyThreshold: 6,
          behaviourPenaltyDecay: 0.9,
        },
      }),
    },
  })
  running = node
  const pubsub: GossipSub = node.services.pubsub
  const keys = new Map<string, Hex>()
  const network = { node, pubsub, keys, modules, handlers, self }
  endBrokenStreams(node, pubsub, handlers)
  receiveHeaders(network, topic)
  await answerRequests(node, handlers, protocol, requestMs)
  const dialling = createDialling(node, modules, self, handlers, logger)
  const watch = createWatch(node, handlers, options)
  const pulse = createPulse(node, protocol)
  const tend = (): void => {
    keys.clear()
    for (const { key } of handlers.members()) keys.set(peerOf(key, modules).toString(), key)
    watch.tend()
    pulse.tend()
    dialling.tend()
  }
  pubsub.subscribe(topic)
  tend()
  const timer = setInterval(tend, tendMs)
  return {
    self,
    addresses: () => node.getMultiaddrs().map(address => address.toString()),
    broadcast: async message => void (await pubsub.publish(topic, message)),
    isConnected: key => node.getConnections(peerOf(key, modules)).some(({ status }) => status === 'open'),
    refresh: tend,
    ask: (key, request, maxBytes, signal) =>
      askPeer(node, peerOf(key, modules), protocol, request, maxBytes, signal, () => handlers.onGarbage(key)),
    async close() {
      clearInterval(timer)
      await node.stop()
    },
  }
}

function receiveHeaders({ pubsub, handlers }: { pubsub: GossipSub; handlers: TransportHandlers }, topic: string): void {
  pubsub.topicValidators.set(topic, async (neighbour: PeerId, message: Message) => {
    const [via, publisher] = [keyOf(neighbour), message.type === 'signed' ? keyOf(message.from) : undefined]
    if (via === undefined || publisher === undefined) return 'reject' as never
    return (await handlers.onBroadcast(message.data, publisher, via)) as never
  })
}

async function answerRequests(
  node: Libp2p,
  handlers: TransportHandlers,
  protocol: string,
  requestMs: number,
): Promise<void> {
  const answer = async (stream: Stream, { remotePeer }: Connection): Promise<void> => {
    const key = keyOf(remotePeer)
    // To read the question, to find the answer, and to send it.
    const signal = AbortSignal.timeout(3 * requestMs)
    try {
      if (key === undefined) throw new Error('no member')
      const request = await readFrame(stream, handlers.maxRequestBytes, signal)
      const bytes = await handlers.onAsk(request, key)
      if (bytes === undefined) throw new Error('no answer')
      await writeFrame(stream, bytes, signal)
      await stream.close({ signal })
    } catch (error) {
      if (error instanceof FrameError && key !== undefined) handlers.onGarbage(key)
      stream.abort(error as Error)
    }
  }
  await node.handle(protocol, (stream, connection) => void answer(stream, connection), {
    maxInboundStreams: maxStreams,
  })
}

async function askPeer(
  node: Libp2p,
  peer: PeerId,
  protocol: string,
  request: Uint8Array,
  maxBytes: number,
  signal: AbortSignal,
  onGarbage: () => void,
): Promise<Uint8Array> {
  const connection = node.getConnections(peer).find(({ status }) => status === 'open')
  if (connection === undefined) throw new Error('not connected')
  const stream = await connection.newStream(protocol, { signal, maxOutboundStreams })
  try {
    await writeFrame(stream, request, signal)
    const answer = await readFrame(stream, maxBytes, signal)
    // Its end is of no interest, and must not be waited for.
    stream.close().catch(() => stream.abort(new Error('not closed')))
    return answer
  } catch (error) {
    if (error instanceof FrameError) onGarbage()
    stream.abort(error as Error)
    throw error
  }
}
