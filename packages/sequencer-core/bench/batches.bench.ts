// pnpm bench batches: each line against the compressor, the decompressor or viem on the same bytes in the same run.
import { readFileSync } from 'node:fs'
import { brotliDecompressSync, constants, inflateSync } from 'node:zlib'
import { bytesToHex, concatBytes, hexToBytes } from '@l2/common'
import { seededRandom, vectorFiles } from '@l2/common/testing'
import { parseTransaction, type TransactionSerialized } from 'viem'
import { type BatchBlock, type Compressor, encodeBatch, toSingularBatch, toSpanBatch } from '../src/batch/index.ts'
import { sampleChain } from '../src/batch/testdata/samples.ts'
import { createChannelOut } from '../src/index.ts'
import { createNodeBrotliCompressor, createNodeZlibCompressor, nodeDecompressors } from '../src/node.ts'
import { encodeRlp } from '../src/rlp/rlp.ts'
import { readChannel } from './read-channel.ts'

const rollup = { chainId: 10n, genesisTimeSeconds: 1_700_000_000n, blockTimeSeconds: 2n }
const channelId = `0x${'07'.repeat(16)}` as const
const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!

/** Median CPU milliseconds of each, all threads, taking turns: what else the machine does, and when, stays out of it. */
async function sideBySide(rounds: number, works: (() => unknown)[]): Promise<number[]> {
  const times = works.map((): number[] => [])
  for (let round = -3; round < rounds; round++) {
    for (const [i, work] of works.entries()) {
      const start = process.cpuUsage()
      await work()
      const { user, system } = process.cpuUsage(start)
      if (round >= 0) times[i]!.push((user + system) / 1000)
    }
  }
  return times.map(median)
}

async function compressAlone(compressor: Compressor, stream: Uint8Array): Promise<Uint8Array> {
  const compression = compressor.open()
  await compression.write(stream)
  return compression.end()
}

const print = (name: string, value: string, goal = ''): void => console.log(name.padEnd(66), value, goal)
const count = (blocks: readonly BatchBlock[]): number =>
  blocks.reduce((sum, block) => sum + block.transactions.length, 0)

const busy = sampleChain(seededRandom(1), { ...rollup, blocks: 1000, transactionsPerBlock: 8 })
const sparse = sampleChain(seededRandom(2), { ...rollup, blocks: 1800, transactionsPerBlock: 0.2 })
const spanStream = (blocks: readonly BatchBlock[]): Uint8Array =>
  encodeRlp(encodeBatch(toSpanBatch(blocks, rollup), rollup))
const singularStream = (blocks: readonly BatchBlock[]): Uint8Array =>
  concatBytes(...blocks.map(block => encodeRlp(encodeBatch(toSingularBatch(block), rollup))))

const brotli9 = createNodeBrotliCompressor()
const brotli10 = createNodeBrotliCompressor({ quality: 10 })
const zlib9 = createNodeZlibCompressor()

console.log('## a channel into blocks, against decompressing it alone with node:zlib in one call (goal ≤ 2.0)')
const channels: [string, Uint8Array][] = [
  ['busy chain, brotli-9 span', concatBytes(Uint8Array.of(1), await compressAlone(brotli9, spanStream(busy)))],
  ['busy chain, zlib-9 span', await compressAlone(zlib9, spanStream(busy))],
  ['busy chain, zlib-9 singular', await compressAlone(zlib9, singularStream(busy))],
]
const real = vectorFiles('opstack')?.find(file => file.endsWith('channel-2024-03.hex'))
if (real !== undefined) {
  channels.push(['OP Mainnet, March 2024 (zlib, no end)', hexToBytes(readFileSync(real, 'utf8').trim())!])
}
for (const [name, channel] of channels) {
  const brotli = channel[0] === 1
  const alone = (): unknown =>
    brotli ? brotliDecompressSync(channel.subarray(1)) : inflateSync(channel, { finishFlush: constants.Z_SYNC_FLUSH })
  const port = brotli ? nodeDecompressors.brotli : nodeDecompressors.zlib
  const bytes = brotli ? channel.subarray(1) : channel
  const [bare, ours, full] = await sideBySide(41, [
    alone,
    () => port(bytes, 100_000_000),
    () => readChannel(channel, rollup),
  ])
  print(
    `${name}, ${readChannel(channel, rollup)} transactions`,
    `${(full! / bare!).toFixed(2)} ×`,
    `  (${(full! / ours!).toFixed(2)} × our own decompression, which takes ${(ours! / bare!).toFixed(2)} × Node's)`,
  )
}

console.log("## a span batch without compression, transactions/s against viem's parseTransaction (goal ≥ 5)")
const span = toSpanBatch(busy, rollup)
const serialized = busy.flatMap(block => block.transactions.map(raw => bytesToHex(raw) as TransactionSerialized))
const [encoding, parsing] = await sideBySide(11, [
  () => encodeBatch(span, rollup),
  () => serialized.map(raw => parseTransaction(raw)),
])
print(`encode ${serialized.length} transactions`, `${(parsing! / encoding!).toFixed(1)} ×`)

async function build(compressor: Compressor, blocks: readonly BatchBlock[], targetFrames: number) {
  const channel = createChannelOut({ ...rollup, channelId, targetFrames }, compressor)
  for (const block of blocks) if ((await channel.add(block)) === 'full') break
  return { ...(await channel.close()), capacity: channel.capacity }
}

console.log('## building a channel of six blobs, against the compressor alone on the same batch bytes (goal ≤ 1.3)')
for (const [name, compressor, rounds] of [
  ['brotli-10', brotli10, 3],
  ['brotli-9', brotli9, 11],
  ['zlib-9', zlib9, 9],
] as const) {
  const { blockCount, compressedBytes, capacity } = await build(compressor, busy, 6)
  const stream = spanStream(busy.slice(0, blockCount))
  const [bare, full] = await sideBySide(rounds, [
    () => compressAlone(compressor, stream),
    () => build(compressor, busy, 6),
  ])
  const loss = compressedBytes / (await compressAlone(compressor, stream)).length
  print(
    `busy chain, ${name}: ${blockCount} blocks`,
    `${(full! / bare!).toFixed(2)} ×`,
    `  (blobs ${((100 * compressedBytes) / capacity).toFixed(1)} % full, ${(100 * (loss - 1)).toFixed(2)} % larger than one batch in one go)`,
  )
}

console.log('## bytes a transaction, against zlib-9 singular batches and brotli-10 span batches (op-batcher)')
for (const [name, blocks] of [
  ['busy chain, 8 transactions a block', busy.slice(0, 600)],
  ['sparse chain, one transaction in 5 blocks', sparse],
] as const) {
  const transactions = count(blocks)
  const ours = await build(brotli9, blocks, 6)
  const small = await build(brotli10, blocks, 6)
  const singular = (await compressAlone(zlib9, singularStream(blocks))).length
  const opBatcher = 1 + (await compressAlone(brotli10, spanStream(blocks))).length
  const per = (bytes: number): string => `${(bytes / transactions).toFixed(1)} B`
  print(`${name}: zlib-9 singular`, per(singular))
  print(`${name}: brotli-10 span, one go`, per(opBatcher))
  for (const [level, built] of [
    ['brotli-9', ours],
    ['brotli-10', small],
  ] as const) {
    const bytes = built.compressedBytes
    print(
      `${name}: channel builder, ${level}`,
      per(bytes),
      `  (${(bytes / singular).toFixed(3)} × and ${(bytes / opBatcher).toFixed(3)} ×)${built.blockCount < blocks.length ? ' CUT' : ''}`,
    )
  }
}
