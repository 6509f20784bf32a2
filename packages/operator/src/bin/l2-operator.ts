#!/usr/bin/env node
import { parseArgs } from 'node:util'
import { isL2Error } from '@l2/common'
import { type EngineKind, engineKinds } from '@l2/node'
import { openHome, readHomeKeys } from '../home/home.js'
import { runOperator } from '../node/operator.js'

const usage = `l2-operator run --home DIR [--engine ${engineKinds.join('|')}]`
const graceMs = 10_000

async function run(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { home: { type: 'string' }, engine: { type: 'string' } },
  })
  const engine = values.engine as EngineKind | undefined
  if (positionals[0] !== 'run' || values.home === undefined || (engine && !engineKinds.includes(engine))) {
    process.stderr.write(`${usage}\n`)
    return 2
  }
  const say = (message: string): void => void process.stdout.write(`${new Date().toISOString()} ${message}\n`)
  let wake = (): void => {}
  const interrupted = new Promise<void>(resolve => {
    wake = resolve
  })
  let signals = 0
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // The second one is from somebody who does not want to wait; log and guard stand that.
      if (++signals > 1) process.exit(130)
      wake()
    })
  }
  const home = openHome(values.home)
  const operator = await runOperator(home, readHomeKeys(home), { say, engine })
  try {
    await Promise.race([interrupted, operator.failed])
  } catch (error) {
    await operator.stop(0).catch(() => {})
    throw error
  }
  await operator.stop(graceMs)
  return 0
}

run(process.argv.slice(2)).then(
  code => process.exit(code),
  error => {
    const message = isL2Error(error) ? error.message : ((error as Error).stack ?? String(error))
    process.stderr.write(`${message}\n`)
    process.exit(1)
  },
)
