import { ok } from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { EngineKind } from '@l2/node'
import type { Hash } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { devMnemonic } from '../src/dev-accounts.js'
import { ask, type RunningNode, startNode, until } from './running-node.js'

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
  const node = await startNode('--engine', engine, '--engine-timeout', `${silenceMs}ms`, '--data', directory)
  const user = mnemonicToAccount(devMnemonic, { addressIndex: 1 })
  const acknowledged: Hash[] = []
  const send = async (): Promise<void> => {
    const raw = await user.signTransaction({
      ...{ chainId: 59_900, type: 'eip1559', nonce: acknowledged.length, gas: 21_000n, to: user.address, value: 1n },
      ...{ maxFeePerGas: 4_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n },
    })
    await until(node, 'a transaction is taken', async () => {
      const { result } = await ask(node.url, 'eth_sendRawTransaction', [raw])
      return result !== undefined && acknowledged.push(result as unknown as Hash) > 0
    })
  }
  const heads = async (): Promise<Record<'unsafe' | 'safe', number>> => {
    const { result } = await ask(node.url, 'l2_syncStatus')
    const { unsafe, safe } = result as unknown as Record<'unsafe' | 'safe', { number: string }>
    return { unsafe: Number(unsafe.number), safe: Number(safe.number) }
  }
  const goesOn = async (after: string): Promise<void> => {
    await send()
    const before = await heads()
    await until(node, `blocks are made and derived after ${after}`, async () => {
      const now = await heads()
      return now.unsafe > before.unsafe + 3 && now.safe > before.unsafe
    })
    ok((await fetch(`${node.url}/healthz`)).status === 200, `${after}: health`)
  }
  const said = (pattern: RegExp) => async () => node.events.some(event => pattern.test(event))
  try {
    await goesOn('the start')
    for (let nth = 0; nth < enginesOf(node, directory, engine).length; nth++) {
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
    const before = await heads()
    process.kill(l1, 'SIGSTOP')
    await send()
    await until(node, 'it is said that L1 does not answer', said(/^L1 head waits: /))
    await sleep(l1StopMs)
    const during = await heads()
    ok(during.unsafe > before.unsafe, 'blocks are made without L1')
    process.kill(l1, 'SIGCONT')
    await until(node, 'it is said that L1 answers', said(/^L1 head goes on$/))
    await goesOn('L1 hung')
    for (const hash of acknowledged) {
      await until(node, `${hash} is in a block`, async () => {
        return (await ask(node.url, 'eth_getTransactionReceipt', [hash])).result !== null
      })
    }
    const { result: evidence } = await ask(node.url, 'l2_evidence')
    ok((evidence as unknown as unknown[]).length === 0, 'nobody is accused')
    const { unsafe, safe } = await heads()
    const code = await node.kill('SIGTERM')
    ok(code === 0, `it ends with ${code}: ${node.events.join(' | ')}`)
    return `${acknowledged.length} transactions, head ${unsafe}, safe ${safe}`
  } finally {
    for (const { pid } of programsOf(node.pid)) resume(pid)
    await node.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  }
}
