// npm run build: every package in order of its dependencies, what has not changed from the cache.
import { spawnSync } from 'node:child_process'
import { delimiter } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const { status, stdout, stderr } = spawnSync(
  process.execPath,
  [`${root}node_modules/turbo/bin/turbo`, 'run', 'build', '--output-logs=errors-only'],
  {
    cwd: root,
    encoding: 'utf8',
    env: {
      ...process.env,
      // Turbo asks for the package manager by name.
      PATH: `${root}node_modules/.bin${delimiter}${process.env.PATH}`,
      TURBO_TELEMETRY_DISABLED: '1',
      TURBO_NO_UPDATE_NOTIFIER: '1',
    },
  },
)
// Turbo's own summary is of no use to a reader when everything went well.
if (status !== 0) console.error(stdout + stderr)
process.exit(status ?? 1)
