import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createChannelOut } from '@l2/sequencer-core'
import { createZlibCompressor, encodeBatcherTransaction } from '@l2/sequencer-core/batch'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { bundleProgram } from '../packages/common/src/testing/bundle.js'

const root = fileURLToPath(new URL('..', import.meta.url))

// Where what an example asks for by name is found as from its source.
const folder = mkdtempSync(join(root, 'examples/node_modules/.examples-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const node = async (...args: string[]): Promise<string> =>
  (await promisify(execFile)(process.execPath, args, { cwd: root })).stdout
/** Runs an example as its first lines say; a failure has what it printed. */
const run = (example: string, ...args: string[]): Promise<string> =>
  node('scripts/ts.mjs', join('examples', example), ...args)
/** The same of one without workers and engines, as one file: it is spared the compiling of all packages. */
const runBundled = async (example: string): Promise<string> =>
  node(await bundleProgram(join(root, 'examples', example), folder))

describe('examples', () => {
  it('lst-year: every model, drawn', async () => {
    const text = await runBundled('lst-year.ts')
    expect(text).toContain('day 365')
  })

  it('sequencer-election: ours against the Metis draw', async () => {
    expect(await runBundled('sequencer-election.ts')).toMatch(/the year:\s+ours\s+2\d\.\d %/)
  })

  it('shared-blobs: three rollups derive whole and pay by their bytes', async () => {
    const text = await runBundled('shared-blobs.ts')
    expect(text.match(/derived whole/g)).toHaveLength(3)
    expect(text).toMatch(/9\d\.\d % full/)
  })

  it('dispute: a lie loses its bond to who knows better', async () => {
    const text = await runBundled('dispute.ts')
    expect(text).toMatch(/game 0 is true[\s\S]*game 1 is a lie[\s\S]*attack on claim 0, game 1/)
    expect(text).toMatch(/game 0: defender wins/)
    expect(text).toMatch(/game 1: challenger wins/)
    expect(text).toMatch(/the liar +-0\.08\d ETH/)
    expect(text).toMatch(/the challenger \+0\.0[78]\d ETH/)
  })

  it('slash-on-l1: a double signer loses stake, seMETIS its rate, and a holder is paid what is left', async () => {
    const text = await runBundled('slash-on-l1.ts')
    expect(text).toMatch(/slashed: 1,500 METIS, of it 75 to the watcher, 375 to the treasury, 1,050 burnt/)
    expect(text).toMatch(/the rate is 0\.95 now[\s\S]*Ann put in 30,000 METIS and has 28,500[\s\S]*the same books/)
  })

  it('inspect-batches: what a file of batcher data holds', async () => {
    const rollup = { chainId: 10n, genesisTimeSeconds: 1_700_000_000n, blockTimeSeconds: 2n }
    const channel = createChannelOut({ ...rollup, channelId: `0x${'07'.repeat(16)}` }, createZlibCompressor())
    await channel.add({
      parentHash: `0x${'01'.repeat(32)}`,
      timestamp: rollup.genesisTimeSeconds,
      epochNumber: 500n,
      epochHash: `0x${'02'.repeat(32)}`,
      sequenceNumber: 0n,
      transactions: [],
    })
    const { frames } = await channel.close()
    const directory = await mkdtemp(join(tmpdir(), 'l2-example-'))
    onTestFinished(() => rm(directory, { recursive: true, force: true }))
    const file = join(directory, 'data.bin')
    await writeFile(file, encodeBatcherTransaction(frames))
    const text = await run('inspect-batches.ts', file, '--kind', 'data')
    expect(text).toContain('07'.repeat(16))
    expect(text).toMatch(/span/)
  })

  it('withdraw: money comes, moves and goes, by the actions of viem', async () => {
    const text = await run('withdraw.ts')
    expect(text).toContain('on L2: 5')
    expect(text).toContain('not yet (too-early, wait)')
    expect(text).toContain('2 ETH paid on L1')
    expect(text).toContain('the portal holds 3 ETH: 5 came, 2 went')
  })

  it('bridge-token: an ERC-20 pays for gas, and the books are exact after every step', async () => {
    const text = await run('bridge-token.ts')
    expect(text.match(/: exact$/gm)).toHaveLength(5)
    expect(text).toContain('released 1000, in flight 0')
    expect(text).toContain('locked 600, held 600, released 600, in flight 0')
    expect(text).toContain("400 METIS are the friend's on L1")
  })
})
