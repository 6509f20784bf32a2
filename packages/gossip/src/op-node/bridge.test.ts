import { bytesToHex } from '@l2/common'
import { encodeSealedBlock, type HeaderContext, hashSequencerHeader, type SealedBlock } from '@l2/sequencer-core/block'
import { allForksAtGenesis } from '@l2/sequencer-core/derivation'
import type { GossipSub, Message } from '@libp2p/gossipsub'
import { uncompress } from 'snappyjs'
import { type Hash, recoverAddress } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { describe, expect, it, onTestFinished } from 'vitest'
import { loadLibp2p } from '../libp2p/modules.js'
import { createOpNodeBridge } from './bridge.js'
import { type BlockDetails, blockHashOf, opPayloadDigest } from './payload.js'
import { opBlocksTopic, opMessageId } from './topic.js'

const chainId = 901n
const domain = { chainId, rollup: `0x${'01'.repeat(20)}` } as const
const [leader, other, key] = [0x21, 0x22, 0x31].map(byte => privateKeyToAccount(`0x${byte.toString(16).repeat(32)}`))
const word = (byte: number): Hash => `0x${byte.toString(16).padStart(2, '0').repeat(32)}`
const context: HeaderContext = {
  domain,
  schedule: { leaderAt: () => ({ sequencer: leader!.address, epoch: 0n, term: 3 }) },
  parent: undefined,
}
const details: BlockDetails = {
  logsBloom: `0x${'00'.repeat(256)}`,
  extraData: '0x0000000000000000000000000000000000',
  withdrawalsRoot: word(7),
  blobGasUsed: 0n,
}

/** A block whose hash is right, though nobody has executed it. */
async function sealed(number: bigint, account = leader!): Promise<SealedBlock> {
  const timestamp = 1_700_000_000n + number
  const header = {
    ...{ epochId: 0n, term: 3, height: number, parentHash: word(1), txRoot: word(2), stateRoot: word(3), timestamp },
    ...{ l1OriginNumber: 1n, l1OriginHash: word(4), forcedUpTo: 0n },
  }
  const transactions = [Uint8Array.of(0x7e, 1), Uint8Array.of(0x02, 2, 3)]
  const block = {
    header,
    signature: await account.sign({ hash: hashSequencerHeader(header, domain) }),
    executed: {
      ...{ number, hash: word(0), parentHash: word(1), stateRoot: word(3), transactionsRoot: word(2) },
      ...{ receiptsRoot: word(5), timestamp, gasLimit: 30_000_000n, gasUsed: 21_000n, baseFeePerGas: 7n, transactions },
    },
    attributes: {
      ...{ timestamp, prevRandao: word(6), suggestedFeeRecipient: `0x${'42'.repeat(20)}` as const, withdrawals: [] },
      ...{ parentBeaconBlockRoot: word(8), transactions: [], noTxPool: true, gasLimit: 30_000_000n },
      ...{ eip1559Params: undefined, minBaseFee: undefined },
    },
  } satisfies SealedBlock
  return { ...block, executed: { ...block.executed, hash: blockHashOf(block, details, true) } }
}

/** Who listens as op-node does, without judging. */
async function startListener(port = 0) {
  const modules = await loadLibp2p()
  const node = await modules.createLibp2p({
    privateKey: await modules.generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(9)),
    addresses: { listen: [`/ip4/127.0.0.1/tcp/${port}`] },
    transports: [modules.tcp()],
    connectionEncrypters: [modules.noise()],
    streamMuxers: [modules.yamux()],
    services: {
      identify: modules.identify(),
      pubsub: modules.gossipsub({
        globalSignaturePolicy: 'StrictNoSign',
        msgIdFn: (message: Message) => opMessageId(message.topic, message.data),
      }),
    },
  })
  const pubsub: GossipSub = node.services.pubsub
  const heard: { topic: string; data: Uint8Array }[] = []
  pubsub.addEventListener('message', ({ detail }) => heard.push({ topic: detail.topic, data: detail.data }))
  pubsub.subscribe(opBlocksTopic(chainId, 3))
  onTestFinished(async () => void (await node.stop()))
  const address = node.getMultiaddrs()[0]!.toString()
  return { node, heard, address, port: Number(/tcp\/(\d+)/.exec(address)![1]) }
}

const patience = { interval: 20 }
const options = { chainId, forks: allForksAtGenesis }
const account = key!

describe('createOpNodeBridge', () => {
  it('signs a block of the elected leader again, and keeps what comes while nobody is there', async () => {
    const listener = await startListener()
    const bridge = await createOpNodeBridge(
      { ...options, opNode: listener.address },
      { account, details: async () => details },
    )
    onTestFinished(bridge.close)
    const [first, second] = [await sealed(1n), await sealed(2n)]
    // Before there is a connection.
    expect(await bridge.publish(encodeSealedBlock(first), context)).toEqual({ type: 'published' })
    await expect.poll(() => listener.heard.length, patience).toBe(1)
    await listener.node.stop()
    await expect.poll(() => bridge.isConnected(), patience).toBe(false)
    expect(await bridge.publish(encodeSealedBlock(second), context)).toEqual({ type: 'published' })
    const again = await startListener(listener.port)
    await expect.poll(() => again.heard.length, patience).toBe(1)
    for (const [{ heard }, { executed }] of [
      [listener, first],
      [again, second],
    ] as const) {
      const { topic, data } = heard[0]!
      expect(topic).toBe('/optimism/901/3/blocks')
      const plain = uncompress(data, 2 ** 20)
      const [signature, payload] = [plain.slice(0, 65), plain.slice(65)]
      expect(signature[64]).toBeLessThan(2)
      signature[64]! += 27
      const digest = opPayloadDigest(payload, chainId)
      expect(await recoverAddress({ hash: digest, signature: bytesToHex(signature) })).toBe(account.address)
      // The hash of the block, behind 32 bytes of beacon root and 472 of the payload.
      expect(bytesToHex(payload.subarray(32 + 472, 32 + 504))).toBe(executed.hash)
    }
  })

  it('refuses what no elected leader signed, what is no block, and what has another hash than it says', async () => {
    let found: BlockDetails | undefined = details
    const { address } = await startListener()
    const bridge = await createOpNodeBridge({ ...options, opNode: address }, { account, details: async () => found })
    onTestFinished(bridge.close)
    const refused = (reason: RegExp) => ({ type: 'refused', reason: expect.stringMatching(reason) })
    expect(await bridge.publish(encodeSealedBlock(await sealed(1n, other)), context)).toEqual(refused(/wrong-signer/))
    expect(await bridge.publish(Uint8Array.of(1, 2, 3), context)).toEqual(refused(/./))
    const right = await sealed(1n)
    const wrong = { ...right, executed: { ...right.executed, receiptsRoot: word(99) } }
    expect(await bridge.publish(encodeSealedBlock(wrong), context)).toEqual(refused(/has the hash/))
    found = { ...details, blobGasUsed: 1n }
    expect(await bridge.publish(encodeSealedBlock(right), context)).toEqual(refused(/has the hash/))
    found = undefined
    expect(await bridge.publish(encodeSealedBlock(right), context)).toEqual({ type: 'unexecuted' })
    await bridge.close()
    await expect(bridge.publish(encodeSealedBlock(right), context)).rejects.toMatchObject({ code: 'CLOSED' })
    const nowhere = createOpNodeBridge(
      { ...options, opNode: '/ip4/127.0.0.1/tcp/1' },
      { account, details: async () => found },
    )
    await expect(nowhere).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })
})
