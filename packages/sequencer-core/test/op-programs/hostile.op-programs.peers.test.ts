// What a hostile batcher may post, one case after the other upon one chain: stock op-node and our derivation, each on an op-geth of its own, come to the same block.
import { concatBytes, hexToBytes } from '@l2/common'
import type { Address } from 'viem'
import { describe, expect, it } from 'vitest'
import {
  type BatchBlock,
  encodeBatch,
  encodeBatcherTransaction,
  type SingularBatch,
  toSpanBatch,
} from '../../src/batch/index.js'
import { genesisBlockRef, type L2BlockRef, nextOrigin } from '../../src/derivation/index.js'
import { createDerivationDriver } from '../../src/index.js'
import { nodeDecompressors } from '../../src/node.js'
import { encodeRlp } from '../../src/rlp/rlp.js'
import { framesOfStream } from '../../src/testing/index.js'
import {
  createWorld,
  forks,
  hasPrograms,
  inbox,
  l2ChainId,
  messagePasser,
  pause,
  until,
  user,
  type World,
} from './world.js'

let nonce = 0
type Fields = { nonce: number; to?: Address; gas?: bigint; value?: bigint; chainId?: number; maxFeePerGas?: bigint }
const signed = async (fields: Fields): Promise<Uint8Array> =>
  hexToBytes(
    await user.signTransaction({
      type: 'eip1559',
      chainId: l2ChainId,
      gas: 21_000n,
      maxFeePerGas: 3_000_000_000n,
      maxPriorityFeePerGas: 1n,
      to: `0x${'22'.repeat(20)}`,
      value: 1n,
      ...fields,
    }),
  )!
const good = (): Promise<Uint8Array> => signed({ nonce: nonce++ })
const plain = (transactions: (() => Promise<Uint8Array>)[]) => async (batch: SingularBatch) => [
  encodeBatch(
    { ...batch, transactions: await Promise.all(transactions.map(make => make())) },
    { chainId: BigInt(l2ChainId) },
  ),
]
const bytes =
  (...values: number[]) =>
  async () =>
    Uint8Array.from(values)

/** Encoded batches that are posted upon the safe head in one channel, and how many blocks it makes there. */
type Case = readonly [
  name: string,
  make: (next: SingularBatch, world: World, head: L2BlockRef) => Promise<Uint8Array[]>,
  blocks: number,
]

// The twelve of which the first findings told, in their order.
const transactions: readonly Case[] = [
  ['a good batch', plain([good]), 1],
  ['nonce too high', plain([() => signed({ nonce: nonce + 5 })]), 1],
  ['a good batch behind it', plain([good]), 1],
  ['undecodable bytes', plain([bytes(1, 2, 3)]), 1],
  ['a good transaction, then one with a used nonce', plain([() => signed({ nonce }), () => signed({ nonce: 0 })]), 1],
  ['a blob transaction', plain([bytes(3, 0xc0)]), 1],
  ['more value than there is', plain([() => signed({ nonce, value: 10n ** 30n })]), 1],
  ['more gas than a block has', plain([() => signed({ nonce, gas: 31_000_000n })]), 1],
  ['a fee below the base fee', plain([() => signed({ nonce, maxFeePerGas: 7n })]), 1],
  ['another chain id', plain([() => signed({ nonce, chainId: 902 })]), 1],
  ['an unknown type', plain([bytes(0x55, 0xc0)]), 1],
  ['a good batch at the end', plain([good]), 1],
]

/** A span of one block whose one transaction reads as a span's and is none: of type 3. */
const underivable = hexToBytes(
  `0x010564${'aa'.repeat(20)}${'bb'.repeat(20)}0101010000${'11'.repeat(64)}${'22'.repeat(20)}03c4808080c00088a401`,
)!

// What op-geth builds and calls invalid when it is handed back.
const invalid: readonly Case[] = [
  [
    'more data than Jovian lets a block have',
    plain(Array.from({ length: 5 }, (_, i) => () => signed({ nonce: nonce + i, value: 2n }))),
    1,
  ],
  [
    'an empty message passer, and with it no withdrawals root',
    plain([() => signed({ nonce, gas: 50_000n, to: messagePasser })]),
    1,
  ],
  ['a good batch behind these', plain([good]), 1],
]

