// Installs the workspace with the pinned pnpm, needing nothing but Node and npm.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const { packageManager, engines } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))

const [major, minor] = process.versions.node.split('.').map(Number)
const [wantMajor, wantMinor] = engines.node.replace('>=', '').split('.').map(Number)
if (major < wantMajor || (major === wantMajor && minor < wantMinor)) {
  console.error(`Node ${engines.node} is needed, this is ${process.version}`)
  process.exit(1)
}

// pnpm writes a copy of the lockfile it installed from: equal copies mean that there is nothing to do.
const lock = file => (existsSync(root + file) ? readFileSync(root + file, 'utf8') : undefined)
const installed = lock('node_modules/.pnpm/lock.yaml')
if (installed !== undefined && installed === lock('pnpm-lock.yaml')) process.exit(0)

console.log(`▸ installing the workspace with ${packageManager}`)
const env = { ...process.env }
// node-gyp needs Node's headers; where the system ships them it must not go to the network for them.
if (!env.npm_config_nodedir && existsSync('/usr/include/node/node_api.h')) env.npm_config_nodedir = '/usr'
const args = [
  '-y',
  packageManager,
  'install',
  '--frozen-lockfile',
  '--prefer-offline',
  '--reporter=append-only',
  '--loglevel=error',
]
const { status } = spawnSync('npx', args, { cwd: root, env, stdio: 'inherit', shell: process.platform === 'win32' })
process.exit(status ?? 1)
