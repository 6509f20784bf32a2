// pnpm soak <target|all> [--operations N] [--seed S] [--case text]: long random runs of the properties that `npm test` runs short,
// reproducible from the seed they print.
import { existsSync, readdirSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { type SoakTarget, seededRandom } from '../packages/common/src/testing/index.ts'

const { values, positionals } = parseArgs({
  args: process.argv.slice(2).filter(argument => argument !== '--'),
  allowPositionals: true,
  options: {
    operations: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    case: { type: 'string', default: '' },
  },
})
const root = fileURLToPath(new URL('../', import.meta.url))
const folders = ['packages', 'examples'].flatMap(parent =>
  readdirSync(`${root}${parent}`).map(name => `${parent}/${name}/soak`),
)
const files = folders
  .filter(folder => existsSync(`${root}${folder}`))
  .flatMap(folder => readdirSync(`${root}${folder}`).map(file => `${folder}/${file}`))
  .filter(file => file.endsWith('.soak.ts'))
const targets = new Map(files.map(file => [basename(file, '.soak.ts'), resolve(root, file)]))

const wanted = positionals[0]
const chosen = [...targets].filter(([name]) => wanted === 'all' || name === wanted)
if (wanted === undefined || chosen.length === 0) {
  console.log(wanted === undefined ? 'soak targets:' : `no soak target "${wanted}"; there are:`)
  for (const name of targets.keys()) console.log(`  ${name}`)
  process.exit(wanted === undefined ? 0 : 1)
}

let findings = 0
for (const [name, file] of chosen) {
  const { target } = (await import(pathToFileURL(file).href)) as { target: SoakTarget }
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
}
process.exit(findings === 0 ? 0 : 1)
