// pnpm check: everything about the repository that is not a test, one line a step, output only where a step fails.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { filesOf } from './files.mjs'
import { packed } from './packed.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const env = {
  ...process.env,
  FORCE_COLOR: '0',
  NO_COLOR: '1',
  PATH: `${root}node_modules/.bin:${process.env.PATH}`,
}
let failed = 0
function step(title, command, args, cwd = root) {
  const started = performance.now()
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, env, encoding: 'utf8', maxBuffer: 2 ** 28 })
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`${status === 0 ? '✓' : '✗'} ${title} (${seconds} s)`)
  if (status === 0) return
  failed++
  console.log([stdout, stderr, error?.message].filter(Boolean).join('\n'))
}

// One that cannot be read stops the next release, and nothing before it.
const changesets = readdirSync(`${root}.changeset`).filter(name => name.endsWith('.md') && name !== 'README.md')
const unreadable = changesets.filter(name => {
  const text = readFileSync(`${root}.changeset/${name}`, 'utf8')
  return !/^---\n("@l2\/[a-z-]+": (patch|minor|major)\n)+---\n\n\S/.test(text)
})
console.log(unreadable.length === 0 ? '✓ changesets' : `✗ changesets\n${unreadable.join('\n')}`)
failed += unreadable.length

// @l2/op-engine is under the LGPL and is loaded apart: a static import would make it part of what is under MIT. Types leave nothing behind, tests are not shipped.
const sources = filesOf('packages', 'examples').filter(
  name => /\/src\/.*\.[mc]?[jt]s$/.test(name) && !/\.test\.ts$/.test(name) && !name.startsWith('packages/op-engine/'),
)
const linked = sources.filter(name => {
  const text = readFileSync(`${root}${name}`, 'utf8')
  return [...text.matchAll(/\b(?:from|import)\s*['"]@l2\/op-engine/g)].some(({ index }) => {
    const statement = [...text.slice(0, index + 6).matchAll(/^(?:import|export)\b( type\b)?/gm)].at(-1)
    return statement?.[1] === undefined
  })
})
console.log(
  linked.length === 0
    ? '✓ op-engine (LGPL) is imported dynamically only'
    : `✗ op-engine (LGPL) is imported statically\n${linked.join('\n')}`,
)
failed += linked.length

step('a page for every error code', 'node', ['scripts/errors.mjs'])
step('lines of prose', 'node', ['scripts/prose.mjs', '--check'])
step('lint and format', 'biome', ['ci', '--error-on-warnings', '--colors=off', '.'])
step('contracts are what their sources compile to', 'node', ['packages/contracts/scripts/compile.mjs', '--check'])
step('types', 'tsc', ['-p', 'tsconfig.json'])
step('files and functions are short', 'node', ['scripts/shape.mjs'])
const libraries = readdirSync(`${root}packages`).map(name => `packages/${name}/src`)
step('no circles of imports', 'madge', [
  '--circular',
  ...['--extensions', 'ts', '--ts-config', 'tsconfig.json', '--no-spinner', '--warning'],
  ...libraries.filter(path => existsSync(`${root}${path}`)),
  'examples/reference-node/src',
])
step('nothing is written twice', 'jscpd', ['--config', '.jscpd.json', 'packages', 'examples', 'scripts'])
step('build', 'node', ['scripts/build.mjs'])
step('dead code and dependencies', 'knip', ['--no-progress'])
for (const [name, tarball] of Object.entries(packed().tarballs)) {
  step(`publint ${name}`, 'publint', ['run', '--strict', tarball])
  step(`types as installed, ${name}`, 'attw', [tarball, '--profile', 'esm-only', '--no-color'])
}
step('browser bundles', 'node', ['scripts/browser.mjs'])
step('public faces', 'node', ['scripts/api.mjs', '--check'])
step('sizes of imports', 'node', ['scripts/sizes.mjs', '--check'])
step('packed tarballs: install without a compiler, import and require', 'node', ['scripts/pack.mjs'])
step('examples, with the packed packages', 'node', ['scripts/examples.mjs'])
step('README and doc examples', 'node', ['scripts/ts.mjs', 'scripts/docs.ts'])
if (failed > 0) {
  console.log(`${failed} step${failed === 1 ? '' : 's'} failed`)
  process.exit(1)
}
