import { ok } from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { EngineKind } from '@l2/node'
import { type RunningNode, startNode, until, withoutBlobs } from './running-node.js'
import { createWatchingUser, headsOf } from './watching-user.js'

/** A program that a node runs, wherever in the tree below it. */
type Child = { readonly pid: number; readonly name: string; readonly line: readonly string[] }

/** Linux only, which tells in files who is whose child. */
export function programsOf(pid: number): Child[] {
  const found: Child[] = []
  const children = readdirSync('/proc')
    .filter(entry => /^\d+$/.test(entry))
    .flatMap(entry => {
      try {
        const stat = readFileSync(`/proc/${entry}/stat`, 'latin1')
        const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
        const line = readFileSync(`/proc/${entry}/cmdline`, 'utf8').split('\0')
        return [{ pid: Number(entry), parent, line }]
      } catch {
        // It ended while we looked.
        return []
      }
    })
  const below = (parent: number): void => {
    for (const child of children.filter(one => one.parent === parent)) {
      found.push({ pid: child.pid, name: basename(child.line[0] ?? ''), line: child.line })
      below(child.pid)
    }
  }
  below(pid)
  return found.sort((a, b) => a.pid - b.pid)
}

const listensOn = (child: Child, directory: string, name: string): boolean =>
  child.name.startsWith('anvil') &&
  child.line[child.line.indexOf('--port') + 1] === readFileSync(join(directory, `${name}.port`), 'utf8')

/** The pid of the anvil of a name. */
export function anvilOf(node: RunningNode, directory: string, name: string): number {
  const found = programsOf(node.pid).find(child => listensOn(child, directory, name))
  if (found === undefined) throw new Error(`there is no anvil of ${name}`)
  return found.pid
}

/** The programs that execute. */
function enginesOf(node: RunningNode, directory: string, kind: EngineKind): Child[] {
  const name = kind === 'native' ? 'op-engine' : kind
  // geth runs under a shell that watches over it, and has the same words behind its name.
  return programsOf(node.pid).filter(child => child.name.startsWith(name) && !listensOn(child, directory, 'l1'))
}

/** Lets a stopped program go on, unless it was ended meanwhile. */
function resume(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT')
  } catch {
    // It is gone, as it should be.
  }
}

const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** How long something stands still, and how long an engine may. */
export type Hangs = {
  readonly engine: EngineKind
  readonly silenceMs: number
  readonly engineStopMs: number
  readonly l1StopMs: number
}

/**
 * Stops each engine of a node and then its L1, as a program that hangs stands still, while transactions come. Whatever was acknowledged has to be in a block
 * at the end, the verifier has to have come as far, and nobody may be accused.
 */
export async function surviveHangs({ engine, silenceMs, engineStopMs, l1StopMs }: Hangs): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'l2-hang-'))
  const node = await startNode(
    ...['--engine', engine, '--engine-timeout', `${silenceMs}ms`, '--data', directory, ...withoutBlobs],
  )
  const { acknowledged, send, goesOn, isServed } = createWatchingUser(node)
  const said = (pattern: RegExp) => async () => node.events.some(event => pattern.test(event))
  try {
    await goesOn('the start')
    for (let nth = 0; nth < 2; nth++) {
      await until(node, 'both engines run', async () => enginesOf(node, directory, engine).length === 2)
      node.events.length = 0
      const { pid } = enginesOf(node, directory, engine)[nth]!
      process.kill(pid, 'SIGSTOP')
      await sleep(engineStopMs)
      await until(node, `engine ${nth} is ended and started again`, async () => {
        const now = enginesOf(node, directory, engine)
        return now.length === 2 && !now.some(child => child.pid === pid)
      })
      resume(pid)
      await until(node, 'that is said', said(/was ended and is started again|was ended, and is started again/))
      await goesOn(`engine ${nth} hung`)
    }
    node.events.length = 0
    const l1 = anvilOf(node, directory, 'l1')
    const before = await headsOf(node)
    process.kill(l1, 'SIGSTOP')
    await send()
    await until(node, 'it is said that L1 does not answer', said(/^L1 head waits: /))
    await sleep(l1StopMs)
    await until(node, 'blocks are made without L1', async () => (await headsOf(node)).unsafe > before.unsafe)
    process.kill(l1, 'SIGCONT')
    await until(node, 'it is said that L1 answers', said(/^L1 head goes on$/))
    await goesOn('L1 hung')
    await isServed()
    const { unsafe, safe } = await headsOf(node)
    const code = await node.kill('SIGTERM')
    ok(code === 0, `it ends with ${code}: ${node.events.join(' | ')}`)
    return `${acknowledged.length} transactions, head ${unsafe}, safe ${safe}`
  } finally {
    for (const { pid } of programsOf(node.pid)) resume(pid)
    await node.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  }
}
