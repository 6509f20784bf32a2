import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** `L2_ENGINE=anvil` runs the suites of the node on another engine than the one it takes by itself. */
const engine = process.env['L2_ENGINE']
const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))

/** The node as a user runs it: the built file, in a process of its own. */
export type RunningNode = {
  url: string
  pid: number
  /** What it said, oldest first. */
  events: string[]
  kill(signal: NodeJS.Signals): Promise<number | null>
  exited: Promise<number | null>
}

/**
 * For suites that ask nothing of blobs: the trusted set-up, which the node loads and its L1 once more, costs three seconds of computing, and each blob's
 * proofs a quarter.
 */
export const withoutBlobs: readonly string[] = ['--da', 'ethereum-calldata']

/** Starts the built program; the environment gets what is given in addition. */
export function launch(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = {},
): { child: ChildProcess; output: () => string } {
  if (!existsSync(main)) throw new Error('build the reference node first: npm run build')
  const chosen = engine === undefined ? [] : ['--engine', engine]
  const child = spawn(process.execPath, [main, ...chosen, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', data => (output += String(data)))
  return { child, output: () => output }
}

/** Runs the node to its end and gives back what it printed. */
export async function runNode(...args: string[]): Promise<{ code: number | null; output: string }> {
  const { child, output } = launch(args)
  const code = await new Promise<number | null>(resolve => child.once('exit', resolve))
  return { code, output: output() }
}

/** Starts the node on a free port and waits until its JSON-RPC answers. */
export async function startNode(...args: string[]): Promise<RunningNode> {
  const { child, output } = launch(['--json', '--port', '0', ...args])
  const exited = new Promise<number | null>(resolve => child.once('exit', resolve))
  const events: string[] = []
  const url = await new Promise<string>((resolve, reject) => {
    exited.then(code => reject(new Error(`the node ended with code ${code}: ${output()}`)))
    createInterface({ input: child.stdout! }).on('line', line => {
      const { event } = JSON.parse(line) as { event?: string }
      if (event === undefined) return
      events.push(event)
      const match = /^JSON-RPC at (\S+)/.exec(event)
      if (match !== null) resolve(match[1]!)
    })
  })
  return {
    url,
    pid: child.pid!,
    events,
    exited,
    kill: signal => {
      child.kill(signal)
      return exited
    },
  }
}

/** One JSON-RPC call; the whole answer, error object included. */
export async function ask(
  url: string,
  method: string,
  params: readonly unknown[] = [],
): Promise<{ result?: never; error?: { code: number; message: string } }> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  const response = await fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
  return (await response.json()) as { result?: never; error?: { code: number; message: string } }
}

/** Waits until something holds of a node. */
export async function until(
  node: RunningNode,
  what: string,
  holds: () => Promise<boolean>,
  seconds = 200,
): Promise<void> {
  for (let tries = 0; tries < seconds * 4; tries++) {
    if (await holds()) return
    await new Promise(resolve => setTimeout(resolve, 250))
  }
  throw new Error(`${what}: not within ${seconds} s; the node said: ${node.events.join(' | ')}`)
}
