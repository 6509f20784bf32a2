// node scripts/go.mjs [name …]: builds Go programs that our tests speak to, once, and prints where they are; of op-states, where what it prints is: the frozen
// states of the OP Stack's predeploys and the bundles of its upgrades.
//
// What is pinned stands in peers/pins.json: a module, its version, the checksum of that version and the package of the program. A program is built as upstream
// builds it, from its own go.mod and go.sum, so a module whose path is not where it is published (op-geth is `replaces` in those who import it) needs nothing here.
// Everything lands in one cache, `$L2_CACHE/go` or `~/.cache/l2/go`, and is used again until its pin, or the sources of our own module, change.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Name → pin, from peers/pins.json. */
export const pins = JSON.parse(readFileSync(join(root, 'peers', 'pins.json'), 'utf8'))

/** Where built programs are kept. */
export const goCache = () => join(process.env['L2_CACHE'] ?? join(homedir(), '.cache', 'l2'), 'go')

/**
 * The path of a pinned program: `$L2_<NAME>` where that is set, else from the cache, else built into it.
 *
 * @param {string} name of peers/pins.json
 * @param {{ build?: boolean, say?: (line: string) => void }} options `build: false` takes only what is there
 * @returns `undefined` where it is not there and cannot, or must not, be built; why is one line on stderr (`say`)
 */
export function goProgram(name, { build = true, say = console.error } = {}) {
  const pin = pins[name]
  if (pin === undefined)
    throw new Error(`no pin "${name}" in peers/pins.json; there are: ${Object.keys(pins).join(', ')}`)
  const given = process.env[`L2_${name.toUpperCase().replaceAll('-', '_')}`]
  if (given) return given
  const { version } = pin
  const target = join(goCache(), `${name}-${version}-${hash(JSON.stringify(pin), platform())}${exe()}`)
  if (existsSync(target)) return target
  if (!build) return undefined
  if (goVersion() === undefined) return refuse(name, say, 'Go is not installed')
  return once(name, target, say, temporary => {
    const upstream = moduleFolder(pin)
    if (upstream.failure !== undefined) return upstream.failure
    let from = upstream.folder
    try {
      if (pin.bundle !== undefined) {
        from = `${temporary}.source`
        const other = moduleFolder(pins[pin.bundle.from])
        if (other.failure !== undefined) return other.failure
        completed(upstream.folder, from, pin.bundle.file, join(other.folder, pin.bundle.path))
      }
      const built = go(['build', '-mod=readonly', '-trimpath', '-o', temporary, pin.package], from)
      return built.status === 0 ? undefined : built.stderr
    } finally {
      if (pin.bundle !== undefined) rmSync(from, { recursive: true, force: true })
    }
  })
}

/**
 * What a program of ours (`package` of this repository) prints of the module that is pinned beside it, as a file in the cache, held against the checksum of the
 * pin.
 *
 * @param {string} name of a pin that has `prints`
 * @returns as {@link goProgram}
 */
export function goOutput(name, { build = true, say = console.error } = {}) {
  const { version, package: dir, prints } = pins[name]
  const target = join(goCache(), `${name}-${version}-${prints.slice(0, 12)}.json`)
  if (existsSync(target)) {
    if (sha256(readFileSync(target)) === prints) return target
    rmSync(target, { force: true })
  }
  if (!build) return undefined
  const program = goModule(join(root, dir), '.', name, { say })
  if (program === undefined) return undefined
  return once(`${name}.json`, target, say, temporary => {
    const { status, stdout, stderr } = spawnSync(program, [], { maxBuffer: 2 ** 28 })
    if (status !== 0) return String(stderr)
    if (sha256(stdout) !== prints) return `what it prints has the checksum ${sha256(stdout)}, pinned is ${prints}`
    writeFileSync(temporary, stdout)
    return undefined
  })
}

/** Where the go command keeps the module of a pin, held against its checksum. */
export function moduleFolder({ module, version, sum }) {
  const download = go(['mod', 'download', '-json', `${module}@${version}`], root)
  const got = parse(download.stdout)
  if (got?.Dir === undefined) return { failure: got?.Error ?? download.stderr }
  if (got.Sum !== sum) {
    return { failure: `${module}@${version} has the checksum ${got.Sum}, pinned is ${sum}` }
  }
  return { folder: got.Dir }
}

/**
 * A module with one file more, which its repository makes from a submodule and its published module therefore lacks (Optimism's registry of chains). The rest is
 * linked. The checksum beside that file is written for the one that is there: upstream holds them against each other when the program starts.
 */