// Whole batches that the two once read differently.
const batches: readonly Case[] = [
  ['a post-exec transaction before Lagoon', plain([bytes(0x7d, 0xc0)]), 0],
  [
    'a span that cannot be rebuilt, and a good batch behind it in its channel',
    async next => [underivable, ...(await plain([good])(next))],
    1,
  ],
  [
    'a span that tells the newest block anew, without its transaction',
    async (next, { config, l1 }, head) => {
      const { number, hash } = (await l1.source.block(head.l1Origin.number))!
      const again: BatchBlock = {
        ...{ parentHash: head.parentHash, timestamp: head.timestamp, sequenceNumber: head.sequenceNumber },
        ...{ epochNumber: number, epochHash: hash, transactions: [] },
      }
      const after: BatchBlock = { ...again, ...next, sequenceNumber: next.epochNumber === number ? 1n : 0n }
      const genesisTimeSeconds = config.genesis.l2TimeSeconds
      return [encodeBatch(toSpanBatch([again, after], { genesisTimeSeconds }), { chainId: config.l2ChainId })]
    },
    0,
  ],
]

describe.skipIf(!hasPrograms).each(forks)('hostile batches, %s', fork => {
  it('op-node and ours agree on each', { timeout: 400_000 }, async () => {
    nonce = 0
    await using world = await createWorld({ ageSeconds: 3600n, karstAfterSeconds: fork === 'karst' ? 0n : undefined })
    const { l1, config } = world
    const follower = await world.execution()
    const node = await world.opNode(follower, 'verifier')
    const own = await world.execution()
    const dropped: string[] = []
    const driver = createDerivationDriver({
      config,
      engine: own.engine,
      l1: l1.source,
      decompressors: nodeDecompressors,
      onEvent(event) {
        if (event.type === 'batch') dropped.push(event.reason)
        if (event.type === 'block-refused') dropped.push('block-refused')
      },
    })
    let head: L2BlockRef = genesisBlockRef(config)
    let channels = 0
    // 65,535 gas for each byte, and a transaction counts for 100 at least: four of them fill a block.
    await l1.update({ type: 'da-footprint', gasScalar: 65_535n })
    for (const [name, make, blocks] of [...transactions, ...invalid, ...batches]) {
      await l1.mine()
      const current = (await l1.source.block(head.l1Origin.number))!
      const choice = nextOrigin(config, head, current, await l1.source.block(head.l1Origin.number + 1n))
      if (choice.type !== 'build') throw new Error(choice.type)
      const { number: epochNumber, hash: epochHash } = choice.origin
      const timestamp = head.timestamp + config.blockTimeSeconds
      const next = {
        type: 'singular',
        parentHash: head.hash,
        epochNumber,
        epochHash,
        timestamp,
        transactions: [],
      } as const
      const stream = concatBytes(...(await make(next, world, head)).map(batch => encodeRlp(batch)))
      const channelId = `0x${(++channels).toString(16).padStart(32, '0')}` as const
      const frames = framesOfStream(stream, { channelId })
      const sent = await l1.send(inbox, encodeBatcherTransaction(frames))
      const at = await l1.mine()
      expect(await l1.included(sent)).toBe(at)
      // op-node has done with a block when it reads the next.
      const behind = await l1.mine()
      const before = head.number
      head = (await driver.sync()).safe
      const status = await until(
        name,
        () => node.status(),
        ({ current_l1: read }) => BigInt(read.number) >= behind,
        () => pause(100),
      )
      expect({ name, blocks: Number(head.number - before), dropped }).toMatchObject({ name, blocks })
      const safe = { number: BigInt(status.safe_l2.number), hash: status.safe_l2.hash }
      expect({ name, ...safe }).toEqual({ name, number: head.number, hash: head.hash })
      const [mine, theirs] = [await own.block(head.number), await follower.block(head.number)]
      expect({ name, block: mine?.hash }).toEqual({ name, block: theirs?.hash })
    }
    expect(dropped).toEqual([
      ...Array.from({ length: 11 }, () => 'block-refused'),
      'post-exec-before-lagoon',
      'span-underivable',
      'overlap-transactions-mismatch',
    ])
  })
})
