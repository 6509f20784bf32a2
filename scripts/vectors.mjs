// pnpm test:vectors [name]: the conformance suites alone (packages/*/src/**/<name>.vectors.test.ts).
// They read the directory L2_VECTORS, by default ../shared/vectors seen from here.
import { spawnSync } from 'node:child_process'

const name = process.argv[2] ?? ''
const { status } = spawnSync('pnpm', ['exec', 'vitest', 'run', `${name}.vectors.test.ts`], { stdio: 'inherit' })
process.exit(status ?? 1)
