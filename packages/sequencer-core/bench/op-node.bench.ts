// pnpm bench op-node: reading and building channels beside op-node's and op-batcher's own packages, on the same bytes and blocks, taking turns.
// CPU time of all threads of each process, so that what else the machine does stays out of it.
import { bytesToHex, concatBytes } from '@l2/common'
import { seededRandom } from '@l2/common/testing'
import { encodeBatcherTransaction } from '../src/batch/index.ts'
import { sampleChain } from '../src/batch/testdata/samples.ts'
import { createChannelOut, decodeBatcherTransaction } from '../src/index.ts'
import { createNodeBrotliCompressor, createNodeZlibCompressor } from '../src/node.ts'
import { simulatedRollup } from '../src/testing/index.ts'
import { hasOracle, rollupJson, startOracle } from '../test/op-node/oracle.ts'
import { readChannel } from './read-channel.ts'

if (!hasOracle) process.exit(0)
const config = simulatedRollup()
const cfg = rollupJson(config)
const genesisTimeSeconds = config.genesis.l2TimeSeconds
const rollup = { chainId: config.l2ChainId, genesisTimeSeconds, blockTimeSeconds: config.blockTimeSeconds }
const channelId = `0x${'07'.repeat(16)}` as const
const rounds = 11
const frameBytes = 130_044
const targetFrames = 6

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!
const cpu = (): number => {
  const { user, system } = process.cpuUsage()
  return user + system
}

const blocks = sampleChain(seededRandom(4), { ...rollup, blocks: 150, transactionsPerBlock: 8 })
const told = blocks.map(block => ({
  parenthash: block.parentHash,
  epochhash: block.epochHash,
  time: block.timestamp,
  epoch: block.epochNumber,
  seq: block.sequenceNumber,
  txs: block.transactions,
}))

const kinds = [
  { name: 'span, zlib', kind: 'span', algo: 'zlib', compressor: createNodeZlibCompressor(), reads: 8 },
  {
    name: 'span, brotli-10',
    kind: 'span',
    algo: 'brotli-10',
    compressor: createNodeBrotliCompressor({ quality: 10 }),
    reads: 8,
  },
  { name: 'singular, zlib', kind: 'singular', algo: 'zlib', compressor: createNodeZlibCompressor(), reads: 8 },
] as const

const oracle = startOracle()
const ask = async (request: { cmd: string } & Record<string, unknown>) => {
  const answer = await oracle.ask({ cfg, ...request })
  if (answer.err !== undefined || answer.panic !== undefined) throw new Error(answer.err ?? answer.panic)
  return answer
}

console.log(
  `${blocks.length} blocks, ${blocks.reduce((sum, block) => sum + block.transactions.length, 0)} transactions; ours / theirs, medians of ${rounds}`,
)
for (const { name, kind, algo, compressor, reads } of kinds) {
  const build = async () => {
    const channel = createChannelOut(
      { ...rollup, channelId, batchType: kind, targetFrames, frameDataBytes: frameBytes - 24 },
      compressor,
    )
    for (const block of blocks) if ((await channel.add(block)) === 'full') break
    const closed = await channel.close()
    return { ...closed, posted: closed.frames.map(frame => encodeBatcherTransaction([frame])) }
  }
  const built = await build()
  const data = concatBytes(
    ...built.posted.flatMap(transaction => {
      const decoded = decodeBatcherTransaction(transaction)
      return decoded.version === 0 ? decoded.frames.map(frame => frame.data) : []
    }),
  )
  const times = { readOurs: [], readTheirs: [], buildOurs: [], buildTheirs: [] } as Record<string, number[]>
  let theirs = { added: 0, bytes: 0 }
  for (let round = -2; round < rounds; round++) {
    let start = cpu()
    let transactions = 0
    for (let i = 0; i < reads; i++) transactions += readChannel(data, rollup)
    const readOurs = (cpu() - start) / reads
    const read = await ask({ cmd: 'benchDecode', data: bytesToHex(data), iter: reads, maxrlp: 100_000_000 })
    if (read.txs !== transactions) throw new Error(`${read.txs} transactions read, not ${transactions}`)
    start = cpu()
    await build()
    const buildOurs = cpu() - start
    theirs = await ask({
      cmd: 'benchEncode',
      kind,
      algo,
      target: targetFrames * frameBytes,
      frame: frameBytes,
      blocks: told,
      iter: 1,
    })
    if (round < 0) continue
    times['readOurs']!.push(readOurs)
    times['readTheirs']!.push(read.us / reads)
    times['buildOurs']!.push(buildOurs)
    times['buildTheirs']!.push((theirs as unknown as { us: number }).us)
  }
  if (theirs.added !== built.blockCount)
    throw new Error(`${theirs.added} blocks in theirs, ${built.blockCount} in ours`)
  const [readOurs, readTheirs, buildOurs, buildTheirs] = Object.values(times).map(median) as [
    number,
    number,
    number,
    number,
  ]
  const size = built.posted.reduce((sum, transaction) => sum + transaction.length, 0)
  const ms = (us: number): string => `${(us / 1000).toFixed(1)} ms`
  console.log(
    `${name.padEnd(16)} read ${(readOurs / readTheirs).toFixed(2)} × (${ms(readOurs)} / ${ms(readTheirs)})`,
    `build ${(buildOurs / buildTheirs).toFixed(2)} × (${ms(buildOurs)} / ${ms(buildTheirs)})`,
    `size ${(size / theirs.bytes).toFixed(4)} × (${size} / ${theirs.bytes} B)`,
  )
}
oracle.close()
