import { type Closable, closable, isL2Error, type Logger } from '@l2/common'
import { checkHeader, decodeSealedBlock, type HeaderContext, type SealedBlock } from '@l2/sequencer-core/block'
import { type ForkSchedule, isForkActive } from '@l2/sequencer-core/derivation'
import type { Message } from '@libp2p/gossipsub'
import type { Hash, Hex } from 'viem'
import { refuse } from '../errors.js'
import { type Libp2pModules, loadLibp2p } from '../libp2p/modules.js'
import { type BlockDetails, encodeOpPayload } from './payload.js'
import { maxOpMessageBytes, opBlocksTopic, opMessageId, sealOpMessage } from './topic.js'

/** Options of {@link createOpNodeBridge}. */
export type OpNodeBridgeOptions = {
  /** Of the L2. */
  chainId: bigint
  /** Of the chain's `rollup.json`: they say which topic a block belongs to. */
  forks: ForkSchedule
  /** Where op-node listens, with its peer id: `/ip4/127.0.0.1/tcp/9222/p2p/16Uiu2…`, as its `opp2p_self` tells. */
  opNode: string
}

/** What a bridge is given beside its options. */
export type OpNodeBridgeDependencies = {
  /** Whose signature op-node takes: L1's SystemConfig names its address as `unsafeBlockSigner`. */
  account: { sign(parameters: { hash: Hash }): Promise<Hex> }
  /** What only execution tells, of one's own engine: see {@link createDetailsReader}. */
  details: (hash: Hash) => Promise<BlockDetails | undefined>
  logger?: Logger | undefined
}

/** What became of a block on its way to op-node. */
export type BridgeOutcome =
  /** Handed to op-node, or kept for the moment when it is connected. */
  | { readonly type: 'published' }
  /** Not what an elected leader has signed, or no block; `reason` says which. */
  | { readonly type: 'refused'; readonly reason: string }
  /** The own engine has not executed it yet: try again. */
  | { readonly type: 'unexecuted' }

/** Hands the blocks of elected leaders to a stock op-node beside it. */
export interface OpNodeBridge extends Closable {
  /**
   * Checks a payload (`encodeSealedBlock`, as the gossip has it) against whoever leads at its height, signs it with the bridge's own key and
   * publishes it on op-node's topic. What comes while op-node is away is kept, the newest 64, and sent when it is back; op-node itself refuses what is
   * older than a minute.
   *
   * @throws GossipError `CLOSED`; what signing throws
   */
  publish(payload: Uint8Array, context: HeaderContext): Promise<BridgeOutcome>
  isConnected(): boolean
}

type Outgoing = { topic: string; message: Uint8Array }

const maxWaiting = 64
const tendMs = 500

