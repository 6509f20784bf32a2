#!/usr/bin/env node
import { isL2Error } from '@l2/common'
import { parseCommandLine } from './config.js'
import { startNode } from './node.js'
import { createReporter } from './status/reporter.js'
import { printSummary } from './status/summary.js'
import { startTraffic, type Traffic } from './traffic/traffic.js'

const graceMs = 30_000

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

  const node = await startNode(config, message => reporter.say(message))
  const screen = setInterval(() => reporter.show(node.status()), 1000)
  const traffic: Traffic | undefined = config.demo
    ? startTraffic({
        rpcUrl: node.rpcUrl,
        chainId: config.chainId,
        perSecond: config.rate,
        onError: error => reporter.say(`traffic: ${error.message.split('\n', 1)[0]}`),
      })
    : undefined
  let code = 0
  try {
    const ends: Promise<unknown>[] = [interrupted, node.failed]
    if (config.forMs !== undefined) ends.push(new Promise(resolve => setTimeout(resolve, config.forMs)))
    if (config.blocks !== undefined)
      ends.push(reaches(() => node.status().heads.unsafe.number >= BigInt(config.blocks!)))
    await Promise.race(ends)
    reporter.say('stopping: no new transactions, the rest is posted and verified')
    await traffic?.stop()
    const limited = config.forMs !== undefined || config.blocks !== undefined
    const summary = limited || config.demo ? await printSummary(node, traffic, graceMs) : undefined
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
    await node.stop(0).catch(() => {})
    throw error
  }
  return code
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
