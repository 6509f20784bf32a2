// pnpm bench batcher: bytes and wei a transaction of three ways to post the same blocks at the same latency.
// "shipped" is what op-batcher does with its defaults, "recommended" what its documentation advises, with the layer that costs less.
import { concatBytes } from '@l2/common'
import { seededRandom } from '@l2/common/testing'
import { sampleChain } from '../src/batch/testdata/samples.ts'
import {
  type BatchBlock,
  type Compressor,
  createChannelOut,
  encodeBatch,
  planBatcher,
  toSpanBatch,
} from '../src/index.ts'
import { createNodeBrotliCompressor, createNodeZlibCompressor } from '../src/node.ts'
import { encodeRlp } from '../src/rlp/rlp.ts'

const rollup = { chainId: 10n, genesisTime: 1_700_000_000n, blockTimeSeconds: 2n }
const gasPriceWei = 1_000_000_000n
/** The floor that EIP-7918 keeps. */
const blobBaseFeeWei = gasPriceWei / 16n
const blobData = 130_020
const blobs = 5
const zlib9 = createNodeZlibCompressor()
const brotli10 = createNodeBrotliCompressor({ quality: 10 })
const brotli11 = createNodeBrotliCompressor({ quality: 11 })
const count = (blocks: readonly BatchBlock[]): number =>
  blocks.reduce((sum, block) => sum + block.transactions.length, 0)

type Posted = { blocks: number; frames: number; bytes: number }
const calldataWei = ({ frames, bytes }: Posted): bigint =>
  (21_000n * BigInt(frames) + 40n * BigInt(bytes)) * gasPriceWei
const blobWei = ({ frames }: Posted): bigint => BigInt(frames) * 131_072n * blobBaseFeeWei + 21_000n * gasPriceWei
const cheapest = (posted: Posted): bigint => {
  const [calldata, blob] = [calldataWei(posted), blobWei(posted)]
  return calldata < blob ? calldata : blob
}

/** Our channel, or one of single frames after the other for the shipped defaults. */
async function build(
  blocks: readonly BatchBlock[],
  compressor: Compressor,
  shape: { batchType: 'span' | 'singular'; targetFrames: number; frameDataBytes: number; repeat: boolean },
): Promise<Posted> {
  const posted = { blocks: 0, frames: 0, bytes: 0 }
  const { repeat, ...options } = shape
  while (posted.blocks < blocks.length) {
    const channel = createChannelOut({ ...rollup, channelId: `0x${'07'.repeat(16)}`, ...options }, compressor)
    for (const block of blocks.slice(posted.blocks)) if ((await channel.add(block)) === 'full') break
    const { frames, blockCount, compressedBytes } = await channel.close()
    posted.blocks += blockCount
    posted.frames += frames.length
    posted.bytes += compressedBytes + 24 * frames.length
    if (!repeat) break
  }
  return posted
}

/** One span, brotli-10 in one go, of as many blocks as fit: what re-encoding for every block arrives at. */
async function recommended(blocks: readonly BatchBlock[]): Promise<Posted> {
  const size = async (n: number): Promise<number> => {
    const stream = brotli10.open()
    await stream.write(encodeRlp(encodeBatch(toSpanBatch(blocks.slice(0, n), rollup), rollup)))
    return concatBytes(Uint8Array.of(1), await stream.end()).length
  }
  const capacity = blobs * blobData
  let low = 1
  let lowSize = await size(1)
  let high = blocks.length
  let highSize = await size(high)
  if (highSize <= capacity) low = high
  while (low < high - 1 && highSize > capacity) {
    const guess = low + Math.round(((capacity - lowSize) / (highSize - lowSize)) * (high - low))
    const at = Math.min(high - 1, Math.max(low + 1, guess))
    const bytes = await size(at)
    if (bytes <= capacity) [low, lowSize] = [at, bytes]
    else [high, highSize] = [at, bytes]
  }
  const bytes = low === high ? highSize : lowSize
  const frames = Math.ceil(bytes / blobData)
  return { blocks: low, frames, bytes: bytes + 24 * frames }
}

const burst = sampleChain(seededRandom(3), { ...rollup, blocks: 900, transactionsPerBlock: 8 })
const workloads: [string, readonly BatchBlock[]][] = [
  ['busy', sampleChain(seededRandom(1), { ...rollup, blocks: 900, transactionsPerBlock: 8 })],
  ['sparse', sampleChain(seededRandom(2), { ...rollup, blocks: 900, transactionsPerBlock: 0.2 })],
  ['bursty', burst.map((block, i) => (i % 300 < 60 ? block : { ...block, transactions: [] }))],
]
console.log(
  `gas at ${gasPriceWei} wei, blob gas at ${blobBaseFeeWei} wei, ${blobs} blobs or 900 blocks (half an hour) a channel`,
)
for (const [name, blocks] of workloads) {
  const shipped = await build(blocks, zlib9, {
    batchType: 'singular',
    targetFrames: 1,
    frameDataBytes: 119_976,
    repeat: true,
  })
  const advised = await recommended(blocks)
  const span = { batchType: 'span', targetFrames: blobs, frameDataBytes: blobData, repeat: false } as const
  const ours = await build(blocks, brotli11, span)
  const { plan, explanation } = planBatcher({
    transactionsPerSecond: count(blocks) / 1800,
    compressors: [{ name: 'brotli-11', bytesPerTransaction: ours.bytes / count(blocks.slice(0, ours.blocks)) }],
    gasPriceWei,
    blobBaseFeeWei,
    latencyTargetSeconds: 1824,
  })
  const planned = await build(blocks, brotli11, { ...span, targetFrames: plan.targetFrames })
  const lines: [string, Posted, bigint][] = [
    ['shipped: singular, zlib-9, calldata', shipped, calldataWei(shipped)],
    ['recommended: span, brotli-10, auto', advised, cheapest(advised)],
    [`ours: span, brotli-11, ${blobs} blobs`, ours, cheapest(ours)],
    [`ours, planned: ${plan.da}, ${plan.targetFrames} frames`, planned, cheapest(planned)],
  ]
  const perTransaction = ([, posted, wei]: (typeof lines)[number]): number =>
    Number(wei) / count(blocks.slice(0, posted.blocks))
  const base = perTransaction(lines[1]!)
  console.log(`## ${name}: ${count(blocks)} transactions`)
  for (const line of lines) {
    const [label, posted] = line
    const transactions = count(blocks.slice(0, posted.blocks))
    const fill = (100 * posted.bytes) / (posted.frames * 130_044)
    console.log(
      label.padEnd(40),
      `${(posted.bytes / transactions).toFixed(1)} B/tx`.padStart(12),
      `${(perTransaction(line) / 1e9).toFixed(1)} gwei/tx`.padStart(18),
      `${((100 * perTransaction(line)) / base).toFixed(1)} % of recommended`,
      `${transactions} tx, ${posted.frames} frames, ${fill.toFixed(2)} % full`,
    )
  }
  for (const line of explanation) console.log(`  plan: ${line}`)
}