async function startNode(modules: Libp2pModules, opNode: string) {
  const { createLibp2p, tcp, noise, yamux, identify, gossipsub, multiaddr, peerIdFromString } = modules
  let address: ReturnType<typeof multiaddr>
  let peer: ReturnType<typeof peerIdFromString>
  try {
    address = multiaddr(opNode)
    peer = peerIdFromString(/\/p2p\/([^/]+)$/.exec(opNode)?.[1] ?? '')
  } catch (cause) {
    return refuse('CONFIG_INVALID', `"${opNode}" is no multiaddr with a peer id`, { cause })
  }
  const denies = (other: { toString(): string }): boolean => other.toString() !== peer.toString()
  const node = await createLibp2p({
    addresses: { listen: [] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: {
      denyDialPeer: denies,
      denyDialMultiaddr: () => false,
      denyInboundConnection: () => true,
      denyOutboundEncryptedConnection: denies,
    },
    connectionMonitor: { enabled: false },
    services: {
      identify: identify(),
      pubsub: gossipsub({
        globalSignaturePolicy: 'StrictNoSign',
        msgIdFn: (message: Message) => opMessageId(message.topic, message.data),
        allowPublishToZeroTopicPeers: true,
        ignoreDuplicatePublishError: true,
        floodPublish: true,
        fallbackToFloodsub: false,
        heartbeatInterval: 500,
        maxInboundDataLength: maxOpMessageBytes,
        maxOutboundBufferSize: 2 * maxOpMessageBytes,
      }),
    },
  })
  return { node, peer, address, pubsub: node.services.pubsub }
}

/** Who made a payload, and whether the elected one did. */
function readElected(payload: Uint8Array, context: HeaderContext): SealedBlock | string {
  try {
    const block = decodeSealedBlock(payload)
    const verdict = checkHeader(block.header, block.signature, context)
    return verdict.ok ? block : `${verdict.fault}: ${verdict.message}`
  } catch (error) {
    if (isL2Error(error)) return error.shortMessage
    throw error
  }
}

/**
 * A bridge from the operators' gossip to one stock op-node. op-node takes blocks of a single signer, which L1 names, and leaders change; so the bridge
 * checks who was elected and signs again. The key says nothing of who made a block, and may be known to everyone: what protects op-node is
 * that its p2p port is reached by its bridge only. Give op-node a listening address of 127.0.0.1 and no discovery.
 *
 * @throws GossipError `CONFIG_INVALID`
 */
export async function createOpNodeBridge(
  { chainId, forks, opNode }: OpNodeBridgeOptions,
  { account, details, logger }: OpNodeBridgeDependencies,
): Promise<OpNodeBridge> {
  const { node, peer, address, pubsub } = await startNode(await loadLibp2p(), opNode)
  const topics = [opBlocksTopic(chainId, 2), opBlocksTopic(chainId, 3)]
  for (const topic of topics) {
    // What op-node hands on is of no interest here.
    pubsub.topicValidators.set(topic, () => 'ignore' as never)
    pubsub.subscribe(topic)
  }
  const waiting: Outgoing[] = []
  let isClosed = false
  let isDialling = false
  const hears = (topic: string): boolean => pubsub.getSubscribers(topic).some(one => one.equals(peer))
  const flush = async (): Promise<void> => {
    while (waiting.length > 0 && hears(waiting[0]!.topic)) {
      const { topic, message } = waiting.shift()!
      await pubsub.publish(topic, message)
    }
  }
  let flushing = Promise.resolve()
  const send = (): Promise<void> => {
    flushing = flushing.then(flush).catch(error => logger?.warn({ error }, 'a block did not reach op-node'))
    return flushing
  }
  const dial = async (): Promise<void> => {
    if (isDialling || node.getConnections(peer).length > 0) return
    isDialling = true
    try {
      await node.dial(address, { signal: AbortSignal.timeout(5_000) })
      logger?.info({ peer: peer.toString() }, 'op-node is connected')
    } catch (error) {
      logger?.debug({ error }, 'op-node cannot be dialled')
    } finally {
      isDialling = false
    }
  }
  const tend = (): void => {
    void dial()
    if (waiting.length > 0) void send()
  }
  tend()
  const timer = setInterval(tend, tendMs)
  return {
    isConnected: () => topics.some(hears),
    async publish(payload, context) {
      if (isClosed) refuse('CLOSED', 'the bridge is closed')
      const block = readElected(payload, context)
      if (typeof block === 'string') return { type: 'refused', reason: block }
      const { executed } = block
      if (!isForkActive(forks, 'ecotone', executed.timestamp)) {
        return { type: 'refused', reason: 'a block before Ecotone' }
      }
      const found = await details(executed.hash)
      if (found === undefined) return { type: 'unexecuted' }
      const version = isForkActive(forks, 'isthmus', executed.timestamp) ? 3 : 2
      let message: Uint8Array
      try {
        const encoded = encodeOpPayload(block, found, version)
        message = await sealOpMessage(encoded, chainId, hash => account.sign({ hash }))
      } catch (error) {
        if (isL2Error(error, 'MESSAGE_INVALID')) return { type: 'refused', reason: error.shortMessage }
        throw error
      }
      waiting.push({ topic: opBlocksTopic(chainId, version), message })
      if (waiting.length > maxWaiting) waiting.shift()
      await send()
      return { type: 'published' }
    },
    ...closable(async () => {
      isClosed = true
      clearInterval(timer)
      await node.stop()
    }),
  }
}
