// Throughput of every layer here over that of another checkout, in one run: L2_BEFORE=/path/to/checkout pnpm bench da-before
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '')
const before = process.env['L2_BEFORE']
if (before === undefined) {
  console.log('L2_BEFORE names no checkout to compare with')
  process.exit(0)
}
const measure = (root: string): Record<string, number> => {
  const args = [`${root}/scripts/ts.mjs`, `${here}/packages/da/bench/throughput.ts`, root]
  return JSON.parse(execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' }).trim().split('\n').at(-1)!)
}
const median = (values: number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!
// In turn, because the machine is not the same from one minute to the next.
const rounds: { old: Record<string, number>; now: Record<string, number> }[] = []
for (let round = 0; round < Number(process.env['L2_ROUNDS'] ?? 5); round++) {
  if (round % 2 === 0) rounds.push({ old: measure(before), now: measure(here) })
  else {
    const now = measure(here)
    rounds.push({ now, old: measure(before) })
  }
}
console.log(
  `items of 100 000 bytes, submitted at once and read; throughput now over before, median of ${rounds.length} rounds`,
)
for (const name of Object.keys(rounds[0]!.now)) {
  const ratio = median(rounds.map(({ old, now }) => old[name]! / now[name]!))
  const rate = 1 / median(rounds.map(({ now }) => now[name]!))
  console.log(`  ${name}: ${ratio.toFixed(2)} × (${rate.toFixed(1)} submissions/s)`)
}
