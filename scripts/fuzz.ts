// pnpm fuzz <target|all> --seconds N [--seed S]: mutated inputs into a decoder, reproducible from the seed it prints.
import { basename, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { type FuzzTarget, mutate, seededRandom } from '../packages/common/src/testing/index.ts'
import { filesOf } from './files.mjs'

const { values, positionals } = parseArgs({
  args: process.argv.slice(2).filter(argument => argument !== '--'),
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '10' }, seed: { type: 'string', default: '1' } },
})
const root = fileURLToPath(new URL('..', import.meta.url))
const targets = new Map(filesOf('packages/*.fuzz.ts').map(file => [basename(file, '.fuzz.ts'), resolve(root, file)]))

const wanted = positionals[0]
const chosen = [...targets].filter(([name]) => wanted === 'all' || name === wanted)
if (wanted === undefined || chosen.length === 0) {
  console.log(wanted === undefined ? 'fuzz targets:' : `no fuzz target "${wanted}"; there are:`)
  for (const name of targets.keys()) console.log(`  ${name}`)
  process.exit(wanted === undefined ? 0 : 1)
}

for (const [name, file] of chosen) {
  const { target } = (await import(pathToFileURL(file).href)) as { target: FuzzTarget }
  const random = seededRandom(Number(values.seed))
  const corpus = target.corpus(random)
  const end = performance.now() + Number(values.seconds) * 1000
  let inputs = 0
  let input: Uint8Array = new Uint8Array()
  try {
    while (performance.now() < end) {
      const base = random.pick(corpus)
      input = random.bool(0.05) ? random.bytes(random.below(256)) : mutate(base, random)
      await target.run(input, random)
      inputs++
    }
  } catch (error) {
    console.error(
      `${name}: finding after ${inputs} inputs, seed ${values.seed}\ninput ${Buffer.from(input).toString('hex').slice(0, 4096)}`,
    )
    console.error(error)
    process.exit(1)
  }
  console.log(`${name}: ${inputs} inputs, no finding (seed ${values.seed})`)
}
