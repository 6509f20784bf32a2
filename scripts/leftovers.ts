// The suites run in a temporary directory of their own. What they leave in it, and which programs they leave running, is told and is a failure:
// whatever they start inherits the name of that directory, however far it went from its parent, and so can be found again.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

type Left = { pid: number; command: string }

/** Programs whose environment names the directory, where the system shows environments (Linux), but for those that run the tests. */
function running(folder: string): Left[] {
  const read = (pid: string, file: string): string => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, 'utf8')
    } catch {
      // It ended meanwhile, or it is somebody else's.
      return ''
    }
  }
  if (process.platform !== 'linux') return []
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && name !== String(process.pid))
    .filter(pid => read(pid, 'environ').split('\0').includes(`TMPDIR=${folder}`))
    .map(pid => ({ pid: Number(pid), command: read(pid, 'cmdline').replaceAll('\0', ' ').trim() }))
    .filter(({ command }) => command !== '' && !/node_modules\/(vitest|esbuild|@esbuild)\//.test(command))
}

/** What ends with its suite takes a moment to be gone; the keeper of a node that was killed keeps its L1 for a minute, as it is meant to. */
async function leftRunning(folder: string): Promise<Left[]> {
  let left = running(folder)
  for (let tries = 0; left.length > 0; tries++) {
    const isKept = left.some(({ command }) => command.includes('/process/keeper.js'))
    if (tries === (isKept ? 300 : 20)) break
    await new Promise(go => setTimeout(go, 250))
    left = running(folder)
  }
  return left
}

export function setup(): () => Promise<void> {
  const before = process.env['TMPDIR']
  // Short: the path of a socket in it has a hundred characters at most.
  const folder = mkdtempSync(join(tmpdir(), 'l2t-'))
  process.env['TMPDIR'] = folder
  return async () => {
    const programs = await leftRunning(folder)
    // What tsx has compiled for programs that it runs.
    const files = readdirSync(folder).filter(name => !/^tsx-\d+$/.test(name))
    for (const { pid } of programs) process.kill(pid, 'SIGKILL')
    rmSync(folder, { recursive: true, force: true })
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
    if (programs.length === 0 && files.length === 0) return
    const lines = [...programs.map(({ pid, command }) => `process ${pid}: ${command.slice(0, 200)}`), ...files.sort()]
    process.exitCode = 1
    throw new Error(`the suites left behind:\n${lines.map(line => `  ${line}`).join('\n')}`)
  }
}
