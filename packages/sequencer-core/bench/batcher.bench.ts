// pnpm bench batcher: bytes and wei a transaction of three ways to post the same blocks, at fixed prices; then the two that matter through the
// fee market of a simulated L1 with their own tips; then three rollups that share blobs.
// "shipped" is what op-batcher does with its defaults, "recommended" what its documentation advises, with the layer that costs less.
import { concatBytes } from '@l2/common'
import { seededRandom } from '@l2/common/testing'
import { type BatchBlock, type Compressor, encodeBatch, toSpanBatch } from '../src/batch/index.ts'
import { sampleChain } from '../src/batch/testdata/samples.ts'
import { planBatcher } from '../src/batcher/index.ts'
import { createChannelOut } from '../src/index.ts'
import { createNodeBrotliCompressor, createNodeZlibCompressor } from '../src/node.ts'
import { encodeRlp } from '../src/rlp/rlp.ts'
import { compareInMarket } from './posting-market.ts'
import { compareShared } from './shared-blobs.ts'

const rollup = { chainId: 10n, genesisTimeSeconds: 1_700_000_000n, blockTimeSeconds: 2n }
const gasPriceWei = 1_000_000_000n
/** The floor that EIP-7918 keeps. */
const blobBaseFeeWei = gasPriceWei / 16n
const blobData = 130_020
/** The profile says five or six. */
const blobChoices = [5, 6]
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
async function recommended(blocks: readonly BatchBlock[], blobs: number): Promise<Posted> {
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
const seconds = 1800
console.log(`gas at ${gasPriceWei} wei, blob gas at ${blobBaseFeeWei} wei; a channel waits for half an hour at most`)
const transactionsOf = (blocks: readonly BatchBlock[], posted: Posted): number => count(blocks.slice(0, posted.blocks))
const busyChannels: { blobs: number; recommended: number; ours: number }[] = []
for (const [name, blocks] of workloads) {
  console.log(`## ${name}: ${count(blocks)} transactions in ${seconds} s`)
  const shipped = await build(blocks, zlib9, {
    batchType: 'singular',
    targetFrames: 1,
    frameDataBytes: 119_976,
    repeat: true,
  })
  const span = { batchType: 'span', frameDataBytes: blobData, repeat: false } as const
  const line = (label: string, posted: Posted, wei: bigint, base: number | undefined): number => {
    const transactions = transactionsOf(blocks, posted)
    const each = Number(wei) / transactions
    const fill = (100 * posted.bytes) / (posted.frames * 130_044)
    // The last of them came with the last block; the first waited as long as that took.
    const longest = Math.round((posted.blocks / blocks.length) * seconds)
    console.log(
      label.padEnd(36),
      `${(posted.bytes / transactions).toFixed(1)} B/tx`.padStart(12),
      `${(each / 1e9).toFixed(1)} gwei/tx`.padStart(16),
      (base === undefined ? '' : `${((100 * each) / base).toFixed(1)} %`).padStart(10),
      `${transactions} tx in ${longest} s, ${posted.frames} frames, ${fill.toFixed(2)} % full`,
    )
    return each
  }
  line('shipped: singular, zlib-9, calldata', shipped, calldataWei(shipped), undefined)
  for (const blobs of blobChoices) {
    const advised = await recommended(blocks, blobs)
    const ours = await build(blocks, brotli11, { ...span, targetFrames: blobs })
    const base = line(`recommended: span, brotli-10, ${blobs} blobs`, advised, cheapest(advised), undefined)
    line(`ours: span, brotli-11, ${blobs} blobs`, ours, cheapest(ours), base)
    if (name === 'busy') {
      const [theirs, mine] = [transactionsOf(blocks, advised), transactionsOf(blocks, ours)]
      busyChannels.push({ blobs, recommended: theirs, ours: mine })
    }
    if (blobs !== blobChoices[0]) continue
    const { plan, explanation } = planBatcher({
      transactionsPerSecond: count(blocks) / seconds,
      compressors: [{ name: 'brotli-11', bytesPerTransaction: ours.bytes / transactionsOf(blocks, ours) }],
      gasPriceWei,
      blobBaseFeeWei,
      latencyTargetMs: (seconds + 24) * 1000,
    })
    const planned = await build(blocks, brotli11, { ...span, targetFrames: plan.targetFrames })
    line(`ours, planned: ${plan.da}, ${plan.targetFrames} frames`, planned, cheapest(planned), base)
    for (const reason of explanation) console.log(`  plan: ${reason}`)
  }
}
await compareInMarket(busyChannels, count(workloads[0]![1]) / seconds)
await compareShared()
