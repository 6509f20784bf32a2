// Where the built engine of these Go sources lies, without building it.

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const scripts = dirname(fileURLToPath(import.meta.url))

/** The folder of the Go module. */
export const goFolder = join(scripts, '..', 'go')

/** Where a copy of what was built lies for whoever runs from a checkout, and in the published package. */
export const packagedFolder = join(scripts, '..', 'engine')

/** Everything a build is made of: Go sources, pins of modules, the script that calls Go. */
function sources() {
  const files = readdirSync(goFolder, { recursive: true, withFileTypes: true })
    .filter(
      entry => entry.isFile() && /\.go$|^go\.(mod|sum)$|\.txt$/.test(entry.name) && !entry.name.endsWith('_test.go'),
    )
    .map(entry => join(entry.parentPath ?? entry.path, entry.name))
  return [...files, join(scripts, 'build.mjs'), join(scripts, 'patched.mjs')].sort()
}

/** Names a build: the same sources and pins give the same key. */
export function engineKey() {
  return digest(sources())
}

function digest(files) {
  const hash = createHash('sha256')
  for (const file of files) {
    const bytes = readFileSync(file)
    hash.update(`${relative(join(scripts, '..'), file).replaceAll('\\', '/')} ${bytes.length}\n`).update(bytes)
  }
  return hash.digest('hex').slice(0, 16)
}

const cache = () => join(process.env.L2_CACHE ?? join(homedir(), '.cache', 'l2'), 'op-engine')

/** Where the patched op-geth of these sources lies, see patched.mjs. */
export function opGethFolder() {
  return join(cache(), `op-geth-${digest(sources().filter(file => /go\.(mod|sum)$|\.txt$|patched\.mjs$/.test(file)))}`)
}

/** The folder of the build cache for the sources as they are: `op-engine.wasm` and `wasm_exec.js`, and `op-engine` where the sidecar was built. */
export function engineFolder() {
  return join(cache(), engineKey())
}
