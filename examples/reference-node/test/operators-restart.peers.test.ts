import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { rpcCall } from '@l2/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { goProgram } from '../../../scripts/go.mjs'
import { launch } from './running-node.js'

// One operator of `npm start -- --operators`, on the real CometBFT, in `pnpm test:peers`.
const { L2_PEERS } = process.env
const binary = L2_PEERS === undefined ? undefined : goProgram('cometbft', { build: L2_PEERS === 'full' })
if (binary === undefined) process.stdout.write('skipped: operators again; pnpm test:peers operators, which needs Go\n')

type Run = { rpcUrl: string; milestone(): bigint; end(signal: NodeJS.Signals): Promise<number | null> }

async function start(data: string): Promise<Run> {
  const { child, output } = launch(['--operators', '1', '--data', data, '--json'], { L2_COMETBFT: binary })
  const ended = new Promise<number | null>(resolve => child.once('exit', resolve))
  let milestone = 0n
  const rpcUrl = await new Promise<string>((resolve, reject) => {
    ended.then(code => reject(new Error(`the launcher ended with code ${code}: ${output()}`)))
    createInterface({ input: child.stdout! }).on('line', line => {
      const { event, operators } = JSON.parse(line) as { event?: string; operators?: ({ milestone: string } | null)[] }
      milestone = BigInt(operators?.[0]?.milestone ?? milestone)
      const url = /^operator 1: JSON-RPC at (\S+)/.exec(event ?? '')?.[1]
      if (url !== undefined) resolve(url)
    })
  })
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal)
    return await ended
  }
  return { rpcUrl, milestone: () => milestone, end }
}

describe.skipIf(binary === undefined)('a network of operators that is started again on its directory', () => {
  let data: string
  let run: Run
  beforeAll(() => {
    data = mkdtempSync(join(tmpdir(), 'l2-again-'))
  })
  afterAll(async () => {
    await run?.end('SIGTERM')
    rmSync(data, { recursive: true, force: true })
  })
  const settles = (above: bigint) => expect.poll(() => run.milestone() > above, { timeout: 180_000 }).toBe(true)
  const hashOf = async (height: bigint): Promise<string> =>
    (await rpcCall<{ hash: string }>(run.rpcUrl, 'eth_getBlockByNumber', [`0x${height.toString(16)}`, false])).hash

  it('goes on after a kill -9 of the launcher, and after an orderly end, with another L1 process', async () => {
    run = await start(data)
    await settles(2n)
    const hash = await hashOf(2n)
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      const before = run.milestone()
      const code = await run.end(signal)
      if (signal === 'SIGTERM') expect(code).toBe(0)
      run = await start(data)
      await settles(before)
      expect(await hashOf(2n)).toBe(hash)
    }
  })
})
