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

// A transaction's worth of data at a time, sixteen of them in turn, as a batcher has it: data and results are not in the cache.
console.log('## codecs: speed against a plain copy (`slice`) of the same 780 264 bytes; goal at least 0.5 ×')
const payloads = Array.from({ length: 16 }, () => random.bytes(opCodec.maxBytes(6)))
const opBlobs = payloads.map(opCodec.encode)
const simpleBlobs = payloads.map(simpleCodec.encode)
let turn = 0
const next = <T>(list: readonly T[]): T => list[turn++ % list.length]!
const codecs = sideBySide(
  {
    'copy of the data': () => next(payloads).slice(),
    'op encode': () => opCodec.encode(next(payloads)),
    'op decode': () => opCodec.decode(next(opBlobs)),
    'simple encode': () => simpleCodec.encode(next(payloads)),
    'simple decode': () => simpleCodec.decode(next(simpleBlobs)),
  },
  40,
  16,
)
const data = payloads[0]!.subarray(0, opBytesPerBlob)
const opOne = opCodec.encode(data)
const simpleOne = simpleCodec.encode(data)
const hot = sideBySide(
  {
    'copy of the data': () => data.slice(),
    'op encode': () => opCodec.encode(data),
    'op decode': () => opCodec.decode(opOne),
    'simple encode': () => simpleCodec.encode(data),
    'simple decode': () => simpleCodec.decode(simpleOne),
  },
  40,
  100,
)
for (const [name, time] of Object.entries(codecs)) {
  const inCache = hot['copy of the data']! / hot[name]!
  console.log(
    `${name.padEnd(18)} ${(time * 1000).toFixed(0).padStart(5)} µs  ${ratio(codecs['copy of the data']! / time)}  (one blob, all in the cache: ${ratio(inCache)})`,
  )
}
const viemBlobs = toBlobs({ data })
const viem = sideBySide({ encode: () => toBlobs({ data }), decode: () => fromBlobs({ blobs: viemBlobs }) }, 5, 1)
console.log(
  `simple codec against viem's: encode ${ratio(viem['encode']! / hot['simple encode']!)}, decode ${ratio(viem['decode']! / hot['simple decode']!)} as fast`,
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
  const delays: number[] = []
  // What the process spends, whatever else the machine does meanwhile.
  const spent: number[] = []
  const cpu = (): number => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  }
  for (let round = -1; round < 7; round++) {
    let start = performance.now()
    let cpuBefore = cpu()
    alone.blobToKzgCommitment(blobs[0]!)
    alone.computeCellsAndKzgProofs(blobs[0]!)
    const cpuOfOne = cpu() - cpuBefore
    if (round >= 0) single.push(performance.now() - start)
    await new Promise(resolve => setTimeout(resolve, 20))
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    start = performance.now()
    cpuBefore = cpu()
    await buildSidecar(blobs, { kzg: pool, version: 1 })
    if (round >= 0) six.push(performance.now() - start)
    if (round >= 0) spent.push((cpu() - cpuBefore) / (6 * cpuOfOne))
    delay.disable()
    if (round >= 0) delays.push(delay.percentile(99) / 1e6)
  }
  const one = median(single)
  const all = median(six)
  console.log(
    `${backend.padEnd(8)} one blob in one thread ${one.toFixed(0)} ms, six ${all.toFixed(0)} ms: ${ratio(all / ((one * 6) / cores))}, in CPU time ${ratio(median(spent))} of six alone; event-loop delay p99 ${median(delays).toFixed(1)} ms (worst round ${Math.max(...delays).toFixed(1)} ms; goal at most 20 ms)`,
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
