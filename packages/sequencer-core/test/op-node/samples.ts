// What the suites beside other programs ask about: random batches and channels, and how ours tells of them in the oracles' words.
import { equal } from 'node:assert/strict'
import { bytesToHex, concatBytes } from '@l2/common'
import type { Random } from '@l2/common/testing'
import {
  type Batch,
  type BatchBlock,
  type Compressor,
  createZlibCompressor,
  encodeBatch,
  encodeBatcherTransaction,
  type Frame,
  spanBlockPositions,
} from '../../src/batch/index.js'
import {
  randomSingularBatch,
  randomSpanBatch,
  randomTransactions,
  sampleChain,
} from '../../src/batch/testdata/samples.js'
import type { RollupConfig } from '../../src/derivation/index.js'
import { createChannelOut, decodeBatcherTransaction, openChannel } from '../../src/index.js'
import { createNodeBrotliCompressor, createNodeZlibCompressor, nodeDecompressors } from '../../src/node.js'
import { simulatedRollup } from '../../src/testing/index.js'
import { type Oracle, rollupJson } from './oracle.js'

/** The chain of all of them. */
export const config: RollupConfig = simulatedRollup()
/** The same in the oracles' words. */
export const cfg: unknown = rollupJson(config)
const genesisTimeSeconds = config.genesis.l2TimeSeconds
const { blockTimeSeconds } = config
export const rollup = { chainId: config.l2ChainId, genesisTimeSeconds, blockTimeSeconds }
/** A batch of ours in the oracle's words. */
export function told(batch: Batch): unknown {
  if (batch.type === 'singular') {
    const { parentHash: parent, epochNumber, epochHash, timestamp, transactions } = batch
    const numbers = { epoch: String(epochNumber), time: String(timestamp) }
    return { type: 'singular', parent, epochHash, ...numbers, txs: transactions.map(bytesToHex) }
  }
  const positions = spanBlockPositions(batch, rollup)
  return {
    type: 'span',
    parentCheck: bytesToHex(batch.parentCheck).slice(2),
    originCheck: bytesToHex(batch.l1OriginCheck).slice(2),
    blocks: batch.blocks.map(({ transactions }, i) => ({
      epoch: String(BigInt.asUintN(64, positions[i]!.epochNumber)),
      time: String(BigInt.asUintN(64, positions[i]!.timestamp)),
      txs: transactions.map(bytesToHex),
    })),
  }
}

/** What ours reads in a channel: batches, and a word for each that is passed over. */
export function ours(data: Uint8Array, options: { maxRlpBytes?: number; allowBrotli?: boolean } = {}): unknown[] {
  const read: unknown[] = []
  const reader = openChannel(data, {
    ...rollup,
    decompressors: nodeDecompressors,
    ...options,
    onDropped: () => read.push('passed over'),
  })
  for (let batch = reader.next(); batch !== undefined; batch = reader.next()) read.push(told(batch))
  return read
}

/** The bytes of a batch, as they are and twice with a few bits flipped. */
export function someBatches(random: Random): Uint8Array[] {
  const make = random.bool(0.7) ? randomSpanBatch : randomSingularBatch
  const bytes = encodeBatch(make(random, rollup.chainId), rollup)
  return [0, 1 + random.below(3), 1 + random.below(3)].map(flips => {
    const changed = bytes.slice()
    for (let i = 0; i < flips; i++) changed[random.below(changed.length)]! ^= 1 << random.below(8)
    return changed
  })
}

export function someBlocks(random: Random): BatchBlock[] {
  const options = { ...rollup, blocks: 1 + random.below(40), transactionsPerBlock: random.pick([0, 0.3, 2, 6]) }
  return sampleChain(random, options).map(block =>
    random.bool(0.3)
      ? { ...block, transactions: [...block.transactions, ...randomTransactions(random, rollup.chainId, 3)] }
      : block,
  )
}

export const flat = (batches: readonly unknown[]): unknown[] =>
  (batches as { type: string; epoch: string; time: string; txs: string[]; blocks: unknown[] }[]).flatMap(batch =>
    batch.type === 'span' ? batch.blocks : [{ epoch: batch.epoch, time: batch.time, txs: batch.txs ?? [] }],
  )
export const blocksTold = (blocks: readonly BatchBlock[]): unknown[] =>
  blocks.map(block => ({
    epoch: String(block.epochNumber),
    time: String(block.timestamp),
    txs: block.transactions.map(bytesToHex),
  }))
export const payloadOf = (transactions: readonly Uint8Array[]): Uint8Array =>
  concatBytes(
    ...transactions.flatMap(transaction => {
      const decoded = decodeBatcherTransaction(transaction)
      return decoded.version === 0 ? decoded.frames.map(({ data }) => data) : []
    }),
  )

const compressors: readonly (() => Compressor)[] = [
  () => createNodeZlibCompressor(),
  () => createNodeBrotliCompressor({ quality: 9 }),
  () => createNodeBrotliCompressor({ quality: 10 }),
  () => createNodeBrotliCompressor({ quality: 11 }),
  () => createZlibCompressor(),
]

async function channelOf(
  blocks: readonly BatchBlock[],
  random: Random,
  compressor: Compressor,
): Promise<{ data: Uint8Array; frames: readonly Frame[]; blockCount: number }> {
  const channel = createChannelOut(
    {
      ...rollup,
      channelId: bytesToHex(random.bytes(16)),
      batchType: random.pick(['span', 'singular']),
      targetFrames: 1 + random.below(4),
      frameDataBytes: random.pick([500, 3000, 20_000, 119_976, 130_020]),
    },
    compressor,
  )
  for (const block of blocks) if ((await channel.add(block)) === 'full') break
  const { frames, blockCount } = await channel.close()
  return { data: payloadOf([encodeBatcherTransaction(frames)]), frames, blockCount }
}

/** The nth channel of a run of them, whose frames the oracle splits as ours does. */
export async function someChannel(
  oracle: Oracle,
  random: Random,
  nth: number,
): Promise<Awaited<ReturnType<typeof channelOf>> & { blocks: BatchBlock[] }> {
  const blocks = someBlocks(random)
  const channel = await channelOf(blocks, random, compressors[nth % compressors.length]!())
  const split = await oracle.ask({ cmd: 'frames', data: encodeBatcherTransaction(channel.frames) })
  const payload = split.frames.map((frame: unknown[]) => frame[2]).join('')
  equal(payload, bytesToHex(channel.data).slice(2), `the frames of channel ${nth}`)
  return { ...channel, blocks }
}
