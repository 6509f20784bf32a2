// pnpm bench blob: everything as a ratio against something measured in the same run.
import { availableParallelism } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { seededRandom } from '@l2/common/testing'
import { fromBlobs, toBlobs } from 'viem'
import { buildSidecar, bytesPerBlob, type Kzg, opBytesPerBlob, opCodec, simpleCodec } from '../src/index.ts'
import { cKzg } from '../src/kzg/c-kzg.ts'
import { ethKzg } from '../src/kzg/eth-kzg.ts'
import { createKzgPool } from '../src/kzg/index.ts'
import { nobleKzg } from '../src/kzg/noble.ts'

const random = seededRandom(1)
const median = (times: number[]): number => times.sort((a, b) => a - b)[times.length >> 1]!

/** Milliseconds a call, each the median over rounds in which all take turns: what slows one round down slows all of it. */
function sideBySide(works: Record<string, () => unknown>, rounds: number, calls: number): Record<string, number> {
  const times: Record<string, number[]> = {}
  for (let round = -2; round < rounds; round++) {
    for (const [name, work] of Object.entries(works)) {
      const start = performance.now()
      for (let call = 0; call < calls; call++) work()
      if (round >= 0) {
        times[name] ??= []
        times[name].push((performance.now() - start) / calls)
      }
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, of]) => [name, median(of)]))
}

const ratio = (value: number): string => `${value.toFixed(2)} ×`

console.log('## codecs: speed against a plain copy (`slice`) of the same bytes; goal at least 0.5 ×')
const data = random.bytes(opBytesPerBlob)
const [opBlob] = opCodec.encode(data)
const simpleBlobs = simpleCodec.encode(data)
const viemBlobs = toBlobs({ data })
const codecs = sideBySide(
  {
    'copy of the data': () => data.slice(),
    'op encode': () => opCodec.encode(data),
    'op decode': () => opCodec.decode([opBlob!]),
    'simple encode': () => simpleCodec.encode(data),
    'simple decode': () => simpleCodec.decode(simpleBlobs),
  },
  60,
  50,
)
for (const [name, time] of Object.entries(codecs)) {
  console.log(
    `${name.padEnd(18)} ${(time * 1000).toFixed(1).padStart(7)} µs  ${ratio(codecs['copy of the data']! / time)}`,
  )
}
const viem = sideBySide({ encode: () => toBlobs({ data }), decode: () => fromBlobs({ blobs: viemBlobs }) }, 5, 1)
console.log(
  `simple codec against viem's: encode ${ratio(viem['encode']! / codecs['simple encode']!)}, decode ${ratio(viem['decode']! / codecs['simple decode']!)} as fast`,
)

const blobs = opCodec.encode(random.bytes(opCodec.maxBytes(6)))
const cores = availableParallelism()
const kzg = cKzg()
kzg.load()
console.log(
  `\n## pool: commitments and cell proofs of 6 blobs on ${cores} cores; goal at most 1.15 × of (one blob × 6 / cores)`,
)
for (const backend of ['c-kzg', 'eth-kzg'] as const) {
  const alone = backend === 'c-kzg' ? kzg : ethKzg()
  await using pool = await createKzgPool({ backends: [backend] })
  await pool.load()
  const single: number[] = []
  const six: number[] = []
  const delay = monitorEventLoopDelay({ resolution: 1 })
  for (let round = -1; round < 7; round++) {
    let start = performance.now()
    alone.blobToKzgCommitment(blobs[0]!)
    alone.computeCellsAndKzgProofs(blobs[0]!)
    if (round >= 0) single.push(performance.now() - start)
    await new Promise(resolve => setTimeout(resolve, 20))
    delay.enable()
    start = performance.now()
    await buildSidecar(blobs, { kzg: pool, version: 1 })
    if (round >= 0) six.push(performance.now() - start)
    delay.disable()
    if (round < 0) delay.reset()
  }
  const one = median(single)
  const all = median(six)
  console.log(
    `${backend.padEnd(8)} one blob ${one.toFixed(0)} ms, six ${all.toFixed(0)} ms: ${ratio(all / ((one * 6) / cores))}; event-loop delay p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms, max ${(delay.max / 1e6).toFixed(1)} ms`,
  )
}

console.log('\n## backends: time against c-kzg')
const backends: [Kzg, number][] = [
  [kzg, 5],
  [ethKzg(), 5],
  [await nobleKzg(), 1],
]
const blob = blobs[0]!
const commitment = kzg.blobToKzgCommitment(blob)
const proof = kzg.computeBlobKzgProof(blob, commitment)
const { cells, proofs } = kzg.computeCellsAndKzgProofs(blob)
const indices = cells.map((_, i) => i)
const operations: Record<string, (of: Kzg) => unknown> = {
  commitment: of => of.blobToKzgCommitment(blob),
  'blob proof': of => of.computeBlobKzgProof(blob, commitment),
  'verify blob proof': of => of.verifyBlobKzgProof(blob, commitment, proof),
  '128 cells': of => of.computeCells(blob),
  '128 cell proofs': of => of.computeCellsAndKzgProofs(blob),
  'verify 128 cells': of =>
    of.verifyCellKzgProofBatch(
      indices.map(() => commitment),
      indices,
      cells,
      proofs,
    ),
  'recover from 64': of => of.recoverCellsAndKzgProofs(indices.slice(64), cells.slice(64)),
}
for (const [name, operation] of Object.entries(operations)) {
  const times = backends.map(([of, rounds]) => {
    operation(of)
    const taken: number[] = []
    for (let round = 0; round < rounds; round++) {
      const start = performance.now()
      operation(of)
      taken.push(performance.now() - start)
    }
    return median(taken)
  })
  const shown = times.map((time, i) => `${backends[i]![0].backend} ${time.toFixed(0)} ms (${ratio(time / times[0]!)})`)
  console.log(`${name.padEnd(18)} ${shown.join(', ')}`)
}
console.log(`\nblob of ${bytesPerBlob} bytes, Node ${process.version}, ${cores} cores`)
