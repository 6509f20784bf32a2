// pnpm bench [name]: runs {packages,examples}/*/bench/<name>.bench.ts and scripts/<name>.bench.ts, each in a process of its own. Every file prints ratios.
import { spawnSync } from 'node:child_process'
import { basename, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { filesOf } from './files.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const files = filesOf('packages/*.bench.ts', 'examples/*.bench.ts', 'scripts/*.bench.ts')
const wanted = process.argv.slice(2).find(argument => argument !== '--')
const chosen = files.filter(file => wanted === undefined || basename(file, '.bench.ts').includes(wanted))
if (chosen.length === 0) {
  console.log(
    wanted === undefined
      ? 'no benchmarks yet'
      : `no benchmark "${wanted}"; there are: ${files.map(file => basename(file, '.bench.ts')).join(', ')}`,
  )
  process.exit(wanted === undefined ? 0 : 1)
}
for (const file of chosen) {
  console.log(`\n# ${file}`)
  const script = fileURLToPath(new URL('ts.mjs', import.meta.url))
  const { status } = spawnSync(process.execPath, [script, '--expose-gc', resolve(root, file)], { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
