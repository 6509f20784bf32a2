// pnpm bench operators: what an operator costs. Networks of 4 and of 7 (L2_OPERATORS=4,7) on this machine, each with users at all of its doors for a minute
// (L2_BENCH_SECONDS): memory and processor of each part, the time between control blocks, how far milestones lag, and bytes of gossip for a transaction.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createParts } from '@l2/node'
import { goProgram } from '../../../scripts/go.mjs'
import { childrenOf } from '../chaos/children.js'
import { type OperatorNetwork, startOperatorNetwork } from '../src/operators/network.js'
import { type OperatorView, percentile, viewsOf } from '../src/operators/watch.js'
import { startTraffic } from '../src/traffic/traffic.js'

const counts = (process.env['L2_OPERATORS'] ?? '4,7').split(',').map(Number)
const seconds = Number(process.env['L2_BENCH_SECONDS'] ?? '60')
const startMs = 300_000
const chainId = 901
const perSecond = 20
const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
type Usage = { readonly mib: number; readonly cpuSeconds: number }

/** Of a program since its start. */
function usageOf(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const kib = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  return { mib: kib / 1024, cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond }
}

/** What every operator runs, by the kind of program. */
function usage({ operators }: OperatorNetwork): Map<string, Usage>[] {
  return operators.map(({ pid }) => {
    const parts = new Map<string, Usage>([['program', usageOf(pid!)]])
    for (const child of childrenOf(pid!)) {
      const kind = child.name.startsWith('cometbft') ? 'CometBFT' : 'engines'
      const { mib, cpuSeconds } = usageOf(child.pid)
      const before = parts.get(kind) ?? { mib: 0, cpuSeconds: 0 }
      parts.set(kind, { mib: before.mib + mib, cpuSeconds: before.cpuSeconds + cpuSeconds })
    }
    return parts
  })
}

const span = (values: readonly number[], digits = 0): string => {
  const [least, most] = [Math.min(...values), Math.max(...values)].map(value => value.toFixed(digits))
  return least === most ? least! : `${least} – ${most}`
}

async function measure(count: number): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), 'l2-operators-bench-'))
  const parts = createParts()
  try {
    const network = await startOperatorNetwork({ data, chainId, operators: count }, () => {}, parts)
    /** Of all, also where one of them takes its time to answer. */
    const views = async (): Promise<OperatorView[]> => {
      for (;;) {
        const answers = (await viewsOf(network)).filter(view => view !== undefined)
        if (answers.length === count) return answers
      }
    }
    const settling = async (): Promise<boolean> =>
      (await viewsOf(network)).every(view => view !== undefined && view.milestone > 5n)
    for (const until = performance.now() + startMs; !(await settling()); await sleep(500)) {
      if (performance.now() > until) throw new Error(`${count} operators settled nothing in ${startMs / 1000} s`)
    }
    const traffic = startTraffic({
      rpcUrls: network.operators.map(({ rpcUrl }) => rpcUrl),
      ...{ chainId, perSecond },
      onError: error => console.error(error.message.split('\n', 1)[0]),
    })
    parts.own({ close: traffic.stop })
    while (traffic.sent.size < 2 * count) await sleep(100)
    const [first, before, sent] = [await views(), usage(network), traffic.sent.size]
    const from = performance.now()
    await sleep(seconds * 1000)
    const [after, sentLater] = [usage(network), traffic.sent.size]
    const took = (performance.now() - from) / 1000
    const later = await views()
    const blocks = Number(later[0]!.control.height) - Number(first[0]!.control.height)
    const bytes = later.reduce((sum, view, i) => sum + view.traffic['bytesSent']! - first[i]!.traffic['bytesSent']!, 0)
    const settled = Number(later[0]!.milestone - first[0]!.milestone)
    const lags = later.flatMap(view => view.lagsMs.slice(-settled))
    console.log(
      `\n${count} operators, ${took.toFixed(0)} s, load ${loadavg()[0]!.toFixed(0)}, ${sentLater - sent} transactions`,
    )
    console.log('| of each operator | memory, MiB | processor, share of one core, % |\n| --- | --- | --- |')
    for (const kind of ['program', 'CometBFT', 'engines']) {
      const share = after.map((one, i) => (100 * (one.get(kind)!.cpuSeconds - before[i]!.get(kind)!.cpuSeconds)) / took)
      console.log(`| ${kind} | ${span(after.map(one => one.get(kind)!.mib))} | ${span(share, 1)} |`)
    }
    console.log(
      `control block every ${(took / blocks).toFixed(2)} s; milestones p50 ${(percentile(lags, 0.5) / 1000).toFixed(1)} s, ` +
        `p99 ${(percentile(lags, 0.99) / 1000).toFixed(1)} s behind; ` +
        `${Math.round(bytes / (sentLater - sent))} bytes sent by all together for a transaction`,
    )
    await traffic.stop()
  } finally {
    await parts.close()
    rmSync(data, { recursive: true, force: true })
  }
}

const comet = goProgram('cometbft', { build: true })
if (comet === undefined) throw new Error('CometBFT cannot be built here: Go is missing')
process.env['L2_COMETBFT'] ??= comet
for (const count of counts) await measure(count)
process.exit(0)
