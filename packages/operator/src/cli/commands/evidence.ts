import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { rpcCall } from '@l2/node'
import { verifyBundle } from '@l2/staking/evidence'
import { refuse } from '../../errors.js'
import { openHome } from '../../home/home.js'
import { type Command, exitCodes, wrongUsage } from '../command.js'
import { rpcUrlOf } from './status.js'

/** Of a bundle. */
const maxBytes = 64 * 1024

export const evidence: Command = {
  summary:
    'Judges a bundle of evidence, offline (exit code 0: guilty, 1: not convicted); or shows the bundles that an operator holds.',
  positionals: '[BUNDLE]',
  options: { home: { type: 'string', value: 'DIR', help: 'of a running operator, instead of a bundle' } },
  async run(input) {
    const [path, ...more] = input.positionals
    const home = input.optional('home')
    if ((path === undefined) === (home === undefined) || more.length > 0) wrongUsage('a bundle or --home, one of them')
    if (path === undefined) {
      const { config } = openHome(resolve(home!))
      const bundles = await rpcCall<unknown[]>(rpcUrlOf(config.rpc), 'l2_evidence', [], AbortSignal.timeout(10_000))
      return { json: bundles, lines: [...bundles.map(bundle => JSON.stringify(bundle)), `${bundles.length} bundles`] }
    }
    let text: string
    try {
      const { size } = statSync(path)
      if (size > maxBytes) refuse('CONFIG_INVALID', `${path} has ${size} bytes, a bundle at most ${maxBytes}`)
      text = readFileSync(path, 'utf8')
    } catch (cause) {
      if ((cause as { code?: string }).code === 'CONFIG_INVALID') throw cause
      return refuse('CONFIG_INVALID', `cannot read ${path}`, { cause })
    }
    const verdict = verifyBundle(text)
    return {
      code: verdict.ok ? exitCodes.done : exitCodes.failed,
      json: verdict,
      lines: [
        verdict.ok ? 'guilty' : 'not convicted',
        JSON.stringify(verdict, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
      ],
    }
  },
}
