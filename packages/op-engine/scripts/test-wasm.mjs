// Runs Go tests in WebAssembly, under Node: op-geth's own of the state transition and the precompiles, and the engine's. Prints
// what passed, and fails if anything else did not. What cannot run there is listed here with its reason.
//
//   node scripts/test-wasm.mjs [package…]

import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { goFolder, opGethFolder } from './engine-folder.mjs'
import { inBuildFolder } from './patched.mjs'

const pebble = 'wants pebble, which does not build for WebAssembly'
const registry = 'wants the registry of chains, which this engine leaves out'

/** Per package: where it lies, and tests that cannot run, as patterns of names. */
const suites = {
  'core/vm': { opGeth: true, without: {} },
  core: {
    opGeth: true,
    without: {
      'Repair|SetHead|Snapshot|^TestIssue23496$|^TestSideImportPrunedBlocks$': pebble,
      '^TestBlockchainRecovery$': 'wants a file lock, which Go has not in WebAssembly',
      '^TestCanonicalBlockRetrieval$': 'spins until another goroutine has written, and nothing takes its turn away',
      'Registry|^TestOPMainnetGenesisDB$|Superchain': registry,
    },
  },
  './engine': { without: { '^TestReadsBesideBuilds$': 'wants goroutines whose turn is taken away' } },
  './protocol': { without: {} },
  './rpc': { without: {} },
}

/** Longest run of one suite. */
const timeoutMs = 30 * 60_000

function go(args, env = {}, cwd = goFolder) {
  const run = spawnSync('go', args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (run.status !== 0) throw new Error(`go ${args[0]} failed`)
  return run.stdout.trim()
}

/** Counts the lines of `-test.v` and keeps those that say why something failed. */
function reader() {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  const tail = []
  let rest = ''
  return {
    counts,
    tail,
    take(chunk) {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop()
      for (const line of lines) {
        const outcome = /^\s*--- (PASS|FAIL|SKIP): (\S+)/.exec(line)
        if (outcome) counts[{ PASS: 'passed', FAIL: 'failed', SKIP: 'skipped' }[outcome[1]]]++
        if (outcome?.[1] === 'FAIL') console.log(line)
        tail.push(line)
        if (tail.length > 40) tail.shift()
      }
    },
  }
}

async function run(name, suite, file, folder) {
  const wrapper = join(go(['env', 'GOROOT']), 'lib', 'wasm', 'go_js_wasm_exec')
  const patterns = Object.keys(suite.without)
  const skip = patterns.length === 0 ? [] : [`-test.skip=${patterns.join('|')}`]
  const read = reader()
  // Go takes 12 kB of arguments and environment in WebAssembly, no more.
  const env = {
    PATH: process.env.PATH,
    HOME: homedir(),
    TMPDIR: tmpdir(),
    CI: process.env.CI ?? '',
    L2_VECTORS: process.env.L2_VECTORS ?? join(goFolder, '..', '..', '..', '..', 'shared', 'vectors'),
  }
  const child = spawn(wrapper, [file, '-test.v', '-test.short', ...skip], {
    cwd: folder,
    env,
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  })
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', chunk => read.take(chunk))
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve))
  const { passed, failed, skipped } = read.counts
  console.log(`${name}: ${passed} passed, ${failed} failed, ${skipped} skip themselves`)
  for (const [pattern, reason] of Object.entries(suite.without)) console.log(`  without ${pattern}: ${reason}`)
  if (code !== 0) console.log(read.tail.join('\n'))
  return code === 0 && failed === 0 && passed > 0
}

const wanted = process.argv.slice(2)
const scratch = mkdtempSync(join(tmpdir(), 'op-engine-tests-'))
try {
  const opGeth = go(['list', '-m', '-f', '{{.Dir}}', 'github.com/ethereum/go-ethereum'])
  await inBuildFolder(`${opGethFolder()}-tests`, opGeth, { tests: true }, async engine => {
    for (const [name, suite] of Object.entries(suites)) {
      if (wanted.length > 0 && !wanted.includes(name)) continue
      const file = join(scratch, 'test.wasm')
      const path = suite.opGeth ? `github.com/ethereum/go-ethereum/${name}` : name
      // -mod=mod: tests of op-geth need modules that the engine does not pin; op-geth's own go.mod does.
      const env = { GOFLAGS: '-mod=mod', GOWORK: 'off', GOOS: 'js', GOARCH: 'wasm', CGO_ENABLED: '0' }
      go(['test', '-c', '-o', file, path], env, engine)
      const folder = suite.opGeth ? join(engine, '..', 'op-geth', name) : join(engine, name)
      if (!(await run(name, suite, file, folder))) process.exitCode = 1
    }
  })
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
