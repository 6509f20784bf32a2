// Throughput of every layer here over that of another checkout, in one run: L2_BEFORE=/path/to/checkout pnpm bench da-before
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

type Measured = Record<string, { wall: number; processor: number }>

const here = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '')
const before = process.env['L2_BEFORE']
if (before === undefined) {
  console.log('L2_BEFORE names no checkout to compare with')
  process.exit(0)
}
const measure = (root: string): Measured => {
  const args = [`${root}/scripts/ts.mjs`, `${here}/packages/da/bench/throughput.ts`, root]
  return JSON.parse(execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' }).trim().split('\n').at(-1)!)
}
// In turn, because the machine is not the same from one minute to the next.
const rounds: { old: Measured; now: Measured }[] = []
for (let round = 0; round < Number(process.env['L2_ROUNDS'] ?? 5); round++) {
  if (round % 2 === 0) rounds.push({ old: measure(before), now: measure(here) })
  else {
    const now = measure(here)
    rounds.push({ now, old: measure(before) })
  }
}
console.log(`items of 100 000 bytes, submitted at once and read; now over before, best of ${rounds.length} rounds each`)
for (const name of Object.keys(rounds[0]!.now)) {
  // The best is what neighbours disturbed least.
  const best = (of: 'old' | 'now', what: 'wall' | 'processor') =>
    Math.min(...rounds.map(round => round[of][name]![what]))
  const ratio = (what: 'wall' | 'processor') => (best('old', what) / best('now', what)).toFixed(2)
  const rate = (1 / best('now', 'wall')).toFixed(1)
  console.log(
    `  ${name}: throughput ${ratio('wall')} ×, work for the processor ${ratio('processor')} × as little (${rate} submissions/s)`,
  )
}
