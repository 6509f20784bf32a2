// `npm test` as a whole against that of another commit, one after the other in fresh clones:
//   L2_BEFORE=<commit> pnpm bench suite        L2_ROUNDS=1 for how often each, L2_SUITES="packages/common …" for a share of both
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const before = process.env['L2_BEFORE']
if (before === undefined) {
  console.log('L2_BEFORE names no commit to compare the suite with')
  process.exit(0)
}

const share = (process.env['L2_SUITES'] ?? '').split(' ').filter(path => path !== '')
const folder = mkdtempSync(join(tmpdir(), 'l2-suite-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
const env = { ...process.env, L2_VECTORS: resolve(root, process.env['L2_VECTORS'] ?? '../shared/vectors') }

/** Whether the command ended well; what it printed last is printed where not. */
function ends(cwd: string, command: string, args: readonly string[]): boolean {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: 'utf8', maxBuffer: 2 ** 28 })
  if (status !== 0) console.error(stdout.slice(-20_000), stderr.slice(-5000))
  return status === 0
}

function run(cwd: string, command: string, args: readonly string[]): void {
  if (!ends(cwd, command, args)) throw new Error(`${command} ${args.join(' ')} failed in ${cwd}`)
}

/** A clone that is installed and built, with the engines that this checkout has built: what is timed is the suite. */
function clone(name: string, commit: string): string {
  const path = join(folder, name)
  run(root, 'git', ['clone', '--quiet', root, path])
  run(path, 'git', ['checkout', '--quiet', '--detach', commit])
  const engine = 'packages/op-engine/engine'
  if (existsSync(join(root, engine))) cpSync(join(root, engine), join(path, engine), { recursive: true })
  run(path, 'npm', ['run', '-s', 'setup'])
  run(path, 'npm', ['run', '-s', 'build'])
  return path
}

/** Seconds of processor time that children which have ended took, where the system says so (Linux). */
function childSeconds(): number {
  if (process.platform !== 'linux') return Number.NaN
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[13]) + Number(fields[14])) / 100
}

type Cost = { seconds: number; processorSeconds: number; passed: boolean }
function test(path: string): Cost {
  const [started, used] = [performance.now(), childSeconds()]
  const passed = ends(path, 'npm', ['test', '--', ...share])
  return { seconds: (performance.now() - started) / 1000, processorSeconds: childSeconds() - used, passed }
}

const paths = [clone('before', before), clone('now', 'HEAD')] as const
const rounds = Number(process.env['L2_ROUNDS'] ?? 1)
for (let round = 0; round < rounds; round++) {
  const [old, now] = [test(paths[0]), test(paths[1])]
  const line = ({ seconds, processorSeconds, passed }: Cost): string =>
    `${seconds.toFixed(0)} s (${processorSeconds.toFixed(0)} s of processor time${passed ? '' : ', with failures'})`
  console.log(`npm test: ${line(now)}, at ${before} ${line(old)}: ratio ${(now.seconds / old.seconds).toFixed(2)}`)
}
