// node scripts/cargo.mjs: builds the oracle of kona (peers/kona), once, and prints where it is.
//
// kona's crates are taken from the release of Optimism that peers/pins.json names, whose published Go module holds their sources under its
// checksum: crates.io has older ones under the same version numbers. Everything else comes from crates.io, as peers/kona/Cargo.lock says.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { exe, goVersion, hash, moduleFolder, once, pins, platform, refuse, sources } from './go.mjs'

const dir = fileURLToPath(new URL('../peers/kona', import.meta.url))

/** Where built programs are kept. */
const cargoCache = () => join(process.env['L2_CACHE'] ?? join(homedir(), '.cache', 'l2'), 'cargo')

/** `cargo 1.95.0 (…)`, or `undefined` where there is no cargo. */
function cargoVersion() {
  const { status, stdout } = spawnSync('cargo', ['--version'], { cwd: dir, encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}

/**
 * The path of the oracle of kona: from the cache, else built into it.
 *
 * @param {{ build?: boolean, say?: (line: string) => void }} options `build: false` takes only what is there
 * @returns `undefined` where it is not there and cannot, or must not, be built; why is one line on stderr (`say`)
 */
export function konaOracle({ build = true, say = console.error } = {}) {
  const name = 'kona-oracle'
  const { of, crates } = JSON.parse(readFileSync(join(dir, 'crates.json'), 'utf8'))
  const pin = pins[of]
  const version = cargoVersion()
  if (version === undefined) return refuse(name, say, 'cargo is not installed')
  const key = hash(sources(dir), pin.version, pin.sum, version, platform())
  const target = join(cargoCache(), `${name}-${pin.version}-${key}${exe()}`)
  if (existsSync(target)) return target
  if (!build) return undefined
  if (goVersion() === undefined)
    return refuse(name, say, 'the sources of kona come from a Go module, and Go is not installed')
  return once(name, target, say, temporary => {
    const { folder, failure } = moduleFolder(pin)
    if (failure !== undefined) return failure
    const work = `${temporary}.target`
    try {
      const patches = Object.entries(crates).flatMap(([crate, path]) => [
        '--config',
        `patch.crates-io.${crate}.path=${JSON.stringify(join(folder, path))}`,
      ])
      const env = { ...process.env, CARGO_TARGET_DIR: work }
      const built = spawnSync('cargo', ['build', '--locked', '--quiet', ...patches], {
        cwd: dir,
        encoding: 'utf8',
        env,
      })
      if (built.error !== undefined) return built.error.message
      if (built.status !== 0) return built.stderr
      copyFileSync(join(work, 'debug', `${name}${exe()}`), temporary)
    } finally {
      rmSync(work, { recursive: true, force: true })
    }
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = konaOracle()
  if (path === undefined) process.exitCode = 1
  else console.log(path)
}
