import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isL2Error, toJson } from '@l2/common'
import { findCometBft } from '@l2/control-chain/cometbft'
import { createParts } from '@l2/node'
import type { NodeConfig } from '../config.js'
import { startTraffic } from '../traffic/traffic.js'
import { type OperatorNetwork, startOperatorNetwork } from './network.js'
import { noteBeginning, summarise } from './summary.js'
import { networkLines, viewsOf } from './watch.js'

/** The exit code where CometBFT is not there and cannot be built. */
const missingCode = 2
/** For the operators to begin; on a machine that is busy eight engines take their time. */
const startMs = 180_000
const graceMs = 60_000

const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** CometBFT, built with Go where it is not there yet; where it cannot be, why as one line. */
function cometBft(): { path: string } | { reason: string } {
  try {
    return { path: findCometBft() }
  } catch (error) {
    if (!isL2Error(error, 'ENGINE_MISSING')) throw error
    // Whoever names a program means that one.
    const script = process.env['L2_COMETBFT'] === undefined ? findUp('scripts/go.mjs') : undefined
    const built =
      script === undefined ? undefined : spawnSync(process.execPath, [script, 'cometbft'], { encoding: 'utf8' })
    const path = built?.status === 0 ? built.stdout.trim().split('\n').at(-1) : undefined
    return path === undefined || path === '' ? { reason: error.shortMessage } : { path }
  }
}

function findUp(name: string): string | undefined {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, name))) return join(folder, name)
    if (dirname(folder) === folder) return undefined
  }
}

/** `--operators`: so many programs of operators, their homes under the data directory, with traffic by all of their RPCs. */
export async function runOperators(
  config: NodeConfig & { operators: number },
  interrupted: Promise<void>,
): Promise<number> {
  const comet = cometBft()
  if ('reason' in comet) {
    process.stderr.write(`${comet.reason}\n`)
    return missingCode
  }
  // The operators' programs find it there.
  process.env['L2_COMETBFT'] = comet.path
  const out = process.stdout
  const say = (message: string): void =>
    void out.write(config.json ? `${toJson({ event: message })}\n` : `${message}\n`)
  const parts = createParts()
  let isInterrupted = false
  const interruption = interrupted.then(() => {
    isInterrupted = true
  })
  try {
    const network = await startOperatorNetwork(config, say, parts)
    for (const { id, rpcUrl } of network.operators) say(`operator ${id}: JSON-RPC at ${rpcUrl}`)
    const problem = await untilSettling(network, () => isInterrupted)
    if (problem !== undefined) {
      process.stderr.write(`${problem}\n`)
      return 1
    }
    const screen = showScreen(network, config.json)
    const beginning = await noteBeginning(network)
    const traffic = config.demo
      ? startTraffic({
          rpcUrls: network.operators.map(({ rpcUrl }) => rpcUrl),
          chainId: config.chainId,
          perSecond: config.rate,
          onError: error => say(`traffic: ${error.message.split('\n', 1)[0]}`),
        })
      : undefined
    const ends = [interruption]
    if (config.forMs !== undefined) ends.push(sleep(config.forMs))
    await Promise.race(ends)
    say('stopping: no new transactions, the rest is settled, posted and derived')
    await traffic?.stop()
    const summary = traffic === undefined ? undefined : await summarise(network, { traffic, beginning, graceMs })
    screen.close()
    for (const line of summary?.lines ?? []) say(line)
    return summary === undefined || summary.ok ? 0 : 1
  } finally {
    await parts.close().catch(error => say((error as Error).message))
  }
}

/** Waits for the first milestone at every operator; answers with what is in the way of it. */
async function untilSettling(network: OperatorNetwork, isInterrupted: () => boolean): Promise<string | undefined> {
  for (const until = Date.now() + startMs; Date.now() < until; await sleep(500)) {
    const ended = network.operators.find(({ isRunning }) => !isRunning)
    if (ended !== undefined) return [`operator ${ended.id} ended while it began:`, ...ended.words()].join('\n')
    const views = await viewsOf(network)
    if (isInterrupted() || views.every(view => view !== undefined && view.milestone > 0n)) return undefined
  }
  return `the operators settled nothing in ${startMs / 1000} s`
}

/** A person in front of a terminal sees it redrawn in place, a log has it every five seconds, a machine as JSON. */
function showScreen(network: OperatorNetwork, json: boolean): { close(): void } {
  const out = process.stdout
  let shown = 0
  let lines = 0
  let isAsking = false
  const show = async (): Promise<void> => {
    if (isAsking) return
    isAsking = true
    const views = await viewsOf(network)
    isAsking = false
    if (json) return void out.write(`${toJson({ operators: views })}\n`)
    const text = networkLines(views)
    if (!out.isTTY) {
      if (performance.now() - shown < 5000) return
      shown = performance.now()
      out.write(`${text.join('; ')}\n`)
      return
    }
    out.write(`${lines === 0 ? '' : `\u001b[${lines}A`}${text.map(line => `${line}\u001b[K\n`).join('')}`)
    lines = text.length
  }
  const timer = setInterval(() => void show(), 1000)
  return { close: () => clearInterval(timer) }
}
