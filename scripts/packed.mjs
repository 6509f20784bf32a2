// The libraries as they are published: packed by pnpm, and installed by npm where no compiler answers. One installation a build, which
// whatever looks at the published form shares; `tarballs` are the files, `folder` the installation.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const packages = join(root, 'packages')
const cache = join(root, 'node_modules/.cache/l2-packed')

/** Every library that is published, by its manifest, with where it is. */
export const libraries = readdirSync(packages)
  .filter(name => existsSync(join(packages, name, 'package.json')))
  .map(name => ({
    ...JSON.parse(readFileSync(join(packages, name, 'package.json'), 'utf8')),
    folder: join(packages, name),
  }))
  .filter(manifest => !manifest.private)

/** Runs a program to its end. @throws with what it said, where it fails */
export function run(command, args, cwd, env = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    // pnpm's launcher puts the workspace's own packages on NODE_PATH; what is tried must find only what it was installed with.
    env: {
      ...process.env,
      PATH: `${join(root, 'node_modules/.bin')}${delimiter}${process.env.PATH}`,
      NODE_PATH: '',
      ...env,
    },
  })
  if (status === 0) return stdout
  throw new Error([`${command} ${args.join(' ')}`, stdout, stderr, error?.message].filter(Boolean).join('\n'))
}

/** npm, where a compiler is asked for in vain. */
export function installWithoutCompiler(folder, names = []) {
  const hidden = join(folder, '.no-compiler')
  mkdirSync(hidden, { recursive: true })
  for (const tool of ['cc', 'gcc', 'g++', 'c++', 'clang', 'make', 'python', 'python3', 'cmake', 'node-gyp']) {
    const file = join(hidden, tool)
    writeFileSync(file, `#!/bin/sh\necho "${tool} was called: installing must not need a compiler" >&2\nexit 1\n`)
    chmodSync(file, 0o755)
  }
  const flags = ['--omit=optional', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']
  const scripts = names.length > 0 ? ['--no-save', '--ignore-scripts'] : []
  run('npm', ['install', ...scripts, ...flags, ...names], folder, {
    PATH: `${hidden}${delimiter}${join(root, 'node_modules/.bin')}${delimiter}${process.env.PATH}`,
  })
}

/** Packs and installs what is built, unless that was done for this very build. */
export function packed() {
  const key = createHash('sha256')
    .update(readFileSync(join(packages, 'common/dist/built-of')))
    .update(readFileSync(join(root, '.pnpmfile.cjs')))
    .update(readFileSync(fileURLToPath(import.meta.url)))
    .update(existsSync(join(packages, 'op-engine/engine/op-engine.wasm')) ? 'with its engine' : '')
    .digest('hex')
    .slice(0, 16)
  const folder = join(cache, key)
  const tarballs = Object.fromEntries(
    libraries.map(({ name, version }) => [name, join(folder, `${name.slice(1).replace('/', '-')}-${version}.tgz`)]),
  )
  if (existsSync(folder)) return { folder, tarballs }
  rmSync(cache, { recursive: true, force: true })
  const making = `${folder}.${process.pid}`
  mkdirSync(making, { recursive: true })
  const dependencies = { viem: '2.57.1' }
  for (const { name, version, folder: from } of libraries) {
    run('pnpm', ['pack', '--pack-destination', making], from)
    dependencies[name] = `file:${name.slice(1).replace('/', '-')}-${version}.tgz`
  }
  // The packages depend on each other by version, which no registry has yet: overrides point them at the tarballs.
  writeFileSync(
    join(making, 'package.json'),
    JSON.stringify({ private: true, type: 'module', dependencies, overrides: dependencies }),
  )
  installWithoutCompiler(making)
  renameSync(making, folder)
  return { folder, tarballs }
}
