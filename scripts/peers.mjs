// pnpm test:peers [name] [--share] [--budget seconds]: the suites that run against other programs alone (**/<name>.peers.test.ts), building the programs
// where Go (and, for kona, cargo) is. At full length, or with --share at the one that `npm test` and CI take; with a budget, prints what of it was used.
// In `npm test` the same files take what is built already; chains of whole programs (op-programs) and whole nodes beside them (examples), which take
// half a minute each, run here only. A name may have a part of the path before it: test/s3.
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({
  args: process.argv.slice(2).filter(argument => argument !== '--'),
  allowPositionals: true,
  options: { share: { type: 'boolean' }, budget: { type: 'string' } },
})
const [name = ''] = positionals
const started = performance.now()
const { status } = spawnSync('pnpm', ['exec', 'vitest', 'run', `${name}.peers.test.ts`], {
  stdio: 'inherit',
  env: { ...process.env, L2_PEERS: values.share ? 'share' : 'full' },
})
if (values.budget !== undefined) {
  const seconds = Math.round((performance.now() - started) / 1000)
  const over = seconds > Number(values.budget) ? ': over it' : ''
  console.log(`${name || 'peers'}: ${seconds} s of a budget of ${values.budget} s${over}`)
}
process.exit(status ?? 1)
