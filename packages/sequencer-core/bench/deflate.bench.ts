// Which zlib a browser compresses channels with: pako, as it does, against fflate in one call whose result is read back before it is used, and node:zlib.
// CPU, medians of rounds in turn.
import { readFileSync } from 'node:fs'
import { constants, deflateSync, inflateSync } from 'node:zlib'
import { hexToBytes } from '@l2/common'
import { seededRandom, vectorFiles } from '@l2/common/testing'
import { zlibSync } from 'fflate'
import { encodeBatch, toSpanBatch } from '../src/batch/index.ts'
import { sampleChain } from '../src/batch/testdata/samples.ts'
import { createZlibCompressor, inflateZlib } from '../src/compression/zlib.ts'
import { encodeRlp } from '../src/rlp/rlp.ts'

const rollup = { chainId: 10n, genesisTimeSeconds: 1_700_000_000n, blockTimeSeconds: 2n }
const spanOf = (seed: number, blocks: number, transactionsPerBlock: number): Uint8Array =>
  encodeRlp(
    encodeBatch(
      toSpanBatch(sampleChain(seededRandom(seed), { ...rollup, blocks, transactionsPerBlock }), rollup),
      rollup,
    ),
  )
const streams: [string, Uint8Array][] = [
  ['busy chain, 60 blocks', spanOf(1, 60, 8)],
  ['busy chain, 400 blocks', spanOf(1, 400, 8)],
  ['sparse chain, 1800 blocks', spanOf(2, 1_800, 0.2)],
]
const real = vectorFiles('opstack')?.find(file => file.endsWith('channel-2024-03.hex'))
if (real !== undefined) {
  // A channel of op-batcher's ends with a flush, and not with zlib's own end.
  const packed = hexToBytes(readFileSync(real, 'utf8').trim())!
  streams.push(['OP Mainnet, March 2024', inflateSync(packed, { finishFlush: constants.Z_SYNC_FLUSH })])
}

async function pako(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = createZlibCompressor().open()
  await stream.write(bytes)
  return stream.end()
}
function readBack(bytes: Uint8Array): Uint8Array {
  const packed = zlibSync(bytes, { level: 9 })
  const { end, bytes: read } = inflateZlib(packed, bytes.length + 1)
  if (end !== 'complete' || read.length !== bytes.length || read.some((byte, i) => byte !== bytes[i]))
    throw new Error('fflate wrote what does not read back')
  return packed
}
for (const [name, bytes] of streams) {
  const ways: Record<string, () => Uint8Array | Promise<Uint8Array>> = {
    'node:zlib': () => deflateSync(bytes, { level: 9 }),
    pako: () => pako(bytes),
    'fflate, in one call': () => zlibSync(bytes, { level: 9 }),
    'fflate, read back': () => readBack(bytes),
  }
  const times: Record<string, number[]> = {}
  const sizes: Record<string, number> = {}
  for (let round = 0; round < 8; round++)
    for (const [way, run] of Object.entries(ways)) {
      const before = process.cpuUsage()
      sizes[way] = (await run()).length
      const { user, system } = process.cpuUsage(before)
      if (round > 0) (times[way] ??= []).push((user + system) / 1000)
    }
  console.log(`${name}: ${bytes.length} bytes`)
  const [base] = [times['pako']!.sort((a, b) => a - b)[3]!]
  for (const way of Object.keys(ways)) {
    const ms = times[way]!.sort((a, b) => a - b)[3]!
    const size = sizes[way]!
    console.log(
      `  ${way.padEnd(22)} ${ms.toFixed(1).padStart(8)} ms, ${(ms / base).toFixed(2)}x pako; ${size} bytes, ${(size / sizes['pako']!).toFixed(4)}x`,
    )
  }
}