function completed(module, target, file, content) {
  const [head, ...rest] = file.split('/')
  mkdirSync(target, { recursive: true })
  for (const entry of readdirSync(module, { withFileTypes: true })) {
    const path = join(module, entry.name)
    if (!entry.isDirectory()) copyFileSync(path, join(target, entry.name))
    else if (rest.length === 0 || entry.name !== head) symlinkSync(path, join(target, entry.name), 'junction')
  }
  if (rest.length > 0) return completed(join(module, head), join(target, head), rest.join('/'), content)
  copyFileSync(content, join(target, head))
  const digest = sha256(readFileSync(content))
  rmSync(join(target, `${head}.sha256`), { force: true })
  writeFileSync(join(target, `${head}.sha256`), `${digest}  ${head}\n`)
}

/**
 * The path of a program of ours: `package` of the Go module in `dir`, from the cache while its sources and Go's version stand.
 *
 * @param {string} dir a folder with go.mod
 * @param {string} package_ for example `./cmd/engine`
 * @param {string} name of the file, extension included where it has one
 * @param {{ flags?: readonly string[], env?: Record<string, string>, say?: (line: string) => void }} options what to hand to `go build`
 * @returns `undefined` where it cannot be built; why is one line on stderr
 */
export function goModule(dir, package_, name, { flags = [], env = {}, say = console.error } = {}) {
  const version = goVersion()
  const key = hash(sources(dir), JSON.stringify([package_, flags, env]), version ?? '', platform())
  const [stem, extension = ''] = [name.replace(/\.[a-z]+$/, ''), /\.[a-z]+$/.exec(name)?.[0]]
  const target = join(goCache(), `${stem}-${key}${extension}`)
  if (existsSync(target)) return target
  if (version === undefined) return refuse(name, say, 'Go is not installed')
  return once(name, target, say, temporary => {
    const built = go(['build', '-mod=readonly', '-trimpath', ...flags, '-o', temporary, package_], resolve(dir), env)
    return built.status === 0 ? undefined : built.stderr
  })
}

/** `go1.26.8`, or `undefined` where there is no Go. */
export function goVersion() {
  const { status, stdout } = go(['env', 'GOVERSION'], root)
  return status === 0 ? stdout.trim() : undefined
}

/** Builds a file that does not exist yet, unless somebody else does: then waits for them. `make` returns what went wrong. */
export function once(name, target, say, make) {
  mkdirSync(dirname(target), { recursive: true })
  const lock = `${target}.lock`
  for (let waiting = false; ; waiting = true) {
    try {
      const file = openSync(lock, 'wx')
      writeSync(file, String(process.pid))
      closeSync(file)
      break
    } catch (error) {
      if (error.code !== 'EEXIST') return refuse(name, say, error.message)
      if (!waiting) say(`${name} is being built by another process`)
      sleep(500)
      if (existsSync(target)) return target
      // Whoever died over it left the lock. Should two take it at once, both build, and the second replaces an equal file.
      if (isLeft(lock)) rmSync(lock, { force: true })
    }
  }
  const temporary = `${target}.${process.pid}`
  try {
    if (existsSync(target)) return target
    say(`building ${name}`)
    const failure = make(temporary)
    if (failure !== undefined) return refuse(name, say, failure)
    renameSync(temporary, target)
    return target
  } finally {
    rmSync(temporary, { force: true })
    rmSync(lock, { force: true })
  }
}

export function refuse(name, say, why) {
  const line = String(why).trim().split('\n').at(-1)
  say(`${name} cannot be built: ${line}`)
  return undefined
}

function isLeft(lock) {
  try {
    const pid = readFileSync(lock, 'utf8')
    if (pid === '') return Date.now() - statSync(lock).mtimeMs > 10_000
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return error.code === 'ESRCH'
  }
}

/** Everything that a build of a module reads, as one hash: its files but tests, by name and content. */
export function sources(dir) {
  const digest = createHash('sha256')
  const files = readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && !entry.name.endsWith('_test.go'))
    .map(entry => join(entry.parentPath ?? entry.path, entry.name))
    .map(path => ({ path, name: relative(dir, path).split(sep).join('/') }))
    .filter(({ name }) => !/(^|\/)(node_modules|testdata|dist|target|\.[^/]+)\//.test(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const { path, name } of files) digest.update(`${name}\0${hash(readFileSync(path))}\n`)
  return digest.digest()
}

function go(args, cwd, env = {}) {
  return spawnSync('go', args, { cwd, encoding: 'utf8', maxBuffer: 2 ** 28, env: { ...process.env, ...env } })
}

const sha256 = bytes => createHash('sha256').update(bytes).digest('hex')

function parse(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export function hash(...parts) {
  const digest = createHash('sha256')
  for (const part of parts) digest.update(part).update('\0')
  return digest.digest('hex').slice(0, 12)
}

export const platform = () => `${process.platform}-${process.arch}`
export const exe = () => (process.platform === 'win32' ? '.exe' : '')
const sleep = ms => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const names = process.argv.slice(2)
  for (const name of names.length > 0 ? names : Object.keys(pins)) {
    const path = pins[name]?.prints === undefined ? goProgram(name) : goOutput(name)
    if (path === undefined) process.exitCode = 1
    else console.log(path)
  }
}
