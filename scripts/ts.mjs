// Runs a TypeScript file of this repository against the sources of its packages: node scripts/ts.mjs <file> [arguments]
import { spawn } from 'node:child_process'

const child = spawn(process.execPath, ['--conditions=@l2/source', '--import=tsx', ...process.argv.slice(2)], {
  stdio: 'inherit',
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)))
