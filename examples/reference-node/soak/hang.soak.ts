import type { SoakCase, SoakTarget } from '@l2/common/testing'
import { type EngineKind, findOpEngine } from '@l2/node'
import { gethBinary } from '@l2/sequencer-core/node'
import { surviveHangs } from '../test/hang.js'

const minuteMs = 60_000
/** The engines with a program of their own that are on this machine. The one in WebAssembly is a thread, which no signal stops. */
const engines: EngineKind[] = ['anvil']
if ((await findOpEngine('native')).isThere) engines.push('native')
if (gethBinary() !== undefined) engines.push('geth')

/** Each program of a node stands still for a minute; the built node is what runs. */
export const target: SoakTarget = {
  cases: engines.map((engine): SoakCase => {
    const run = () => surviveHangs({ engine, silenceMs: 30_000, engineStopMs: minuteMs, l1StopMs: minuteMs })
    return { name: `a minute of SIGSTOP on ${engine}`, run }
  }),
}
