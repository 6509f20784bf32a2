import { type EngineKind, engineKinds } from '@l2/node'
import { openHome } from '../../home/home.js'
import { openHomeKeys } from '../../keys/home-keys.js'
import { type Command, wrongUsage } from '../command.js'

const graceMs = 10_000

/**
 * Resolves at the first signal to end; the second one is from somebody who does not want to wait, and log and guard stand that. Where another
 * program of ours has started this one, the channel between them ends with that program.
 */
function interruption(): Promise<void> {
  let signals = 0
  return new Promise(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (++signals > 1) process.exit(130)
        resolve()
      })
    }
    process.once('disconnect', resolve)
  })
}

export const run: Command = {
  summary: 'Runs an operator over its home, until a signal ends it.',
  options: {
    home: { type: 'string', value: 'DIR', isRequired: true, help: 'made by "join" or "testnet"' },
    engine: { type: 'string', value: engineKinds.join('|'), help: 'what executes; by default what is there' },
  },
  async run(input, io) {
    const engine = input.optional('engine')
    if (engine !== undefined && !(engineKinds as readonly string[]).includes(engine)) {
      wrongUsage(`--engine expected ${engineKinds.join(' or ')}, got "${engine}"`)
    }
    const home = openHome(input.text('home'))
    const keys = await openHomeKeys(home)
    // Loaded when it is run: the other commands do without engines and networks.
    const { runOperator } = await import('../../node/operator.js')
    const interrupted = interruption()
    const say = (message: string): void => io.out(`${new Date(io.nowMs()).toISOString()} ${message}\n`)
    const operator = await runOperator(home, keys, { say, engine: engine as EngineKind | undefined })
    try {
      await Promise.race([interrupted, operator.failed])
    } catch (error) {
      await operator.stop(0).catch(() => {})
      throw error
    }
    await operator.stop(graceMs)
    return { json: { stopped: true }, lines: [] }
  },
}
