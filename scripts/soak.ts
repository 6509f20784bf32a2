// pnpm soak [name|all] [--operations N] [--seed S] [--case text] [--budget seconds]: what `npm test` tries a share of, in full, reproducible from
// the seed it prints. A name is one of the worlds in packages/*/soak and examples/*/soak, or `suites`: every suite that takes a count from `runs`, with the counts
// of a soak. `--case` takes the worlds, or the files of suites, that have the text in their name.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { type SoakTarget, seededRandom } from '../packages/common/src/testing/index.ts'
import { suites } from './suites.ts'

const { values, positionals } = parseArgs({
  args: process.argv.slice(2).filter(argument => argument !== '--'),
  allowPositionals: true,
  options: {
    operations: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    case: { type: 'string', default: '' },
    budget: { type: 'string', default: '14400' },
  },
})
const root = fileURLToPath(new URL('..', import.meta.url))
const counted = suites()
  .filter(({ text }) => /\bruns\(\{/.test(text))
  .map(({ file }) => file)

/** Runs every case of a world; how many of them found something. */
async function soakWorld(name: string, file: string): Promise<number> {
  const { target } = (await import(pathToFileURL(file).href)) as { target: SoakTarget }
  let findings = 0
  for (const world of target.cases.filter(({ name: title }) => title.includes(values.case))) {
    try {
      const line = await world.run(seededRandom(Number(values.seed)), Number(values.operations))
      console.log(`${name}: ${world.name}: ${line} (seed ${values.seed})`)
    } catch (error) {
      findings += 1
      console.error(`${name}: ${world.name}: finding, seed ${values.seed}`)
      console.error(error)
    }
  }
  return findings
}

/** Runs the suites that take counts, with those of a soak. */
function soakSuites(): number {
  const files = counted.filter(file => file.includes(values.case))
  console.log(`suites: ${files.length} files, seed ${values.seed}`)
  if (files.length === 0) return 0
  const { status } = spawnSync(`${root}node_modules/.bin/vitest`, ['run', ...files], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, L2_PROFILE: 'soak', L2_SEED: values.seed },
  })
  return status === 0 ? 0 : 1
}

const worlds = ['packages', 'examples']
  .flatMap(parent => readdirSync(`${root}${parent}`).map(name => `${parent}/${name}/soak`))
  .filter(folder => existsSync(`${root}${folder}`))
  .flatMap(folder => readdirSync(`${root}${folder}`).map(file => `${folder}/${file}`))
  .filter(file => file.endsWith('.soak.ts'))
  .sort()
  .map(file => [basename(file, '.soak.ts'), resolve(root, file)] as const)
const parts = new Map<string, () => number | Promise<number>>([
  ...worlds.map(([name, file]) => [name, () => soakWorld(name, file)] as const),
  ['suites', soakSuites],
])

const wanted = positionals[0]
const chosen = [...parts].filter(([name]) => wanted === 'all' || name === wanted)
if (wanted === undefined || chosen.length === 0) {
  console.log(wanted === undefined ? 'to soak:' : `there is no "${wanted}" to soak; there are:`)
  for (const name of parts.keys()) console.log(`  ${name}`)
  for (const file of counted) console.log(`    ${file}`)
  process.exit(wanted === undefined ? 0 : 1)
}

const started = performance.now()
let findings = 0
const took: string[] = []
for (const [name, run] of chosen) {
  const begun = performance.now()
  findings += await run()
  took.push(`${name}: ${Math.round((performance.now() - begun) / 1000)} s`)
}
const seconds = Math.round((performance.now() - started) / 1000)
const over = seconds > Number(values.budget) ? ': over it' : ''
console.log(`${took.join(', ')}; ${seconds} s of a budget of ${values.budget} s${over}`)
process.exit(findings === 0 ? 0 : 1)
