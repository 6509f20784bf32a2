#!/usr/bin/env node
import { isL2Error } from '@l2/common'
import { type NodeConfig, parseCommandLine } from './config.js'
import { startNode } from './node.js'
import { moneyText } from './status/money.js'
import { createReporter } from './status/reporter.js'
import { printSummary } from './status/summary.js'
import { startMoney } from './traffic/money.js'
import { startTraffic, type Traffic } from './traffic/traffic.js'

const graceMs = 30_000
/** What the money of the demonstration takes at most until it is paid out, beside the time that its batch may wait for L1. */
const wayMs = 50_000
/** Of the built-in L1. */
const defaultLatencyMs = 10_000
/** After it a run is counted whether or not anything has become safe. */
const firstSafeMs = 60_000

/** Whether a run is long enough for a withdrawal to be paid: on the built-in L1, whose windows are seconds. */
function mustPay({ forMs = 0, l1, latencyMs = defaultLatencyMs }: NodeConfig): boolean {
  return l1 === undefined && forMs >= wayMs + latencyMs
}

async function main(): Promise<number> {
  const config = parseCommandLine(process.argv.slice(2))
  const reporter = createReporter(config.json)
  let signals = 0
  let wake: () => void = () => {}
  const interrupted = new Promise<void>(resolve => {
    wake = resolve
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // The second one is from somebody who does not want to wait; the log and the journals stand that.
      if (++signals > 1) process.exit(130)
      wake()
    })
  }

  const { operators } = config
  if (operators !== undefined) {
    reporter.close()
    // What only it needs, a node of one process does not load.
    const { runOperators } = await import('./operators/run.js')
    return await runOperators({ ...config, operators }, interrupted)
  }
  const node = await startNode(config, message => reporter.say(message))
  const traffic: Traffic | undefined = config.demo
    ? startTraffic({
        rpcUrls: [node.rpcUrl],
        chainId: config.chainId,
        perSecond: config.rate,
        onError: error => reporter.say(`traffic: ${error.message.split('\n', 1)[0]}`),
      })
    : undefined
  const { doors, rpcUrl } = node
  const money =
    config.demo && doors !== undefined
      ? startMoney({ doors, rpcUrl, chainId: config.chainId, say: message => reporter.say(message) })
      : undefined
  const show = (): void => reporter.show(node.status(), money === undefined ? undefined : moneyText(money))
  const screen = setInterval(show, 1000)
  let code = 0
  try {
    const ends: Promise<unknown>[] = [interrupted, node.failed]
    if (config.forMs !== undefined) ends.push(runsFor(config.forMs, () => node.status().heads.safe.number > 0n))
    if (config.blocks !== undefined)
      ends.push(reaches(() => node.status().heads.unsafe.number >= BigInt(config.blocks!)))
    await Promise.race(ends)
    reporter.say('stopping: no new transactions, the rest is posted and verified')
    await traffic?.stop()
    const limited = config.forMs !== undefined || config.blocks !== undefined
    const summary =
      limited || config.demo
        ? await printSummary(node, { traffic, money, mustPay: money !== undefined && mustPay(config), graceMs })
        : undefined
    await money?.stop()
    await node.stop(graceMs)
    clearInterval(screen)
    reporter.close()
    if (summary !== undefined) {
      for (const line of summary.lines) reporter.say(line)
      code = summary.ok ? 0 : 1
    }
  } catch (error) {
    clearInterval(screen)
    reporter.close()
    await traffic?.stop().catch(() => {})
    await money?.stop()
    await node.stop(0).catch(() => {})
    throw error
  }
  return code
}

/** The time of a run begins with the first safe block: what is before it is the start of the chain. */
async function runsFor(ms: number, isSafe: () => boolean): Promise<void> {
  const begun = Date.now()
  await reaches(() => isSafe() || Date.now() - begun > firstSafeMs)
  await new Promise(resolve => setTimeout(resolve, ms))
}

async function reaches(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 100))
}

main().then(
  code => process.exit(code),
  error => {
    // With what its cause said: a port that is taken, a database of another genesis.
    const message = isL2Error(error)
      ? error.message
      : error instanceof Error
        ? (error.stack ?? error.message)
        : String(error)
    process.stderr.write(`${message}\n`)
    process.exit(1)
  },
)
