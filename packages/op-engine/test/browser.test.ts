import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromiumOrSkip } from '@l2/common/testing/chromium'
import type { ExecutedBlock } from '@l2/sequencer-core/engine'
import { createRandomChain } from '@l2/sequencer-core/testing'
import { build } from 'esbuild'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { bytesToHex } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createOpEngine } from '../src/node/index.js'
import type { WireBlock } from './browser-page.js'
import { engineFileOrSkip, zeroHash } from './chain.js'

const file = await engineFileOrSkip('wasm')
const executablePath = chromiumOrSkip()

const blocks = 100
const seed = 5

/** A run of blocks with everything in them, executed in Node. */
async function nodeRun(): Promise<{ genesis: string; wire: WireBlock[]; chain: ExecutedBlock[] }> {
  const random = createRandomChain({ seed, fork: 'jovian', maxTransactions: 6 })
  const genesis = JSON.stringify(random.genesis)
  const engine = await createOpEngine({ genesis, store: 'memory', file })
  const chain = [(await engine.block('latest'))!]
  random.begin(chain[0]!)
  const wire: WireBlock[] = []
  while (wire.length < blocks) {
    const parent = chain.at(-1)!
    const made = await random.next(parent.hash)
    const block = await engine.build(parent.hash, made.attributes)
    await engine.setHead({ head: block.hash, safe: zeroHash, finalized: zeroHash })
    random.record(block, made)
    chain.push(block)
    const { transactions, ...attributes } = made.attributes
    wire.push({
      parent: parent.hash,
      attributes: JSON.parse(
        JSON.stringify(attributes, (_, value) => (typeof value === 'bigint' ? value.toString() : value)),
      ),
      transactions: transactions.map(raw => bytesToHex(raw)),
    })
  }
  await engine.close()
  return { genesis, wire, chain }
}

async function bundle(): Promise<Map<string, string>> {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const { outputFiles } = await build({
    entryPoints: { page: join(root, 'test/browser-page.ts'), worker: join(root, 'src/browser/worker.ts') },
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
    outdir: '/',
    conditions: ['@l2/source'],
    logLevel: 'silent',
  })
  return new Map(outputFiles.map(({ path, text }) => [path, text]))
}

describe.skipIf(executablePath === undefined || file === undefined)(`in headless Chromium (seed ${seed})`, () => {
  let context: BrowserContext
  let url: string
  let close: () => Promise<void>
  let reference: Awaited<ReturnType<typeof nodeRun>>

  beforeAll(async () => {
    reference = await nodeRun()
    const code = await bundle()
    const server = createServer((request, response) => {
      const path = new URL(request.url!, 'http://localhost').pathname
      const type = path.endsWith('.wasm') ? 'application/wasm' : path.endsWith('.js') ? 'text/javascript' : 'text/html'
      response.setHeader('content-type', type)
      // With these a page may share memory between its workers; pages under /plain are as most pages are.
      if (!request.headers.referer?.includes('/plain') && !path.startsWith('/plain')) {
        response.setHeader('cross-origin-opener-policy', 'same-origin')
        response.setHeader('cross-origin-embedder-policy', 'require-corp')
      }
      if (type === 'text/html') response.end('<!doctype html><title>engine</title>')
      else if (code.has(path)) response.end(code.get(path))
      else response.end(readFileSync(path === '/op-engine.wasm' ? file! : join(dirname(file!), 'wasm_exec.js')))
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
    const browser = await chromium.launch({
      executablePath: executablePath!,
      headless: true,
      args: [
        ...['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--disable-quic', '--no-first-run'],
        ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
      ],
    })
    // One context is one profile: what a page leaves behind, the next finds.
    context = await browser.newContext()
    close = async () => {
      await browser.close()
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    }
  })
  afterAll(() => close?.())

  async function open(path = '/'): Promise<Page> {
    const page = await context.newPage()
    await page.goto(`${url}${path}`)
    await page.addScriptTag({ url: '/page.js', type: 'module' })
    await page.waitForFunction('globalThis.run !== undefined')
    return page
  }
  type PageScope = {
    run(store: unknown, genesis: string, wire: WireBlock[]): Promise<Record<string, unknown>>
    twice(store: unknown, genesis: string): Promise<string>
  }
  const run = (page: Page, store: unknown, wire: WireBlock[]) =>
    page.evaluate(([where, genesis, list]) => (globalThis as unknown as PageScope).run(where, genesis, list), [
      store,
      reference.genesis,
      wire,
    ] as const)
  const expected = (number: number) => {
    const { hash, stateRoot, transactions } = reference.chain[number]!
    const last = bytesToHex(transactions.at(-1)!)
    return { number, hash, stateRoot, first: reference.chain[1]!.hash, last }
  }

  it('executes a run in memory to the state that Node has', async () => {
    const page = await open()
    expect(await page.evaluate('isolated')).toBe(true)
    expect(await run(page, 'memory', reference.wire)).toEqual(expected(blocks))
    await page.close()
  })

  it('keeps a run in the private file system of the origin, through a closed page and an ended one', async () => {
    const store = { opfs: 'chains/901' }
    const page = await open()
    expect(await run(page, store, reference.wire.slice(0, 40))).toEqual(expected(40))
    // The page goes while an engine is open: nothing is closed in order.
    await page.evaluate(
      ([where, genesis, list]) => void (globalThis as unknown as PageScope).run(where, genesis, list),
      [store, reference.genesis, reference.wire.slice(40, 60)] as const,
    )
    await page.waitForTimeout(300)
    await page.close()
    const next = await open()
    expect(await run(next, store, reference.wire.slice(40))).toEqual(expected(blocks))
    expect(
      await next.evaluate(([where, genesis]) => (globalThis as unknown as PageScope).twice(where, genesis), [
        store,
        reference.genesis,
      ] as const),
    ).toBe('ENGINE_STORE_LOCKED')
    expect(await run(next, store, [])).toEqual(expected(blocks))
    await next.close()
  })

  it('does the same in a page that may not share memory, but for readers of a store in memory', async () => {
    const page = await open('/plain')
    expect(await page.evaluate('isolated')).toBe(false)
    expect(await run(page, 'memory', reference.wire.slice(0, 20))).toEqual({
      ...expected(20),
      first: 'ENGINE_UNAVAILABLE',
    })
    expect(await run(page, { opfs: 'plain' }, reference.wire.slice(0, 20))).toEqual(expected(20))
    await page.close()
  })
})
