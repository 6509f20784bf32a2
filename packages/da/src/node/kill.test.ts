import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleProgram, runs, seededRandom, testSeed } from '@l2/common/testing'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { startAnvil } from '../internal/anvil.js'
import { createMemoryDa } from '../memory/memory.js'
import { createCelestiaServer } from '../testing/celestia/server.js'
import { createAltDaServer } from './alt-da-server.js'
import { createFileStore } from './file-store.js'

const programs = mkdtempSync(join(tmpdir(), 'l2-da-poster-'))
afterAll(() => rmSync(programs, { recursive: true, force: true }))
const poster = await bundleProgram(fileURLToPath(new URL('../../test/poster.ts', import.meta.url)), programs)
/** Where the native part is that computes commitments. */
const nativeParts = fileURLToPath(new URL('../../../blob/node_modules', import.meta.url))
// When the kills come is the same every time, and differs with L2_SEED.
const random = seededRandom(testSeed(3))
const kills = runs({ suite: 1, soak: 5 })

/** Runs the poster; kills it some milliseconds after so many acknowledgements, unless it is done before. */
function run(
  args: readonly string[],
  kill: { afterItems: number; delayMs: number } | undefined,
): Promise<{ done: number[]; ended: boolean; text: string }> {
  return new Promise(resolve => {
    // Without a wrapper in between, which would die alone.
    const child = spawn(process.execPath, [poster, ...args], {
      env: { ...process.env, NODE_PATH: nativeParts },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let text = ''
    let timer: NodeJS.Timeout | undefined
    child.stdout.on('data', (part: Buffer) => {
      text += part.toString()
      // The first line says that it has begun.
      if (kill !== undefined && text.split('\n').length > kill.afterItems + 1) {
        timer ??= setTimeout(() => child.kill('SIGKILL'), kill.delayMs)
      }
    })
    child.stderr.on('data', (part: Buffer) => {
      text += part.toString()
    })
    child.once('close', code => {
      clearTimeout(timer)
      const done = [...text.matchAll(/^done (\d+)$/gm)].map(match => Number(match[1]))
      resolve({ done, ended: code === 0, text })
    })
  })
}

/** Kills the poster a few times, each within so many milliseconds of an acknowledgement, and then lets it come to its end. */
async function killUntilDone(args: readonly string[], count: number, withinMs: number): Promise<void> {
  const acknowledged = new Set<number>()
  for (let attempt = 0; ; attempt++) {
    // The first kill comes in time for sure, for the poster waits for it; a later one can find it done.
    const first = { afterItems: random.below(count >> 1), delayMs: 0 }
    const later = { afterItems: random.below(count), delayMs: random.below(withinMs) }
    const kill = attempt === 0 ? first : attempt < kills ? later : undefined
    const { done, ended, text } = await run([...args, String(count), attempt === 0 ? 'first' : 'later'], kill)
    const context = `seed ${random.seed}, attempt ${attempt}: ${text}`
    for (const index of done) acknowledged.add(index)
    expect(text, context).not.toContain('Error')
    if (ended) break
    expect(attempt, context).toBeLessThan(kills)
  }
  expect(acknowledged.size, `seed ${random.seed}`).toBe(count)
}

async function directory(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'l2-da-kill-'))
  onTestFinished(() => rm(made, { recursive: true, force: true }))
  return made
}

/** The items that a layer on disk holds, in its order. */
async function itemsIn(folder: string): Promise<number[]> {
  const da = createMemoryDa({}, { store: createFileStore(folder) })
  const items: number[] = []
  for await (const { data } of da.list({ from: 1n, to: await da.height() })) items.push(data[1]!)
  return items
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index)

describe('journals under kill -9', () => {
  it('loses nothing and repeats nothing on Celestia', async () => {
    const server = await createCelestiaServer()
    onTestFinished(() => server.close())
    // Time goes on: what was never sent can be told from what is on its way.
    const blocks = setInterval(() => server.mine(1), 20)
    onTestFinished(() => clearInterval(blocks))
    await killUntilDone(['celestia', await directory(), server.url, server.token], 25, 40)
    expect(server.posted().map(({ data }) => data[1])).toEqual(upTo(25))
  })

  it.each([
    { kind: 'calldata', count: 25, withinMs: 80 },
    { kind: 'blobs', count: 6, withinMs: 1500 },
  ])('loses nothing and repeats nothing on Ethereum as $kind, and keeps no key', async ({ kind, count, withinMs }) => {
    const anvil = await startAnvil(['--hardfork', 'osaka'])
    onTestFinished(anvil.close)
    const key = generatePrivateKey()
    const { address } = privateKeyToAccount(key)
    await anvil.rpc('anvil_setBalance', [address, '0x56bc75e2d63100000'])
    const folder = await directory()
    await killUntilDone([`ethereum-${kind}`, folder, anvil.url, key], count, withinMs)
    expect(await anvil.client.getTransactionCount({ address })).toBe(count)
    for (const name of await readdir(folder)) {
      expect((await readFile(join(folder, name))).toString('latin1')).not.toContain(key.slice(2))
    }
  })

  it('loses nothing through a router whose first layer fails now and then, and repeats nothing on either', async () => {
    const folder = await directory()
    await killUntilDone(['router', folder, '', ''], 25, 20)
    const [first, second] = await Promise.all([itemsIn(join(folder, 'first')), itemsIn(join(folder, 'second'))])
    expect(first.length).toBeGreaterThan(0)
    expect(second.length).toBeGreaterThan(0)
    for (const items of [first, second]) expect([...new Set(items)].sort((a, b) => a - b)).toEqual(items)
    // What the first layer took before a kill, and is down for after it, may be on both.
    expect(new Set([...first, ...second]).size).toBe(25)
    expect(first.length + second.length).toBeLessThanOrEqual(25 + kills)
  })

  it('loses nothing in a directory of objects, and leaves none that is half there', async () => {
    const folder = await directory()
    await killUntilDone(['object', folder, '', ''], 25, 20)
    const objects = createFileStore(join(folder, 'objects'))
    const keys = await objects.keys('objects/')
    const items = await Promise.all(keys.map(async key => (await objects.get(key))![1]!))
    expect(items.sort((a, b) => a - b)).toEqual(upTo(25))
  })

  it('loses nothing and repeats nothing between a server and an anchor', async () => {
    const folder = await directory()
    const below = createMemoryDa()
    const server = await createAltDaServer({}, { da: below })
    onTestFinished(() => server.close())
    await killUntilDone(['hybrid', folder, server.url, ''], 25, 20)
    expect(await below.height()).toBe(25n)
    expect(await itemsIn(join(folder, 'anchor'))).toHaveLength(25)
  })
})
