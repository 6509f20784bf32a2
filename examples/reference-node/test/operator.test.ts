import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { bundleProgram } from '@l2/common/testing'
import { createPublicClient, http } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, type RunningNode, startNode, until } from './running-node.js'

type Batch = { firstBlock: string; lastBlock: string; l1Block?: string }

const directory = mkdtempSync(join(tmpdir(), 'l2-operator-'))
let node: RunningNode

beforeAll(async () => {
  node = await startNode('--data', directory, '--admin-port', '0', '--demo', '--rate', '5')
})
afterAll(async () => {
  await node?.kill('SIGTERM')
  rmSync(directory, { recursive: true, force: true })
})

const posted = async (): Promise<Batch[]> =>
  ((await ask(node.url, 'l2_batches')).result as unknown as Batch[]).filter(({ l1Block }) => l1Block !== undefined)
const height = async (): Promise<bigint> => BigInt((await ask(node.url, 'eth_blockNumber')).result!)

/** A call of the operator's; the whole answer. */
async function operate(method: string, ...params: unknown[]): Promise<object> {
  const url = node.events.map(event => /^operator's JSON-RPC at ([^,]+)/.exec(event)?.[1]).find(Boolean)!
  const response = await fetch(url, {
    method: 'POST',
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    headers: { authorization: `Bearer ${readFileSync(join(directory, 'admin.token'), 'utf8').trim()}` },
  })
  return (await response.json()) as object
}

describe('an operator', () => {
  it('stops the batcher, looks at its throttling, and starts it again', async () => {
    await until(node, 'a batch on L1', async () => (await posted()).length > 0)
    expect(await operate('admin_stopBatcher')).toEqual({ jsonrpc: '2.0', id: 1, result: null })
    const before = (await posted()).length
    const from = await height()
    // Longer than a channel of this chain waits.
    await until(node, 'ten blocks', async () => (await height()) > from + 10n)
    expect((await posted()).length).toBe(before)
    expect(await operate('admin_flushBatcher')).toMatchObject({ error: { message: 'the batcher is not running' } })
    expect(await operate('admin_setThrottleController', 'step', null)).toMatchObject({ result: null })
    expect(await operate('admin_getThrottleController')).toMatchObject({ result: { type: 'step', intensity: 0 } })
    expect(await operate('admin_startBatcher')).toMatchObject({ result: null })
    await until(node, 'further batches', async () => (await posted()).length > before)
    // None of it was posted twice.
    const batches = await posted()
    for (const [i, { firstBlock }] of batches.entries()) {
      expect(BigInt(firstBlock)).toBe(i === 0 ? 1n : BigInt(batches[i - 1]!.lastBlock) + 1n)
    }
    expect(node.events).toContain('admin: admin_stopBatcher from 127.0.0.1 was carried out')
  })

  it('cannot be played by who asks the public JSON-RPC', async () => {
    expect(await ask(node.url, 'admin_stopBatcher')).toMatchObject({ error: { code: -32601 } })
  })
})

describe('examples/inspect-batches.ts', () => {
  const root = fileURLToPath(new URL('../../..', import.meta.url))
  let program: string
  beforeAll(async () => {
    program = await bundleProgram(join(root, 'examples/inspect-batches.ts'), directory)
  })
  const inspect = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)(process.execPath, [program, ...args], { cwd: root })).stdout
  const l1Url = (): string => `http://127.0.0.1:${readFileSync(join(directory, 'l1.port'), 'utf8').trim()}`

  it("prints a transaction on the node's own L1, blobs included", async () => {
    const [batch] = await posted()
    const client = createPublicClient({ transport: http(l1Url()) })
    // Others stand in the same block now and then: of deposits, of what is proposed.
    const { transactions: all } = await client.getBlock({
      ...{ blockNumber: BigInt(batch!.l1Block!), includeTransactions: true },
    })
    const { hash } = all.find(({ type }) => type === 'eip4844')!
    const rollup = join(directory, 'rollup.json')
    const text = await inspect(l1Url(), hash, '--beacon', l1Url(), '--rollup', rollup)
    expect(text).toMatch(/type eip4844\n {2}blob 0: [\d,]+ B of 130,044\n {2}frame 0 \(last\)/)
    expect(text).toMatch(/span batch, [\d,]+ B: \d+ blocks/)
    expect(await inspect(l1Url(), hash)).toContain('give --beacon <URL> to read them')
  })

  it('prints what the batcher of a rollup.json sent, block by block of L1', async () => {
    const batches = await posted()
    const rollup = join(directory, 'rollup.json')
    const text = await inspect(l1Url(), '--rollup', rollup, '--beacon', l1Url(), '--from', '1', '--blocks', '1000')
    expect(text).toContain('chain 59900')
    const blocks = [...text.matchAll(/span batch, [\d,]+ B: (\d+) blocks/g)].map(([, count]) => Number(count))
    expect(blocks.length).toBeGreaterThanOrEqual(batches.length)
    expect(blocks.slice(0, batches.length)).toEqual(
      batches.map(({ firstBlock, lastBlock }) => Number(BigInt(lastBlock) - BigInt(firstBlock)) + 1),
    )
    expect(text).toMatch(/\d+ transactions of the batcher, 0 of others/)
    const none = `0x${'11'.repeat(20)}`
    const others = await inspect(l1Url(), '--rollup', rollup, '--batcher', none, '--from', '1', '--blocks', '1000')
    expect(others).toMatch(/0 transactions of the batcher, [1-9]\d* of others/)
  })
})
