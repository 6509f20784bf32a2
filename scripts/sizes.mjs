// pnpm sizes: what one import of a published package costs in a bundle, into docs/sizes.md and where the READMEs say it.
// With --check nothing is written: a budget that is passed, and a figure that is not what was measured, are errors.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build as esbuild } from 'esbuild'
import { build as vite } from 'vite'
import { packed } from './packed.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const check = process.argv.includes('--check')

/** Names of the READMEs, each with the kB (1024 bytes) it may weigh minified by esbuild. With Vite it may weigh a tenth more. */
const budgets = [
  ['@l2/blob', 'opCodec', 6],
  ['@l2/blob', 'blobCost', 6],
  ['@l2/contracts', 'withImmutables', 3],
  ['@l2/contracts/pool', 'poolAbi', 4],
  ['@l2/da', 'commitmentToHex', 4],
  ['@l2/da', 'createRouterDa', 45],
  ['@l2/da/ethereum', 'createBlobDa', 65],
  ['@l2/lst', 'assets', 2],
  ['@l2/lst', 'aprOf', 3],
  ['@l2/lst', 'createLiquid', 60],
  ['@l2/sequencer-core/fees', 'l1FeeFjord', 2],
  ['@l2/sequencer-core', 'openChannel', 45],
  ['@l2/sequencer-core', 'createBatcher', 35],
  ['@l2/sequencer-core', 'createDerivationPipeline', 128],
  ['@l2/staking', 'buildElection', 2],
  ['@l2/staking', 'createPool', 40],
]

const { folder } = packed()
const kb = bytes => (bytes / 1024).toFixed(1)

async function withEsbuild(file) {
  const { outputFiles } = await esbuild({
    entryPoints: [file],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    logLevel: 'silent',
  })
  return outputFiles[0].contents
}

async function withVite(file) {
  const result = await vite({
    root: folder,
    configFile: false,
    logLevel: 'silent',
    build: { write: false, minify: true, target: 'es2022', modulePreload: false, rollupOptions: { input: file } },
  })
  const { output } = Array.isArray(result) ? result[0] : result
  return Buffer.from(output.map(({ code = '' }) => code).join(''))
}

const rows = []
const problems = []
for (const [entry, name, budget] of budgets) {
  const file = join(folder, `size-${process.pid}.js`)
  writeFileSync(file, `import { ${name} } from '${entry}'\nglobalThis.used = ${name}\n`)
  try {
    const [a, b] = [await withEsbuild(file), await withVite(file)]
    rows.push({ entry, name, budget, esbuild: kb(a.length), vite: kb(b.length), zipped: kb(gzipSync(a).length) })
    if (a.length > budget * 1024)
      problems.push(`${name} of ${entry}: ${kb(a.length)} kB with esbuild, budget ${budget}`)
    if (b.length > budget * 1024 * 1.1) {
      problems.push(`${name} of ${entry}: ${kb(b.length)} kB with Vite, budget ${(budget * 1.1).toFixed(1)}`)
    }
  } finally {
    rmSync(file)
  }
}

const table = [
  '| import | minified by esbuild, kB | by Vite, kB | gzipped, kB | budget, kB |',
  '| --- | ---: | ---: | ---: | ---: |',
  ...rows.map(
    ({ entry, name, esbuild, vite, zipped, budget }) =>
      `| \`${name}\` of \`${entry}\` | ${esbuild} | ${vite} | ${zipped} | ${budget} |`,
  ),
].join('\n')

/** Puts what was measured where a file says it: a table between its marks, a figure between a mark and the next word. */
function written(text) {
  const withTable = text.replace(/(<!-- sizes -->\n)[\s\S]*?(<!-- \/sizes -->)/, `$1${table}\n$2`)
  return withTable.replace(/<!-- size (\S+) -->[\d.]+ kB/g, (_, name) => {
    const row = rows.find(row => row.name === name)
    if (row === undefined) throw new Error(`nobody measures ${name}`)
    return `<!-- size ${name} -->${row.esbuild} kB`
  })
}

/** Whether the text says what was measured: a change of some hundred bytes need not be written down at once. */
function isSaid(text, now) {
  const figures = text => [...text.matchAll(/\d+\.\d/g)].map(Number)
  const [said, measured] = [figures(text), figures(now)]
  const plain = text => text.replace(/\d+\.\d/g, '')
  return (
    plain(text) === plain(now) &&
    said.every((figure, index) => Math.abs(figure - measured[index]) <= Math.max(0.3, measured[index] * 0.03))
  )
}

const files = [
  'docs/sizes.md',
  ...readdirSync(join(root, 'packages'))
    .map(name => `packages/${name}/README.md`)
    .filter(name => existsSync(join(root, name))),
]
for (const name of files) {
  const text = readFileSync(join(root, name), 'utf8')
  const now = written(text)
  if (!check) writeFileSync(join(root, name), now)
  else if (!isSaid(text, now)) problems.push(`${name} says other sizes than were measured: pnpm sizes`)
}
console.log(table)
if (problems.length > 0) {
  console.error(problems.join('\n'))
  process.exit(1)
}
