// pnpm test:peers [name]: the suites that run against other programs alone (**/<name>.peers.test.ts), at full length, building the programs where Go is.
// In `npm test` the same files take what is built already and a share of their counts.
import { spawnSync } from 'node:child_process'

const name = process.argv.slice(2).find(argument => argument !== '--') ?? ''
const { status } = spawnSync('pnpm', ['exec', 'vitest', 'run', `${name}.peers.test.ts`], {
  stdio: 'inherit',
  env: { ...process.env, L2_PEERS: 'full' },
})
process.exit(status ?? 1)
