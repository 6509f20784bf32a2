import type { GossipSub } from '@libp2p/gossipsub'
import type { Libp2p, Stream } from '@libp2p/interface'
import { readFrame, writeFrame } from '../src/libp2p/frames.js'
import { loadLibp2p } from '../src/libp2p/modules.js'
import { testDomain } from '../src/testing/blocks.js'

const place = `/l2/${testDomain.chainId}/${testDomain.rollup}`

/** A libp2p node with a network key and no manners. */
export type Attacker = AsyncDisposable & {
  readonly node: Libp2p
  connect(address: string): Promise<void>
  /** Connects, and waits until its messages are wanted. */
  dial(address: string): Promise<void>
  /** Signs and publishes whatever it is on the topic of headers, or another one. */
  publish(bytes: Uint8Array, topic?: string): Promise<void>
  /** A stream of the protocol of requests to whom it is connected to. */
  open(): Promise<Stream>
  /** Answers requests of others with whatever `answer` does to their streams. */
  serve(answer: (stream: Stream) => void): void
}

export async function startAttacker(seed: Uint8Array): Promise<Attacker> {
  const modules = await loadLibp2p()
  const node = await modules.createLibp2p({
    privateKey: await modules.generateKeyPairFromSeed('Ed25519', seed),
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [modules.tcp()],
    connectionEncrypters: [modules.noise()],
    streamMuxers: [modules.yamux()],
    connectionMonitor: { enabled: false },
    services: {
      identify: modules.identify(),
      pubsub: modules.gossipsub({ allowPublishToZeroTopicPeers: true, floodPublish: true }),
    },
  })
  const pubsub: GossipSub = node.services.pubsub
  const topic = `${place}/headers/1`
  pubsub.subscribe(topic)
  let answer: (stream: Stream) => void = () => {}
  // It lives: whoever asks only that is answered.
  const serve = async (stream: Stream): Promise<void> => {
    const signal = AbortSignal.timeout(60_000)
    const question = await readFrame(stream, 2 ** 20, signal)
    if (question.length > 0) return answer(stream)
    await writeFrame(stream, question, signal)
    await stream.close()
  }
  await node.handle(`${place}/ask/1`, stream => void serve(stream).catch(() => {}), { maxInboundStreams: 1_000 })
  const connect = async (address: string): Promise<void> => void (await node.dial(modules.multiaddr(address)))
  return {
    node,
    connect,
    async dial(address) {
      await connect(address)
      const end = performance.now() + 10_000
      while (pubsub.getSubscribers(topic).length === 0 && performance.now() < end) {
        await new Promise(resolve => setTimeout(resolve, 20))
      }
    },
    publish: async (bytes, to = topic) => void (await pubsub.publish(to, bytes)),
    open: () => node.getConnections()[0]!.newStream(`${place}/ask/1`, { maxOutboundStreams: 1_000 }),
    serve(next) {
      answer = next
    },
    [Symbol.asyncDispose]: async () => void (await node.stop()),
  }
}
