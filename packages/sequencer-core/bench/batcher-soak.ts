// node scripts/ts.mjs packages/sequencer-core/bench/batcher-soak.ts --seeds 1000 [--seed N] [--calm] [--turns]: runs of the batcher on an L1 that misbehaves;
// with --calm only its node does, and then no block may be paid for twice: at most 1.01 times, over the run of each seed; with --turns
// it asks three sequencers which one is active.
import { simulateBatcher } from '../src/batcher/testdata/simulation.ts'

const option = (name: string): number | undefined => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? undefined : Number(process.argv[at + 1])
}
const only = option('seed')
const first = only ?? 1
const last = only ?? option('seeds') ?? 100
const totals: Record<string, number> = {}
let failed = 0
let peak = 0
let paid = 0
const calm = process.argv.includes('--calm')
const turns = process.argv.includes('--turns')
for (let seed = first; seed <= last; seed++) {
  const result = await simulateBatcher(seed, { calm, turns })
  if (only !== undefined) console.log(result)
  const { l1Blocks, l2Blocks, paidBlocks, submissions, late } = result
  for (const [name, value] of Object.entries({ l1Blocks, l2Blocks, paidBlocks, submissions, late, ...result.faults })) {
    totals[name] = (totals[name] ?? 0) + value
  }
  for (const reason of result.cleared) totals[`cleared: ${reason}`] = (totals[`cleared: ${reason}`] ?? 0) + 1
  peak = Math.max(peak, result.feePeakRatio)
  paid = Math.max(paid, result.paidRatio)
  const problems = [...new Set(result.problems)]
  if (calm && result.paidRatio > 1.01) problems.push(`blocks were paid for ${result.paidRatio.toFixed(3)} times`)
  if (problems.length === 0) continue
  failed++
  console.log(`seed ${seed}: ${problems.slice(0, 3).join('; ')}`)
  const again = `node scripts/ts.mjs packages/sequencer-core/bench/batcher-soak.ts --seed ${seed}${calm ? ' --calm' : ''}${turns ? ' --turns' : ''}`
  console.log(`  again: ${again}`)
}
const ratio = (totals['paidBlocks']! / totals['l2Blocks']!).toFixed(4)
console.log(
  `${last - first + 1} seeds, ${failed} failed; blocks paid for / blocks ${ratio}, at most ${paid.toFixed(3)} in one run; base fee up to ${peak} times the first`,
  totals,
)
process.exit(failed === 0 ? 0 : 1)
